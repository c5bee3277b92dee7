"""Choice among the chunks of one file: which of them answers, and how far the others are behind it.

The weights were fitted on sentences of doc comments that had been removed from their definitions (the projects of
`benchmarks/mined_packages.toml`): a softmax over the chunks of the right file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["chunk_shares"]

LEXICAL, COSINE, DEFINITION = 2.7, 3.4, 2.6
"""Weights of the BM25F as a share of the best in the file, of the cosine, and of the match of the best definition.

The cosine counts in standard deviations above the mean of the collection, at most `MOST_DEVIATIONS`, which are 1.
"""

MOST_DEVIATIONS = 8.0
"""Number of standard deviations above the mean at which a cosine counts as 1."""

FLATNESS = 0.2
"""Factor of the difference in evidence between two chunks of a file, before it becomes a ratio of scores."""


def chunk_shares(
    lexical: Sequence[float],
    vector: Sequence[float],
    defined: Sequence[float],
    priors: Sequence[float],
    moments: tuple[float, float],
) -> list[float]:
    """Return the score of each chunk of a file as a share of the best one's, which has 1.

    lexical: BM25F; vector: cosine; defined: match of the best definition; priors: what the chunk is worth by its kind;
    one value for each chunk. moments: mean and standard deviation of the cosines of all chunks of the collection.
    """
    # The chunks are few, so plain numbers are faster than arrays.
    most = max(0.0, *lexical)
    mean, deviation = moments
    evidence = [
        LEXICAL * (words / most if most > 0.0 else 0.0)
        + COSINE * _normal(cosine, mean, deviation)
        + DEFINITION * match
        + prior
        for words, cosine, match, prior in zip(lexical, vector, defined, priors, strict=True)
    ]
    best = max(evidence)
    return [math.exp(FLATNESS * (value - best)) for value in evidence]


def _normal(cosine: float, mean: float, deviation: float) -> float:
    """Return a cosine in deviations from the mean, as a share of `MOST_DEVIATIONS`."""
    normal = (cosine - mean) / deviation if deviation > 0.0 else 0.0
    return min(max(normal, -1.0), MOST_DEVIATIONS) / MOST_DEVIATIONS
