"""How well a search answers judged queries: NDCG, recall and MRR with confidence intervals.

A judged file is JSON: an object with `queries`, or the bare list of them.

    {"name": "flask", "language": "python", "root": "src/flask",
     "queries": [{"query": "where are sessions opened?", "category": "semantic",
                  "targets": [{"path": "src/flask/sessions.py", "start_line": 1, "end_line": 9}]}]}

Only `query`, `targets` and their `path` must be there; other keys are ignored.

A result answers a target when one path is a suffix of the other at a `/` and, where the target has lines, the lines
overlap. Each target counts once, at the rank of the first result that answers it; gains are 1.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from raycontext.errors import InvalidInput

__all__ = [
    "Estimate",
    "Evaluation",
    "JudgedQueries",
    "JudgedQuery",
    "Located",
    "QueryOutcome",
    "Scores",
    "Summary",
    "Target",
    "evaluate",
    "read_judged",
    "same_file",
    "score",
    "summary",
]

DEPTH = 10
"""Results of a query that count."""
RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20_070
UNCATEGORISED = "uncategorised"


class Located(Protocol):
    """A result as far as scoring goes; `Hit` is one. Lines are 1-based and inclusive."""

    @property
    def path(self) -> str: ...
    @property
    def start_line(self) -> int: ...
    @property
    def end_line(self) -> int: ...


def _with_words(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank")
    return text


def _file_path(path: str) -> str:
    normal = str(PurePosixPath(_with_words(path)))  # without `./` and doubled slashes
    if normal in (".", "/"):
        raise ValueError("names no file")
    return normal


def _inner_path(path: str | None) -> str | None:
    if path is not None and (PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts):
        raise ValueError("is not a folder within the repository")
    return path


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Target(_Value):
    """A file, or lines of it, that answers a query."""

    path: Annotated[str, AfterValidator(_file_path)]
    """Relative to the repository, with `/`."""
    start_line: int | None = Field(default=None, ge=1)
    end_line: int | None = Field(default=None, ge=1)
    """Both or neither; 1-based and inclusive."""

    @model_validator(mode="after")
    def _lines_are_a_span(self) -> Self:
        if (self.start_line is None) != (self.end_line is None):
            raise ValueError("has only one of start_line and end_line")
        if self.start_line is not None and self.end_line is not None and self.end_line < self.start_line:
            raise ValueError(f"end_line {self.end_line} is before start_line {self.start_line}")
        return self


class JudgedQuery(_Value):
    """A query with everything that answers it."""

    query: Annotated[str, AfterValidator(_with_words)]
    category: str | None = None
    targets: tuple[Target, ...] = Field(min_length=1)


class JudgedQueries(_Value):
    """A judged file: queries over one repository."""

    name: str | None = None
    language: str | None = None
    root: Annotated[str | None, AfterValidator(_inner_path)] = None
    """The part of the repository to index; None: all of it. The paths of targets are relative to the repository."""
    queries: tuple[JudgedQuery, ...] = Field(min_length=1)


class Scores(_Value):
    """How one list of results answers one query."""

    ndcg: float
    recall: float
    """Share of the targets that were answered."""
    reciprocal_rank: float
    """1 / `first_rank`; 0 where nothing was answered."""
    first_rank: int | None
    """Rank of the first result that answers a target, from 1."""
    missed: tuple[Target, ...]
    """Targets that no result answered."""


class QueryOutcome(Scores):
    """How one query went."""

    query: str
    category: str
    milliseconds: float
    """Of the call, as its caller sees it; the first one may include loading the index."""


class Estimate(_Value):
    """A mean over queries with its confidence interval."""

    mean: float
    low: float
    high: float


class Summary(_Value):
    """Figures over a group of queries."""

    queries: int
    ndcg: Estimate
    recall: Estimate
    mean_reciprocal_rank: Estimate
    median_milliseconds: float


class Evaluation(_Value):
    """Outcome of all queries of a judged file."""

    name: str | None
    language: str | None
    depth: int
    """Results of a query that counted: the k of NDCG@k."""
    overall: Summary
    categories: dict[str, Summary]
    """By category, in alphabetical order."""
    outcomes: tuple[QueryOutcome, ...]
    """In the order of the file."""


def read_judged(path: Path) -> JudgedQueries:
    """Read a judged file. Raises `InvalidInput`, which names the file and the field that is wrong."""
    advice = "See the documentation of `raycontext eval` for the format of judged files."
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}", "Give a judged file.") from error
    except (ValueError, RecursionError) as error:  # no JSON, or not even text
        raise InvalidInput(f"{path} is not JSON: {error}", advice) from error
    if not isinstance(content, (dict, list)):
        raise InvalidInput(f"{path} holds neither an object with queries nor a list of them", advice)
    try:
        return JudgedQueries.model_validate({"queries": content} if isinstance(content, list) else content)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        message = problem["msg"].removeprefix("Value error, ")
        raise InvalidInput(f"{path}: {field}: {message}", advice) from error


def same_file(path: str, other: str) -> bool:
    """Whether one path is the other, or its end from a `/` on: an indexed folder may lie within the repository."""
    return f"/{path}".endswith(f"/{other}") or f"/{other}".endswith(f"/{path}")


def _answers(result: Located, target: Target) -> bool:
    if not same_file(result.path, target.path):
        return False
    if target.start_line is None or target.end_line is None:
        return True
    return result.start_line <= target.end_line and target.start_line <= result.end_line


def score(results: Sequence[Located], targets: Sequence[Target], depth: int = DEPTH) -> Scores:
    """Scores of the first `depth` results, best first, against a non-empty sequence of targets.

    NDCG@k as by Järvelin and Kekäläinen (2002) with binary gains and log2(rank + 1) discounts; the ideal has answers
    at the first min(k, number of targets) ranks. A result may answer several targets, so the value is capped at 1.
    """
    ranks = [
        next((rank for rank, result in enumerate(results[:depth], 1) if _answers(result, target)), None)
        for target in targets
    ]
    answered = sorted(rank for rank in ranks if rank is not None)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(depth, len(targets)) + 1))
    first = answered[0] if answered else None
    return Scores(
        ndcg=min(sum(1 / math.log2(rank + 1) for rank in answered) / ideal, 1.0),
        recall=len(answered) / len(targets),
        reciprocal_rank=1 / first if first else 0.0,
        first_rank=first,
        missed=tuple(target for target, rank in zip(targets, ranks, strict=True) if rank is None),
    )


def evaluate(judged: JudgedQueries, search: Callable[[str], Sequence[Located]], depth: int = DEPTH) -> Evaluation:
    """Ask every query of a judged file and score what comes.

    search: gives the results of a query, best first; those after the first `depth` (at least 1) do not count.

    Raises what `search` raises; the message of an `InvalidInput` says which query it was.
    """
    outcomes = []
    for number, judgement in enumerate(judged.queries):
        begun = time.perf_counter()
        try:
            results = search(judgement.query)
        except InvalidInput as error:
            raise InvalidInput(f"queries.{number}: {error.what}", error.advice) from error
        milliseconds = (time.perf_counter() - begun) * 1e3
        outcomes.append(
            QueryOutcome(
                query=judgement.query,
                category=judgement.category or UNCATEGORISED,
                milliseconds=milliseconds,
                **dict(score(results, judgement.targets, depth)),
            )
        )
    return Evaluation(
        name=judged.name,
        language=judged.language,
        depth=depth,
        overall=summary(outcomes),
        categories={
            category: summary([outcome for outcome in outcomes if outcome.category == category])
            for category in sorted({outcome.category for outcome in outcomes})
        },
        outcomes=tuple(outcomes),
    )


def summary(outcomes: Sequence[QueryOutcome]) -> Summary:
    """Means over a non-empty group of queries, each with a 95 % confidence interval.

    The intervals are percentile bootstrap intervals over queries (Efron, 1979): the 2.5th and the 97.5th percentile of
    the means of 2,000 resamples of the queries with replacement, drawn with a fixed seed, so that equal outcomes have
    equal intervals. They say how much the mean depends on which queries were judged; those of few queries are too
    narrow, that of a single query is its value.
    """
    values = np.array([(outcome.ndcg, outcome.recall, outcome.reciprocal_rank) for outcome in outcomes])
    low, high = _bootstrap(values)
    ndcg, recall, reciprocal_rank = (
        Estimate(mean=float(mean), low=float(least), high=float(most))
        for mean, least, most in zip(values.mean(axis=0), low, high, strict=True)
    )
    return Summary(
        queries=len(outcomes),
        ndcg=ndcg,
        recall=recall,
        mean_reciprocal_rank=reciprocal_rank,
        median_milliseconds=float(np.median([outcome.milliseconds for outcome in outcomes])),
    )


def _bootstrap(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high ends of the intervals of the column means of [queries, measures]."""
    random = np.random.default_rng(SEED)
    means = np.array([values[random.integers(len(values), size=len(values))].mean(axis=0) for _ in range(RESAMPLES)])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, (tail, 1 - tail), axis=0)
    return low, high
