"""The command `eval`, which measures how well the search answers judged queries over a repository of the user's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raycontext.cli.display import print_json, say
from raycontext.cli.index_options import with_index_options
from raycontext.cli.terminal import Address, Collection, Json, Root, Runtime, connected, show_progress
from raycontext.safe_text import safe

if TYPE_CHECKING:
    from raycontext.evaluation import Evaluation, QueryOutcome, Summary, Target
    from raycontext.models import IndexReport
    from raycontext.options import RunOptions

__all__ = ["evaluate"]


@with_index_options
def evaluate(
    queries: Annotated[
        Path, typer.Argument(help="Judged queries: a JSON file with queries and the files that answer them.")
    ],
    path: Annotated[Path, typer.Argument(help="The repository. It is indexed first when it has changed.")],
    *,
    options: RunOptions,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", "-n", min=1, max=1000, help="Number of hits of each query that count: the k of NDCG@k."
        ),
    ] = 10,
    worst: Annotated[int, typer.Option(min=0, help="Number of queries with the lowest scores to show.")] = 5,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Score the search on judged queries: NDCG, recall and MRR.

    QUERIES holds {"root": "src", "queries": [QUERY, …]} or only the list.

    A QUERY is {"query": "where is … done?", "category": "semantic", "targets": [{"path": "src/a.py", "start_line": 1,
    "end_line": 9}]}; category and lines may be left out.

    Paths are relative to PATH. Only the folder "root" below it is indexed.
    """
    from raycontext.evaluation import evaluate as evaluation_of
    from raycontext.evaluation import read_judged

    judged = read_judged(queries)
    source = _source(path, judged.root)
    with connected(root, address, runtime) as context:
        with show_progress() as show:
            report = context.index(source, collection=collection, on_progress=show, **options.given())
        evaluation = evaluation_of(
            judged, lambda query: context.search(query, collection=report.collection, limit=limit), limit
        )
    if as_json:
        print_json({"index": report.model_dump(mode="json"), **evaluation.model_dump(mode="json")})
    else:
        _print_evaluation(evaluation, report, worst)


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
    first = f"first answer at {outcome.first_rank}" if outcome.first_rank else "no answer"
    typer.echo(f"  {outcome.ndcg:.3f}  {safe(outcome.query)}  ({safe(outcome.category)}; {first})")
    for target in outcome.missed:
        typer.echo(f"         missed {safe(_place(target))}")


def _place(target: Target) -> str:
    return target.path if target.start_line is None else f"{target.path}:{target.start_line}-{target.end_line}"
