"""Arithmetic that several kernels of the search share, so that a score is the same whichever of them makes it."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from raycontext.kernel import kernel

__all__ = ["insert", "normalised", "weighted"]

Score = TypeVar("Score", float, "np.unsignedinteger[Any]")


@kernel
def normalised(frequency: float, length: float, normalisation: float, mean: float) -> float:
    """Frequency of a term in a field of so many terms, by BM25's length normalisation."""
    return frequency / (1.0 - normalisation + normalisation * length / mean)


@kernel
def insert(score: Score, first: Score, second: Score, third: Score) -> tuple[Score, Score, Score]:
    """The best three of four, of which the last three descend."""
    if score <= third:  # nearly always
        return first, second, third
    if score > first:
        return score, first, second
    if score > second:
        return first, score, second
    return first, second, score


@kernel
def weighted(first: float, second: float, third: float) -> float:
    """What the best three chunks of a file are worth together."""
    return first + 0.5 * second + 0.25 * third
