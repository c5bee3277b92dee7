"""Changes of one configuration file: planned first, then made in one step with a backup, or not at all."""

from __future__ import annotations

import difflib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raycontext.cli.install.clients import Client
from raycontext.cli.install.document import Document
from raycontext.errors import ConfigurationError
from raycontext.safe_text import safe

__all__ = ["Change", "plan_install", "plan_undo"]

BACKUP_SUFFIX = ".raycontext-backup"
MAX_BYTES = 64 << 20
"""Largest size of a configuration file, in bytes."""
LINE_CHARACTERS = 160
"""Largest number of characters of a line in a diff."""
CONTEXT_LINES = 1  # few, since entries of other servers may hold keys


@dataclass(frozen=True)
class Change:
    """Change of a file from `before` to `after`. None means that the file does not exist."""

    client: Client
    path: Path
    before: bytes | None
    after: bytes | None
    backs_up: bool = False
    """Whether to keep `before` as a backup: the file without our server."""
    obsolete_backup: bool = False
    """Whether the backup holds nothing that the file will not hold after the change."""

    @property
    def needed(self) -> bool:
        """Whether the change would change the file."""
        return self.before != self.after

    @property
    def backup(self) -> Path:
        """Path of the backup, beside the file."""
        return self.path.with_name(self.path.name + BACKUP_SUFFIX)

    def diff(self) -> str:
        """Return the change as a unified diff whose lines cannot steer a terminal."""
        before, after = ((content or b"").decode().splitlines() for content in (self.before, self.after))
        old = str(self.path) if self.before is not None else "/dev/null"
        new = str(self.path) if self.after is not None else "/dev/null"
        lines = difflib.unified_diff(before, after, old, new, n=CONTEXT_LINES, lineterm="")
        return "\n".join(_short(safe(line)) for line in lines)

    def apply(self) -> None:
        """Write the file. Raises `ConfigurationError` when the file has changed since or cannot be written."""
        try:
            self._apply()
        except OSError as error:
            raise ConfigurationError(
                str(self.path), f"it cannot be written ({error.strerror})", "Nothing was changed. Fix the cause."
            ) from None

    def _apply(self) -> None:
        """Write the file, its backup first. Raises `ConfigurationError` or `OSError`."""
        if _read(self.path) != self.before:
            raise ConfigurationError(
                str(self.path), "it was changed by another program just now", "Run the command again."
            )
        target = self.path.resolve()  # a link to a file elsewhere stays a link
        if self.after is None:
            target.unlink()
        else:
            mode = stat.S_IMODE(target.stat().st_mode) if self.before is not None else 0o600
            if self.backs_up and self.before is not None:
                _write(self.backup, self.before, mode)
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, self.after, mode)
        if self.obsolete_backup:
            self.backup.unlink(missing_ok=True)


def plan_install(client: Client, path: Path, entry: dict[str, Any]) -> Change:
    """Plan to add an entry for our server.

    Raises `ConfigurationError` when the file cannot be read or holds another server of our name.
    """
    before = _read(path)
    document = Document(client, str(path), before)
    return Change(client, path, before, document.with_entry(entry), backs_up=document.entry() is None)


def plan_undo(client: Client, path: Path) -> Change:
    """Plan to remove our entry. A file that has not changed since gets back exactly the bytes that it had before."""
    before = _read(path)
    document = Document(client, str(path), before)
    entry = document.entry()
    if entry is None:
        return Change(client, path, before, before)
    former = _read(path.with_name(path.name + BACKUP_SUFFIX))
    if former is None and Document(client, str(path), None).with_entry(entry) == before:
        return Change(client, path, before, None)
    keep_container = False
    if former is not None:
        earlier = Document(client, str(path), former)
        keep_container = earlier.servers is not None
        if earlier.entry() is None and earlier.with_entry(entry) == before:
            return Change(client, path, before, former, obsolete_backup=True)
    return Change(client, path, before, document.without_entry(keep_container))


def _read(path: Path) -> bytes | None:
    """Return the content of a file; None when it does not exist. Raises `ConfigurationError`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(str(path), f"it cannot be read ({error.strerror})", "Fix the cause.") from None
    if len(content) > MAX_BYTES:
        raise ConfigurationError(str(path), "it is larger than 64 MiB", "This is no configuration; look into it.")
    return content


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file in one step, so that a reader sees the old content or the new."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _short(line: str) -> str:
    """Return a line cut to `LINE_CHARACTERS`."""
    return line if len(line) <= LINE_CHARACTERS else line[: LINE_CHARACTERS - 1] + "…"
