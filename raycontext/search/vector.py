"""Similarities of a query with the vectors of a segment: exact by 8-bit codes, and a fast scan by sign bits."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel import as_int, kernel
from raycontext.search.scoring import insert, weighted

__all__ = [
    "SCANNED_ROWS",
    "QueryVector",
    "all_cosines",
    "cosine_sums",
    "cosines",
    "cosines_by_file",
    "estimates_by_file",
]

SCANNED_ROWS = 50_000
"""Live chunks of a collection up to which every chunk's cosine is computed; beyond, chunks are first compared by the
signs of their components, an eighth of the bytes."""

SAMPLED_ROWS = 4096
"""About how many chunks of a collection the mean and the deviation of its cosines are taken from."""

BITS_PER_WORD = 64


class QueryVector:
    """A query's embedding, quantised as the rows are, so that a dot product is exact integer arithmetic: the
    similarity of a row is the same bit for bit wherever the row lies."""

    def __init__(self, vector: NDArray[np.float32]) -> None:
        norm = float(np.sqrt(np.sum(vector.astype(np.float64) ** 2)))
        peak = float(np.max(np.abs(vector), initial=0.0))
        self.scale = peak / 127.0 / norm if norm > 0.0 else 0.0
        self.codes: NDArray[np.int8] = (
            np.rint(vector / (peak / 127.0)).astype(np.int8) if norm > 0.0 else np.zeros(len(vector), np.int8)
        )
        self.has_words = len(vector) % BITS_PER_WORD == 0
        self.words: NDArray[np.uint64] = (
            np.packbits(vector >= 0).view(np.uint64) if self.has_words else np.empty(0, np.uint64)
        )


def cosines(
    query: QueryVector, codes: NDArray[np.int8], scales: NDArray[np.float32], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Cosine of each of some rows [n] with the query, [n].

    codes [all rows, dimension], scales [all rows]: unit vectors (or zero), code times scale is a component.
    """
    similarities = np.zeros(len(rows), np.float64)
    if query.scale > 0.0:
        _cosines(query.codes, query.scale, codes, scales, rows, similarities)
    return similarities


def all_cosines(query: QueryVector, codes: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine of each row with the query, [rows]."""
    return cosines(query, codes, scales, np.arange(len(codes)))


def cosines_by_file(
    query: QueryVector,
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    eligible: NDArray[np.bool_],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    least: float,
) -> NDArray[np.float64]:
    """Of all files of a segment the best three cosines of eligible rows, summed with weights 1, 1/2, 1/4, [files];
    zero for files of which no cosine is at least `least`. What is below zero counts as zero."""
    three = np.zeros(len(first_rows))
    if query.scale > 0.0:
        _cosines_by_file(query.codes, query.scale, codes, scales, eligible, first_rows, row_counts, least, three)
    return three


def estimates_by_file(
    query: QueryVector,
    signs: NDArray[np.uint8],
    scales: NDArray[np.float32],
    eligible: NDArray[np.bool_],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    least: float,
) -> NDArray[np.float64]:
    """As `cosines_by_file`, estimated: vectors whose signs differ in a share s of the components have, for random
    directions, a cosine of about cos(pi * s) (Charikar, "Similarity estimation techniques from rounding algorithms",
    2002). signs uint8[rows, dimension / 8]."""
    three = np.zeros(len(first_rows))
    if query.scale > 0.0:
        table = _estimates(len(query.codes))
        enough = int(np.searchsorted(table, least))  # signs that must agree
        words = signs.view(np.uint64)
        words.flags.writeable = False
        _estimates_by_file(query.words, words, scales, table, eligible, first_rows, row_counts, enough, three)
    return three


def cosine_sums(
    query: QueryVector,
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    sampled_files: NDArray[np.int64],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    unit: float,
) -> tuple[int, int, int]:
    """Rows of some files, the sum of their cosines and the sum of the squares, in units of `unit` (squared)."""
    count, total, squares = _cosine_sums(
        query.codes, query.scale / unit, codes, scales, sampled_files, first_rows, row_counts
    )
    return int(count), int(total), int(squares)


@cache
def _estimates(bits: int) -> NDArray[np.float64]:
    """Estimated cosine by the number of signs that agree, [bits + 1]; what is below zero counts as zero."""
    return np.array([max(math.cos(math.pi * differing / bits), 0.0) for differing in range(bits, -1, -1)])


@kernel
def _product(left: NDArray[np.int8], right: NDArray[np.int8]) -> int:
    total = np.int32(0)
    for place in range(left.size):
        total += np.int32(left[place]) * np.int32(right[place])
    return total  # type: ignore[return-value]


@kernel
def _cosines(
    query: NDArray[np.int8],
    query_scale: float,
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    rows: NDArray[np.int64],
    similarities: NDArray[np.float64],
) -> None:
    for number in range(rows.size):
        row = rows[number]
        similarities[number] = _product(codes[row], query) * query_scale * scales[row]


@kernel
def _cosines_by_file(
    query: NDArray[np.int8],
    query_scale: float,
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    eligible: NDArray[np.bool_],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    least: float,
    three: NDArray[np.float64],
) -> None:
    for file in range(first_rows.size):
        first = second = third = 0.0
        start = as_int(first_rows[file])
        for row in range(start, start + as_int(row_counts[file])):
            if not eligible[row]:
                continue
            score = _product(codes[row], query) * query_scale * scales[row]
            first, second, third = insert(score, first, second, third)
        if first >= least:
            three[file] = weighted(first, second, third)


@kernel
def _estimates_by_file(
    query: NDArray[np.uint64],
    words: NDArray[np.uint64],
    scales: NDArray[np.float32],
    estimates: NDArray[np.float64],
    eligible: NDArray[np.bool_],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    enough: int,
    three: NDArray[np.float64],
) -> None:
    agreeing = np.empty(words.shape[0], np.uint16)
    for row in range(words.shape[0]):  # a loop without a branch, so that the processor does several rows at once
        count = 0
        for place in range(query.size):
            count += _ones(~(words[row, place] ^ query[place]))
        agreeing[row] = count
    for file in range(first_rows.size):
        start = as_int(first_rows[file])
        end = start + as_int(row_counts[file])
        most = np.uint16(0)
        for row in range(start, end):  # without a branch again: few files are like the query at all
            most = max(most, agreeing[row])
        if most < enough:
            continue
        first = second = third = np.uint16(0)
        for row in range(start, end):
            if eligible[row] and scales[row] != 0.0:
                first, second, third = insert(agreeing[row], first, second, third)
        if first >= enough:
            three[file] = weighted(estimates[first], estimates[second], estimates[third])


@kernel
def _ones(word: np.uint64) -> int:
    """Bits that are set (the compiler knows this form as one instruction)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return as_int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kernel
def _cosine_sums(
    query: NDArray[np.int8],
    query_scale: float,
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    files: NDArray[np.int64],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
) -> tuple[int, int, int]:
    count = total = squares = 0
    for file in files:
        start = as_int(first_rows[file])
        for row in range(start, start + as_int(row_counts[file])):
            units = as_int(np.rint(_product(codes[row], query) * query_scale * scales[row]))
            count += 1
            total += units
            squares += units * units
    return count, total, squares
