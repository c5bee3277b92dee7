"""The commands about what is indexed: `status`, `list` and `clear`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raycontext.cli.daemon import describe
from raycontext.cli.display import joined_counts, print_json, say
from raycontext.cli.indexing.runs import daemon_root
from raycontext.cli.terminal import Address, Collection, Json, Root, connected
from raycontext.daemon_client import wire
from raycontext.errors import InvalidInput, RemoteError
from raycontext.errors.exit_codes import ExitCode
from raycontext.files.paths import real_path
from raycontext.runtime.without_ray import RUNTIMES
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from raycontext.models import ActorStatus, CollectionStatus, CollectionSummary, JobProgress

__all__ = ["clear", "known_collections", "list_collections", "status"]

FAULTS = ("quarantined", "worker_died", "out_of_memory", "worker_lost")
"""Reasons for skipped files that point to a fault, not to a choice."""

SHOWN_SKIPPED = 20
"""Largest number of skipped files that `status` names."""


def status(
    path: Annotated[Path | None, typer.Argument(help="A place in an indexed folder.")] = None,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Show what a collection holds, what was skipped, and its actors. Without a place, show the daemon too."""
    from raycontext.errors import NotIndexedYet, UnknownCollection
    from raycontext.models import CollectionStatus

    place = daemon_root(root, address)
    health = wire.health(place) if place is not None else None
    named = collection is not None or path is not None
    found: CollectionStatus | None = None
    where = "no daemon serves it" if place is not None else ""
    try:
        told = _of_daemon(place, health, "status", _asked(collection, path))
        if told is not None and told["collection"] is not None:
            found = CollectionStatus.model_validate(told["collection"])
            where = RUNTIMES[told["runtime"]]
        elif told is not None:
            _print_first_run(told, as_json)
            return
        if found is None:
            with connected(root, address, None if address else "inline") as context:
                found = context.status(collection, path=None if collection is not None else path or os.getcwd())  # noqa: PTH109
    except (UnknownCollection, RemoteError) as error:
        if named or isinstance(error, NotIndexedYet) or getattr(error, "name", "") == NotIndexedYet.__name__:
            raise
    if as_json:
        print_json({"daemon": health} if found is None else found.model_dump(mode="json"))
        return
    if found is not None:
        _print_status(found)
        if where:
            typer.echo(f"  {where}")
    if not named and place is not None:
        typer.echo(describe(health) if health is not None else "no daemon runs: raycontext up starts it")
    if found is None:
        known = known_collections(root, address)
        if known:
            say(f"{safe(os.getcwd())} is not indexed. These folders are:")  # noqa: PTH109
        _print_collections(known)


