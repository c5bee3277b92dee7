"""Fit of the ranker's weights: a softmax over the candidate files of each question, with a penalty.

The loss is the mean over the questions of minus the logarithm of the probability of the answering files, plus half the
penalty times the squared distance of the weights from where they begin or are drawn to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.runtime.task import task

__all__ = ["FitSamples", "fit_weights"]

STEPS = 300
"""Number of steps of Adam over all questions (Kingma and Ba, 2015)."""
RATE = 0.1
"""Size of a step."""


class FitSamples(NamedTuple):
    """Candidate files of all questions that have an answer among them, n files of q questions."""

    features: NDArray[np.float64]
    """Features of the files, [n, features]."""
    starts: NDArray[np.int64]
    """First file of each question, [q]."""
    shares: NDArray[np.float64]
    """Share of each file in the answers to its question, 0 where it is none, [n]."""

    @classmethod
    def of(cls, questions: Sequence[tuple[NDArray[np.float64], NDArray[np.bool_]]]) -> FitSamples:
        """Return the samples of questions: features of the files, and which of them answer, at least one each."""
        starts = np.cumsum([0, *(len(features) for features, _ in questions)])
        return cls(
            np.concatenate([features for features, _ in questions]),
            starts[:-1],
            np.concatenate([answers / answers.sum() for _, answers in questions]),
        )


@task()
def fit_weights(
    samples: FitSamples,
    counted: NDArray[np.bool_],
    begin: NDArray[np.float64],
    prior: NDArray[np.float64],
    penalty: float,
) -> NDArray[np.float64]:
    """Return weights that are fitted on the questions of `counted`, bool[q].

    begin: weights to begin with. prior: weights that the penalty draws to.
    """
    counts = np.diff(np.append(samples.starts, len(samples.features)))
    queries = np.repeat(np.arange(len(counts)), counts)
    share_of_row = counted[queries] / max(int(counted.sum()), 1)
    weights = begin.copy()
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        scores = samples.features @ weights
        scores -= np.maximum.reduceat(scores, samples.starts)[queries]
        odds = np.exp(scores)
        probabilities = odds / np.add.reduceat(odds, samples.starts)[queries]
        gradient = samples.features.T @ ((probabilities - samples.shares) * share_of_row) + penalty * (weights - prior)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        weights -= RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
    return weights
