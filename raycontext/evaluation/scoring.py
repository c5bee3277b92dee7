"""Evaluation of search by judged queries: NDCG, recall and MRR with confidence intervals.

A judged file is JSON: an object with the list `queries`, or this list alone.

    {"name": "flask", "language": "python", "root": "src/flask",
     "queries": [{"query": "where are sessions opened?", "category": "semantic",
                  "targets": [{"path": "src/flask/sessions.py", "start_line": 1, "end_line": 9}]}]}

Only `query`, `targets` and the `path` of each target are required. Unknown keys are ignored.

A result answers a target when both name one file (see `same_file`) and their lines overlap. A target without lines is
answered by any part of its file. Each target counts once, at the rank of the first result that answers it. Its gain
is 1.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from raycontext.errors import InvalidInput
from raycontext.files.foreign_json import read_json

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
    "estimates",
    "evaluate",
    "evaluation_of",
    "read_judged",
    "same_file",
    "score",
    "summary",
]

DEPTH = 10
"""Number of results of a query that count, by default."""
RESAMPLES = 2000
"""Number of bootstrap resamples for one confidence interval."""
CONFIDENCE = 0.95
"""Confidence level of the intervals."""
SEED = 20_070
"""Seed of the random numbers for resampling, so that equal outcomes give equal intervals."""
UNCATEGORISED = "uncategorised"
"""Category of a query that names none."""


class Located(Protocol):
    """Search result with the fields that scoring needs, such as a `Hit`. Lines are 1-based and inclusive."""

    @property
    def path(self) -> str:
        """Path of the file, with `/`."""
        ...

    @property
    def start_line(self) -> int:
        """First line."""
        ...

    @property
    def end_line(self) -> int:
        """Last line."""
        ...


def _not_blank(text: str) -> str:
    """Return the text. Raises `ValueError` when it has nothing but white space."""
    if not text.strip():
        raise ValueError("is blank")
    return text


def _file_path(path: str) -> str:
    """Return the path without `./` and doubled slashes. Raises `ValueError` when it cannot name a file."""
    normal = str(PurePosixPath(_not_blank(path)))
    if normal in (".", "/"):
        raise ValueError("names no file")
    return normal


def _inner_path(path: str | None) -> str | None:
    """Return the path. Raises `ValueError` when it is absolute or has a part `..`."""
    if path is not None and (PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts):
        raise ValueError("is not a folder within the repository")
    return path


class _Value(BaseModel):
    """Immutable value that is checked when it is made."""

    model_config = ConfigDict(frozen=True)


class Target(_Value):
    """Right answer to a query: a file or some lines of a file."""

    path: Annotated[str, AfterValidator(_file_path)]
    """Path of the file relative to the repository, with `/`."""
    start_line: int | None = Field(default=None, ge=1)
    """First line, from 1. None together with `end_line` means the whole file."""
    end_line: int | None = Field(default=None, ge=1)
    """Last line, inclusive. It must be set when `start_line` is set, and only then."""

    @model_validator(mode="after")
    def _lines_are_a_span(self) -> Self:
        """Return the target. Raises `ValueError` when only one line is given or when the last is before the first."""
        if (self.start_line is None) != (self.end_line is None):
            raise ValueError("has only one of start_line and end_line")
        if self.start_line is not None and self.end_line is not None and self.end_line < self.start_line:
            raise ValueError(f"end_line {self.end_line} is before start_line {self.start_line}")
        return self


class JudgedQuery(_Value):
    """Query together with all of its right answers."""

    query: Annotated[str, AfterValidator(_not_blank)]
    category: str | None = None
    """Group in which the query is also counted; None means `UNCATEGORISED`."""
    targets: tuple[Target, ...] = Field(min_length=1)


class JudgedQueries(_Value):
    """Content of a judged file: queries over one repository."""

    name: str | None = None
    language: str | None = None
    root: Annotated[str | None, AfterValidator(_inner_path)] = None
    """Folder of the repository to index; None means the whole repository. It does not change the paths of targets."""
    queries: tuple[JudgedQuery, ...] = Field(min_length=1)


class Scores(_Value):
    """Scores of one list of results for one query."""

    ndcg: float
    """NDCG of the results, from 0 to 1."""
    recall: float
    """Share of the targets that were answered, from 0 to 1."""
    reciprocal_rank: float
    """Value of 1 / `first_rank`; 0 when no target was answered."""
    first_rank: int | None
    """Rank of the first result that answers a target, from 1; None when no target was answered."""
    missed: tuple[Target, ...]
    """Targets that no result answered."""


class QueryOutcome(Scores):
    """Scores and time of one query of a judged file."""

    query: str
    category: str
    milliseconds: float
    """Duration of the search call in milliseconds. The first call may include loading the index."""


class Estimate(_Value):
    """Mean over queries with its confidence interval from `low` to `high`."""

    mean: float
    low: float
    high: float


class Summary(_Value):
    """Figures for a group of queries."""

    queries: int
    """Number of queries in the group."""
    ndcg: Estimate
    recall: Estimate
    mean_reciprocal_rank: Estimate
    median_milliseconds: float


class Evaluation(_Value):
    """Outcome of the evaluation of one judged file."""

    name: str | None
    language: str | None
    depth: int
    """Number of results of a query that counted: the k of NDCG@k."""
    overall: Summary
    """Figures for all queries."""
    categories: dict[str, Summary]
    """Figures for the queries of each category, in alphabetical order."""
    outcomes: tuple[QueryOutcome, ...]
    """Outcome of each query, in the order of the file."""


def read_judged(path: Path) -> JudgedQueries:
    """Read a judged file. Raises `InvalidInput`, which names the file and the wrong field."""
    advice = "See the documentation of `raycontext eval` for the format of judged files."
    try:
        content = read_json(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}", "Give a judged file.") from error
    except ValueError as error:  # not JSON, or not even text
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
    """Return whether two paths may name one file: they are equal, or one is the end of the other after a `/`.

    The second case occurs when the indexed folder lies within the repository.
    """
    return f"/{path}".endswith(f"/{other}") or f"/{other}".endswith(f"/{path}")


def _answers(result: Located, target: Target) -> bool:
    """Return whether a result is in the file of a target and overlaps its lines, if it has lines."""
    if not same_file(result.path, target.path):
        return False
    if target.start_line is None or target.end_line is None:
        return True
    return result.start_line <= target.end_line and target.start_line <= result.end_line


def score(results: Sequence[Located], targets: Sequence[Target], depth: int = DEPTH) -> Scores:
    """Score the first `depth` results of a query against its targets.

    `results` are in order, best first. `targets` must not be empty. NDCG@k follows Järvelin and Kekäläinen (2002) with
    binary gains and the discount log2(rank + 1). The ideal list has answers at the first min(k, number of targets)
    ranks. One result may answer several targets, so the value is limited to 1.
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
    """Search for every query of a judged file and score the results.

    `search` takes the text of a query and returns its results, best first. Only the first `depth` results count;
    `depth` is at least 1. Raises what `search` raises. The message of an `InvalidInput` names the query.
    """
    answers: list[tuple[Sequence[Located], float]] = []
    for number, judgement in enumerate(judged.queries):
        begun = time.perf_counter()
        try:
            results = search(judgement.query)
        except InvalidInput as error:
            raise InvalidInput(f"queries.{number}: {error.what}", error.advice) from error
        answers.append((results, (time.perf_counter() - begun) * 1e3))
    return evaluation_of(judged, answers, depth)