def clear(
    path: Annotated[Path | None, typer.Argument(help="The indexed folder itself.")] = None,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Remove a collection from the index. The source is not touched."""
    if (path is None) == (collection is None):
        raise InvalidInput("Nothing says which collection to remove", "Give its folder, or --collection NAME.")
    place = daemon_root(root, address)
    told = _of_daemon(place, wire.health(place) if place else None, "clear", _asked(collection, path))
    if told is not None:
        _print_cleared(told["cleared"], as_json)
        return
    with connected(root, address, None if address else "inline") as context:
        name = context.of_source(path) if path is not None else collection
        assert name is not None
        context.clear(name)
    _print_cleared(name, as_json)


def _print_cleared(name: str, as_json: bool) -> None:
    """Print which collection was removed."""
    if as_json:
        print_json({"cleared": name})
    else:
        typer.echo(f"removed {name}")


def list_collections(
    collection: Collection = None, root: Root = None, address: Address = None, as_json: Json = False
) -> None:
    """List all collections, or show the one with the given name."""
    from raycontext.errors import UnknownCollection

    known = known_collections(root, address)
    found = [summary for summary in known if collection in (None, summary.name)]
    if collection is not None and not found:
        raise UnknownCollection(collection, tuple(summary.name for summary in known))
    if as_json:
        print_json([summary.model_dump(mode="json") for summary in found])
        return
    _print_collections(found)


def known_collections(root: str | None, address: str | None) -> list[CollectionSummary]:
    """Return a summary of each collection: from the daemon where one is ready, else from the root itself."""
    from raycontext.models import CollectionSummary

    place = daemon_root(root, address)
    health = wire.health(place) if place is not None else None
    if place is not None and health is not None and health["state"] == "ready":
        with suppress(wire.DaemonGone):
            told = wire.checked(wire.ask(place, "GET", "/api/collections"))
            return [CollectionSummary.model_validate(each) for each in told["collections"]]
    with connected(root, address, None if address else "inline") as context:
        return context.collections()


def _print_collections(known: list[CollectionSummary]) -> None:
    """Print a line for each collection."""
    for summary in known:
        typer.echo(
            f"{summary.name}  {summary.files} files  {summary.chunks} chunks  version {summary.version}  "
            f"{summary.indexed_at}  {safe(summary.source)}"
        )
        if summary.problem:
            say(f"{summary.name}: {summary.problem}")
    if not known:
        say("nothing is indexed yet: raycontext index PATH")


def _asked(collection: str | None, path: Path | None) -> dict[str, Any]:
    """Return the place or the collection as the daemon's API takes it."""
    if collection is not None:
        return {"collection": collection}
    if path is None:
        return {"folder": os.getcwd()}  # noqa: PTH109
    return {"path": real_path(path)}


def _of_daemon(root: str | None, health: dict[str, Any] | None, name: str, asked: dict[str, Any]) -> Any:
    """Return the answer of a daemon that is ready; None when there is none. Raises `RemoteError`."""
    if root is None or health is None or health["state"] != "ready":
        return None
    with suppress(wire.DaemonGone):
        return wire.checked(wire.ask(root, "POST", f"/api/{name}", asked))
    return None


def _print_first_run(told: dict[str, Any], as_json: bool) -> None:
    """Show a collection whose first run has not committed anything. Ends with exit code 4 where that run has ended."""
    from raycontext.models import JobProgress

    job = told["job"]
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{job['collection']}: {safe(job['source'])}")
        progress = _of_job(JobProgress.model_validate(job["progress"])) if job["progress"] else job["state"]
        typer.echo(f"  not indexed yet; first run {progress}")
        if job["error"]:
            typer.echo(f"  {safe(job['error'])}")
    if job["state"] != "running":
        say(f"raycontext index {safe(job['source'])} goes on")
        raise typer.Exit(ExitCode.NO_COLLECTION)


def _print_status(found: CollectionStatus) -> None:
    """Print the state of a collection: version, sizes, languages, skipped files, and the actors around it."""
    typer.echo(f"{found.name}: {safe(found.source)}")
    typer.echo(
        f"  version {found.version} (epoch {found.epoch}), {found.indexed_at}; {found.num_shards} shards, "
        f"{found.segments} segments, {found.tombstones} tombstones, {found.bytes_on_disk / 1e6:.1f} MB on disk for "
        f"{found.source_bytes / 1e6:.1f} MB of source"
    )
    if found.shared_bytes:
        typer.echo(
            f"  {found.shared_bytes / 1e6:.1f} MB of that shared with other collections, "
            f"{found.own_bytes / 1e6:.1f} MB its own"
        )
    typer.echo(f"  {found.files} files, {found.chunks} chunks; embedder {found.embedder}")
    typer.echo(f"  languages: {joined_counts(found.languages)}")
    if found.without_definitions:
        typer.echo(f"  without definitions: {', '.join(found.without_definitions)}")
    if found.history != "unread":
        typer.echo(f"  history: {_of_history(found)}")
    if found.progress is not None:
        typer.echo(f"  job: {_of_job(found.progress)}")
    if found.skipped:
        typer.echo(f"  skipped: {joined_counts(found.skipped)}")
        # Failures come first, since they may need attention.
        ranked = sorted(found.skipped_files, key=lambda skipped: skipped[1] not in FAULTS)
        for path, reason in ranked[:SHOWN_SKIPPED]:
            typer.echo(f"    {reason}: {safe(path)}")
        if len(ranked) > SHOWN_SKIPPED:
            typer.echo(f"    and {len(ranked) - SHOWN_SKIPPED} more: --json lists them")
    if found.pending_files:
        typer.echo(f"  pending, which the next index run tries again: {len(found.pending_files)}")
    for failed in found.failed_files[:SHOWN_SKIPPED]:
        where = f" on {safe(failed.node)}" if failed.node else ""
        typer.echo(f"  failed: {safe(failed.path)}: {safe(failed.why)}{where}, {failed.failed_at}")
    if found.cut_by_lines:
        shown = ", ".join(safe(path) for path in found.cut_by_lines[:SHOWN_SKIPPED])
        typer.echo(f"  cut by lines, since parsing them takes too much work: {len(found.cut_by_lines)} ({shown})")
    if found.encodings:
        typer.echo(f"  encodings other than UTF-8: {joined_counts(found.encodings)}")
    if found.guessed_encodings:
        shown = ", ".join(safe(path) for path in found.guessed_encodings[:SHOWN_SKIPPED])
        typer.echo(f"  read as Latin-1, since nothing tells the encoding: {len(found.guessed_encodings)} ({shown})")
    if found.redacted:
        shown = ", ".join(safe(path) for path in list(found.redacted)[:SHOWN_SKIPPED])
        typer.echo(f"  indexed without {sum(found.redacted.values())} secrets: {len(found.redacted)} files ({shown})")
    if found.shards_on_one_node:
        shards = ", ".join(map(str, found.shards_on_one_node))
        typer.echo(f"  replicas share a node, and are about to part: shards {shards}")
    for actor in found.actors:
        typer.echo(f"  actor {actor.name}: {_of_actor(actor)}")


def _of_history(found: CollectionStatus) -> str:
    """Return how far the commits of a collection are indexed, as text."""
    why = f" ({safe(found.history_problem)})" if found.history_problem else ""
    if found.history == "none":
        return f"none{why}"
    rest = "" if found.history == "complete" else "; more is read by the next search of commits"
    return f"{found.history_commits:,} commits up to {found.history_head[:12]}{why}{rest}"


def _of_job(job: JobProgress) -> str:
    """Return the progress of a job as a line of text."""
    text = f"{job.stage}, {job.files_indexed}/{job.files_to_index} files, {job.seconds:.1f} s"
    if job.files_indexed:
        text += f", {job.files_per_second:.0f} files/s, {job.bytes_per_second / 1e6:.1f} MB/s"
    if job.seconds_to_next_try is not None:
        text += f", a worker, a node or the storage was lost: next try in {job.seconds_to_next_try:.0f} s"
        text += f" ({job.files_waiting} files wait)" if job.files_waiting else ""
    if job.seconds_left is not None:
        text += f", {job.percent:.0f} %, about {job.seconds_left:.0f} s left"
    return text + (f": {safe(job.error)}" if job.error else "")


def _of_actor(actor: ActorStatus) -> str:
    """Return the status of an actor as a line of text."""
    text = f"pid {actor.pid} on {actor.node}, {actor.rss_bytes / 2**20:.0f} MiB resident"
    if actor.mapped_bytes is not None:
        text += f" ({actor.mapped_bytes / 2**20:.0f} mapped)"
    text += f", {actor.calls} calls, {actor.calls_waiting} waiting"
    if actor.call_p50_seconds is not None and actor.call_p99_seconds is not None:
        text += f", p50 {_milliseconds(actor.call_p50_seconds)}, p99 {_milliseconds(actor.call_p99_seconds)}"
    return text


def _milliseconds(seconds: float) -> str:
    value = seconds * 1e3
    return f"{value:.0f} ms" if value >= 100 else f"{value:.3g} ms"
