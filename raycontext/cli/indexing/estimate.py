"""Output of `raycontext index --dry-run`: what an index run would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from raycontext.cli.display import print_json
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from raycontext.index.estimate import IndexEstimate

__all__ = ["print_estimate"]


def print_estimate(found: IndexEstimate, as_json: bool) -> None:
    """Print an estimate on stdout, as text or as JSON."""
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    typer.echo(
        f"{safe(found.source)}: {found.files} files, {found.bytes / 1e6:.1f} MB, about {found.chunks} chunks to index; "
        f"{found.removed} files to remove"
    )
    if found.reused_files:
        typer.echo(
            f"{found.reused_files} more files, {found.reused_bytes / 1e6:.1f} MB, would be taken over from "
            f"{safe(', '.join(found.reused_from))}"
        )
    typer.echo(f"about {found.seconds:.1f} s of work, as measured on {found.sampled_bytes / 1e6:.1f} MB of it")
    if found.embedding_tokens:
        typer.echo(f"at most about {found.embedding_tokens} tokens for the embedding server, less what it has embedded")
    if found.exceeds_max_embedding_tokens:
        typer.echo("that may be more than the run may use: it would stop before its end, and keep what it has done")
    if found.skipped:
        typer.echo("left out: " + ", ".join(f"{reason} {count}" for reason, count in found.skipped.items()))
    for folder in found.unreadable_folders:
        typer.echo(f"cannot be listed: {safe(folder)}")
    for folder_size in found.folders:
        typer.echo(f"  {folder_size.bytes / 1e6:8.1f} MB  {folder_size.files:6} files  {safe(folder_size.path)}")
