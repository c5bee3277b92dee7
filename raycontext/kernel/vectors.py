"""Border of `vectors.c`: similarities of a query with the vectors of a segment, and sums of term vectors."""

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
"""Most components of a vector: the sum of more products of 8-bit codes may need more than 32 bits."""

BITS_PER_WORD = 64

_FREQUENCY_WEIGHTS = np.sqrt(np.arange(256, dtype=np.float32))
"""Weight of a term by its frequency."""


def _matrix(
    query: NDArray[np.int8], codes: NDArray[np.int8], scales: NDArray[np.float32]
) -> tuple[Any, Any, int, Any, int]:
    """Return the pointers to query, codes and scales, with dimension and number of rows."""
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
    """Return the product of each of some rows with a query, float64[rows]: codes times both scales.

    query [dimension]; codes [all rows, dimension]; scales [all rows]. Raises `CorruptArrays` where a row is none.
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
    """Return the best three products of eligible rows of each file, summed with weights 1, 1/2, 1/4: float64[files].

    Zero for files of which none is at least `least`. Raises `CorruptArrays` where a file has rows that are none.
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
    """Return for each file what `cosines_by_file` does, from the signs of vectors alone: float64[files].

    query [words of 64 bits]; signs [rows, 8 times that]; `estimates` [64 * words + 1] are values by the number of signs
    that agree, and `enough` is the least number that counts. Raises `CorruptArrays` where shapes or rows do not fit.
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
        UINT16.write(np.empty(rows, np.uint16)), FLOAT64.write(three),
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
    """Return the rows of some files, the sum of their products with a query and the sum of the squares, whole numbers.

    Raises `CorruptArrays` where a file or its rows are none.
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
    """Return vectors of the rows of an inverted index, float32[row_count, d]: unit length, or zero without known terms.

    `codes` [table, d] and `scales` [table] as in `TermTable`; `rows_of_terms` says where it has each term of the index,
    -1 where it lacks it. `offsets`, `rows` and `frequencies` as in `Postings`. Sums of a row are made in the order of
    the terms. Raises `CorruptArrays` where an offset, a row or a term leads outside.
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
