"""The command `install`: it shows what it would change, asks, and makes the change; `--undo` removes it again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from raycontext.cli.display import say
from raycontext.cli.install.clients import CLIENTS, MODULE, Client, ClientName, Surroundings, entry_for
from raycontext.cli.install.guides import existing_project
from raycontext.cli.install.plan import Plan
from raycontext.errors import ConfigurationError
from raycontext.errors.exit_codes import ExitCode

__all__ = ["install"]

START_SECONDS = 30.0
"""Longest time that a trial start of raycontext may take, in seconds."""
# Settings that the relay must know as the shell does: programs with windows do not have the shell's variables.
PASSED_ON = ("RAYCONTEXT_ROOT", "RAYCONTEXT_ADDRESS", "RAYCONTEXT_RUNTIME", "RAYCONTEXT_EMBEDDER")


def install(
    clients: Annotated[
        list[ClientName] | None, typer.Argument(help="Programs to configure [default: all that are found here].")
    ] = None,
    instructions: Annotated[
        bool,
        typer.Option(
            "--instructions/--no-instructions",
            help="Add a skill and a sub-agent, which say when to use which tool, where a program has them.",
        ),
    ] = True,
    project: Annotated[
        Path | None,
        typer.Option("--project", help="Put the instructions into the rules of this project, and change nothing else."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Remove what was added.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Configure editors and agents to use the MCP server (`raycontext mcp`), and tell them when to use it."""
    at = surroundings()
    chosen = [CLIENTS[name] for name in clients or ()]
    if not chosen:
        chosen = list(CLIENTS.values()) if undo and project is not None else _found(at)
    if not chosen:
        say(f"None of these was found here: {', '.join(client.title for client in CLIENTS.values())}.")
        say(f"Name one to configure it all the same: raycontext install {ClientName.CLAUDE_CODE}")
        raise typer.Exit(ExitCode.WRONG_USE)
    if project is not None:
        project = existing_project(project)
    plan = Plan(undo)
    if project is None:
        command = relay_command()
        for client in chosen:
            plan.add_server(client, Path(client.configuration(at)), _entry(client, command))
    if instructions or project is not None:
        plan.add_guides(chosen, at, project)
    if plan.steps and not dry_run:
        _confirm(yes)
        plan.apply()
    if plan.failed:
        raise typer.Exit(ExitCode.WRONG_USE)


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


def _confirm(yes: bool) -> None:
    """Ask whether to make the changes. Ends the command when the answer is no or nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        say("Nothing was changed: there is no terminal to ask on. Give --yes to change it, --dry-run to look only.")
        raise typer.Exit(ExitCode.WRONG_USE)
    typer.confirm("Change it?", abort=True, err=True)
