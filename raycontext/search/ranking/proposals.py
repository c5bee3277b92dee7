"""Selection of the best by score that does not depend on how files are spread over shards and segments."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["MINIMUM_SIMILARITY", "best_by_score", "propose"]

MINIMUM_SIMILARITY = 0.3
"""Smallest cosine of a file's best chunk with which its vectors alone make the file a candidate.

Random vectors of 256 dimensions reach a cosine of about a quarter by chance among some ten thousand rows.
"""


def best_by_score(scores: NDArray[np.float64], order: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """Return the indices of the `count` highest scores above zero, unsorted.

    Between equal scores the smaller `order` is taken. The best of a union are always among the best of its parts, so
    shards can select before the merge selects again.
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
    """Return, ascending, the indices that are among the `count` best of any column.

    Each shard applies it to all its files, and the merge applies it to the files that the shards proposed. The result
    equals what a single shard with all files would propose.
    """
    best = np.sort(np.concatenate([best_by_score(column, order, count) for column in columns]))
    is_first = np.ones(len(best), np.bool_)
    is_first[1:] = best[1:] != best[:-1]
    return best[is_first]  # as `numpy.unique`, which would load numpy.ma
