"""The command `index`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raycontext.cli.display import joined_counts, print_json, say
from raycontext.cli.indexing.estimate import print_estimate
from raycontext.cli.indexing.index_options import with_index_options
from raycontext.cli.indexing.runs import index_folder
from raycontext.cli.indexing.watching import watched
from raycontext.cli.terminal import Address, Collection, Json, Root, Runtime, connected
from raycontext.errors import InvalidInput
from raycontext.errors.exit_codes import ExitCode
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from raycontext.models import IndexReport
    from raycontext.models.options import RunOptions

__all__ = ["index", "print_report"]


@with_index_options
def index(
    path: Annotated[Path, typer.Argument(help="Folder to index.")],
    *,
    options: RunOptions,
    collection: Collection = None,
    ref: Annotated[
        str | None,
        typer.Option("--ref", help="Index this branch, tag or commit of the repository, without a checkout."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done, and how long it would take.")
    ] = False,
    watching: Annotated[
        bool, typer.Option("--watch", help="Keep the index up to date as files change (see `raycontext watch`).")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Build the index anew; the old one answers until the new one is complete.")
    ] = False,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Index a folder, or bring its index up to date. Exit code 8 if files are pending.

    Files are pending whose workers or nodes were lost again and again. The next run tries them again.
    """
    if ref is not None and (dry_run or watching):
        raise InvalidInput("Both --ref and --dry-run or --watch are given", "Leave one out: a commit does not change.")
    if dry_run:
        with connected(root, address, None if address else "inline") as context:
            estimate = context.estimate(path, collection=collection, **options.given())
        print_estimate(estimate, as_json)
        return
    report = index_folder(
        os.fspath(path), collection, options, ref=ref, force=force, root=root, address=address, runtime=runtime
    )
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        print_report(report)
    if report.pending_files and not watching:
        raise typer.Exit(ExitCode.SOME_SOURCES)
    if watching:
        watched(path, report.collection, options.of_later_runs(), root, address, runtime, as_json)


def print_report(report: IndexReport) -> None:
    """Print what an index run did: files, rate, what was skipped and why."""
    rate = report.indexed_bytes / 1e6 / report.seconds if report.seconds else 0.0
    state = "indexed" if report.changed else "unchanged"
    typer.echo(
        f"{state} {safe(report.source)} as '{report.collection}', version {report.version}: "
        f"{report.files} files, {report.chunks} chunks"
    )
    typer.echo(
        f"{report.added} added, {report.modified} modified, {report.removed} removed, "
        f"{report.indexed_bytes / 1e6:.1f} MB in {report.seconds:.1f} s ({rate:.1f} MB/s)"
    )
    if report.embedded_texts or report.reused_vectors:
        typer.echo(
            f"{report.embedded_texts} texts embedded for {report.embedding_tokens} tokens, "
            f"{report.reused_vectors} vectors reused"
        )
    if report.reused_files:
        typer.echo(f"{report.reused_files} files taken over from {safe(', '.join(report.reused_from))}")
    if report.skipped:
        typer.echo("skipped: " + joined_counts(report.skipped))
    if report.pending_files:
        shown = ", ".join(safe(path) for path in report.pending_files[:3])
        typer.echo(f"pending, since workers were lost: {len(report.pending_files)} ({shown}); the next run tries again")
    if report.cut_by_lines:
        shown = ", ".join(safe(path) for path in report.cut_by_lines[:3])
        typer.echo(f"cut by lines, since parsing them takes too much work: {len(report.cut_by_lines)} ({shown})")
    if report.without_vectors:
        shown = ", ".join(safe(path) for path in report.without_vectors[:3])
        typer.echo(f"the embedding server refused texts of {len(report.without_vectors)} files ({shown})")
    for folder in report.unreadable_folders:
        say(f"cannot list {safe(folder)}: what was indexed of it is kept")
