"""Ranker: a linear model from raw features of candidate files to final scores. Its weights are a readable file.

`benchmarks/fit_ranker.py` fits the weights. Some features are divided by the largest value among the candidates of the
query. Cosines become z-scores over the chunks of the collection. Flags come from the path and the language of a file;
a flag does not count where the query asks for such files, and counts less the more files of the collection have it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.path_kinds import PATH_KINDS, asked_for
from raycontext.search.query import COSINE_UNIT, FEATURES

__all__ = [
    "MODEL_FEATURES",
    "CollectionFacts",
    "LinearRanker",
    "Ranker",
    "cosine_moments",
    "model_features",
    "ranker_of",
]

RELATIVE = ("chunks", "vector_names", "vector_path")
"""Features that are divided by their largest value in the query. Values below zero count as zero."""

STEEPNESS = 8.0
"""Steepness of the logistic curve that maps the weighted sum to a score between 0 and 1.

The sum is a share of the sum of all positive weights, which is what a file that is best in everything would have. So
scores of different queries and collections can be compared.
"""

MOST_EXPONENT = 60.0
"""Largest magnitude of the exponent of the curve. The curve is flat beyond."""

MOST_DEVIATIONS = 8.0
"""Number of standard deviations above the mean at which a cosine counts as 1."""

GENERATED_UNITS = 4.0
"""Value of the flag of generated files. Their words are those of the code that they were made from, often many times,
so that a flag of 1 leaves them before it."""

LARGE_FILE = 12.0
"""Natural logarithm of the size in bytes that counts as 1: about 160 kB."""

USUAL_SHARE, UNUSUAL_SHARE = 0.5, 0.25
"""Shares of the collection's files with a flag from which it does not count, and up to which it counts in full."""

CONTENT_KINDS = ("test", "prose", "data")
"""Flags that tell what a file is instead of where it lies: they count in full also where most files have them. A
collection can well have more tests than sources, and then they stand in the way the more."""

_RELATIVE_COLUMNS = np.array([FEATURES.index(name) for name in RELATIVE])
_COSINE_COLUMNS = ((FEATURES.index("vector_best"), 1.0), (FEATURES.index("vector_three"), 1.75))  # 1 + 1/2 + 1/4
_EXACT_COLUMN = FEATURES.index("exact_definition")
_SIZE_COLUMN = FEATURES.index("size")
_GENERATED_COLUMN = len(FEATURES) + 1 + PATH_KINDS.index("generated")
_ALWAYS_COUNTED = np.array([kind in ("generated", "vendored") for kind in PATH_KINDS])
_ARE_CONTENT = np.array([kind in CONTENT_KINDS for kind in PATH_KINDS])
_KIND_BITS = np.arange(len(PATH_KINDS), dtype=np.uint16)

MODEL_FEATURES = (*FEATURES, "exact_symbol", *PATH_KINDS)
"""Names of the columns of `model_features`."""


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """What all chunks and files of a collection say to the ranker. It does not depend on their shards and segments."""

    cosine_mean: float
    """Mean of the cosines of the sampled chunks with the query."""
    cosine_deviation: float
    """Standard deviation of these cosines."""
    unusual: NDArray[np.float64]
    """How much a flag counts, 0 to 1, for each of `PATH_KINDS`: 1 where few files have it, 0 where most have it."""

    @classmethod
    def total(
        cls, cosine_sums: Sequence[tuple[int, int, int]], kind_counts: Sequence[NDArray[np.int64]]
    ) -> CollectionFacts:
        """Return the facts from the sums of all shards; see `Candidates.cosine_sums` and `Candidates.kind_counts`."""
        files, *of_kind = np.sum(kind_counts, axis=0).tolist()
        shares = np.array(of_kind, np.float64) / max(files, 1)
        unusual = np.clip((USUAL_SHARE - shares) / (USUAL_SHARE - UNUSUAL_SHARE), 0.0, 1.0)
        return cls(*cosine_moments(cosine_sums), np.where(_ARE_CONTENT, 1.0, unusual))