def evaluation_of(
    judged: JudgedQueries, answers: Sequence[tuple[Sequence[Located], float]], depth: int = DEPTH
) -> Evaluation:
    """Score the answers to the queries of a judged file: the results of each, and its duration in milliseconds."""
    outcomes = [
        QueryOutcome(
            query=judgement.query,
            category=judgement.category or UNCATEGORISED,
            milliseconds=milliseconds,
            **dict(score(results, judgement.targets, depth)),
        )
        for judgement, (results, milliseconds) in zip(judged.queries, answers, strict=True)
    ]
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
    """Return the means over a group of queries, each with a 95 % confidence interval.

    `outcomes` must not be empty. The intervals are percentile bootstrap intervals over queries (Efron, 1979). 2,000
    samples of the queries are drawn with replacement and with a fixed seed. The interval lies between the 2.5th and the
    97.5th percentile of their means. It shows how much the mean depends on the choice of the judged queries. Intervals
    from few queries are too narrow. The interval of a single query has no width.
    """
    values = np.array([(outcome.ndcg, outcome.recall, outcome.reciprocal_rank) for outcome in outcomes])
    ndcg, recall, reciprocal_rank = estimates(values)
    return Summary(
        queries=len(outcomes),
        ndcg=ndcg,
        recall=recall,
        mean_reciprocal_rank=reciprocal_rank,
        median_milliseconds=float(np.median([outcome.milliseconds for outcome in outcomes])),
    )


def estimates(values: NDArray[np.float64]) -> list[Estimate]:
    """Return the mean of each column with its interval, from values [queries, measures]; see `summary`."""
    low, high = _bootstrap(values)
    return [
        Estimate(mean=float(mean), low=float(least), high=float(most))
        for mean, least, most in zip(values.mean(axis=0), low, high, strict=True)
    ]


def _bootstrap(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper ends of the intervals of the column means, from [queries, measures] to [measures]."""
    random = np.random.default_rng(SEED)
    means = np.array([values[random.integers(len(values), size=len(values))].mean(axis=0) for _ in range(RESAMPLES)])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, (tail, 1 - tail), axis=0)
    return low, high
