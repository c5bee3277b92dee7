"""The commands that are not served by `cli` itself, as one Typer application; all of them, for shell completion."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raycontext import __version__
from raycontext.errors import InvalidInput
from raycontext.places import real_path
from raycontext.serve import client, queries
from raycontext.serve.batch import batch
from raycontext.serve.daemon_commands import describe, down, logs, up
from raycontext.serve.display import interrupted, print_json, say
from raycontext.serve.doctor import doctor
from raycontext.serve.estimates import print_estimate
from raycontext.serve.evaluate import evaluate
from raycontext.serve.indexing import daemon_root, index_folder
from raycontext.serve.install.command import install
from raycontext.serve.maintenance import repair, verify
from raycontext.serve.mcp_command import mcp
from raycontext.serve.options import QUERY_COMMANDS, QueryCommand
from raycontext.serve.terminal import Address, Collection, Json, Root, Runtime, connected
from raycontext.serve.text import safe
from raycontext.serve.watching import cancel, watch

if TYPE_CHECKING:
    from raycontext.models import ActorStatus, CollectionStatus, IndexReport, JobProgress

__all__ = ["application"]

FAILED = ("quarantined", "worker_died", "out_of_memory")
"""Reasons for which a file was skipped that should not be."""

SHOWN_SKIPPED = 20
"""Skipped files that `status` names."""

application = typer.Typer(
    name="raycontext",
    help="Semantic code search: index a folder, then ask where something is done.",
    epilog="From nothing to an answer:  raycontext index PATH && raycontext search 'where is … done?' PATH",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # plain help, for the other takes longer than the rest of the command
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"raycontext {__version__}")
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Semantic code search: index a folder, then ask where something is done."""


