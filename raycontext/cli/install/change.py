"""Changes of one configuration file: planned first, then made in one step with a backup, or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raycontext.cli.install.clients import SERVER, Client
from raycontext.cli.install.document import Document
from raycontext.cli.install.shown import diff_of, words_of
from raycontext.errors import ConfigurationError

__all__ = ["Change", "plan_install", "plan_undo"]

BACKUP_SUFFIX = ".raycontext-backup"
"""End of the name of the copy of a file without our server."""
UPDATE_SUFFIX = ".raycontext-backup-before-update"
"""End of the name of the copy of a file before our entry in it was last brought up to date."""
MAX_BYTES = 64 << 20
"""Largest size of a configuration file, in bytes."""


@dataclass(frozen=True)
class Change:
    """Change of a file from `before` to `after`. None means that the file does not exist."""

    path: Path
    before: bytes | None
    after: bytes | None
    shown: frozenset[str] | None = None
    """Texts of changed lines that may be shown; None for all."""
    backup: Path | None = None
    """Where to keep a copy of `before`; None for no copy."""
    obsolete: tuple[Path, ...] = ()
    """Backups that hold nothing that the file will not hold after the change."""
    emptied: tuple[Path, ...] = ()
    """Folders that were made for the file and go with it where they are empty, the innermost first."""
    mode: int = 0o600
    """Mode of a new file, before the umask."""

    @property
    def needed(self) -> bool:
        """Whether the change would change the file."""
        return self.before != self.after

    def diff(self) -> str:
        """Return the change as a unified diff, without what others have in the file."""
        return diff_of(str(self.path), self.before, self.after, self.shown)

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
        if read(self.path) != self.before:
            raise ConfigurationError(
                str(self.path), "it was changed by another program just now", "Run the command again."
            )
        target = self.path.resolve()  # a link to a file elsewhere stays a link
        owner = target.stat() if self.before is not None else None
        if owner is not None and not owner.st_mode & 0o222:
            raise ConfigurationError(
                str(self.path), "it is write-protected", f"Nothing was changed. Allow it with: chmod u+w {target}"
            )
        if self.after is None:
            target.unlink()
        else:
            if self.backup is not None and self.before is not None:
                _write(self.backup, self.before, owner)
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, self.after, owner, self.mode)
        for copy in self.obsolete:
            copy.unlink(missing_ok=True)
        for folder in self.emptied:
            try:
                folder.rmdir()
            except OSError:  # others have put something there
                break


def plan_install(client: Client, path: Path, entry: dict[str, Any]) -> Change:
    """Plan to add an entry for our server, or to bring it up to date.

    Raises `ConfigurationError` when the file cannot be read, holds another server of our name, or when no edit can be
    proven to change nothing else.
    """
    before = read(path)
    document = Document(client, str(path), before)
    former = document.entry()
    after = document.with_entry(entry)
    if former is None:
        return Change(path, before, after, _shown(client, entry), backup=_beside(path, BACKUP_SUFFIX))
    if after == before:
        return Change(path, before, before)
    # A file as our first edit left it becomes what that edit would write today, so that it can still be taken back.
    untouched = _untouched(document, path, former)
    if untouched is not None:
        after = untouched.with_entry(Document(client, str(path), after).entry() or entry)
    return Change(path, before, after, _shown(client, entry), backup=_beside(path, UPDATE_SUFFIX))


def plan_undo(client: Client, path: Path) -> Change:
    """Plan to remove our entry. A file that has not changed since gets back exactly the bytes that it had before.

    Raises `ConfigurationError` as `plan_install` does.
    """
    before = read(path)
    document = Document(client, str(path), before)
    entry = document.entry()
    if entry is None:
        return Change(path, before, before)
    copies = (_beside(path, BACKUP_SUFFIX), _beside(path, UPDATE_SUFFIX))
    former = read(copies[0])
    if _untouched(document, path, entry) is not None:
        return Change(path, before, former, _shown(client, entry), obsolete=copies)
    keep_container = former is not None and Document(client, str(path), former).servers is not None
    return Change(path, before, document.without_entry(keep_container), _shown(client, entry))


def _untouched(document: Document, path: Path, entry: dict[str, Any]) -> Document | None:
    """Return the document as it was before our first edit; None when somebody else has changed the file since."""
    try:
        earlier = Document(document.client, str(path), read(_beside(path, BACKUP_SUFFIX)))
        if earlier.entry() is None and earlier.with_entry(entry) == (document.mark + document.text).encode():
            return earlier
    except ConfigurationError:
        pass  # the backup is not what it was
    return None


def _shown(client: Client, entry: dict[str, Any]) -> frozenset[str]:
    return frozenset(words_of({client.container: {SERVER: entry}}))


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def read(path: Path) -> bytes | None:
    """Return the content of a file; None when it does not exist. Raises `ConfigurationError`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe must not keep us waiting
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigurationError(str(path), "it is not a file", "This is no configuration; look into it.")
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(str(path), f"it cannot be read ({error.strerror})", "Fix the cause.") from None
    if len(content) > MAX_BYTES:
        raise ConfigurationError(str(path), "it is larger than 64 MiB", "This is no configuration; look into it.")
    return content


def _write(path: Path, content: bytes, like: os.stat_result | None, mode: int = 0o600) -> None:
    """Write a file in one step, so that a reader sees the old content or the new.

    like: the file whose mode and owner it gets. mode: the mode without such a file, before the umask.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if like is not None and hasattr(os, "fchown"):
                made = os.fstat(descriptor)
                if (made.st_uid, made.st_gid) != (like.st_uid, like.st_gid):
                    os.fchown(descriptor, like.st_uid, like.st_gid)  # a file of another user stays that user's
                os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
