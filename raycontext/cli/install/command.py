"""The command `install`: it shows what it would change, asks, and makes the change; `--undo` removes it again."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from raycontext.cli.display import say
from raycontext.cli.install.change import Change, plan_install, plan_undo
from raycontext.cli.install.clients import CLIENTS, Client, ClientName, Surroundings, entry_for
from raycontext.errors import ConfigurationError
from raycontext.exit_codes import ExitCode
from raycontext.safe_text import safe

__all__ = ["install"]

# Settings that the relay must know as the shell does: programs with windows do not have the shell's variables.
PASSED_ON = ("RAYCONTEXT_ROOT", "RAYCONTEXT_ADDRESS", "RAYCONTEXT_RUNTIME", "RAYCONTEXT_EMBEDDER")


def install(
    clients: Annotated[
        list[ClientName] | None, typer.Argument(help="Programs to configure [default: all that are found here].")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Remove what was added.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Configure editors and agents to use the MCP server (`raycontext mcp`)."""
    at = surroundings()
    chosen = [CLIENTS[name] for name in clients or ()] or _found(at)
    if not chosen:
        say(f"None of these was found here: {', '.join(client.title for client in CLIENTS.values())}.")
        say(f"Name one to configure it all the same: raycontext install {ClientName.CLAUDE_CODE}")
        raise typer.Exit(ExitCode.WRONG_USE)
    failed = False
    changes: list[Change] = []
    for client in chosen:
        path = Path(client.configuration(at))
        try:
            change = plan_undo(client, path) if undo else plan_install(client, path, _entry(client))
        except ConfigurationError as error:
            say(f"error: {safe(str(error))}")
            failed = True
            continue
        _show(change, undo)
        if change.needed:
            changes.append(change)
    if changes and not dry_run:
        _confirm(yes)
        failed = not _apply(changes) or failed
    if failed:
        raise typer.Exit(ExitCode.WRONG_USE)


def surroundings() -> Surroundings:
    """Return what the configurations on this machine depend on for this user."""
    return Surroundings(sys.platform, Path.home(), os.environ)  # type: ignore[arg-type]


def relay_command() -> str:
    """Return the absolute path of the `raycontext` command, for programs that do not know the shell's PATH."""
    beside = Path(sys.executable).with_name("raycontext.exe" if sys.platform == "win32" else "raycontext")
    if beside.exists():
        return str(beside)
    return shutil.which("raycontext") or str(Path(sys.argv[0]).absolute())


def _entry(client: Client) -> dict[str, object]:
    """Return our entry for a client, with the settings that the relay must know."""
    variables = {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}
    if "RAYCONTEXT_ROOT" in variables and "://" not in variables["RAYCONTEXT_ROOT"]:
        variables["RAYCONTEXT_ROOT"] = str(Path(variables["RAYCONTEXT_ROOT"]).expanduser().absolute())
    return entry_for(client, relay_command(), variables)


def _found(at: Surroundings) -> list[Client]:
    """Return the clients that are in use on this machine."""
    return [client for client in CLIENTS.values() if any(Path(trace).exists() for trace in client.traces(at))]


def _show(change: Change, undo: bool) -> None:
    """Print what a change would do."""
    place = safe(str(change.path))
    if not change.needed:
        say(f"{change.client.title}: {place} {'has nothing of ours' if undo else 'is configured already'}.")
        return
    say(f"{change.client.title}: {place}")
    typer.echo(change.diff())


def _confirm(yes: bool) -> None:
    """Ask whether to make the changes. Ends the command when the answer is no or nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        say("Nothing was changed: there is no terminal to ask on. Give --yes to change it, --dry-run to look only.")
        raise typer.Exit(ExitCode.WRONG_USE)
    typer.confirm("Change it?", abort=True, err=True)


def _apply(changes: list[Change]) -> bool:
    """Make the changes. Returns False when one of them failed."""
    done = True
    for change in changes:
        try:
            change.apply()
        except ConfigurationError as error:
            say(f"error: {safe(str(error))}")
            done = False
            continue
        kept = (
            f" The file as it was: {safe(change.backup.name)}." if change.backs_up and change.before is not None else ""
        )
        say(f"{change.client.title}: done.{kept} {change.client.afterwards}")
    return done
