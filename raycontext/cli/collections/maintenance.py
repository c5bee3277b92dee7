"""The commands `verify`, which checks collections, and `repair`, which rebuilds what is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raycontext.cli.display import print_json, say
from raycontext.cli.terminal import Address, Collection, Json, Root, Runtime, connected
from raycontext.errors import InvalidInput
from raycontext.errors.exit_codes import ExitCode
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raycontext.sdk.connection import SyncContext
    from raycontext.store.checking.reports import Damage, RepairReport, VerificationReport

__all__ = ["repair", "verify"]

Place = Annotated[
    str | None,
    typer.Argument(
        metavar="COLLECTION|PATH", help="A collection, by its name or by a place in its folder [default: all]."
    ),
]


def verify(
    path: Place = None,
    collection: Collection = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Hash every file, and compare the chunks with source files that have not changed."),
    ] = False,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Check that nothing of an index is missing or damaged. Exit code 5 if something is."""
    with connected(root, address, None if address else "inline") as context:
        reports = context.verify(_meant(context, path, collection), deep=deep)
    if as_json:
        print_json([report.model_dump(mode="json") for report in reports])
    else:
        for report in reports:
            _print_verification(report)
    if not reports:
        say("nothing is indexed yet: raycontext index PATH")
    if any(report.damage for report in reports):
        raise typer.Exit(ExitCode.STORAGE)


def repair(
    path: Place = None,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Rebuild the damaged parts of an index from the source, and nothing else."""
    with connected(root, address, runtime) as context:
        reports = context.repair(_meant(context, path, collection))
    if as_json:
        print_json([report.model_dump(mode="json") for report in reports])
    else:
        for report in reports:
            _print_repair(report)
    if not reports:
        say("nothing is indexed yet: raycontext index PATH")


def _meant(context: SyncContext, place: str | None, collection: str | None) -> str | None:
    """Return the collection that a name, or a place in its folder, means; None for all.

    A word without a slash is the name of a collection before it is a folder. Raises `UnknownCollection`, `PathNotFound`
    or `InvalidInput`.
    """
    if place is None:
        return collection
    if collection is not None:
        raise InvalidInput("Both a place and a collection are given", "Give one of them.")
    is_path = "/" in place or place.startswith((".", "~"))
    if not is_path and (not Path(place).exists() or any(known.name == place for known in context.collections())):
        return place
    return context.resolve(path=place)


def _print_verification(report: VerificationReport) -> None:
    """Print whether a collection is healthy, what was read, and each damage with what it means."""
    typer.echo(
        f"{report.collection}: {'damaged' if report.damage else 'healthy'}, version {report.version}: "
        f"{report.manifests} manifests, {report.segments} segments with {report.data_files} files "
        f"({report.bytes / 1e6:.1f} MB), {report.files} indexed files, {report.chunks} chunks"
    )
    _print_damage(report.damage)
    if not report.deep:
        typer.echo("  sizes, rows and history compared; --deep hashes every file and compares with the source")
    else:
        typer.echo(
            f"  every file hashed; {report.compared_files} indexed files compared with the source, "
            f"{report.changed_files} changed since"
        )


def _print_repair(report: RepairReport) -> None:
    """Print the report of a repair."""
    if not report.damage:
        typer.echo(f"{report.collection}: healthy, version {report.version}; nothing to do")
        return
    typer.echo(f"{report.collection}: repaired, version {report.index.version if report.index else report.version}")
    _print_damage(report.damage)
    for action in _actions(report):
        typer.echo(f"  {action}")


def _print_damage(damage: Iterable[Damage]) -> None:
    """Print each damage on a line."""
    for entry in damage:
        typer.echo(f"  {entry.kind}: {safe(entry.object)}: {safe(entry.meaning)}")


def _actions(report: RepairReport) -> Iterable[str]:
    """Yield a line for each thing that a repair has done."""
    if report.rewritten_description:
        yield "wrote the description of the collection anew"
    if report.removed_manifests:
        yield f"removed damaged manifests: {', '.join(map(str, report.removed_manifests))}"
    if report.rebuilt_snapshot:
        yield "rebuilt the snapshot from the segments that are intact; every file was hashed again"
    if report.dropped_segments:
        yield f"dropped {len(report.dropped_segments)} segments with {report.dropped_files} files"
    if report.index is None:
        yield "the source is not there, or not yours: `raycontext index SOURCE` indexes what was dropped again"
    else:
        run = report.index
        yield (
            f"indexed again: {run.added} files added, {run.modified} modified, {run.removed} removed, "
            f"{run.indexed_bytes / 1e6:.1f} MB; {run.files} files, {run.chunks} chunks in the index"
        )
