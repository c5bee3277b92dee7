"""Similarities of a query with the vectors of a segment: exact by 8-bit codes, and a fast scan by sign bits."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel import vectors as kernels

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
    """Return the cosine of each of some rows [n] with the query, [n].

    codes [all rows, dimension], scales [all rows]: unit vectors (or zero), code times scale is a component.
    """
    if query.scale <= 0.0:
        return np.zeros(len(rows), np.float64)
    return kernels.cosines(query.codes, query.scale, codes, scales, np.ascontiguousarray(rows))


def all_cosines(query: QueryVector, codes: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine of each row with the query, [rows]."""
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
    """Return for each file the best three cosines of its eligible rows, summed with weights 1, 1/2, 1/4: [files].

    Zero for files of which no cosine is at least `least`. What is below zero counts as zero.
    """
    if query.scale <= 0.0:
        return np.zeros(len(first_rows))
    shape = eligible, first_rows, row_counts
    return kernels.cosines_by_file(query.codes, query.scale, codes, scales, *shape, least)


def estimates_by_file(
    query: QueryVector,
    signs: NDArray[np.uint8],
    scales: NDArray[np.float32],
    eligible: NDArray[np.bool_],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    least: float,
) -> NDArray[np.float64]:
    """Return estimates of what `cosines_by_file` computes, from the signs alone: uint8[rows, dimension / 8].

    Vectors whose signs differ in a share s of the components have, for random directions, a cosine of about cos(pi * s)
    (Charikar, "Similarity estimation techniques from rounding algorithms", 2002).
    """
    if query.scale <= 0.0:
        return np.zeros(len(first_rows))
    table = _estimates(len(query.codes))
    enough = int(np.searchsorted(table, least))  # signs that must agree
    shape = eligible, first_rows, row_counts
    return kernels.estimates_by_file(query.words, signs, scales, table, *shape, enough)


def cosine_sums(
    query: QueryVector,
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    sampled_files: NDArray[np.int64],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    unit: float,
) -> tuple[int, int, int]:
    """Return the rows of some files, the sum of their cosines and that of the squares, in units of `unit` (squared)."""
    shape = sampled_files, first_rows, row_counts
    return kernels.cosine_sums(query.codes, query.scale / unit, codes, scales, *shape)


@cache
def _estimates(bits: int) -> NDArray[np.float64]:
    """Return the estimated cosine by the number of signs that agree, [bits + 1]; below zero counts as zero."""
    return np.array([max(math.cos(math.pi * differing / bits), 0.0) for differing in range(bits, -1, -1)])
