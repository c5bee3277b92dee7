"""From raw features to scores: what is normalised by what, and that contributions explain the score."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycontext.analyse.path_kinds import PATH_KINDS
from raycontext.search.query import COSINE_UNIT, FEATURES
from raycontext.search.ranking.ranker import (
    LARGE_FILE,
    MODEL_FEATURES,
    MOST_DEVIATIONS,
    RELATIVE,
    UNUSUAL_SHARE,
    USUAL_SHARE,
    CollectionFacts,
    LinearRanker,
    cosine_moments,
    model_features,
)

FACTS = CollectionFacts(0.1, 0.05, np.ones(len(PATH_KINDS)))


def raw(**columns: list[float]) -> NDArray[np.float64]:
    """Features of some files, zero where they are not given."""
    matrix = np.zeros((len(next(iter(columns.values()))), len(FEATURES)))
    for name, values in columns.items():
        matrix[:, FEATURES.index(name)] = values
    return matrix


def column(
    name: str, features: NDArray[np.float64], collection: CollectionFacts = FACTS, query: str = "a query"
) -> list[float]:
    """What the model has of a feature."""
    model = model_features(query, features, np.zeros(len(features), np.uint16), collection)
    return list(model[:, MODEL_FEATURES.index(name)].tolist())


def kinds(*names: str) -> NDArray[np.uint16]:
    """The bits of one file."""
    return np.array([sum(1 << PATH_KINDS.index(name) for name in names)], np.uint16)


@pytest.mark.parametrize("name", RELATIVE)
def test_scores_are_shares_of_the_best_of_the_query(name: str) -> None:
    assert column(name, raw(**{name: [2.0, 8.0, -1.0, 0.0]})) == [0.25, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("name", RELATIVE)
def test_score_that_no_file_has_counts_for_nothing(name: str) -> None:
    assert column(name, raw(**{name: [0.0, -2.0]})) == [0.0, 0.0]


def test_cosines_count_by_deviations_from_the_mean() -> None:
    best = column("vector_best", raw(vector_best=[0.1, 0.2, 0.3, 0.9, 0.0]))
    assert best == pytest.approx([0.0, 2 / MOST_DEVIATIONS, 4 / MOST_DEVIATIONS, 1.0, -1 / MOST_DEVIATIONS])
    three = column("vector_three", raw(vector_three=[0.2 * 1.75]))  # three cosines of 0.2: 1 + 1/2 + 1/4
    assert three == pytest.approx([2 / MOST_DEVIATIONS])


def test_cosines_without_deviation_count_for_nothing() -> None:
    for name in ("vector_best", "vector_three"):
        assert column(name, raw(**{name: [0.9]}), collection=replace(FACTS, cosine_deviation=0.0)) == [0.0]


def test_size_counts_by_its_logarithm() -> None:
    assert column("size", raw(size=[0.0, LARGE_FILE / 2, LARGE_FILE])) == pytest.approx([0.0, 0.5, 1.0])


def test_shares_are_taken_as_they_are() -> None:
    for name in ("stem_cover", "best_definition", "exact_definition"):
        assert column(name, raw(**{name: [0.25, 0.6]})) == [0.25, 0.6]


def facts_of(*shards: tuple[int, int], kind: str = "internal") -> CollectionFacts:
    """Facts of a collection from the number of live files of each shard and how many of them have a flag."""
    counts = [
        np.array([files, *(flagged * (name == kind) for name in PATH_KINDS)], np.int64) for files, flagged in shards
    ]
    return CollectionFacts.total([(0, 0, 0)] * len(shards), counts)


def test_a_flag_counts_by_how_unusual_it_is_in_the_collection() -> None:
    def flag(collection: CollectionFacts, kind: str = "internal") -> float:
        place = MODEL_FEATURES.index(kind)
        return float(model_features("a query", raw(chunks=[1.0]), kinds(kind), collection)[0, place])

    shares = [flag(facts_of((1000, flagged))) for flagged in range(0, 1001, 50)]
    assert shares == sorted(shares, reverse=True)
    assert flag(facts_of((1000, int(1000 * UNUSUAL_SHARE)))) == 1.0
    assert flag(facts_of((1000, int(1000 * USUAL_SHARE)))) == 0.0
    assert flag(facts_of((100, 90), (0, 0), (300, 50))) == flag(facts_of((400, 140)))
    assert flag(facts_of((0, 0))) == 1.0
    assert flag(facts_of((1000, 900), kind="test"), "test") == 1.0


def test_kinds_count_unless_the_query_asks_for_them() -> None:
    def flags(query: str) -> dict[str, float]:
        model = model_features(query, raw(chunks=[1.0]), kinds("test", "prose"), FACTS)
        return {name: model[0, MODEL_FEATURES.index(name)] for name in PATH_KINDS}

    assert {name for name, value in flags("total price").items() if value} == {"test", "prose"}
    assert {name for name, value in flags("tests of the total price").items() if value} == {"prose"}
    assert {name for name, value in flags("fixtures in the documentation").items() if value} == set()


def test_every_kind_has_a_column_of_its_own() -> None:
    for name in PATH_KINDS:
        model = model_features("a query", raw(chunks=[1.0]), kinds(name), FACTS)
        assert [MODEL_FEATURES[place] for place in np.flatnonzero(model[0, len(FEATURES) :]) + len(FEATURES)] == [name]


values = st.floats(-1.0, 2.0)
matrices = st.lists(st.lists(values, min_size=len(FEATURES), max_size=len(FEATURES)), min_size=1, max_size=6)
weights = st.dictionaries(st.sampled_from(MODEL_FEATURES), st.floats(-3.0, 3.0)).map(
    lambda some: some | {"chunks": 3.0}
)


@given(matrix=matrices, given_weights=weights, bits=st.integers(0, 2 ** len(PATH_KINDS) - 1))
def test_score_grows_with_the_sum_of_the_contributions(
    matrix: list[list[float]], given_weights: dict[str, float], bits: int
) -> None:
    ranker = LinearRanker(given_weights)
    features = np.array(matrix)
    contributions = ranker.contributions("a query", features, np.full(len(features), bits, np.uint16), FACTS)
    scores = ranker.scores(contributions)
    assert contributions.shape == (len(features), len(ranker.names))
    assert np.all((scores >= 0.0) & (scores <= 1.0))
    for score, parts in zip(scores, contributions, strict=True):
        assert score == pytest.approx(1.0 / (1.0 + math.exp(-8.0 * (math.fsum(parts) - 0.5))))
    absent = [place for place, name in enumerate(ranker.names) if not given_weights.get(name)]
    assert not contributions[:, absent].any()


@given(matrix=matrices)
def test_score_of_a_file_does_not_depend_on_how_many_are_ranked(matrix: list[list[float]]) -> None:
    ranker = LinearRanker()
    features = np.array(matrix)
    contributions = ranker.contributions("a query", features, np.zeros(len(features), np.uint16), FACTS)
    alone = [ranker.scores(contributions[place : place + 1])[0] for place in range(len(features))]
    assert ranker.scores(contributions).tolist() == alone


def test_file_that_is_best_by_everything_has_contributions_of_one() -> None:
    positive = dict(zip(FEATURES, range(1, len(FEATURES) + 1), strict=True))
    ranker = LinearRanker({**positive, "test": -5.0})
    best = raw(**{name: [1.0] for name in FEATURES})
    for name, value in (("vector_best", 9.0), ("vector_three", 9.0), ("size", LARGE_FILE)):
        best[0, FEATURES.index(name)] = value
    contributions = ranker.contributions("a query", best, np.zeros(1, np.uint16), FACTS)
    assert contributions.sum() == pytest.approx(1.0)
    best[0, FEATURES.index("exact_definition")] = 0.0
    of_test, of_other = (ranker.contributions("a query", best, kinds(*names), FACTS) for names in (("test",), ()))
    assert of_test.sum() < of_other.sum()


def test_kind_does_not_count_where_the_query_names_what_the_file_defines() -> None:
    named, other = (raw(exact_definition=[value]) for value in (1.0, 0.0))
    place = MODEL_FEATURES.index("test")
    assert model_features("charge_card", named, kinds("test"), FACTS)[0, place] == 0.0
    assert model_features("charge_card", other, kinds("test"), FACTS)[0, place] == 1.0


def test_exact_name_counts_more_where_it_is_all_of_the_query() -> None:
    place = MODEL_FEATURES.index("exact_symbol")
    exact, folded = (raw(exact_definition=[value]) for value in (1.0, 0.6))
    alone = model_features("charge_card", exact, kinds(), FACTS)[0, place]
    assert alone == 1.0
    assert 0.0 < model_features("charge_card", folded, kinds(), FACTS)[0, place] < 0.2
    assert model_features("where is charge_card", exact, kinds(), FACTS)[0, place] == 0.0


@pytest.mark.parametrize("nothing", [{}, dict.fromkeys(MODEL_FEATURES, 0.0)])
def test_ranker_without_weights_scores_all_files_alike(nothing: dict[str, float]) -> None:
    ranker = LinearRanker(nothing)
    contributions = ranker.contributions("a query", raw(chunks=[1.0, 5.0]), np.zeros(2, np.uint16), FACTS)
    assert not contributions.any()
    first, second = ranker.scores(contributions)
    assert 0.0 < first == second < 1.0


def test_every_shipped_weight_is_that_of_a_feature() -> None:
    shipped = json.loads(files("raycontext.search.ranking").joinpath("weights.json").read_text())["weights"]
    assert sorted(shipped) == sorted(MODEL_FEATURES)


def test_shipped_ranker_prefers_evidence_and_code() -> None:
    ranker = LinearRanker()

    def score(bits: NDArray[np.uint16], **columns: float) -> float:
        features = raw(**{name: [value, 1.0] for name, value in {"chunks": 1.0, **columns}.items()})
        both = np.concatenate([bits, np.zeros(1, np.uint16)])
        return float(ranker.scores(ranker.contributions("a query", features, both, FACTS))[0])

    plain = score(kinds())
    assert score(kinds(), chunks=0.5) < plain
    assert score(kinds(), best_definition=1.0) > plain
    for name in ("test", "prose", "data"):
        assert score(kinds(name)) < plain


@given(cosines=st.lists(st.lists(st.floats(-1.0, 1.0), max_size=8), min_size=1, max_size=4))
def test_moments_are_those_of_the_cosines_of_all_shards(cosines: list[list[float]]) -> None:
    sums = []
    for shard in cosines:
        units = [round(value / COSINE_UNIT) for value in shard]
        sums.append((len(units), sum(units), sum(unit * unit for unit in units)))
    mean, deviation = cosine_moments(sums)
    everything = np.array([value for shard in cosines for value in shard])
    assert mean == pytest.approx(everything.mean() if len(everything) else 0.0, abs=1e-5)
    assert deviation == pytest.approx(everything.std() if len(everything) else 0.0, abs=2e-3)
    assert cosine_moments(sums[::-1]) == (mean, deviation)
