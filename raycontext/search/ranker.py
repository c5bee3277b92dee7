"""From raw features of candidates to final scores."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from raycontext.search.query import FEATURES

__all__ = ["LinearRanker", "Ranker"]


class Ranker(Protocol):
    """Scores the candidates of one query over the whole collection."""

    def scores(self, text: str, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n] final scores, higher is better, for raw features [n, len(FEATURES)]."""
        ...


class LinearRanker:
    """Weighted sum of the lexical score, as a share of the best of the query, and the cosine.

    Sums of normalised scores beat fusion by rank for lexical and vector evidence (Bruch, Gai, Ingber, "An Analysis
    of Fusion Functions for Hybrid Retrieval", 2023).
    """

    def __init__(self, lexical_weight: float = 0.75, vector_weight: float = 0.25) -> None:
        self._lexical_weight = lexical_weight
        self._vector_weight = vector_weight

    def scores(self, text: str, features: NDArray[np.float64]) -> NDArray[np.float64]:
        lexical = features[:, FEATURES.index("lexical")]
        vector = np.maximum(features[:, FEATURES.index("vector")], 0.0)
        best = float(np.max(lexical, initial=0.0))
        return self._lexical_weight * (lexical / best if best > 0.0 else lexical) + self._vector_weight * vector