class Ranker(Protocol):
    """Function that scores the candidate files of one query over the whole collection."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the columns of `contributions`."""
        ...

    def contributions(
        self, query: str, features: NDArray[np.float64], kinds: NDArray[np.uint16], collection: CollectionFacts
    ) -> NDArray[np.float64]:
        """Return what each feature adds to the evidence for each of m files, [m, len(names)].

        features: raw features, [m, len(FEATURES)]. kinds: bits of `path_kinds`, [m]. collection: what all chunks and
        files of the collection say.
        """
        ...

    def scores(self, contributions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the final score of each file from its contributions, [m]. Higher is better."""
        ...


class LinearRanker:
    """Weighted sum of the features of `model_features`.

    Sums of normalised scores beat fusion by rank for lexical and vector evidence (Bruch, Gai, Ingber, "An Analysis
    of Fusion Functions for Hybrid Retrieval", 2023).
    """

    names = MODEL_FEATURES

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        given = weights if weights is not None else _shipped_weights()
        self.weights = np.array([given.get(name, 0.0) for name in MODEL_FEATURES])
        self._scale = float(self.weights[self.weights > 0].sum()) or 1.0

    def contributions(
        self, query: str, features: NDArray[np.float64], kinds: NDArray[np.uint16], collection: CollectionFacts
    ) -> NDArray[np.float64]:
        """Return each feature times its weight, as a share of the sum of all positive weights.

        The shape is [m, len(MODEL_FEATURES)].
        """
        products: NDArray[np.float64] = model_features(query, features, kinds, collection) * (
            self.weights / self._scale
        )
        return products

    def scores(self, contributions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the final score of each file, 0 to 1, [m]."""
        # One sum a row, in a fixed order: a matrix product may round differently by the number of rows.
        share: NDArray[np.float64] = np.add.reduce(contributions, axis=1)
        return 1.0 / (1.0 + np.exp(np.clip(-STEEPNESS * (share - 0.5), -MOST_EXPONENT, MOST_EXPONENT)))


def model_features(
    query: str, features: NDArray[np.float64], kinds: NDArray[np.uint16], collection: CollectionFacts
) -> NDArray[np.float64]:
    """Return the features that the weights belong to, [m, len(MODEL_FEATURES)].

    features: raw features, [m, len(FEATURES)]. kinds: bits of `path_kinds`, [m]. collection: what all chunks and files
    of the collection say.
    """
    model = np.empty((len(features), len(MODEL_FEATURES)), np.float64)
    model[:, : len(FEATURES)] = features
    relative = np.maximum(features[:, _RELATIVE_COLUMNS], 0.0)
    best = np.max(relative, axis=0, initial=0.0)
    model[:, _RELATIVE_COLUMNS] = relative / np.where(best > 0.0, best, 1.0)
    mean, deviation = collection.cosine_mean, collection.cosine_deviation
    for column, share in _COSINE_COLUMNS:
        normal = (features[:, column] / share - mean) / deviation if deviation > 0.0 else 0.0
        model[:, column] = np.clip(normal, -1.0, MOST_DEVIATIONS) / MOST_DEVIATIONS
    model[:, _SIZE_COLUMN] = np.minimum(model[:, _SIZE_COLUMN] / LARGE_FILE, 1.0)
    exact = features[:, _EXACT_COLUMN]
    # A query of one name means exactly this name, and hardly another one that differs in case.
    model[:, len(FEATURES)] = exact**4 if len(query.split()) == 1 else 0.0
    # A query with the name of something that a test or an internal file defines asks for this file.
    counted = (kinds & ~np.uint16(asked_for(query)))[:, np.newaxis]
    # Generated and vendored files stand behind the user's own, which may define the same name.
    excused = np.where(_ALWAYS_COUNTED, 0.0, exact[:, np.newaxis])
    model[:, len(FEATURES) + 1 :] = ((counted >> _KIND_BITS) & 1) * (1.0 - excused) * collection.unusual
    model[:, _GENERATED_COLUMN] *= GENERATED_UNITS
    return model


def cosine_moments(sums: Sequence[tuple[int, int, int]]) -> tuple[float, float]:
    """Return mean and standard deviation of the cosines of the sampled chunks, from the sums of the shards."""
    count, total, squares = (sum(part[number] for part in sums) for number in range(3))
    if count == 0:
        return 0.0, 0.0
    mean = total / count
    variance = max(squares / count - mean * mean, 0.0)
    return mean * COSINE_UNIT, math.sqrt(variance) * COSINE_UNIT


@lru_cache(maxsize=16)
def ranker_of(weights: tuple[float, ...] | None) -> LinearRanker:
    """Return the ranker with weights, one for each of `MODEL_FEATURES`; None: with those of the package."""
    return LinearRanker(None if weights is None else dict(zip(MODEL_FEATURES, weights, strict=True)))


@cache
def _shipped_weights() -> Mapping[str, float]:
    """Return the weights by feature name from `weights.json`."""
    content = files("raycontext.search.ranking").joinpath("weights.json").read_text()
    weights: dict[str, float] = json.loads(content)["weights"]
    return weights
