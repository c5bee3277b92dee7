"""The commands `watch` and `cancel`. The daemon watches a folder, or this process does until it is interrupted."""

from __future__ import annotations

import asyncio
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raycontext.cli.display import print_json, say
from raycontext.cli.indexing.index_options import with_index_options
from raycontext.cli.indexing.runs import daemon_root
from raycontext.cli.terminal import Address, Collection, Json, Root, Runtime
from raycontext.daemon_client import lifecycle, wire
from raycontext.errors import InvalidInput, RootNotFound, RuntimeUnavailable
from raycontext.errors.exit_codes import ExitCode
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from raycontext.models import IndexReport
    from raycontext.models.options import RunOptions

__all__ = ["cancel", "watch", "watch_folder", "watched"]


@with_index_options
def watch(
    path: Annotated[Path, typer.Argument(help="Folder to watch; it is indexed first.")] = Path(),
    *,
    options: RunOptions,
    stop: Annotated[bool, typer.Option("--stop", help="Stop watching the folder in the daemon.")] = False,
    every: Annotated[bool, typer.Option("--list", help="Only list what the daemon watches.")] = False,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Keep the index of a folder up to date as its files change.

    The daemon does this as long as it runs. Without a daemon, this command does it until you interrupt it.
    """
    place = daemon_root(root, address, runtime)
    if place is None:
        if stop or every:
            raise InvalidInput("Without a daemon nothing is watched in the background", "Interrupt what watches.")
    elif every:
        told = _ask(place, "GET", "/api/watches", None) if wire.health(place) is not None else {"watches": []}
        _print_watches(told["watches"], as_json)
        return
    elif stop:
        told = _ask(place, "POST", "/api/unwatch", {"path": str(path.absolute())})
        if as_json:
            print_json(told)
        else:
            typer.echo(f"{told['collection']} is {'no longer' if told['stopped'] else 'not'} watched")
        return
    watched(path, collection, options, root, address, runtime, as_json)


def watched(
    path: Path,
    collection: str | None,
    options: RunOptions,
    root: str | None,
    address: str | None,
    runtime: str | None,
    as_json: bool,
) -> None:
    """Watch a folder with the daemon, or in this process when there is none."""
    place = daemon_root(root, address, runtime)
    if place is None:
        watch_folder(str(path), collection, options, root, address, runtime)
        return
    if not path.is_dir():
        raise RootNotFound(str(path.absolute()))
    lifecycle.ensure_ready(place, tell=say)
    asked = {"path": str(path.absolute()), "collection": collection, **options.given()}
    _print_watches([_ask(place, "POST", "/api/watch", asked)], as_json)


def cancel(
    path: Annotated[Path | None, typer.Argument(help="A place in the folder.")] = None,
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Name of the collection.")] = None,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Stop the running index job of a collection. What it has committed stays. Exit code 11 if none runs."""
    if (path is None) == (collection is None):
        raise InvalidInput("Nothing says which job to stop", "Give its folder, or --collection NAME.")
    place = daemon_root(root, address)
    if place is not None:
        if wire.health(place) is None:
            told: dict[str, Any] = {"collection": collection or str(path), "cancelled": False}
        else:
            asked = {"collection": collection} if collection is not None else {"path": str(Path(str(path)).absolute())}
            told = _ask(place, "POST", "/api/cancel", asked)
    else:
        told = _cancelled_on_cluster(path, collection, root, address)
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{safe(told['collection'])}: {'stopped' if told['cancelled'] else 'no job runs'}")
    if not told["cancelled"]:
        raise typer.Exit(ExitCode.NOTHING_TO_CANCEL)


def watch_folder(
    path: str,
    collection: str | None,
    options: RunOptions,
    root: str | None,
    address: str | None,
    runtime: str | None,
) -> None:
    """Watch a folder in this process until it is interrupted."""
    with redirect_stdout(sys.stderr):
        asyncio.run(_watch_here(path, collection, options, root, address, runtime))


async def _watch_here(
    path: str, collection: str | None, options: RunOptions, root: str | None, address: str | None, runtime: Any
) -> None:
    """Index the folder, then watch it until this is cancelled."""
    from raycontext.sdk.connection import connect

    def tell(report: IndexReport) -> None:
        say(f"version {report.version}: {report.added} added, {report.modified} modified, {report.removed} removed")

    async with connect(root=root, address=address, runtime=runtime) as context:
        state = await context.watch(path, collection=collection, on_report=tell, **options.given())
        say(f"watching {safe(state.source)} as '{state.collection}'")
        await asyncio.Event().wait()


def _cancelled_on_cluster(
    path: Path | None, collection: str | None, root: str | None, address: str | None
) -> dict[str, Any]:
    """Cancel a job without a daemon, through the Coordinator. Returns the collection and whether a job ran."""
    from raycontext.cli.terminal import connected

    with connected(root, address, None if address else "inline") as context:
        name = context.resolve(collection, path)
        return {"collection": name, "cancelled": context.cancel(name)}


def _ask(place: str, method: str, target: str, asked: dict[str, Any] | None) -> Any:
    """Return the answer of the daemon to a request. Raises `RemoteError`."""
    try:
        return wire.checked(wire.ask(place, method, target, asked))
    except wire.DaemonGone as error:
        raise RuntimeUnavailable(f"The daemon does not answer: {error}", "See its log: raycontext logs") from error


def _print_watches(watches: list[dict[str, Any]], as_json: bool) -> None:
    """Print the watched folders."""
    if as_json:
        print_json(watches)
        return
    for found in watches:
        how = "polling" if found["polls"] else "watching"
        problem = f": {safe(found['problem'])}" if found["problem"] else ""
        typer.echo(f"{found['collection']}: {how} {safe(found['source'])}{problem}")
    if not watches:
        say("nothing is watched")
