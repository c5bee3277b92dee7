"""The kernel of the static embedder: sums of term vectors, in whole numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.hashing import splitmix64
from raycontext.analyse.kernel import as_int, kernel
from raycontext.embed.static import DIMENSION

__all__ = ["pool"]

_BITS_PER_WORD = 64
_WORDS = DIMENSION // _BITS_PER_WORD

_STREAM_STEP = np.uint64(0x9E3779B97F4A7C15)  # SplitMix64's increment, from the golden ratio

_WEIGHT_ONE = 256
# Weight of a term by its frequency: a square root in fixed point. Sums stay far below 2^31: signs of
# ten million different terms of the greatest frequency add up to about 2^24.
_WEIGHTS = np.rint(_WEIGHT_ONE * np.sqrt(np.arange(256))).astype(np.int32)


@kernel
def pool(
    terms: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    rows: NDArray[np.uint32],
    frequencies: NDArray[np.uint8],
    row_count: int,
) -> NDArray[np.float32]:
    """Vectors of the rows of an inverted index (fields as in `Postings`), float32[row_count, DIMENSION]."""
    # Postings are turned from term order to row order, so that one row's sum stays in the fastest cache.
    row_ends = np.zeros(row_count + 1, np.int64)
    for posting in range(rows.size):
        row_ends[as_int(rows[posting]) + 1] += 1
    for row in range(row_count):
        row_ends[row + 1] += row_ends[row]
    following = row_ends[:-1].copy()
    row_terms = np.empty(rows.size, np.uint64)
    row_weights = np.empty(rows.size, np.int32)
    for index in range(terms.size):
        for posting in range(offsets[index], offsets[index + 1]):
            row = as_int(rows[posting])
            row_terms[following[row]] = terms[index]
            row_weights[following[row]] = _WEIGHTS[frequencies[posting]]
            following[row] += 1

    vectors = np.zeros((row_count, DIMENSION), np.float32)
    sums = np.empty(DIMENSION, np.int32)
    for row in range(row_count):
        sums[:] = 0
        for posting in range(row_ends[row], row_ends[row + 1]):
            state = row_terms[posting]
            weight = row_weights[posting]
            for word in range(_WORDS):
                state += _STREAM_STEP
                bits = splitmix64(state)
                for bit in range(_BITS_PER_WORD):
                    sign = np.int32((bits >> np.uint64(bit)) & np.uint64(1)) * np.int32(2) - np.int32(1)
                    sums[word * _BITS_PER_WORD + bit] += weight * sign
        square = 0
        for component in range(DIMENSION):
            square += as_int(sums[component]) * as_int(sums[component])
        if square > 0:
            length = np.sqrt(np.float64(square))
            for component in range(DIMENSION):
                vectors[row, component] = np.float32(sums[component] / length)
    return vectors
