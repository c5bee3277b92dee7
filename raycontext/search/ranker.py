"""From raw features of candidate files to final scores: a linear model whose weights are a readable file.

The weights are fitted by `benchmarks/fit_ranker.py`. Scores of the query are divided by the best of the query, cosines
are z-scores over all chunks of the collection, flags come from the path.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from raycontext.search.query import COSINE_UNIT, FEATURES

__all__ = ["LinearRanker", "Ranker", "cosine_moments", "model_features"]

RELATIVE = ("chunks", "bodies", "file", "definitions", "path", "head", "vector_names", "vector_path")
"""Features that are divided by the best of the query; below zero they count as zero."""

STEEPNESS = 8.0
"""Of the logistic curve that maps the weighted sum, as a share of what a file that is best by everything would have,
to a score between 0 and 1, so that scores of different queries and collections can be compared."""

COSINES = ("vector_best", "vector_three")

_TEST = re.compile(
    r"(^|[/_.-])(tests?|testing|specs?|__tests__|testdata|fixtures?|mocks?)([/_.-]|$)|[a-z0-9]Tests?\.", re.A
)
_EXAMPLE = re.compile(r"(^|[/_.-])(examples?|samples?|demos?|benchmarks?|bench|tutorials?)([/_.-]|$)", re.I | re.A)
_LEGACY = re.compile(r"(^|[/_.-])(compat|legacy|deprecated|unstable|experimental|old|obsolete)([/_.-]|$)", re.I | re.A)
_VENDORED = re.compile(
    r"(^|/)(vendor|vendored|_vendor|third_party|thirdparty|deps|external|node_modules)(/|$)", re.I | re.A
)
_GENERATED = re.compile(
    r"(\.min\.|_pb2|\.pb\.|\.generated\.|(^|[/_.-])generated([/_.-]|$)|\.lock$|-lock\.)", re.I | re.A
)
_ENTRY = re.compile(r"(^|/)(__init__\.pyi?|index\.[cm]?[jt]sx?|mod\.rs|lib\.rs|package-info\.java)$")
_DECLARATION = re.compile(r"\.(pyi|d\.[cm]?ts)$")
_PROSE = frozenset({"markdown", "rst", "text", "asciidoc", "html", "css", "latex", "org", "roff"})
_DATA = frozenset({"json", "yaml", "toml", "xml", "csv", "ini", "properties"})

FLAGS: Mapping[str, Callable[[str, str], bool]] = {
    "test": lambda path, _: bool(_TEST.search(path)),
    "example": lambda path, _: bool(_EXAMPLE.search(path)),
    "legacy": lambda path, _: bool(_LEGACY.search(path)),
    "vendored": lambda path, _: bool(_VENDORED.search(path)),
    "generated": lambda path, _: bool(_GENERATED.search(path)),
    "entry": lambda path, _: bool(_ENTRY.search(path)),
    "declaration": lambda path, _: bool(_DECLARATION.search(path)),
    "prose": lambda _, language: language in _PROSE,
    "data": lambda _, language: language in _DATA,
}
"""What a path and a language say about a file. A flag does not count where the query asks for such files."""

_ASKED_FOR: Mapping[str, re.Pattern[str]] = {
    "test": re.compile(r"\b(tests?|testing|specs?|fixtures?|mocks?)\b", re.I),
    "example": re.compile(r"\b(examples?|samples?|demos?|benchmarks?|tutorials?)\b", re.I),
    "legacy": re.compile(r"\b(compat\w*|legacy|deprecat\w*|unstable|experimental|old|obsolete)\b", re.I),
    "vendored": re.compile(r"\b(vendor\w*|third.party|dependenc\w+)\b", re.I),
    "generated": re.compile(r"\b(generated|minified|lock ?file)\b", re.I),
    "entry": re.compile(r"\b(entry point|exports?|re-?exports?|public api|package)\b", re.I),
    "declaration": re.compile(r"\b(stubs?|type hints?|declarations?|typings?)\b", re.I),
    "prose": re.compile(r"\b(docs?|documentation|readme|changelog|guide|manual|html|css|stylesheets?)\b", re.I),
    "data": re.compile(r"\b(json|yaml|toml|xml|config\w*|settings?|manifest|schema)\b", re.I),
}

MODEL_FEATURES = (*FEATURES, *FLAGS)
"""Columns of `model_features`."""


class Ranker(Protocol):
    """Scores the candidate files of one query over the whole collection."""

    def scores(
        self,
        query: str,
        features: NDArray[np.float64],
        paths: Sequence[str],
        languages: Sequence[str],
        moments: tuple[float, float],
    ) -> NDArray[np.float64]:
        """[m] final scores, higher is better, for raw features [m, len(FEATURES)] and the mean and the standard
        deviation of the cosines of all chunks."""
        ...


class LinearRanker:
    """Weighted sum of the features of `model_features`.

    Sums of normalised scores beat fusion by rank for lexical and vector evidence (Bruch, Gai, Ingber, "An Analysis
    of Fusion Functions for Hybrid Retrieval", 2023).
    """

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        given = weights if weights is not None else _shipped_weights()
        self.weights = np.array([given.get(name, 0.0) for name in MODEL_FEATURES])
        self._scale = float(self.weights[self.weights > 0].sum()) or 1.0

    def scores(
        self,
        query: str,
        features: NDArray[np.float64],
        paths: Sequence[str],
        languages: Sequence[str],
        moments: tuple[float, float],
    ) -> NDArray[np.float64]:
        # One sum a row, in a fixed order: a matrix product may round differently by the number of rows.
        products = model_features(query, features, paths, languages, moments) * self.weights
        share: NDArray[np.float64] = np.add.reduce(products, axis=1) / self._scale
        return 1.0 / (1.0 + np.exp(-STEEPNESS * (share - 0.5)))


def model_features(
    query: str,
    features: NDArray[np.float64],
    paths: Sequence[str],
    languages: Sequence[str],
    moments: tuple[float, float],
) -> NDArray[np.float64]:
    """[m, len(MODEL_FEATURES)]: what the weights are for."""
    columns = {name: features[:, number].copy() for number, name in enumerate(FEATURES)}
    for name in RELATIVE:
        best = float(np.max(columns[name], initial=0.0))
        columns[name] = np.maximum(columns[name], 0.0) / (best or 1.0)
    mean, deviation = moments
    for name in COSINES:
        share = 1.0 if name == "vector_best" else 1.75  # weights of the three: 1, 1/2, 1/4
        normal = (columns[name] / share - mean) / deviation if deviation > 0.0 else columns[name] * 0.0
        columns[name] = np.clip(normal, -1.0, 8.0) / 8.0
    columns["size"] = columns["size"] / 12.0
    for flag, holds in FLAGS.items():
        asked = bool(_ASKED_FOR[flag].search(query))
        columns[flag] = np.array(
            [0.0 if asked else float(holds(path, language)) for path, language in zip(paths, languages, strict=True)]
        )
    return np.stack([columns[name] for name in MODEL_FEATURES], axis=1).reshape(-1, len(MODEL_FEATURES))


def cosine_moments(sums: Sequence[tuple[int, int, int]]) -> tuple[float, float]:
    """Mean and standard deviation of the cosines of all chunks, from the sums of the shards."""
    count, total, squares = (sum(part[number] for part in sums) for number in range(3))
    if count == 0:
        return 0.0, 0.0
    mean = total / count
    variance = max(squares / count - mean * mean, 0.0)
    return mean * COSINE_UNIT, math.sqrt(variance) * COSINE_UNIT


@cache
def _shipped_weights() -> Mapping[str, float]:
    content = files("raycontext.search").joinpath("weights.json").read_text()
    weights: dict[str, float] = json.loads(content)["weights"]
    return weights
