"""Everything that one `install` changes: planned and shown step by step, then made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import typer

from raycontext.cli.display import say
from raycontext.cli.install.change import Change, plan_install, plan_undo, read
from raycontext.cli.install.clients import CLIENTS, SERVER, Client, Surroundings
from raycontext.cli.install.document import Document, by_hand
from raycontext.cli.install.guides import (
    Guide,
    guides_in_project,
    guides_of_user,
    is_changed,
    plan_guide,
    plan_guide_undo,
    without_place,
)
from raycontext.errors import ConfigurationError
from raycontext.text.safe import safe

__all__ = ["Plan"]


class Step(NamedTuple):
    """Change of one file."""

    client: Client
    title: str
    change: Change
    afterwards: str = ""
    """What the user has to do then."""


class Plan:
    """Changes that one command makes. Each is printed when it is added; what cannot be planned is told and counted."""

    def __init__(self, undo: bool) -> None:
        self._undo = undo
        self._shown: dict[bytes | None, str] = {}
        self._refused: set[str] = set()  # programs that do not get the server, and so no instructions either
        self.steps: list[Step] = []
        self.failed = False
        """Whether something could not be planned or made."""

    def add_server(self, client: Client, path: Path, entry: dict[str, Any]) -> None:
        """Add the change of a program's configuration."""
        try:
            change = plan_undo(client, path) if self._undo else plan_install(client, path, entry)
        except ConfigurationError as error:
            self._tell(error)
            _tell_by_hand(client, path, None if self._undo else entry)
            self._refused.add(client.name)
            return
        self._add(Step(client, client.title, change, client.afterwards))

    def add_guides(self, clients: Sequence[Client], at: Surroundings, project: Path | None) -> None:
        """Add what tells the agents of some programs about raycontext, for the user or in a project.

        A file that several programs read is changed once. It stays as long as one of them is configured.
        """
        done: set[Path] = set()
        for client in clients:
            if client.name in self._refused and not self._undo:
                continue
            guides = guides_of_user(client.name, at) if project is None else guides_in_project(client.name, project)
            for guide in guides:
                place = Path(guide.path).resolve()
                if place not in done:
                    done.add(place)
                    self._add_guide(client, guide, clients, at)
            missing = without_place(client.name, project is not None)
            if missing and not self._undo:
                say(f"{client.title}: no documented place for {' and '.join(missing)}; left out.")

    def apply(self) -> None:
        """Make the changes. What fails is told and counted, and the others are made."""
        for client, title, change, afterwards in self.steps:
            if client.name in self._refused and not self._undo:
                continue
            try:
                change.apply()
            except ConfigurationError as error:
                self._tell(error)
                if title == client.title:
                    self._refused.add(client.name)
                continue
            keeps = change.backup is not None and change.before is not None
            kept = f" The file as it was: {safe(change.backup.name)}." if keeps and change.backup else ""
            say(f"{title}: {'taken out.' if self._undo else f'done.{kept} {afterwards}'}".rstrip())

    def _add_guide(self, client: Client, guide: Guide, clients: Sequence[Client], at: Surroundings) -> None:
        """Plan to write or remove a guide of a client, or say why it stays as it is."""
        title = f"{client.title}, {guide.kind}"
        try:
            if self._undo and guide.project is None and (user := _other_user(guide, clients, at)):
                say(f"{title}: {safe(str(guide.path))} stays, since {user.title} reads it too.")
                return
            change = plan_guide_undo(guide) if self._undo else plan_guide(guide)
            if not self._undo and not change.needed and is_changed(guide):
                say(f"{title}: {safe(str(guide.path))} was changed by hand and stays as it is.")
                return
        except ConfigurationError as error:
            self._tell(error)
            return
        self._add(Step(client, title, change))

    def _add(self, step: Step) -> None:
        """Print a step, and keep it where it changes something."""
        place = safe(str(step.change.path))
        if not step.change.needed:
            say(f"{step.title}: {place} {'has nothing of ours' if self._undo else 'is configured already'}.")
            return
        say(f"{step.title}: {place}")
        is_new = step.change.before is None
        if is_new and step.change.after in self._shown:
            say(f"    a new file with the same text as {self._shown[step.change.after]}")
        else:
            typer.echo(step.change.diff())
        if is_new:
            self._shown[step.change.after] = place
        self.steps.append(step)

    def _tell(self, error: ConfigurationError) -> None:
        say(f"error: {safe(str(error))}")
        self.failed = True


def _other_user(guide: Guide, clients: Sequence[Client], at: Surroundings) -> Client | None:
    """Return a configured program, none of `clients`, that reads the file of a guide too."""
    for other in CLIENTS.values():
        if other in clients or guide.path not in [each.path for each in guides_of_user(other.name, at)]:
            continue
        path = Path(other.configuration(at))
        try:
            if Document(other, str(path), read(path)).entry() is not None:
                return other
        except ConfigurationError:  # not ours, or not to be read: it does not use us
            continue
    return None


def _tell_by_hand(client: Client, path: Path, entry: dict[str, Any] | None) -> None:
    """Print what a user can do where a file is not changed. `entry` is None when ours was to be removed."""
    if entry is None:
        say(f"By hand: remove '{SERVER}' from '{client.container}' in {safe(str(path))}.")
        return
    say(f"By hand: put this into {safe(str(path))}:")
    for line in by_hand(client, entry).splitlines():
        say(f"    {safe(line)}")
