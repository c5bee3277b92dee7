"""How well queries find their own bodies: sets of held-out pairs, and the measure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pairs import Pairs

__all__ = ["evaluation_sets", "mean_reciprocal_rank"]

SEED = 20_240
EVALUATED = 2000


def mean_reciprocal_rank(similarities: NDArray[np.float32]) -> float:
    """Of the diagonal among each row; ties count half."""
    own = np.diagonal(similarities)[:, np.newaxis]
    ranks = 1 + (similarities > own).sum(axis=1) + ((similarities == own).sum(axis=1) - 1) / 2
    return float(np.mean(1 / ranks))


def evaluation_sets(pairs: Pairs) -> dict[str, NDArray[np.int64]]:
    """Pairs to evaluate on, EVALUATED at most in a set, no text twice in one: documentation, remarks, all kinds."""
    generator = np.random.default_rng(SEED)
    order = generator.permutation(pairs.kinds.size)
    sets = {"documentation": [0, 1], "names": [2], "remarks": [3], "heads, paths, headings": [4, 5, 6], "all": range(7)}
    found = {}
    for name, kinds in sets.items():
        of_kind = order[np.isin(pairs.kinds[order], list(kinds))]
        _, first = np.unique(pairs.queries[of_kind], return_index=True)
        of_kind = of_kind[np.sort(first)]
        _, first = np.unique(pairs.bodies[of_kind], return_index=True)
        found[name] = of_kind[np.sort(first)][:EVALUATED]
    return found
