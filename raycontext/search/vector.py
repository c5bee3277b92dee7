"""Exact cosine similarities of a query with the int8 vectors of a segment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.kernel import kernel

__all__ = ["QueryVector", "cosines"]


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


def cosines(
    query: QueryVector, codes: NDArray[np.int8], scales: NDArray[np.float32], similarities: NDArray[np.float64]
) -> None:
    """Write the cosine of each row with the query into `similarities` [n]; codes [n, dimension], scales [n].

    The rows are unit vectors (or zero): code times scale is a component.
    """
    if query.scale == 0.0 or len(codes) == 0:
        similarities[:] = 0.0
        return
    _cosines(query.codes, query.scale, codes, scales, similarities)


@kernel
def _cosines(
    query: NDArray[np.int8],
    query_scale: float,
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    similarities: NDArray[np.float64],
) -> None:
    for row in range(codes.shape[0]):
        total = np.int32(0)
        for place in range(codes.shape[1]):
            total += np.int32(codes[row, place]) * np.int32(query[place])
        similarities[row] = total * query_scale * scales[row]
