"""Calls of `vectors.c`: similarities of a query with the vectors of a segment, and sums of term vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import CorruptArrays
from raycontext.kernel.arguments import (
    BOOL,
    FLOAT32,
    FLOAT64,
    INT8,
    INT32,
    INT64,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    checked,
)
from raycontext.kernel.library import kernels

__all__ = ["cosine_sums", "cosines", "cosines_by_file", "estimates_by_file", "pool"]

MOST_DIMENSIONS = 65_536
"""Largest number of components of a vector. A longer sum of products of 8-bit codes may not fit into 32 bits."""

SCRATCH_ROWS = 16
"""Number of rows that the scratch memory of `estimates_by_file` has at its end: 16 counts are read at once."""

BITS_PER_WORD = 64
"""Number of sign bits in one word."""

_FREQUENCY_WEIGHTS = np.sqrt(np.arange(256, dtype=np.float32))
"""Weight of a term in a row by its frequency there: the square root, float32[256]."""


def _matrix(
    query: NDArray[np.int8], codes: NDArray[np.int8], scales: NDArray[np.float32]
) -> tuple[Any, Any, int, Any, int]:
    """Return pointers to query and codes, the dimension, the pointer to the scales, and the number of rows.

    Raises `CorruptArrays` where types or shapes do not fit.
    """
    dimension, rows = query.size, scales.size
    if dimension > MOST_DIMENSIONS or codes.shape != (rows, dimension):
        raise CorruptArrays("vectors", f"a shape of {codes.shape} where {(rows, dimension)} is needed")
    return (
        INT8.read(query, dimension, "vector of a query"), INT8.read(codes, rows * dimension, "vectors"), dimension,
        FLOAT32.read(scales, rows, "scales of vectors"), rows,
    )  # fmt: skip


def cosines(
    query: NDArray[np.int8],
    scale: float,
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    rows: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the cosine of each given row with a query, float64[n]: the product of the codes times both scales.

    query: int8[dimension]. codes: int8[all rows, dimension]. scales: float32[all rows]. rows: int64[n]. Raises
    `CorruptArrays` where a row does not exist or shapes do not fit.
    """
    vector, matrix, dimension, factors, count = _matrix(query, codes, scales)
    similarities = np.empty(rows.size, np.float64)
    result = kernels().cosines(
        vector, scale, matrix, dimension, factors, count, INT64.read(rows, rows.size, "rows of vectors"), rows.size,
        FLOAT64.write(similarities),
    )  # fmt: skip
    checked(result, "rows of vectors")
    return similarities


def cosines_by_file(
    query: NDArray[np.int8],
    scale: float,
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    eligible: NDArray[np.bool_],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    least: float,
) -> NDArray[np.float64]:
    """Return for each file the sum of the best three cosines of its eligible rows, float64[files].

    The weights are 1, 1/2 and 1/4. A file without a cosine of at least `least` has 0. Raises `CorruptArrays` where a
    file has rows that do not exist, or shapes do not fit.
    """
    vector, matrix, dimension, factors, count = _matrix(query, codes, scales)
    files = first_rows.size
    three = np.zeros(files, np.float64)
    result = kernels().cosines_by_file(
        vector, scale, matrix, dimension, factors, BOOL.read(eligible, count, "eligible rows"), count,
        UINT32.read(first_rows, files, "first rows of files"),
        UINT32.read(row_counts, files, "numbers of rows of files"), files, least, FLOAT64.write(three),
    )  # fmt: skip
    checked(result, "rows of files")
    return three


