"""The static embedder: its cosine is about that of the bags of terms."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.terms import analyse_texts, query_terms
from raycontext.embed.embedder import Documents, quantize
from raycontext.embed.static import StaticEmbedder


def no_texts() -> Sequence[str]:
    raise AssertionError("the static embedder works on terms alone")


def embed(texts: list[str]) -> NDArray[np.float32]:
    return StaticEmbedder().embed_documents(Documents(analyse_texts(texts), no_texts))


def bag_cosine(first: str, second: str) -> float:
    """Cosine of the bags of words, weighted by the square root of their frequency."""
    a, b = Counter(first.split()), Counter(second.split())
    return sum(sqrt(a[word] * b[word]) for word in a) / sqrt(a.total() * b.total())


def test_cosine_approximates_that_of_the_bags_of_terms() -> None:
    generator = random.Random(3)
    vocabulary = [f"{letter}{other}" for letter in "bcdfgh" for other in "bcdfghjkmp"]
    texts = [" ".join(generator.choices(vocabulary, k=generator.randint(5, 120))) for _ in range(60)]
    vectors = embed(texts).astype(np.float64)
    errors = np.array(
        [vectors[i] @ vectors[j] - bag_cosine(texts[i], texts[j]) for i in range(len(texts)) for j in range(i)]
    )
    assert np.sqrt(np.mean(errors**2)) < 1.3 / sqrt(256)
    assert np.abs(errors).max() < 0.3


def test_query_is_nearest_to_the_document_of_its_words() -> None:
    documents = ["open a socket and listen", "parse the JSON document", "render the page in the browser"]
    assert int(np.argmax(embed(documents) @ StaticEmbedder().embed_query("JSON parsing"))) == 1


def test_query_and_document_of_the_same_terms_have_the_same_vector() -> None:
    text = "HTTPServer2 parseJSONFast json json"
    assert StaticEmbedder().embed_query(text).tobytes() == embed([text])[0].tobytes()


def test_documents_and_queries_without_words_are_zero() -> None:
    assert not embed(["", "...", "word"])[:2].any()
    query = StaticEmbedder().embed_query("?!")
    assert query.shape == (256,)
    assert not query.any()


def test_vectors_are_weighted_sums_of_the_signs_of_their_terms() -> None:
    texts = ["alpha beta beta gamma", "delta " * 300]
    mask = (1 << 64) - 1

    def signs(word: str) -> list[int]:
        state, bits = int(query_terms(word).terms[0]), []
        for _ in range(4):
            state = (state + 0x9E3779B97F4A7C15) & mask
            value = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & mask
            value = (value ^ value >> 27) * 0x94D049BB133111EB & mask
            value ^= value >> 31
            bits += [value >> bit & 1 for bit in range(64)]
        return [2 * bit - 1 for bit in bits]

    for text, vector in zip(texts, embed(texts), strict=True):
        weights = {word: round(256 * sqrt(min(count, 255))) for word, count in Counter(text.split()).items()}
        total = np.sum([weight * np.array(signs(word)) for word, weight in weights.items()], axis=0)
        assert vector.tolist() == (total / np.sqrt(np.sum(total**2))).astype(np.float32).tolist()


def test_codes_are_those_of_indexes_on_disk() -> None:
    codes = quantize(embed(["def send(self, request): return self.pool.send(request)"])).codes
    assert codes[0, :12].tolist() == [42, -77, -7, 42, 42, -92, -42, -7, 42, 7, -57, -7]
