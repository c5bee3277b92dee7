"""Similarities of a query with the vectors of a segment: exact from 8-bit codes, or estimated from sign bits."""

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
"""Largest number of live chunks of a collection for which the cosines of all chunks are computed.

In larger collections the signs of the components, an eighth of the bytes, select the candidates.
"""

SAMPLED_ROWS = 4096
"""Approximate number of chunks of a collection from which mean and deviation of the cosines are computed."""

BITS_PER_WORD = 64
"""Number of sign bits that are compared at once."""


class QueryVector:
    """Embedding of a query, quantised like the vectors of rows.

    A dot product is exact integer arithmetic. So the similarity of a row is the same, bit for bit, wherever the row
    lies.
    """

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
    """Return the cosine of each given row with the query, [n].

    codes: int8[all rows, dimension]. scales: float32[all rows]. A code times its scale is a component of a vector,
    which has unit length or is zero. rows: int64[n].
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
    """Return for each file the sum of the best three cosines of its eligible rows, with weights 1, 1/2 and 1/4,
    [files].

    A file without a cosine of at least `least` has 0. Cosines below zero count as zero.
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
    """Return estimates of the results of `cosines_by_file`, from the signs alone, [files].

    signs: uint8[rows, dimension / 8]. If the signs of two random directions differ in a share s of the components,
    their cosine is about cos(pi * s) (Charikar, "Similarity estimation techniques from rounding algorithms", 2002).
    """
    if query.scale <= 0.0:
        return np.zeros(len(first_rows))
    table = _estimates(len(query.codes))
    enough = int(np.searchsorted(table, least))  # number of signs that must agree
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
    """Return number, sum and sum of squares of the cosines of the rows of some files, in units of `unit` (squared).

    All are 0 for a query without a vector.
    """
    if query.scale <= 0.0:
        return 0, 0, 0
    shape = sampled_files, first_rows, row_counts
    return kernels.cosine_sums(query.codes, query.scale / unit, codes, scales, *shape)


@cache
def _estimates(bits: int) -> NDArray[np.float64]:
    """Return the estimated cosine for each number of signs that agree, [bits + 1]. Values below zero are zero."""
    return np.array([max(math.cos(math.pi * differing / bits), 0.0) for differing in range(bits, -1, -1)])