@application.command()
def index(
    path: Annotated[Path, typer.Argument(help="Folder to index.")],
    collection: Collection = None,
    shards: Annotated[int | None, typer.Option(help="Shards of the collection; another number rebuilds it.")] = None,
    embedder: Annotated[
        str | None,
        typer.Option(
            help="static; a model in a folder: model2vec:FOLDER, onnx:FOLDER, sentence-transformers:FOLDER; or one "
            "that a server has, which gets all the text: openai:MODEL, voyage:MODEL, ollama:MODEL, each with @URL for "
            "another place. Another one rebuilds the collection."
        ),
    ] = None,
    max_embedding_tokens: Annotated[
        int | None, typer.Option(help="Stop before an embedding server counts more tokens than that.", min=0)
    ] = None,
    secrets: Annotated[
        bool | None,
        typer.Option("--secrets/--no-secrets", help="Index files with keys and tokens too.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do, and how long.")] = False,
    watching: Annotated[bool, typer.Option("--watch", help="Go on as files change: see `raycontext watch`.")] = False,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Index a folder, or bring its index up to date."""
    if dry_run:
        with connected(root, address, None if address else "inline") as context:
            estimate = context.estimate(
                path, collection=collection, num_shards=shards, embedder=embedder, secrets=secrets
            )
        print_estimate(estimate, as_json)
        return
    asked = {
        "path": os.fspath(path),
        "collection": collection,
        "num_shards": shards,
        "embedder": embedder,
        "secrets": secrets,
        "max_embedding_tokens": max_embedding_tokens,
    }
    try:
        report = index_folder(asked, root=root, address=address, runtime=runtime)
    except KeyboardInterrupt:  # caught here, for the framework would turn it into an exit without a word
        raise typer.Exit(interrupted()) from None
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_report(report)
    if watching:
        watch(path, root=root, address=address, runtime=runtime, as_json=as_json)


@application.command()
def status(
    path: Annotated[Path | None, typer.Argument(help="A place in an indexed folder.")] = None,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """What a collection holds, what was skipped and why, and its actors. Without a place, the daemon too."""
    from raycontext.errors import UnknownCollection
    from raycontext.models import CollectionStatus

    place = daemon_root(root, address)
    health = client.health(place) if place is not None else None
    named = collection is not None or path is not None
    found: CollectionStatus | None = None
    try:
        told = _of_daemon(place, health, "status", _asked(collection, path))
        if told is not None and told["collection"] is not None:
            found = CollectionStatus.model_validate(told["collection"])
        if found is None:
            with connected(root, address, None if address else "inline") as context:
                found = context.status(collection, path=path)
    except (UnknownCollection, InvalidInput, client.Refused):
        if named or place is None:
            raise
    if as_json:
        print_json({"daemon": health} if found is None else found.model_dump(mode="json"))
        return
    if found is not None:
        _print_status(found)
    if not named and place is not None:
        typer.echo(describe(health) if health is not None else "no daemon runs: raycontext up starts it")
    if found is None:
        list_collections(root=root)


@application.command()
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
    told = _of_daemon(place, client.health(place) if place else None, "clear", _asked(collection, path))
    if told is not None:
        _print_cleared(told["cleared"], as_json)
        return
    with connected(root, address, None if address else "inline") as context:
        name = context.of_source(path) if path is not None else collection
        assert name is not None
        context.clear(name)
    _print_cleared(name, as_json)


def _print_cleared(name: str, as_json: bool) -> None:
    if as_json:
        print_json({"cleared": name})
    else:
        typer.echo(f"removed {name}")


@application.command("list")
def list_collections(
    collection: Collection = None, root: Root = None, address: Address = None, as_json: Json = False
) -> None:
    """All collections, or the one of that name."""
    from raycontext.errors import UnknownCollection

    with connected(root, address, None if address else "inline") as context:
        known = context.collections()
    found = [summary for summary in known if collection in (None, summary.name)]
    if collection is not None and not found:
        raise UnknownCollection(collection, tuple(summary.name for summary in known))
    if as_json:
        print_json([summary.model_dump(mode="json") for summary in found])
        return
    for summary in found:
        typer.echo(
            f"{summary.name}  {summary.files} files  {summary.chunks} chunks  version {summary.version}  "
            f"{summary.indexed_at}  {safe(summary.source)}"
        )
    if not found:
        say("nothing is indexed yet: raycontext index PATH")


def _asked(collection: str | None, path: Path | None) -> dict[str, Any]:
    """A collection, as the daemon is asked for it."""
    if collection is not None:
        return {"collection": collection}
    if path is None:
        return {"folder": os.getcwd()}  # noqa: PTH109
    return {"path": real_path(path)}


def _of_daemon(root: str | None, health: dict[str, Any] | None, name: str, asked: dict[str, Any]) -> Any:
    """What a daemon that is ready answers; None where there is none. Raises `Refused`."""
    if root is None or health is None or health["state"] != "ready":
        return None
    with suppress(client.DaemonGone):
        return client.checked(client.ask(root, "POST", f"/api/{name}", asked))
    return None


def _registered(command: QueryCommand) -> Callable[..., None]:
    """A command of the table as Typer knows commands: it completes its options, and `cli` runs it without Typer."""

    def run(**given: Any) -> None:
        raise typer.Exit(queries.run(command.name, given))

    parameters = {
        argument.name: (
            str if argument.required else str | None,
            typer.Argument(help=argument.help, metavar=argument.shown or None),
            inspect.Parameter.empty if argument.required else None,
        )
        for argument in command.arguments
    } | {
        option.key: (
            list[str] if option.many else option.kind if option.default is not None else option.kind | None,
            typer.Option(*option.flags, help=option.help, envvar=option.variable or None),
            [] if option.many else False if option.kind is bool else option.default,
        )
        for option in command.options
    }
    signature = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, known])
        for name, (kind, known, default) in parameters.items()
    ]
    run.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    return run


for _command in QUERY_COMMANDS.values():
    application.command(_command.name, help=_command.help)(_registered(_command))
application.command("eval")(evaluate)
application.command()(batch)
application.command()(doctor)
application.command()(verify)
application.command()(repair)
application.command()(install)
application.command()(watch)
application.command()(cancel)
application.command()(up)
application.command()(down)
application.command()(logs)
application.command()(mcp)


def _print_report(report: IndexReport) -> None:
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
    if report.skipped:
        typer.echo("skipped: " + _counts(report.skipped))
    if report.cut_by_lines:
        shown = ", ".join(safe(path) for path in report.cut_by_lines[:3])
        typer.echo(f"cut by lines, since they could not be parsed in time: {len(report.cut_by_lines)} ({shown})")
    for folder in report.unreadable_folders:
        say(f"cannot list {safe(folder)}: what was indexed of it is kept")


def _print_status(found: CollectionStatus) -> None:
    typer.echo(f"{found.name}: {safe(found.source)}")
    typer.echo(
        f"  version {found.version} (epoch {found.epoch}), {found.indexed_at}; {found.num_shards} shards, "
        f"{found.segments} segments, {found.tombstones} tombstones, {found.bytes_on_disk / 1e6:.1f} MB on disk for "
        f"{found.source_bytes / 1e6:.1f} MB of source"
    )
    typer.echo(f"  {found.files} files, {found.chunks} chunks; embedder {found.embedder}")
    typer.echo(f"  languages: {_counts(found.languages)}")
    if found.progress is not None:
        typer.echo(f"  job: {_of_job(found.progress)}")
    if found.skipped:
        typer.echo(f"  skipped: {_counts(found.skipped)}")
        # What failed is what someone may want to look into.
        ranked = sorted(found.skipped_files, key=lambda skipped: skipped[1] not in FAILED)
        for path, reason in ranked[:SHOWN_SKIPPED]:
            typer.echo(f"    {reason}: {safe(path)}")
        if len(ranked) > SHOWN_SKIPPED:
            typer.echo(f"    and {len(ranked) - SHOWN_SKIPPED} more: --json lists them")
    for actor in found.actors:
        typer.echo(f"  actor {actor.name}: {_of_actor(actor)}")


def _of_job(job: JobProgress) -> str:
    text = f"{job.stage}, {job.files_indexed}/{job.files_to_index} files, {job.seconds:.1f} s"
    if job.files_indexed:
        text += f", {job.files_per_second:.0f} files/s, {job.bytes_per_second / 1e6:.1f} MB/s"
    if job.seconds_left is not None:
        text += f", {job.percent:.0f} %, about {job.seconds_left:.0f} s left"
    return text + (f": {safe(job.error)}" if job.error else "")


def _of_actor(actor: ActorStatus) -> str:
    text = f"pid {actor.pid} on {actor.node}, {actor.rss_bytes / 2**20:.0f} MiB resident"
    if actor.mapped_bytes is not None:
        text += f" ({actor.mapped_bytes / 2**20:.0f} mapped)"
    text += f", {actor.calls} calls, {actor.calls_waiting} waiting"
    if actor.call_p50_seconds is not None and actor.call_p99_seconds is not None:
        text += f", p50 {actor.call_p50_seconds * 1e3:.3g} ms, p99 {actor.call_p99_seconds * 1e3:.3g} ms"
    return text


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
