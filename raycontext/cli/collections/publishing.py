"""The commands `publish`, which puts a collection where others find it, and `pull`, which takes one over from there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raycontext.cli.display import print_json
from raycontext.cli.indexing.index import print_report
from raycontext.cli.indexing.index_options import INDEX_OPTIONS
from raycontext.cli.terminal import Address, Collection, Json, Root, Runtime, connected, show_progress
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from raycontext.models import PublishReport, PullReport

__all__ = ["publish", "pull"]

Target = Annotated[
    str, typer.Argument(help="Folder, or s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX.")
]

Secrets = Annotated[bool | None, INDEX_OPTIONS["secrets"].__metadata__[0]]
LanguageOf = Annotated[list[str] | None, INDEX_OPTIONS["language_of"].__metadata__[0]]
Embedder = Annotated[str | None, INDEX_OPTIONS["embedder"].__metadata__[0]]


def publish(
    target: Target,
    path: Annotated[
        Path | None, typer.Argument(help="File or folder of the collection [default: the current folder].")
    ] = None,
    collection: Collection = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="SSH key that signs the publication and all that it names."),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", metavar="N", min=1, help="Remove all but the newest N publications, and what only they name."
        ),
    ] = None,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Put what is missing of a collection into a place from which others `pull` it."""
    with connected(root, address, None if address else "inline") as context:
        report = context.publish(target, collection=collection, path=path, key=key, keep=keep)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_published(report)


def pull(
    target: Target,
    path: Annotated[Path, typer.Argument(help="Folder to index.")] = Path(),
    *,
    collection: Collection = None,
    secrets: Secrets = None,
    language_of: LanguageOf = None,
    embedder: Embedder = None,
    signers: Annotated[
        Path | None,
        typer.Option(
            "--signers", metavar="FILE", help="Allowed signers, see ssh-keygen(1): one of them must have signed it."
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust", help="Keep rows of other files too, for branches to come, and compare nothing with the files."
        ),
    ] = False,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Index a folder with what others have published of its files. Only what differs is parsed."""
    kind = runtime if runtime or address or "RAYCONTEXT_RUNTIME" in os.environ else "processes"
    with connected(root, address, kind) as context, show_progress() as show:
        report = context.pull(
            target,
            os.fspath(path),
            collection=collection,
            secrets=secrets,
            language_of=language_of,
            embedder=embedder,
            signers=signers,
            trust=trust,
            on_progress=show,
        )
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_pulled(report, is_asked=signers is not None)


def _print_published(report: PublishReport) -> None:
    """Print the report of `publish`."""
    state = "published" if report.changed else "unchanged, published before:"
    typer.echo(
        f"{state} '{report.collection}', version {report.version}, as number {report.number} of {safe(report.target)}"
        f"{', signed' if report.signed else ', not signed'}"
    )
    typer.echo(
        f"{report.written_segments} of {report.segments} segments written, "
        f"{report.written_bytes / 1e6:.1f} of {report.bytes / 1e6:.1f} MB"
    )
    if report.removed_publications or report.removed_segments:
        typer.echo(
            f"removed {report.removed_publications} old publications and {report.removed_segments} segments, "
            f"{report.removed_bytes / 1e6:.1f} MB"
        )


def _print_pulled(report: PullReport, *, is_asked: bool) -> None:
    """Print the report of `pull`."""
    whose = f"signed by {safe(report.signer)}" if is_asked else "its signature was not looked at (--signers)"
    typer.echo(f"pulled number {report.number} of {safe(report.target)}, {safe(report.published_at)}: {whose}")
    typer.echo(
        f"{report.fetched_segments} of {report.segments} segments fetched, "
        f"{report.fetched_bytes / 1e6:.1f} of {report.bytes / 1e6:.1f} MB; {report.pulled_files} files taken over"
    )
    print_report(report.index)
