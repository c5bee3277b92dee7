"""The command line: `raycontext index | search | related | status | clear | list | batch | eval |
verify | repair | doctor | install | mcp`.

Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 nothing found (`search`), problems found
(`doctor`) or an error without a code of its own, 2 wrong use, 3 no such folder, 4 no such collection, 5 storage, 6 the
run stopped, 7 Ray cannot be reached, 8 and 9 only some or no sources of a batch succeeded, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from raycontext import __version__
from raycontext.serve.batch import batch
from raycontext.serve.doctor import doctor
from raycontext.serve.evaluate import evaluate
from raycontext.serve.install.command import install
from raycontext.serve.maintenance import repair, verify
from raycontext.serve.mcp_command import mcp
from raycontext.serve.terminal import (
    Address,
    Collection,
    Json,
    Root,
    Runtime,
    connected,
    interrupted,
    print_json,
    say,
    show_progress,
)
from raycontext.serve.text import safe

if TYPE_CHECKING:
    from raycontext.models import CollectionStatus, Hit, IndexReport

__all__ = ["application", "main"]

Result = TypeVar("Result")

EXIT_NOTHING_FOUND = 1
EXIT_FAILED = 1
SNIPPET_LINES = 12

application = typer.Typer(
    name="raycontext",
    help="Semantic code search: index a folder, then ask where something is done.",
    epilog="From nothing to an answer:  raycontext index PATH && raycontext search 'where is … done?' PATH",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


Language = Annotated[list[str] | None, typer.Option(help="Only this language; may be given again.")]
Glob = Annotated[
    list[str] | None, typer.Option("--path", help="Only paths that match this glob; '!' excludes; again for more.")
]
Kind = Annotated[list[str] | None, typer.Option(help="Only chunks of this kind (function, class, …).")]
MinScore = Annotated[float, typer.Option(help="Leave out hits with a lower score.")]


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
        say(f"error: {safe(str(error))}")
        sys.exit(error.exit_code)
    except OSError as error:  # such as a current folder that is gone
        say(f"error: {safe(str(error))}")
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(interrupted())


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
            help="static, or a model in a folder: model2vec:FOLDER, onnx:FOLDER, sentence-transformers:FOLDER; "
            "another one rebuilds the collection."
        ),
    ] = None,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Index a folder, or bring its index up to date."""
    with connected(root, address, runtime) as context, show_progress() as show:
        report = context.index(path, collection=collection, num_shards=shards, embedder=embedder, on_progress=show)
    if as_json:
        print_json(report.model_dump(mode="json"))
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
    language: Language = None,
    glob: Glob = None,
    kind: Kind = None,
    min_score: MinScore = 0.0,
    diversity: Annotated[
        float | None,
        typer.Option(help="How far a file's further hits fall behind: 0 not at all, 1 one hit a file (default: 0.75)."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each feature contributed to a hit.")] = False,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Search an indexed folder. Exit code 1 if nothing is found."""
    # Without a cluster, segments are mapped right here: nothing has to start before the answer.
    with connected(root, address, None if address else "inline") as context:
        hits = context.search(
            query,
            collection=collection,
            path=path,
            limit=limit,
            languages=language or (),
            paths=glob or (),
            kinds=kind or (),
            min_score=min_score,
            diversity=diversity,
            explain=explain,
        )
    _print_hits(hits, as_json)


@application.command()
def related(
    place: Annotated[str, typer.Argument(metavar="PATH:LINE", help="A line of an indexed file.")],
    collection: Collection = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Hits at most, 1 to 1000.")] = 10,
    language: Language = None,
    glob: Glob = None,
    kind: Kind = None,
    min_score: MinScore = 0.0,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Find code that is like the chunk at a line. Exit code 1 if nothing is found."""
    from raycontext.errors import InvalidInput

    path, _, line = place.rpartition(":")
    if not path or not (line.isascii() and line.isdecimal()):
        raise InvalidInput(f"'{place}' is not PATH:LINE", "Give a file and a line, such as src/app.py:42.")
    with connected(root, address, None if address else "inline") as context:
        hits = context.related(
            path,
            int(line),
            collection=collection,
            limit=limit,
            languages=language or (),
            paths=glob or (),
            kinds=kind or (),
            min_score=min_score,
        )
    _print_hits(hits, as_json)


@application.command()
def status(
    path: Annotated[Path | None, typer.Argument(help="A place in an indexed folder.")] = None,
    collection: Collection = None,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """What a collection holds, what was skipped and why, and which actors serve it."""
    with connected(root, address, None if address else "inline") as context:
        found = context.status(collection, path=path)
    if as_json:
        print_json(found.model_dump(mode="json"))
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
    with connected(root, address, None if address else "inline") as context:
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


application.command("eval")(evaluate)
application.command()(batch)
application.command()(doctor)
application.command()(verify)
application.command()(repair)
application.command()(install)
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
    if report.skipped:
        typer.echo("skipped: " + _counts(report.skipped))
    for folder in report.unreadable_folders:
        say(f"cannot list {safe(folder)}: what was indexed of it is kept")


def _print_hits(hits: list[Hit], as_json: bool) -> None:
    if as_json:
        print_json([hit.model_dump(mode="json") for hit in hits])
    else:
        for rank, hit in enumerate(hits, 1):
            _print_hit(rank, hit)
    if not hits:
        say("nothing found")
        raise typer.Exit(EXIT_NOTHING_FOUND)


def _print_hit(rank: int, hit: Hit) -> None:
    name = " > ".join(part for part in (hit.scope, hit.symbol) if part)
    typer.echo(
        f"{rank}. {safe(hit.path)}:{hit.start_line}-{hit.end_line}  {hit.kind} {safe(name)}".rstrip()
        + f"  score {hit.score:.3f} (lexical {hit.lexical:.2f}, vector {hit.vector:.2f})"
    )
    for entry in hit.explanation:
        typer.echo(f"    {entry.contribution:+.3f}  {entry.feature}")
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
