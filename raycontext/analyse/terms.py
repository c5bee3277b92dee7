"""Terms: hashes of words, which lexical search indexes and the static embedder sums, for texts and queries.

A term is a 64-bit hash of a word part or of a whole word: FNV-1a of its final UTF-8 bytes, finished with
SplitMix64's mixer, never 0. One analysis serves source, symbols, paths and queries, so that what is equal
in text is equal as a term.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.characters import code_point_table
from raycontext.analyse.postings import Postings, QueryTerms
from raycontext.errors import InvalidInput
from raycontext.kernel.text import hash_terms, invert, tokenize

__all__ = ["analyse", "analyse_texts", "query_terms"]

RECENT_QUERIES = 64
"""Number of queries whose terms are kept."""

STOP_WORDS = frozenset(
    {
        *(
            "a",
            "an",
            "and",
            "are",
            "as",
            "at",
            "be",
            "by",
            "can",
            "do",
            "does",
            "for",
            "from",
            "has",
            "have",
            "how",
            "i",
            "in",
            "is",
        ),
        *(
            "it",
            "of",
            "on",
            "or",
            "that",
            "the",
            "this",
            "to",
            "was",
            "what",
            "when",
            "where",
            "which",
            "who",
            "why",
            "with",
        ),
    }
)


def analyse(
    buffer: bytes | bytearray | memoryview | NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> Postings:
    """Return the terms of n rows. Row i is `buffer[starts[i]:ends[i]]`, in UTF-8.

    Rows may overlap, and may leave out parts of the buffer. Bytes that are not UTF-8 separate words. Raises
    `InvalidInput` where a row does not lie inside the buffer.
    """
    data = np.frombuffer(buffer, dtype=np.uint8)
    row_starts = np.ascontiguousarray(starts, dtype=np.int64)
    row_ends = np.ascontiguousarray(ends, dtype=np.int64)
    if row_starts.ndim != 1 or row_starts.shape != row_ends.shape:
        raise InvalidInput("Each row needs one start and one end")
    if np.any(row_starts < 0) or np.any(row_ends < row_starts) or np.any(row_ends > data.size):
        raise InvalidInput("A row does not lie inside the buffer")
    found = tokenize(data, row_starts, row_ends, code_point_table())
    part_terms, _ = hash_terms(found.part_bytes, found.part_offsets, found.stemmed)
    terms, term_of_part = np.unique(part_terms, return_inverse=True)
    offsets, rows, frequencies = invert(found, term_of_part.astype(np.int64, copy=False), terms.size)
    return Postings(terms, offsets, rows, frequencies, found.lengths)


def analyse_texts(texts: Sequence[str]) -> Postings:
    """Return the terms of short texts, one row each, such as symbols or paths. Lone surrogates separate words."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    bounds = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in encoded], out=bounds[1:])
    return analyse(b"".join(encoded), bounds[:-1], bounds[1:])


@lru_cache(maxsize=RECENT_QUERIES)
def query_terms(text: str) -> QueryTerms:
    """Return the terms of a query, without English stop words unless it has only stop words.

    A query without words has no terms. The result is kept, since the steps of a query and its embedder all need it.
    """
    data = text.encode("utf-8", "replace")
    start, end = np.zeros(1, dtype=np.int64), np.array([len(data)], dtype=np.int64)
    found = tokenize(np.frombuffer(data, np.uint8), start, end, code_point_table())
    offsets = found.part_offsets
    parts = found.part_bytes.tobytes()
    is_stop_word = [parts[offsets[part] : offsets[part + 1]].decode() in STOP_WORDS for part in found.parts]
    kept = [not stop for stop in is_stop_word] if not all(is_stop_word) else [True] * len(is_stop_word)

    part_terms, part_lengths = hash_terms(found.part_bytes, offsets, found.stemmed)
    frequencies: dict[int, int] = {}
    words: list[str] = []
    for part, frequency, keep in zip(found.parts, found.frequencies, kept, strict=True):
        if not keep:
            continue
        term = int(part_terms[part])
        if term not in frequencies:
            first = int(offsets[part])
            words.append(found.part_bytes[first : first + int(part_lengths[part])].tobytes().decode())
        frequencies[term] = min(frequencies.get(term, 0) + int(frequency), 255)
    return QueryTerms(
        np.fromiter(frequencies.keys(), dtype=np.uint64, count=len(frequencies)),
        np.fromiter(frequencies.values(), dtype=np.uint8, count=len(frequencies)),
        tuple(words),
    )
