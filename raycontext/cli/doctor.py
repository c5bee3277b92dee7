"""The command `doctor`, which finds common faults and says what to do about them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raycontext.cli.display import print_json
from raycontext.cli.terminal import Address, Json, Root
from raycontext.errors.exit_codes import ExitCode
from raycontext.runtime.temporary import folder_for_ray
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from raycontext.diagnosis.finding import Finding
    from raycontext.settings import Settings

__all__ = ["doctor"]

CHECKS = (
    "versions",
    "disk",
    "shared-memory",
    "memory",
    "inotify",
    "ports",
    "daemon",
    "git",
    "storage",
    "collections",
    "embedder",
    "cluster",
)


def doctor(
    skip: Annotated[
        list[str] | None, typer.Option(help=f"Leave out a check. May be given again. Checks: {', '.join(CHECKS)}.")
    ] = None,
    root: Root = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Find common faults of this machine, the root, its collections and, with --address, a cluster. Exit code 10
    if there are any.
    """
    from raycontext.errors import InvalidInput
    from raycontext.sdk.connection import settings_of

    unknown = sorted(set(skip or ()) - set(CHECKS))
    if unknown:
        raise InvalidInput(f"There is no check {', '.join(unknown)}", f"There are: {', '.join(CHECKS)}.")
    settings = settings_of(root=root, address=address)
    findings: list[Finding] = []
    for finding in _findings(settings, frozenset(skip or ())):
        findings.append(finding)
        if not as_json:
            _print(finding)
    problems = [finding for finding in findings if finding.is_problem]
    if as_json:
        print_json([finding.model_dump(mode="json") for finding in findings])
    else:
        typer.echo(f"{len(problems)} of {len(findings)} findings ask for something" if problems else "all is well")
    if problems:
        raise typer.Exit(ExitCode.PROBLEMS_FOUND)


def _findings(settings: Settings, skip: frozenset[str]) -> Iterator[Finding]:
    """Yield the findings of all checks that are not skipped."""
    from raycontext.daemon_client import paths
    from raycontext.diagnosis import machine, ports, storage
    from raycontext.diagnosis.daemon import check_daemon
    from raycontext.diagnosis.finding import Finding
    from raycontext.errors import InvalidInput
    from raycontext.sdk.arguments import root_of, storage_options_of
    from raycontext.settings import default_cache
    from raycontext.store.storage.locations import is_url

    root, unusable = "", None
    try:
        root = root_of(settings)
    except InvalidInput as error:
        unusable = Finding(check="storage", level="fault", what=error.what, advice=error.advice)
    storage_options = storage_options_of(settings)
    temporary = Path(folder_for_ray())
    if "versions" not in skip:
        yield from machine.check_versions()
    if "disk" not in skip:
        yield from machine.check_disk(temporary, "temporary files of Ray", full=machine.RAY_FULL_SHARE)
        if root and not is_url(root):
            yield from machine.check_disk(Path(root), "collections")
        elif root:
            yield from machine.check_disk(settings.cache or default_cache(), "what is read of an object store")
    if "shared-memory" not in skip:
        yield from machine.check_shared_memory(settings.object_store_bytes)
    if "memory" not in skip:
        yield from machine.check_memory()
    if "inotify" not in skip and sys.platform == "linux":
        yield from machine.check_inotify()
    if "ports" not in skip:
        yield from ports.check_ports()
        if settings.address is None and root:
            yield from ports.check_daemon_ports(paths.root_folder(root))
    if "daemon" not in skip and settings.address is None and root:
        yield from check_daemon(paths.root_folder(root))
    if "git" not in skip:
        yield from machine.check_git()
    if "embedder" not in skip:
        yield from storage.check_embedder(settings.embedder)
    if unusable is not None:
        yield unusable
        return
    if "storage" not in skip:
        yield from storage.check_root(root, storage_options)
    if "collections" not in skip:
        yield from storage.check_collections(root, storage_options)
    if "cluster" not in skip and settings.address is not None:
        with redirect_stdout(sys.stderr):  # Ray prints messages of its processes on stdout
            found = asyncio.run(_cluster(settings, root))
        yield from found


async def _cluster(settings: Settings, root: str) -> list[Finding]:
    """Return what is found about a cluster."""
    from raycontext.diagnosis.cluster import check_cluster
    from raycontext.sdk.arguments import storage_options_of
    from raycontext.sdk.connection import runtime_for

    assert settings.address is not None
    runtime = await asyncio.to_thread(runtime_for, settings.model_copy(update={"runtime": "ray"}), root)
    return [finding async for finding in check_cluster(runtime, settings.address, root, storage_options_of(settings))]


def _print(finding: Finding) -> None:
    """Print a finding."""
    from rich.console import Console
    from rich.text import Text

    style = {"ok": "green", "note": "cyan", "warning": "yellow", "fault": "red"}[finding.level]
    console = Console(soft_wrap=True, highlight=False)
    console.print(Text(f"{finding.level:8}", style=style) + Text(f"{finding.check}: {safe(finding.what)}", style=""))
    if finding.advice:
        console.print(Text(f"        → {safe(finding.advice)}"))
