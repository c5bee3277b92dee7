"""Vectors depend on the document alone, and their quantised form stays close to them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from raycontext.analyse.terms import analyse_texts
from raycontext.embed.models.static import StaticEmbedder, load_table
from raycontext.embed.vectors import Documents, quantize

WORDS = ["http", "server", "parse", "json", "fast", "x", "2", "naïve", "漢字", "foo_bar", "qzxvwkjyh"]
KNOWN = {word for word in WORDS if (load_table().rows_of(analyse_texts([word]).terms) >= 0).any()}

texts = st.lists(st.lists(st.sampled_from(WORDS)), max_size=8).map(
    lambda documents: [" ".join(words) for words in documents]
)


def embed(documents: list[str]) -> NDArray[np.float32]:
    return StaticEmbedder().embed_documents(Documents(analyse_texts(documents), lambda: documents))


@settings(deadline=None)
@given(texts)
def test_a_document_has_the_same_vector_alone_and_in_any_batch(documents: list[str]) -> None:
    batch = embed(documents)
    assert batch.shape == (len(documents), StaticEmbedder().dimension)
    for row, document in enumerate(documents):
        alone = embed([document])
        assert alone[0].tobytes() == batch[row].tobytes()
        assert quantize(alone).codes[0].tobytes() == quantize(batch).codes[row].tobytes()
    assert embed(documents[::-1]).tobytes() == batch[::-1].tobytes()


@settings(deadline=None)
@given(texts)
def test_vectors_have_unit_length_unless_the_document_has_no_known_word(documents: list[str]) -> None:
    lengths = np.linalg.norm(embed(documents).astype(np.float64), axis=1)
    expected = [1.0 if KNOWN.intersection(document.split()) else 0.0 for document in documents]
    np.testing.assert_allclose(lengths, expected, atol=1e-6)


@settings(deadline=None)
@given(
    npst.arrays(
        np.float32,
        npst.array_shapes(min_dims=2, max_dims=2, max_side=40),
        elements=st.floats(-(2.0**100), 2.0**100, width=32),
    )
)
def test_quantised_vectors_are_within_half_a_step(vectors: NDArray[np.float32]) -> None:
    quantized = quantize(vectors)
    assert f"{quantized.codes.dtype} {quantized.scales.dtype} {quantized.signs.dtype}" == "int8 float32 uint8"
    assert quantized.codes.min() >= -127
    scales = quantized.scales.astype(np.float64)[:, np.newaxis]
    error = np.abs(quantized.codes * scales - vectors.astype(np.float64))
    is_zero = scales[:, 0] == 0  # so small that its scale would be subnormal
    assert (np.abs(vectors[is_zero]) < 128 * np.finfo(np.float32).tiny).all()
    assert not quantized.codes[is_zero].any()
    assert (error[~is_zero] <= 0.50001 * scales[~is_zero]).all()
    assert (np.abs(quantized.codes[~is_zero]).max(axis=1, initial=127) == 127).all()
    signs = np.unpackbits(quantized.signs, axis=1, count=vectors.shape[1])
    assert (signs == (vectors >= 0)).all()
