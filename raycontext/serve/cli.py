"""The command line: `raycontext index | search | status | clear | list`.

Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 nothing found (`search`) or an error
without a code of its own, 2 wrong use, 3 no such folder, 4 no such collection, 5 storage, 6 the run stopped,
7 Ray cannot be reached, 130 interrupted.
"""

from __future__ import annotations

import io
import json
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from raycontext import __version__
from raycontext.serve.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raycontext.context import SyncContext
    from raycontext.models import CollectionStatus, Hit, IndexReport, JobProgress

__all__ = ["application", "main"]

Result = TypeVar("Result")

EXIT_NOTHING_FOUND = 1
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
SNIPPET_LINES = 12

application = typer.Typer(
    name="raycontext",
    help="Semantic code search: index a folder, then ask where something is done.",
    epilog="From nothing to an answer:  raycontext index PATH && raycontext search 'where is … done?' PATH",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

Root = Annotated[
    Path | None,
    typer.Option("--root", envvar="RAYCONTEXT_ROOT", help="Folder of the collections [default: user data folder]."),
]
Address = Annotated[
    str | None, typer.Option("--address", envvar="RAYCONTEXT_ADDRESS", help="Ray cluster to join: auto or host:port.")
]
Collection = Annotated[str | None, typer.Option("--collection", "-c", help="Name of the collection.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


def main() -> None:
    """Entry point of the `raycontext` command."""
    from raycontext.errors import RaycontextError

    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # they are for developers, who ask for them with -W
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 must not end the command
    try:
        application()
    except RaycontextError as error:
        _say(f"error: {safe(str(error))}")
        sys.exit(error.exit_code)
    except OSError as error:  # such as a current folder that is gone
        _say(f"error: {safe(str(error))}")
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(_interrupted())


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
    root: Root = None,
    address: Address = None,
    runtime: Annotated[str | None, typer.Option(help="ray (default) or inline: in this process.")] = None,
    as_json: Json = False,
) -> None:
    """Index a folder, or bring its index up to date."""
    with _connected(root, address, runtime) as context, _progress() as show:
        report = context.index(path, collection=collection, num_shards=shards, on_progress=show)
    if as_json:
        _print_json(report.model_dump(mode="json"))
    else:
        _print_report(report)


@application.command()
def search(
    query: Annotated[str, typer.Argument(help="A question, words, or a symbol.")],
    path: Annotated[
        Path | None, typer.Argument(help="A place in an indexed folder [default: the current folder].")
    ] = None,
    collection: Collection = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Hits at most, 1 to 1000.")] = 10,
    language: Annotated[list[str] | None, typer.Option(help="Only this language; may be given again.")] = None,
    glob: Annotated[
        list[str] | None, typer.Option("--path", help="Only paths that match this glob; '!' excludes; again for more.")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only chunks of this kind (function, class, …).")] = None,
    min_score: Annotated[float, typer.Option(help="Leave out hits with a lower score.")] = 0.0,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Search an indexed folder. Exit code 1 if nothing is found."""
    # Without a cluster, segments are mapped right here: nothing has to start before the answer.
    with _connected(root, address, None if address else "inline") as context:
        hits = context.search(
            query,
            collection=collection,
            path=path,
            limit=limit,
            languages=language or (),
            paths=glob or (),
            kinds=kind or (),
            min_score=min_score,
        )
    if as_json:
        _print_json([hit.model_dump(mode="json") for hit in hits])
    else:
        for rank, hit in enumerate(hits, 1):
            _print_hit(rank, hit)
    if not hits:
        _say("nothing found")
        raise typer.Exit(EXIT_NOTHING_FOUND)


@application.command()
def status(
    path: Annotated[Path | None, typer.Argument(help="A place in an indexed folder.")] = None,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """What a collection holds, what was skipped and why, and which actors serve it."""
    with _connected(root, address, None if address else "inline") as context:
        found = context.status(collection, path=path)
    if as_json:
        _print_json(found.model_dump(mode="json"))
    else:
        _print_status(found)


@application.command()
def clear(
    path: Annotated[Path | None, typer.Argument(help="The indexed folder itself.")] = None,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Remove a collection from the index. The source is not touched."""
    from raycontext.errors import InvalidInput, UnknownCollection

    if (path is None) == (collection is None):
        raise InvalidInput("Nothing says which collection to remove", "Give its folder, or --collection NAME.")
    with _connected(root, address, None if address else "inline") as context:
        name = collection
        if path is not None:
            source = os.path.realpath(os.path.expanduser(path))  # noqa: PTH111 - any name is a name
            known = context.collections()
            name = next((found.name for found in known if found.source == source), None)
            if name is None:
                raise UnknownCollection(source, tuple(found.name for found in known))
        assert name is not None
        context.clear(name)
    if as_json:
        _print_json({"cleared": name})
    else:
        typer.echo(f"removed {name}")


@application.command("list")
def list_collections(
    collection: Collection = None, root: Root = None, address: Address = None, as_json: Json = False
) -> None:
    """All collections, or the one of that name."""
    from raycontext.errors import UnknownCollection

    with _connected(root, address, None if address else "inline") as context:
        known = context.collections()
    found = [summary for summary in known if collection in (None, summary.name)]
    if collection is not None and not found:
        raise UnknownCollection(collection, tuple(summary.name for summary in known))
    if as_json:
        _print_json([summary.model_dump(mode="json") for summary in found])
        return
    for summary in found:
        typer.echo(
            f"{summary.name}  {summary.files} files  {summary.chunks} chunks  version {summary.version}  "
            f"{summary.indexed_at}  {safe(summary.source)}"
        )
    if not found:
        _say("nothing is indexed yet: raycontext index PATH")


@contextmanager
def _connected(root: Path | None, address: str | None, runtime: str | None) -> Iterator[SyncContext]:
    from raycontext.context import connect

    kind: Any = runtime
    try:
        # Ray prints on stdout what its processes have to say; that is kept for results.
        with redirect_stdout(sys.stderr), connect(root=root, address=address, runtime=kind) as context:
            yield context
    except KeyboardInterrupt:  # caught here, for the framework would turn it into an exit without a word
        raise typer.Exit(_interrupted()) from None


@contextmanager
def _progress() -> Iterator[Callable[[JobProgress], None]]:
    """Shows a bar on stderr where that is a terminal, else a line for each stage."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task("starting", total=None, detail="")
    told: list[str] = []

    def show(progress: JobProgress) -> None:
        done, total, unit = _amounts(progress)
        bar.update(task, description=progress.stage, completed=done, total=total or None, detail=unit)
        if not console.is_terminal and progress.stage not in told:
            told.append(progress.stage)
            _say(f"{progress.stage} {unit}".rstrip())

    with bar if console.is_terminal else nullcontext():
        yield show


def _amounts(progress: JobProgress) -> tuple[int, int, str]:
    if progress.stage == "hashing":
        return progress.files_hashed, progress.files_to_hash, f"{progress.files_hashed}/{progress.files_to_hash} files"
    if progress.stage in ("indexing", "committing"):
        size = f"{progress.bytes_indexed / 1e6:.1f}/{progress.bytes_to_index / 1e6:.1f} MB"
        files = f"{progress.files_indexed}/{progress.files_to_index} files"
        return progress.bytes_indexed, progress.bytes_to_index, f"{files}, {size}"
    return 0, 0, f"{progress.files_found} files" if progress.files_found else ""


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
    if report.skipped:
        typer.echo("skipped: " + _counts(report.skipped))
    for folder in report.unreadable_folders:
        _say(f"cannot list {safe(folder)}: what was indexed of it is kept")


def _print_hit(rank: int, hit: Hit) -> None:
    name = " > ".join(part for part in (hit.scope, hit.symbol) if part)
    typer.echo(
        f"{rank}. {safe(hit.path)}:{hit.start_line}-{hit.end_line}  {hit.kind} {safe(name)}".rstrip()
        + f"  score {hit.score:.3f} (lexical {hit.lexical:.2f}, vector {hit.vector:.2f})"
    )
    lines = hit.text.splitlines()
    for line in lines[:SNIPPET_LINES]:
        typer.echo(f"    {safe(line)}")
    if len(lines) > SNIPPET_LINES:
        typer.echo(f"    … {len(lines) - SNIPPET_LINES} more lines")
    typer.echo("")


def _print_status(found: CollectionStatus) -> None:
    typer.echo(f"{found.name}: {safe(found.source)}")
    typer.echo(
        f"  version {found.version} (epoch {found.epoch}), {found.indexed_at}; {found.num_shards} shards, "
        f"{found.segments} segments, {found.tombstones} tombstones, {found.bytes_on_disk / 1e6:.1f} MB on disk"
    )
    typer.echo(f"  {found.files} files, {found.chunks} chunks; embedder {found.embedder}")
    typer.echo(f"  languages: {_counts(found.languages)}")
    if found.progress is not None:
        typer.echo(
            f"  job: {found.progress.stage}, {found.progress.files_indexed}/{found.progress.files_to_index} files"
        )
    if found.skipped:
        typer.echo(f"  skipped: {_counts(found.skipped)}")
        for path, reason in found.skipped_files:
            typer.echo(f"    {reason}: {safe(path)}")
    for actor in found.actors:
        typer.echo(f"  actor {actor.name}: pid {actor.pid} on {actor.node}, {actor.rss_bytes / 2**20:.0f} MiB resident")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _print_json(value: Any) -> None:
    # All in ASCII: what a terminal could take for a command, or cannot show, stands there as an escape of JSON.
    typer.echo(json.dumps(value, indent=2))


def _interrupted() -> int:
    """Say so; returns the exit code."""
    _say("interrupted; what was committed stays")
    return EXIT_INTERRUPTED


def _say(message: str) -> None:
    typer.echo(message, err=True)