def estimates_by_file(
    query: NDArray[np.uint64],
    signs: NDArray[np.uint8],
    scales: NDArray[np.float32],
    estimates: NDArray[np.float64],
    eligible: NDArray[np.bool_],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    enough: int,
) -> NDArray[np.float64]:
    """Return estimates of the results of `cosines_by_file` from sign bits, float64[files].

    query: uint64[words]. signs: uint8[rows, 8 * words]. estimates: estimate for each number of signs that agree,
    [64 * words + 1]. enough: smallest number of signs that must agree. Raises `CorruptArrays` where shapes do not fit
    or a row does not exist.
    """
    width, rows, files = query.size, scales.size, first_rows.size
    if signs.shape != (rows, 8 * width) or width * BITS_PER_WORD > MOST_DIMENSIONS - 1:
        raise CorruptArrays("signs of vectors", f"a shape of {signs.shape} where {(rows, 8 * width)} is needed")
    three = np.zeros(files, np.float64)
    words = signs.reshape(-1).view(np.uint64) if signs.flags.c_contiguous else signs
    result = kernels().estimates_by_file(
        UINT64.read(query, width, "signs of a query"), UINT64.read(words, rows * width, "signs of vectors"), width,
        FLOAT32.read(scales, rows, "scales of vectors"), BOOL.read(eligible, rows, "eligible rows"), rows,
        FLOAT64.read(estimates, width * BITS_PER_WORD + 1, "estimates"),
        UINT32.read(first_rows, files, "first rows of files"),
        UINT32.read(row_counts, files, "numbers of rows of files"), files, enough,
        UINT16.write(np.empty(rows + SCRATCH_ROWS, np.uint16)), FLOAT64.write(three),
    )  # fmt: skip
    checked(result, "rows of files")
    return three


def cosine_sums(
    query: NDArray[np.int8],
    scale: float,
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    files: NDArray[np.int64],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
) -> tuple[int, int, int]:
    """Return number, sum and sum of squares of the cosines of the rows of some files, as whole numbers.

    Raises `CorruptArrays` where a file or a row does not exist.
    """
    vector, matrix, dimension, factors, count = _matrix(query, codes, scales)
    sums = np.zeros(3, np.int64)
    result = kernels().cosine_sums(
        vector, scale, matrix, dimension, factors, count, INT64.read(files, files.size, "sampled files"), files.size,
        UINT32.read(first_rows, first_rows.size, "first rows of files"),
        UINT32.read(row_counts, first_rows.size, "numbers of rows of files"), first_rows.size, INT64.write(sums),
    )  # fmt: skip
    checked(result, "rows of files")
    rows, total, squares = sums.tolist()
    return rows, total, squares


def pool(
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    rows_of_terms: NDArray[np.int64],
    offsets: NDArray[np.int64],
    rows: NDArray[np.uint32],
    frequencies: NDArray[np.uint8],
    row_count: int,
) -> NDArray[np.float32]:
    """Return the vectors of the rows of an inverted index, float32[row_count, d].

    A vector has unit length, or is zero where the row has no known term. codes, scales: the table of terms,
    int8[table, d] and float32[table]. rows_of_terms: row of each term of the index in this table, or -1. offsets, rows,
    frequencies: see `Postings`. Terms are added in their order. Raises `CorruptArrays` where an offset, a row or a term
    leads outside.
    """
    terms, postings, (entries, dimension) = rows_of_terms.size, rows.size, codes.shape
    row_ends, vectors = np.zeros(row_count + 1, np.int64), np.zeros((row_count, dimension), np.float32)
    result = kernels().pool(
        INT8.read(codes, entries * dimension, "table of terms"), FLOAT32.read(scales, entries, "table of terms"),
        entries, dimension, INT64.read(rows_of_terms, terms, "places in the table of terms"),
        INT64.read(offsets, terms + 1, "offsets of postings"), terms, UINT32.read(rows, postings, "rows of postings"),
        UINT8.read(frequencies, postings, "frequencies of postings"), postings, row_count,
        FLOAT32.read(_FREQUENCY_WEIGHTS, 256, "weights of frequencies"), INT64.write(row_ends),
        INT64.write(np.empty(row_count, np.int64)), INT32.write(np.empty(postings, np.int32)),
        FLOAT32.write(np.empty(postings, np.float32)), FLOAT32.write(vectors),
    )  # fmt: skip
    checked(result, "postings")
    return vectors
