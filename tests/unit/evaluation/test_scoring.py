"""Scores of judged queries, by hand and by their properties."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.errors import InvalidInput
from raycontext.evaluation.scoring import (
    JudgedQueries,
    QueryOutcome,
    Target,
    evaluate,
    read_judged,
    same_file,
    score,
    summary,
)


class Result(NamedTuple):
    path: str
    start_line: int = 1
    end_line: int = 10


def judged(*queries: dict[str, Any], **more: Any) -> JudgedQueries:
    return JudgedQueries.model_validate({"queries": queries, **more})


def about(query: str, *paths: str, category: str | None = None) -> dict[str, Any]:
    return {"query": query, "category": category, "targets": [{"path": path} for path in paths]}


def outcome(ndcg: float) -> QueryOutcome:
    return QueryOutcome(
        query="q",
        category="c",
        milliseconds=ndcg * 100,
        ndcg=ndcg,
        recall=ndcg / 2,
        reciprocal_rank=ndcg / 4,
        first_rank=1,
        missed=(),
    )


@pytest.mark.parametrize(
    ("path", "other", "same"),
    [
        ("src/app/core.py", "src/app/core.py", True),
        ("core.py", "src/app/core.py", True),
        ("src/app/core.py", "app/core.py", True),
        ("score.py", "core.py", False),
        ("app/core.py", "src/other/core.py", False),
        ("app/core.py", "app/core", False),
        ("app", "app/core.py", False),
    ],
)
def test_paths_match_at_a_slash_from_either_side(path: str, other: str, same: bool) -> None:
    assert same_file(path, other) is same
    assert same_file(other, path) is same


@pytest.mark.parametrize(
    ("start", "end", "answered"), [(1, 19, False), (1, 20, True), (25, 26, True), (30, 40, True), (31, 40, False)]
)
def test_lines_of_a_target_must_overlap(start: int, end: int, answered: bool) -> None:
    target = Target(path="a.py", start_line=20, end_line=30)
    scores = score([Result("a.py", start, end)], [target])
    assert scores.ndcg == float(answered)
    assert scores.missed == (() if answered else (target,))


def test_two_targets_at_ranks_two_and_four() -> None:
    results = [Result("x.py"), Result("a.py"), Result("a.py"), Result("b.py")]
    scores = score(results, [Target(path="b.py"), Target(path="a.py")])
    assert scores.ndcg == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3)))
    assert scores.ndcg == pytest.approx(0.65092, abs=1e-5)
    assert (scores.recall, scores.reciprocal_rank, scores.first_rank, scores.missed) == (1.0, 0.5, 2, ())


def test_only_the_first_results_count() -> None:
    results = [Result("x.py"), Result("y.py"), Result("a.py")]
    targets = [Target(path="a.py")]
    assert score(results, targets, depth=3).first_rank == 3
    nothing = score(results, targets, depth=2)
    assert (nothing.ndcg, nothing.recall, nothing.reciprocal_rank, nothing.first_rank) == (0.0, 0.0, 0.0, None)
    assert nothing.missed == tuple(targets)
    assert score([], targets).ndcg == 0.0


def test_ideal_has_no_more_answers_than_results_that_count() -> None:
    targets = [Target(path=f"{number}.py") for number in range(5)]
    scores = score([Result("0.py"), Result("1.py")], targets, depth=2)
    assert (scores.ndcg, scores.recall) == (1.0, 0.4)
    assert scores.missed == tuple(targets[2:])


def test_result_that_answers_several_targets_is_worth_no_more_than_the_ideal() -> None:
    targets = [Target(path="a.py", start_line=line, end_line=line) for line in (1, 2, 3)]
    scores = score([Result("a.py")], targets)
    assert (scores.ndcg, scores.recall) == (1.0, 1.0)


NAMES = st.sampled_from(["a.py", "b.py", "c.py", "x/a.py", "y/b.py", "d.py"])
RESULTS = st.lists(st.builds(Result, NAMES, st.integers(1, 20), st.integers(20, 40)), max_size=15)
SPANS = st.builds(
    lambda path, start, more: Target(path=path, start_line=start, end_line=start + more),
    NAMES,
    st.integers(1, 40),
    st.integers(0, 20),
)
TARGETS = st.lists(st.builds(Target, path=NAMES) | SPANS, min_size=1, max_size=12)


@given(RESULTS, TARGETS, st.integers(1, 12))
def test_scores_are_shares(results: list[Result], targets: list[Target], depth: int) -> None:
    scores = score(results, targets, depth)
    assert 0.0 <= scores.ndcg <= 1.0
    assert len(scores.missed) == round((1 - scores.recall) * len(targets))
    assert (scores.ndcg > 0) == (scores.recall > 0) == (scores.first_rank is not None)
    assert scores.reciprocal_rank == (1 / scores.first_rank if scores.first_rank else 0.0)


@given(st.permutations([f"{number}.py" for number in range(12)]), st.integers(1, 12), st.integers(1, 12))
def test_answers_first_is_perfect_and_anything_before_them_is_not(names: list[str], wanted: int, depth: int) -> None:
    results = [Result(name) for name in names]
    targets = [Target(path=name) for name in sorted(names[:wanted])]
    assert score(results, targets, depth).ndcg == 1.0
    assert score([Result("other.py"), *results], targets, depth).ndcg < 1.0


def test_every_query_is_asked_and_grouped_by_category() -> None:
    answers = {"one": [Result("a.py")], "two": [Result("x.py"), Result("b.py")], "three": []}
    file = judged(
        about("one", "a.py", category="symbol"),
        about("two", "b.py", "c.py", category="semantic"),
        about("three", "c.py"),
        name="shop",
        language="python",
    )
    found = evaluate(file, answers.__getitem__)
    assert (found.name, found.language, found.depth) == ("shop", "python", 10)
    assert [row.query for row in found.outcomes] == ["one", "two", "three"]
    assert [row.first_rank for row in found.outcomes] == [1, 2, None]
    assert [row.missed for row in found.outcomes] == [(), (Target(path="c.py"),), (Target(path="c.py"),)]
    assert all(row.milliseconds >= 0 for row in found.outcomes)
    half = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert {name: (group.queries, group.ndcg.mean) for name, group in found.categories.items()} == {
        "semantic": (1, pytest.approx(half)),
        "symbol": (1, 1.0),
        "uncategorised": (1, 0.0),
    }
    assert found.overall.queries == 3
    assert found.overall.ndcg.mean == pytest.approx((1 + half) / 3)
    assert found.overall.recall.mean == pytest.approx(0.5)
    assert found.overall.mean_reciprocal_rank.mean == pytest.approx(0.5)


def test_query_that_cannot_be_asked_is_named() -> None:
    def search(query: str) -> list[Result]:
        raise InvalidInput("The query has 20000 characters", "At most 10000.")

    with pytest.raises(InvalidInput, match=r"queries\.0: The query has 20000 characters"):
        evaluate(judged(about("one", "a.py")), search)


def test_interval_is_that_of_the_bootstrap() -> None:
    """For a share of 100 queries, the normal approximation says 0.5 ± 1.96 standard errors of 0.05."""
    figures = summary([outcome(float(number % 2)) for number in range(100)])
    assert figures.queries == 100
    assert figures.ndcg.mean == 0.5
    assert figures.ndcg.low == pytest.approx(0.402, abs=0.011)
    assert figures.ndcg.high == pytest.approx(0.598, abs=0.011)
    assert figures.recall.high == pytest.approx(figures.ndcg.high / 2)
    assert figures.mean_reciprocal_rank.low == pytest.approx(figures.ndcg.low / 4)
    assert figures.median_milliseconds == 50.0


def test_equal_outcomes_have_equal_intervals_and_one_query_its_value() -> None:
    rows = [outcome(number / 7) for number in range(8)]
    assert summary(rows) == summary(rows)
    single = summary([outcome(0.25)]).ndcg
    assert (single.mean, single.low, single.high) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize(
    "content",
    [
        {"queries": [{"query": "q", "targets": [{"path": "./src//a.py"}]}], "url": "…", "revision": 5},
        {"name": None, "root": None, "queries": [{"query": "q", "category": None, "targets": [{"path": "src/a.py"}]}]},
        [{"query": "q", "targets": [{"path": "src/a.py", "start_line": None, "end_line": None, "note": "x"}]}],
    ],
)
def test_what_need_not_be_there_may_be_absent(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "judged.json"
    file.write_text(json.dumps(content))
    found = read_judged(file)
    assert found == judged(about("q", "src/a.py"))


LINES = [{"query": "q", "targets": [{"path": "a.py", "start_line": 3}]}]
REVERSED = [{"query": "q", "targets": [{"path": "b.py"}, {"path": "a.py", "start_line": 3, "end_line": 2}]}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ("not JSON",)),
        ("{", ("not JSON", "line 1")),
        ("[" * 100_000, ("not JSON",)),
        (b"\xff\xfe\xfa", ("not JSON",)),
        ("5", ("neither", "list")),
        ('"text"', ("neither", "list")),
        ("{}", ("queries", "required")),
        ("[]", ("queries", "at least 1")),
        ('{"queries": {}}', ("queries", "tuple")),
        ([{"targets": [{"path": "a.py"}]}], ("queries.0.query", "required")),
        ([{"query": " ", "targets": [{"path": "a.py"}]}], ("queries.0.query", "blank")),
        ([about("q", "a.py"), about("q")], ("queries.1.targets", "at least 1")),
        ([{"query": "q", "targets": [{"path": "."}]}], ("queries.0.targets.0.path", "no file")),
        ([{"query": "q", "targets": [{"path": "a.py", "start_line": 0, "end_line": 1}]}], ("start_line", "greater")),
        (LINES, ("queries.0.targets.0", "only one of start_line and end_line")),
        (REVERSED, ("queries.0.targets.1", "end_line 2 is before start_line 3")),
        ({"root": "../elsewhere", "queries": [about("q", "a.py")]}, ("root", "within the repository")),
        ({"root": "/etc", "queries": [about("q", "a.py")]}, ("root", "within the repository")),
    ],
)
def test_malformed_file_is_refused_by_name_and_field(tmp_path: Path, content: Any, words: tuple[str, ...]) -> None:
    file = tmp_path / "judged.json"
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InvalidInput) as caught:
        read_judged(file)
    for word in (str(file), *words):
        assert word in str(caught.value)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for place in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(InvalidInput, match=f"{place} cannot be read"):
            read_judged(place)
