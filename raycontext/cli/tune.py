"""The commands `tune` and `untune`: weights of the ranker that are fitted to one collection of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raycontext.cli.display import print_json
from raycontext.cli.evaluate import MineOption, Queries, Repository, asked_of
from raycontext.cli.indexing.index_options import with_index_options
from raycontext.cli.terminal import Address, Collection, Json, Root, Runtime, connected, show_progress
from raycontext.errors.exit_codes import ExitCode
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from raycontext.evaluation.scoring import Estimate
    from raycontext.evaluation.tuning import Tuning
    from raycontext.models.options import RunOptions

__all__ = ["tune", "untune"]


@with_index_options
def tune(
    queries: Queries,
    path: Repository = None,
    *,
    options: RunOptions,
    mine: MineOption = None,
    questions: Annotated[int, typer.Option(min=200, help="Largest number of mined questions.")] = 1000,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the weights even if they are not surely better.")] = False,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Fit the weights of the ranker for one collection, and keep them if they are significantly better.

    Takes at least 200 judged queries (see `raycontext eval --help`) or, with --mine, questions from the repository.

    The gain is measured on questions that the weights have not seen. Kept weights are this user's own, and count in
    searches of this collection alone; a search over several collections uses those of the package.

    `raycontext tune --mine docs PATH` needs no QUERIES; `raycontext untune PATH` removes what was kept.
    """
    judged, source, kind = asked_of(queries, path, mine)
    with connected(root, address, runtime) as context:
        with show_progress() as show:
            report = context.index(source, collection=collection, on_progress=show, **options.given())
        tuning = context.tune(judged, mine=kind, collection=report.collection, questions=questions, keep=keep)
    if as_json:
        print_json(tuning.model_dump(mode="json"))
    else:
        _print_tuning(tuning)


def untune(
    path: Annotated[Path | None, typer.Argument(help="Indexed folder, or a place in it.", show_default=False)] = None,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Go back to the weights of the package for one collection. Exit code 1 if it had none of its own."""
    with connected(root, address, runtime) as context:
        name = context.resolve(collection, path=None if collection is not None else path or Path.cwd())
        removed = context.untune(name)
    if as_json:
        print_json({"collection": name, "removed": removed})
    else:
        had = "uses the weights of the package again" if removed else "had no weights of its own"
        typer.echo(f"'{safe(name)}' {had}")
    if not removed:
        raise typer.Exit(ExitCode.NOTHING_FOUND)


def _print_tuning(tuning: Tuning) -> None:
    """Print the gain of fitted weights, and whether they are kept."""
    kind = f" from {tuning.mine}" if tuning.mine else ""
    typer.echo(f"{tuning.questions} questions{kind} on '{safe(tuning.collection)}'; intervals: 95 %, over questions")
    typer.echo(f"NDCG@10 with the weights of the package  {_figure(tuning.shipped)}")
    typer.echo(f"NDCG@10 with weights fitted on others    {_figure(tuning.tuned)}")
    is_sure = "significant" if tuning.significant else "not significant"
    typer.echo(f"gain {tuning.gain.mean:+.3f} ({tuning.gain.low:+.3f} to {tuning.gain.high:+.3f}): {is_sure}")
    if tuning.kept:
        typer.echo(f"Searches of '{safe(tuning.collection)}' use the fitted weights. `raycontext untune` ends that.")
    else:
        typer.echo("Nothing is kept: searches use the weights they had. --keep keeps the fitted ones all the same.")


def _figure(estimate: Estimate) -> str:
    """Return an estimate with its interval as text."""
    return f"{estimate.mean:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
