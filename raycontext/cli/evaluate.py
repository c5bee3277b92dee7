"""The command `eval`, which measures how well the search answers questions over a repository of the user's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raycontext.cli.display import print_json, say
from raycontext.cli.indexing.index_options import with_index_options
from raycontext.cli.terminal import Address, Collection, Json, Root, Runtime, connected, show_progress
from raycontext.errors import InvalidInput
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from raycontext.evaluation.held_out import Mine
    from raycontext.evaluation.scoring import Evaluation, JudgedQueries, QueryOutcome, Summary, Target
    from raycontext.models import IndexReport
    from raycontext.models.options import RunOptions

__all__ = ["MineOption", "Queries", "Repository", "asked_of", "evaluate"]


Queries = Annotated[
    Path,
    typer.Argument(
        metavar="QUERIES",
        help="Judged queries: a JSON file with queries and the files that answer them. With --mine it is left out.",
    ),
]
Repository = Annotated[
    Path | None, typer.Argument(metavar="PATH", help="The repository. It is indexed first when it has changed.")
]
MineOption = Annotated[
    str | None,
    typer.Option(
        "--mine",
        metavar="docs|commits",
        help="Make the questions from the repository: first sentences of its doc comments (docs), or subjects of its "
        "newest commits (commits). They are put to a copy without those comments, or from before those commits.",
    ),
]
ShowQuestions = Annotated[
    bool, typer.Option("--show-questions", help="Print the text of mined questions, which is text of the repository.")
]


@with_index_options
def evaluate(
    queries: Queries,
    path: Repository = None,
    *,
    options: RunOptions,
    mine: MineOption = None,
    questions: Annotated[int, typer.Option(min=10, help="Largest number of mined questions.")] = 300,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", "-n", min=1, max=1000, help="Number of hits of each query that count: the k of NDCG@k."
        ),
    ] = 10,
    worst: Annotated[int, typer.Option(min=0, help="Number of queries with the lowest scores to show.")] = 5,
    show_questions: ShowQuestions = False,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Score the search on judged queries, or on questions mined from the repository: NDCG, recall and MRR.

    QUERIES holds {"root": "src", "queries": [QUERY, …]} or only the list.

    A QUERY is {"query": "where is … done?", "category": "semantic", "targets": [{"path": "src/a.py", "start_line": 1,
    "end_line": 9}]}; category and lines may be left out.

    Paths are relative to PATH. Only the folder "root" below it is indexed.

    `raycontext eval --mine docs PATH` needs no QUERIES.
    """
    judged, source, kind = asked_of(queries, path, mine)
    with connected(root, address, runtime) as context:
        with show_progress() as show:
            report = context.index(source, collection=collection, on_progress=show, **options.given())
        evaluation = context.evaluate(judged, mine=kind, collection=report.collection, limit=limit, questions=questions)
    if kind is not None and not show_questions:
        evaluation = _without_texts(evaluation)
    if as_json:
        print_json({"index": report.model_dump(mode="json"), **evaluation.model_dump(mode="json")})
    else:
        _print_evaluation(evaluation, report, worst)


def asked_of(queries: Path, path: Path | None, mine: str | None) -> tuple[JudgedQueries | None, Path, Mine | None]:
    """Return the judged queries, the folder to index, and what to mine, from the arguments of a command.

    Raises `InvalidInput` where the arguments do not fit together, or the judged file cannot be used.
    """
    from raycontext.evaluation.held_out import MINES
    from raycontext.evaluation.scoring import read_judged

    if mine is None:
        if path is None:
            raise InvalidInput("There is no repository", "Give QUERIES and PATH, or --mine and PATH.")
        judged = read_judged(queries)
        return judged, _source(path, judged.root), None
    kind = next((known for known in MINES if known == mine), None)
    if kind is None:
        raise InvalidInput(f"--mine is {mine!r}", f"Mine one of {', '.join(MINES)}.")
    if path is not None:
        raise InvalidInput("With --mine there are no judged queries", "Give the repository alone.")
    return None, queries, kind


def _without_texts(evaluation: Evaluation) -> Evaluation:
    """Return an evaluation without the texts of its questions, which nobody has asked to see."""
    outcomes = tuple(outcome.model_copy(update={"query": ""}) for outcome in evaluation.outcomes)
    return evaluation.model_copy(update={"outcomes": outcomes})


def _source(repository: Path, inner: str | None) -> Path:
    """Return the folder to index: the folder `inner` below the repository when it exists, else the repository."""
    # os.path resolves paths as the index does, and accepts any name.
    place = os.path.expanduser(repository)  # noqa: PTH111
    if not inner or not os.path.isdir(place):  # noqa: PTH112
        return repository
    folder = Path(place, inner)
    if os.path.isdir(folder):  # noqa: PTH112
        return folder
    say(f"there is no folder {safe(inner)} in {safe(str(repository))}: all of it is indexed")
    return repository


def _print_evaluation(evaluation: Evaluation, report: IndexReport, worst: int) -> None:
    """Print the figures of an evaluation by category, and its `worst` worst queries."""
    depth = evaluation.depth
    typer.echo(
        f"{evaluation.overall.queries} queries on {safe(report.source)} as '{report.collection}', "
        f"version {report.version}; intervals: 95 %, over queries"
    )
    groups = {"all": evaluation.overall, **{safe(name): group for name, group in evaluation.categories.items()}}
    width = max(map(len, groups))
    typer.echo(f"{'':<{width}}  queries  {f'NDCG@{depth}':>9}  {'interval':>14}  {f'recall@{depth}':>11}  {'MRR':>5}")
    for name, group in groups.items():
        typer.echo(f"{name:<{width}}  {_figures(group)}")
    typer.echo(f"median time of a query: {evaluation.overall.median_milliseconds:.1f} ms")
    failed = sorted((outcome for outcome in evaluation.outcomes if outcome.ndcg < 1), key=lambda found: found.ndcg)
    if failed[:worst]:
        typer.echo("worst queries:")
    for outcome in failed[:worst]:
        _print_outcome(outcome)


def _figures(group: Summary) -> str:
    interval = f"{group.ndcg.low:.3f} to {group.ndcg.high:.3f}"
    return (
        f"{group.queries:>7}  {group.ndcg.mean:>9.3f}  {interval:>14}  {group.recall.mean:>11.3f}  "
        f"{group.mean_reciprocal_rank.mean:>5.3f}"
    )


def _print_outcome(outcome: QueryOutcome) -> None:
    """Print what a search made of one judged query."""
    first = f"first answer at {outcome.first_rank}" if outcome.first_rank else "no answer"
    typer.echo(f"  {outcome.ndcg:.3f}  {safe(outcome.query) or '(mined)'}  ({safe(outcome.category)}; {first})")
    for target in outcome.missed:
        typer.echo(f"         missed {safe(_place(target))}")


def _place(target: Target) -> str:
    return target.path if target.start_line is None else f"{target.path}:{target.start_line}-{target.end_line}"
