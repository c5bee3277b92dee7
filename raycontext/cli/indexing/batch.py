"""`raycontext batch`: reindex many sources as one job, here or on a cluster."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raycontext.cli.display import interrupted, print_json, say
from raycontext.cli.terminal import Address, Json, Root, Runtime
from raycontext.errors.exit_codes import ExitCode
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from rich.table import Table

    from raycontext.batch.entries import BatchList
    from raycontext.batch.report import BatchReport, EntryOutcome, EntryPlan

__all__ = ["batch"]

PACKAGES_OF_JOBS = ("aiohttp", "requests")
"""Packages of the extra `cluster` with which Ray's client of jobs works."""
OF_THE_CLUSTER = "the root of the cluster"
"""Stands for the root in the identity of a job whose nodes know the root."""
WIDTH_OF_FILES = 200
"""Width of a table that goes to a file or a pipe, in columns."""


def batch(
    sources: Annotated[
        Path, typer.Argument(metavar="LIST", help="File with a list of sources and their options, in YAML or JSON.")
    ],
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only sources whose collection matches this pattern (*, ?). May be given again."),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Number of sources at the same time (default: as in the list, else 4)."),
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder for fetched sources. Every node must see it (default: below the root).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False,
    submit: Annotated[
        bool,
        typer.Option(
            "--submit",
            help="Run it as a Ray job on the cluster whose dashboard is at --address (http://HOST:8265). The same "
            "work is joined when it runs already. Without --root the root is that of the cluster (RAYCONTEXT_ROOT of "
            "its nodes).",
        ),
    ] = False,
    wait: Annotated[bool, typer.Option(help="With --submit: wait for the end of the job.")] = True,
    root: Root = None,
    address: Address = None,
    runtime: Runtime = None,
    as_json: Json = False,
) -> None:
    """Reindex many sources: folders, git repositories, archives.

    A run that was interrupted continues when the same LIST is given again. Exit code 0 if all sources succeeded, 8 if
    some did, 9 if none did, 130 if the run was interrupted.
    """
    from raycontext.batch.entries import read_batch_list

    wanted = read_batch_list(sources).selected(only or ())
    changes: dict[str, Any] = {"concurrency": concurrency, "work": str(work.absolute()) if work is not None else None}
    wanted = wanted.model_copy(update={name: value for name, value in changes.items() if value is not None})
    if submit:
        raise typer.Exit(_submitted(wanted, root, address, wait, as_json))
    if dry_run:
        _print_plan(_planned(wanted, root, address), as_json)
        return
    with redirect_stdout(sys.stderr):  # Ray prints messages of its processes on stdout
        report = asyncio.run(_run(wanted, root, address, runtime))
    if report is None:
        raise typer.Exit(interrupted())
    _print_report(report, as_json)
    if report.interrupted:
        raise typer.Exit(interrupted())
    raise typer.Exit(
        {"all": ExitCode.DONE, "some": ExitCode.SOME_SOURCES, "none": ExitCode.NO_SOURCES}[report.succeeded]
    )


async def _run(wanted: BatchList, root: str | None, address: str | None, runtime: str | None) -> BatchReport | None:
    """Run the batch and return its report; None when it was interrupted before it began."""
    from raycontext.sdk.connection import connect

    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):  # a second signal ends the process at once
            loop.remove_signal_handler(number)

    if sys.platform != "win32":  # on Windows an interrupt ends the process at once
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end)
    kind: Any = runtime
    async with connect(root=root, address=address, runtime=kind) as context:
        if stop.is_set():
            return None
        return await context.batch(wanted, on_outcome=_tell, stop=stop)


def _planned(wanted: BatchList, root: str | None, address: str | None) -> list[EntryPlan]:
    """Return what a run would do. Raises `InvalidInput` or `StorageError`."""
    from raycontext.batch.run import plan_batch
    from raycontext.sdk.arguments import root_of, storage_options_of
    from raycontext.sdk.connection import settings_of

    settings = settings_of(root=root, address=address, runtime=None if address else "inline")
    return plan_batch(
        wanted,
        root_of(settings),
        joined=settings.address is not None,
        storage_options=storage_options_of(settings),
    )


