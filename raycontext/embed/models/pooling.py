"""The kernel of the static embedder: weighted sums of term vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel import as_int, kernel

__all__ = ["pool"]

# Weight of a term by its frequency.
_WEIGHTS = np.sqrt(np.arange(256, dtype=np.float32))


@kernel
def pool(
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    rows_of_terms: NDArray[np.int64],
    offsets: NDArray[np.int64],
    rows: NDArray[np.uint32],
    frequencies: NDArray[np.uint8],
    row_count: int,
) -> NDArray[np.float32]:
    """Vectors of the rows of an inverted index, float32[row_count, d]: of unit length, or zero without known terms.

    `codes` and `scales` as in `TermTable`; `rows_of_terms` says where it has each term of the index, -1 where it
    lacks it. `offsets`, `rows` and `frequencies` as in `Postings`. Sums of a row are made in the order of the terms.
    """
    # Postings are turned from term order to row order, so that one row's sum stays in the fastest cache.
    row_ends = np.zeros(row_count + 1, np.int64)
    for term in range(rows_of_terms.size):
        if rows_of_terms[term] >= 0:
            for posting in range(offsets[term], offsets[term + 1]):
                row_ends[as_int(rows[posting]) + 1] += 1
    for row in range(row_count):
        row_ends[row + 1] += row_ends[row]
    following = row_ends[:-1].copy()
    entries = np.empty(row_ends[row_count], np.int32)
    weights = np.empty(row_ends[row_count], np.float32)
    for term in range(rows_of_terms.size):
        entry = rows_of_terms[term]
        if entry >= 0:
            for posting in range(offsets[term], offsets[term + 1]):
                row = as_int(rows[posting])
                entries[following[row]] = entry
                weights[following[row]] = _WEIGHTS[frequencies[posting]] * scales[entry]
                following[row] += 1

    dimension = codes.shape[1]
    vectors = np.zeros((row_count, dimension), np.float32)
    for row in range(row_count):
        sums = vectors[row]
        for posting in range(row_ends[row], row_ends[row + 1]):
            vector = codes[entries[posting]]
            weight = weights[posting]
            for component in range(dimension):
                sums[component] += weight * np.float32(vector[component])
        square = 0.0
        for component in range(dimension):
            square += np.float64(sums[component]) * np.float64(sums[component])
        if square > 0:
            length = np.sqrt(square)
            for component in range(dimension):
                sums[component] = np.float32(sums[component] / length)
    return vectors
