"""The best rows by score, chosen so that the choice does not depend on where the rows lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MINIMUM_SIMILARITY", "best_rows", "propose"]

MINIMUM_SIMILARITY = 0.3
"""Cosine below which a row is no candidate by its vector alone: random term vectors of 256 dimensions agree by
chance up to about a quarter among some ten thousand rows."""


def best_rows(scores: NDArray[np.float64], order: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """Indices of the `count` highest scores above zero, unsorted; equal scores are taken by ascending `order`.

    The best of a union are always among the best of its parts, so shards can choose before a merge chooses again.
    """
    positive = np.flatnonzero(scores > 0.0)
    if len(positive) <= count:
        return positive
    values = scores[positive]
    threshold = np.partition(values, len(values) - count)[len(values) - count]
    above = positive[values > threshold]
    level = positive[values == threshold]
    level = level[np.argsort(order[level], kind="stable")]
    return np.concatenate([above, level[: count - len(above)]])


def propose(
    lexical: NDArray[np.float64], vector: NDArray[np.float64], order: NDArray[np.uint64], count: int
) -> NDArray[np.int64]:
    """Ascending indices of the rows that are among the `count` best of either side.

    Shards apply it to all their rows, the merge to what the shards proposed: it finds what one shard that held
    everything would have proposed.
    """
    near = np.where(vector >= MINIMUM_SIMILARITY, vector, 0.0)
    return np.union1d(best_rows(lexical, order, count), best_rows(near, order, count))