def _submitted(wanted: BatchList, root: str | None, address: str | None, wait: bool, as_json: bool) -> int:
    """Submit the batch as a job, print its state, and return the exit code of the job, or 0 without waiting."""
    from raycontext.errors import InvalidInput

    if not all(map(find_spec, PACKAGES_OF_JOBS)):
        raise InvalidInput(
            f"`--submit` needs {' and '.join(PACKAGES_OF_JOBS)}, which come with the extra cluster",
            "Install: pip install 'raycontext[cluster]'",
        )
    from raycontext.batch.ray_job import BatchJob, stop_command, submit_batch
    from raycontext.sdk.arguments import root_of
    from raycontext.sdk.connection import settings_of

    if address is None or not address.startswith(("http://", "https://")):
        raise InvalidInput("Nothing says where to submit the job", "Give --address http://HOST:8265.")
    # Without --root the nodes say where the root is: a path of this machine means nothing there.
    place = root_of(settings_of(root=root, runtime="ray")) if root is not None else None
    identity = wanted.identity(place or OF_THE_CLUSTER)
    job = BatchJob(submission_id=f"raycontext-batch-{identity}", root=place, content=wanted.encode())
    known: list[str] = []
    try:
        with redirect_stdout(sys.stderr):
            state = submit_batch(
                address,
                job,
                wait=wait,
                on_log=lambda text: typer.echo(_safe_lines(text), nl=False),
                on_submitted=known.append,
                on_note=lambda note: say(safe(note)),
            )
    except KeyboardInterrupt:
        if known:
            say(f"the job {known[0]} goes on; to stop it: {safe(stop_command(address, known[0]))}")
            say("the same command follows it again")
        else:
            say(f"interrupted; whether the job was submitted is not known: ray job list --address {safe(address)}")
        return ExitCode.INTERRUPTED
    if as_json:
        print_json(state._asdict())
    else:
        typer.echo(f"{'joined' if state.joined else 'submitted'} {state.submission_id}: {state.status.lower()}")
    return state.exit_code


def _safe_lines(text: str) -> str:
    """Return text whose lines cannot steer a terminal."""
    return "".join(safe(line.rstrip("\n")) + "\n" for line in text.splitlines(keepends=True))


def _tell(outcome: EntryOutcome) -> None:
    """Print a line on stderr for a source that has ended."""
    what = outcome.error if outcome.error else _amount(outcome)
    earlier = " (earlier in this run)" if outcome.earlier else ""
    say(f"{outcome.state} {safe(outcome.collection)}{earlier}: {safe(what)}")


def _amount(outcome: EntryOutcome) -> str:
    """Return in words what was done with an entry."""
    report = outcome.report
    if report is None:
        return ""
    pending = f", {outcome.pending} files pending" if outcome.pending else ""
    left_out = f", {len(outcome.left_out)} names left out ({safe(outcome.left_out[0])}, …)" if outcome.left_out else ""
    return (
        f"{report.files} files, {report.chunks} chunks, {report.indexed_bytes / 1e6:.1f} MB in {outcome.seconds:.1f} s"
        f"{pending}{left_out}"
    )


def _print_plan(plan: list[EntryPlan], as_json: bool) -> None:
    """Print what a batch would do."""
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in plan])
        return
    rows = [(e.action, e.collection, str(e.version or ""), str(e.priority), e.source, e.tree) for e in plan]
    _print_table(("action", "collection", "version", "priority", "source", "folder"), rows)


def _print_report(report: BatchReport, as_json: bool) -> None:
    """Print what a batch did, a line for each source, or all of it as JSON."""
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    rows = []
    for outcome in report.outcomes:
        index = outcome.report
        counts = (str(index.files), str(index.added + index.modified), str(index.removed)) if index else ("", "", "")
        what = outcome.error or outcome.revision[:12]
        rows.append((outcome.state, outcome.collection, *counts, f"{outcome.seconds:.1f}", outcome.source, what))
    _print_table(("state", "collection", "files", "changed", "removed", "s", "source", "revision or error"), rows)
    good = sum(outcome.succeeded for outcome in report.outcomes)
    typer.echo(f"run {report.run}: {good} of {len(report.outcomes)} sources up to date in {report.seconds:.1f} s")


def _print_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns as wide as their widest cell."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_OF_FILES)
    console.print(_table(columns, [tuple(Text(safe(cell)) for cell in row) for row in rows]))


def _table(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    """Return a table of the terminal. Columns of numbers are aligned to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        number = column in ("files", "changed", "removed", "s", "version", "priority")
        table.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=column == "state")
    for row in rows:
        table.add_row(*row)
    return table
