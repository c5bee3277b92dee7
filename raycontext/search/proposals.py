"""The best by score, chosen so that the choice does not depend on where things lie."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["MINIMUM_SIMILARITY", "best_by_score", "propose"]

MINIMUM_SIMILARITY = 0.3
"""Cosine of its best chunk below which a file is no candidate by its vectors alone: random term vectors of 256
dimensions agree by chance up to about a quarter among some ten thousand rows."""


def best_by_score(scores: NDArray[np.float64], order: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
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


def propose(columns: Iterable[NDArray[np.float64]], order: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """Ascending indices of what is among the `count` best of any column.

    Shards apply it to all their files, the merge to what the shards proposed: it finds what one shard that held
    everything would have proposed.
    """
    return np.unique(np.concatenate([best_by_score(column, order, count) for column in columns]))
