"""Tokeniser: bytes of source in, occurrences of word parts out. What a word is stands in `scan`."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.characters import code_point_table
from raycontext.analyse.scan import (
    CJK_END,
    COUNTERS,
    INITIAL_CAPACITY,
    PART_SPACE,
    PARTS,
    POSITION,
    POSTING_SPACE,
    POSTINGS,
    WORD_PART_SPACE,
    WORD_SPACE,
    rehashed,
    scan,
)

__all__ = ["Occurrences", "tokenize"]

ScalarT = TypeVar("ScalarT", bound=np.generic)


class Occurrences(NamedTuple):
    """What the tokeniser found in n rows, with k different parts.

    Row i holds the part `parts[j]`, `frequencies[j]` times, for j from `row_offsets[i]` to
    `row_offsets[i + 1]`, in the order of first occurrence. Part p is
    `part_bytes[part_offsets[p]:part_offsets[p + 1]]`, UTF-8, lower-case, not yet stemmed.
    """

    row_offsets: NDArray[np.int64]  # [n + 1]
    parts: NDArray[np.int32]
    frequencies: NDArray[np.uint8]  # clipped at 255
    lengths: NDArray[np.uint32]  # [n], occurrences in each row, all counted
    part_bytes: NDArray[np.uint8]
    part_offsets: NDArray[np.int64]  # [k + 1]
    stemmed: NDArray[np.uint8]  # [k], 1 where the part is to be stemmed


def tokenize(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Occurrences:
    """Tokenise n rows, `data[starts[i]:ends[i]]`. What is not valid UTF-8 separates words.

    `data` is read-only; the ranges are not checked: they must lie inside it. Memory grows with what is
    found: 5 bytes for each different part of each row, about 70 for each different word.
    """
    code_points = code_point_table()
    counters = np.zeros(COUNTERS, np.int64)
    counters[POSITION] = counters[CJK_END] = -1
    row_offsets = np.zeros(starts.size + 1, np.int64)
    lengths = np.zeros(starts.size, np.uint32)
    # Postings.
    parts = np.empty(INITIAL_CAPACITY, np.int32)
    frequencies = np.empty(INITIAL_CAPACITY, np.uint8)
    # Words: hash -> start of their parts in `word_parts` << 8 | number of them.
    word_keys = np.zeros(INITIAL_CAPACITY, np.uint64)
    word_values = np.empty(INITIAL_CAPACITY, np.int64)
    word_parts = np.empty(INITIAL_CAPACITY, np.int32)
    # Parts: hash -> number, and what there is by number.
    part_keys = np.zeros(INITIAL_CAPACITY, np.uint64)
    part_ids = np.empty(INITIAL_CAPACITY, np.int64)
    part_bytes = np.empty(8 * INITIAL_CAPACITY, np.uint8)
    part_offsets = np.zeros(INITIAL_CAPACITY // 2 + 1, np.int64)
    stemmed = np.empty(INITIAL_CAPACITY // 2, np.uint8)
    latest = np.empty(INITIAL_CAPACITY // 2, np.int64)  # the part's last posting, of whatever row
    while shortage := scan(
        data, starts, ends, code_points, counters, row_offsets, lengths, parts, frequencies,
        word_keys, word_values, word_parts, part_keys, part_ids, part_bytes, part_offsets, stemmed, latest,
    ):  # fmt: skip
        if shortage == POSTING_SPACE:
            parts, frequencies = _enlarged(parts), _enlarged(frequencies)
        elif shortage == WORD_SPACE:
            word_keys, word_values = rehashed(word_keys, word_values)
        elif shortage == WORD_PART_SPACE:
            word_parts = _enlarged(word_parts)
        elif shortage == PART_SPACE:
            part_keys, part_ids = rehashed(part_keys, part_ids)
            part_offsets, stemmed, latest = _enlarged(part_offsets), _enlarged(stemmed), _enlarged(latest)
        else:
            part_bytes = _enlarged(part_bytes)
    posting_count, part_count = int(counters[POSTINGS]), int(counters[PARTS])
    return Occurrences(
        row_offsets,
        parts[:posting_count],
        frequencies[:posting_count],
        lengths,
        part_bytes[: part_offsets[part_count]],
        part_offsets[: part_count + 1],
        stemmed[:part_count],
    )


def _enlarged(array: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """A copy of twice the size; the second half is undefined."""
    larger = np.empty(2 * array.size, array.dtype)
    larger[: array.size] = array
    return larger
