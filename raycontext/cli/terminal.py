"""What the commands share: common options, a connection, and the display of progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raycontext.cli.display import say

if TYPE_CHECKING:
    from raycontext.models import JobProgress
    from raycontext.sdk.connection import SyncContext

__all__ = [
    "Address",
    "Collection",
    "Json",
    "Root",
    "Runtime",
    "connected",
    "show_progress",
]

LINE_SECONDS = 5.0
"""Time between two lines of progress within a stage, in seconds, where stderr is no terminal."""

Root = Annotated[
    str | None,
    typer.Option(
        "--root",
        envvar="RAYCONTEXT_ROOT",
        help="Folder of the collections, or s3://BUCKET/PREFIX (default: user data folder).",
    ),
]
Address = Annotated[
    str | None, typer.Option("--address", envvar="RAYCONTEXT_ADDRESS", help="Ray cluster to join: auto or host:port.")
]
Runtime = Annotated[
    str | None, typer.Option("--runtime", help="ray (default), processes: without Ray, or inline: in this process.")
]
Collection = Annotated[str | None, typer.Option("--collection", "-c", help="Name of the collection.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


@contextmanager
def connected(root: str | None, address: str | None, runtime: str | None) -> Iterator[SyncContext]:
    """Connect to the collections of a root for one command. Raises what `connect` raises."""
    from raycontext.sdk.connection import connect

    kind: Any = runtime
    # Ray prints messages of its processes on stdout, which is for results.
    with redirect_stdout(sys.stderr), _notices(), connect(root=root, address=address, runtime=kind) as context:
        yield context


@contextmanager
def _notices() -> Iterator[None]:
    """Show on stderr what is waited for."""
    import logging

    class Notices(logging.Handler):
        """Shows each record as a line of the command."""

        def emit(self, record: logging.LogRecord) -> None:
            """Show a record."""
            say(record.getMessage())

    log, handler = logging.getLogger("raycontext.waits"), Notices(logging.INFO)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


@contextmanager
def show_progress() -> Iterator[Callable[[JobProgress], None]]:
    """Show progress on stderr: as a bar on a terminal, else as a line for each stage, and now and then within a long
    one. Yields the function that shows it.
    """
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
    said = ""
    last = time.monotonic()

    def show(progress: JobProgress) -> None:
        done, total, unit = _amounts(progress)
        bar.update(task, description=progress.stage, completed=done, total=total or None, detail=unit)
        nonlocal last, said
        if progress.seconds_to_next_try is not None:
            unit += f"; a worker or the storage was lost, next try in {progress.seconds_to_next_try:.0f} s"
            bar.update(task, detail=unit)
        line = f"{progress.stage} {unit}".rstrip()
        is_due = progress.stage not in told or time.monotonic() - last > LINE_SECONDS
        if not console.is_terminal and is_due and line != said:
            last, said = time.monotonic(), line
            told.append(progress.stage)
            say(line)

    with bar if console.is_terminal else nullcontext():
        yield show


def _amounts(progress: JobProgress) -> tuple[int, int, str]:
    """Return what is done, the total, and both as text, for the stage that a job is in."""
    if progress.stage == "hashing":
        return progress.files_hashed, progress.files_to_hash, f"{progress.files_hashed}/{progress.files_to_hash} files"
    if progress.stage in ("indexing", "committing"):
        size = f"{progress.bytes_indexed / 1e6:.1f}/{progress.bytes_to_index / 1e6:.1f} MB"
        files = f"{progress.files_indexed}/{progress.files_to_index} files"
        return progress.bytes_indexed, progress.bytes_to_index, f"{files}, {size}"
    return 0, 0, f"{progress.files_found} files" if progress.files_found else ""
