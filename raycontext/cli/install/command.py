"""The command `install`: it shows what it would change, asks, and makes the change; `--undo` removes it again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from raycontext.cli.display import say
from raycontext.cli.install.change import Change, plan_install, plan_undo
from raycontext.cli.install.clients import CLIENTS, MODULE, SERVER, Client, ClientName, Surroundings, entry_for
from raycontext.cli.install.document import by_hand
from raycontext.errors import ConfigurationError
from raycontext.exit_codes import ExitCode
from raycontext.safe_text import safe

__all__ = ["install"]

START_SECONDS = 30.0
"""Longest time that a trial start of raycontext may take, in seconds."""
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
    steps: list[_Step] = []
    command = relay_command()
    for client in chosen:
        path, entry = Path(client.configuration(at)), _entry(client, command)
        try:
            change = plan_undo(client, path) if undo else plan_install(client, path, entry)
        except ConfigurationError as error:
            say(f"error: {safe(str(error))}")
            _tell_by_hand(client, path, None if undo else entry)
            failed = True
            continue
        step = _Step(client, change)
        _show(step, undo)
        if change.needed:
            steps.append(step)
    if steps and not dry_run:
        _confirm(yes)
        failed = not _apply(steps) or failed
    if failed:
        raise typer.Exit(ExitCode.WRONG_USE)


class _Step(NamedTuple):
    """Change of one file of a client."""

    client: Client
    change: Change


def surroundings() -> Surroundings:
    """Return what the configurations on this machine depend on for this user."""
    return Surroundings(sys.platform, Path.home(), os.environ)  # type: ignore[arg-type]


def relay_command() -> tuple[str, ...]:
    """Return the command that starts raycontext, for programs that know neither the shell's PATH nor its variables.

    Its first word is an absolute path. Raises `ConfigurationError` when this raycontext can only be started from here.
    """
    beside = Path(sys.executable).with_name("raycontext.exe" if sys.platform == "win32" else "raycontext")
    if beside.exists():
        return (str(beside),)
    started = Path(sys.argv[0]).absolute()
    if started.stem == "raycontext" and started.is_file() and os.access(started, os.X_OK):
        return (str(started),)
    module = (sys.executable, *MODULE)  # python -m raycontext
    if _starts(module):
        return module
    found = shutil.which("raycontext")
    if found:
        return (str(Path(found).absolute()),)
    raise ConfigurationError(
        sys.executable,
        "it finds raycontext only in this folder or by PYTHONPATH",
        "Install raycontext: uv tool install .",
    )


def _starts(command: tuple[str, ...]) -> bool:
    """Return whether a command starts raycontext in any folder and without the shell's variables."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(
            [*command, "--version"], cwd="/", env=bare, capture_output=True, timeout=START_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _entry(client: Client, command: tuple[str, ...]) -> dict[str, Any]:
    """Return our entry for a client, with the settings that the relay must know."""
    variables = {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}
    if "RAYCONTEXT_ROOT" in variables and "://" not in variables["RAYCONTEXT_ROOT"]:
        variables["RAYCONTEXT_ROOT"] = str(Path(variables["RAYCONTEXT_ROOT"]).expanduser().absolute())
    return entry_for(client, command, variables)


def _found(at: Surroundings) -> list[Client]:
    """Return the clients that are in use on this machine."""
    return [client for client in CLIENTS.values() if any(Path(trace).exists() for trace in client.traces(at))]


def _show(step: _Step, undo: bool) -> None:
    """Print what a step would do."""
    place = safe(str(step.change.path))
    if not step.change.needed:
        say(f"{step.client.title}: {place} {'has nothing of ours' if undo else 'is configured already'}.")
        return
    say(f"{step.client.title}: {place}")
    typer.echo(step.change.diff())


def _tell_by_hand(client: Client, path: Path, entry: dict[str, Any] | None) -> None:
    """Print what a user can do where a file is not changed. `entry` is None when ours was to be removed."""
    if entry is None:
        say(f"By hand: remove '{SERVER}' from '{client.container}' in {safe(str(path))}.")
        return
    say(f"By hand: put this into {safe(str(path))}:")
    for line in by_hand(client, entry).splitlines():
        say(f"    {safe(line)}")


def _confirm(yes: bool) -> None:
    """Ask whether to make the changes. Ends the command when the answer is no or nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        say("Nothing was changed: there is no terminal to ask on. Give --yes to change it, --dry-run to look only.")
        raise typer.Exit(ExitCode.WRONG_USE)
    typer.confirm("Change it?", abort=True, err=True)


def _apply(steps: list[_Step]) -> bool:
    """Make the changes. Returns False when one of them failed."""
    done = True
    for client, change in steps:
        try:
            change.apply()
        except ConfigurationError as error:
            say(f"error: {safe(str(error))}")
            done = False
            continue
        keeps = change.backup is not None and change.before is not None
        kept = f" The file as it was: {safe(change.backup.name)}." if keeps and change.backup else ""
        say(f"{client.title}: done.{kept} {client.afterwards}")
    return done
