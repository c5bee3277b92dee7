"""Terms: what lexical search indexes, what the static embedder sums, what a query is made of.

A term is a 64-bit hash of a word part or of a whole word: FNV-1a of its final UTF-8 bytes, finished with
SplitMix64's mixer, never 0. One analysis serves source, symbols, paths and queries, so that what is equal
in text is equal as a term.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.postings import Postings, QueryTerms
from raycontext.analyse.stemmer import hash_terms
from raycontext.analyse.tokenizer import tokenize
from raycontext.errors import InvalidInput
from raycontext.kernel import as_int, kernel

__all__ = ["analyse", "analyse_texts", "query_terms"]

RECENT_QUERIES = 64

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


@kernel
def _invert(
    row_offsets: NDArray[np.int64],
    parts: NDArray[np.int32],
    frequencies: NDArray[np.uint8],
    term_of_part: NDArray[np.int64],
    term_count: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint8]]:
    """Offsets, rows and frequencies of `Postings`. Overwrites `parts` and `frequencies`.

    Several parts may be one term (`running`, `runs`), so their counts are merged row by row first; a
    counting sort by term follows.
    """
    row_count = row_offsets.size - 1
    row_ends = np.empty(row_count, np.int64)
    latest = np.full(term_count, -1, np.int64)
    offsets = np.zeros(term_count + 1, np.int64)
    merged = 0
    for row in range(row_count):
        row_start = merged
        for posting in range(row_offsets[row], row_offsets[row + 1]):
            term = term_of_part[parts[posting]]
            frequency = frequencies[posting]
            earlier = latest[term]
            if earlier >= row_start:
                frequencies[earlier] = min(as_int(frequencies[earlier]) + as_int(frequency), 255)
            else:
                latest[term] = merged
                parts[merged] = term
                frequencies[merged] = frequency
                offsets[term + 1] += 1
                merged += 1
        row_ends[row] = merged
    for term in range(term_count):
        offsets[term + 1] += offsets[term]
    following = offsets[:-1].copy()  # where the next posting of each term goes
    sorted_rows = np.empty(merged, np.uint32)
    sorted_frequencies = np.empty(merged, np.uint8)
    posting = 0
    for row in range(row_count):
        while posting < row_ends[row]:
            target = following[parts[posting]]
            following[parts[posting]] = target + 1
            sorted_rows[target] = row
            sorted_frequencies[target] = frequencies[posting]
            posting += 1
    return offsets, sorted_rows, sorted_frequencies


def analyse(
    buffer: bytes | bytearray | memoryview | NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> Postings:
    """Terms of n rows; row i is `buffer[starts[i]:ends[i]]`, UTF-8.

    Rows may overlap, and may leave parts of the buffer out. Bytes that are not UTF-8 separate words.
    Raises InvalidInput where a range does not lie inside the buffer.
    """
    data = _as_read_only(buffer)
    row_starts = np.ascontiguousarray(starts, dtype=np.int64)
    row_ends = np.ascontiguousarray(ends, dtype=np.int64)
    if row_starts.ndim != 1 or row_starts.shape != row_ends.shape:
        raise InvalidInput("Each row needs one start and one end")
    if np.any(row_starts < 0) or np.any(row_ends < row_starts) or np.any(row_ends > data.size):
        raise InvalidInput("A row does not lie inside the buffer")
    found = tokenize(data, row_starts, row_ends)
    part_terms, _ = hash_terms(found.part_bytes, found.part_offsets, found.stemmed)
    terms, term_of_part = np.unique(part_terms, return_inverse=True)
    offsets, rows, frequencies = _invert(
        found.row_offsets, found.parts, found.frequencies, term_of_part.astype(np.int64, copy=False), terms.size
    )
    return Postings(terms, offsets, rows, frequencies, found.lengths)


def analyse_texts(texts: Sequence[str]) -> Postings:
    """Terms of short texts, one row each: symbols, paths. Lone surrogates separate words."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    bounds = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in encoded], out=bounds[1:])
    return analyse(b"".join(encoded), bounds[:-1], bounds[1:])


@lru_cache(maxsize=RECENT_QUERIES)
def query_terms(text: str) -> QueryTerms:
    """Terms of a query, without English stop words unless it has no others.

    A query without a word gives no terms. The steps of one query, and its embedder, share one analysis.
    """
    data = text.encode("utf-8", "replace")
    start, end = np.zeros(1, dtype=np.int64), np.array([len(data)], dtype=np.int64)
    found = tokenize(_as_read_only(data), start, end)
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


def _as_read_only(buffer: bytes | bytearray | memoryview | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The buffer as uint8[size], not copied; read-only, so that kernels are compiled for one type alone."""
    data = np.frombuffer(buffer, dtype=np.uint8)
    data.flags.writeable = False
    return data
