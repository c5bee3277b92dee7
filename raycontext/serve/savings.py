"""What answers cost beside reading the files that they name: a few sums for each indexed folder, and never content.

The daemon of a root owns the sums, and keeps them in a file of the user that is read and written only here.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from raycontext.files.foreign_json import read_json
from raycontext.files.private import make_private_folder, write_private

__all__ = ["Saved", "Savings", "files_named", "read_sums", "sizes_named"]

MAX_SOURCES = 1_000
"""Largest number of folders that are counted. The one that was asked least recently makes room."""
MAX_FILES = 1_000
"""Largest number of files of one answer whose sizes are looked up."""
WRITE_SECONDS = 10.0
"""Shortest time between two writes of the file, in seconds. The end of the daemon writes it, too."""


@dataclass(frozen=True)
class Saved:
    """Sums over the answers about one folder."""

    since: str
    """Day of the first answer that was counted, such as "2026-11-30"."""
    answers: int = 0
    answer_bytes: int = 0
    """Bytes of these answers as they were sent."""
    file_bytes: int = 0
    """Bytes of the files that they name, each file once an answer."""


class Savings:
    """Sums of one root, by source folder. It belongs to one event loop; files are looked at in threads."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the sums of earlier daemons. path: the file of the sums; None counts nothing.

        A file that cannot be read begins anew.
        """
        self._path = path
        self._sums = read_sums(path) if path is not None else {}
        self._written = time.monotonic()
        self._changed = False

    @property
    def counts(self) -> bool:
        """Whether answers are counted."""
        return self._path is not None

    async def count(self, answer: Any, sent_bytes: int) -> None:
        """Add an answer, given as plain values, that was sent in so many bytes.

        An answer that names no file of this machine is not counted, since there is nothing to compare it with. One
        about several folders is shared out by their numbers of files.
        """
        if self._path is None:
            return
        sizes = await asyncio.to_thread(sizes_named, answer)
        files = sum(map(len, sizes.values()))
        for source, each in sizes.items():
            before = self._sums.pop(source, None) or Saved(datetime.now(UTC).date().isoformat())
            self._sums[source] = Saved(  # at the end: the order is that of the last answers
                before.since,
                before.answers + 1,
                before.answer_bytes + sent_bytes * len(each) // files,
                before.file_bytes + sum(each),
            )
            self._changed = True
        while len(self._sums) > MAX_SOURCES:
            del self._sums[next(iter(self._sums))]
        if time.monotonic() - self._written > WRITE_SECONDS:
            await self.write()

    def of(self, source: str) -> Saved | None:
        """Return the sums of a folder; None when no answer about it was counted."""
        return self._sums.get(source)

    def forget(self, source: str) -> None:
        """Drop the sums of a folder, whose collection is removed."""
        self._changed = self._sums.pop(source, None) is not None or self._changed

    async def write(self) -> None:
        """Write the sums, for their owner alone. What cannot be written stays in memory: counting stops no answer."""
        if self._path is None or not self._changed:
            return
        self._written, self._changed = time.monotonic(), False
        self._changed = not await asyncio.to_thread(_write, self._path, dict(self._sums)) or self._changed


def read_sums(path: Path) -> dict[str, Saved]:
    """Return the sums of a file by source folder; none where it is missing or damaged."""
    try:
        found = read_json(path.read_bytes())
        return {source: Saved(**saved) for source, saved in list(found.items())[-MAX_SOURCES:] if _is_whole(saved)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def sizes_named(answer: Any) -> dict[str, list[int]]:
    """Return the sizes in bytes of the files that an answer names and that are on this machine, by source folder."""
    sizes: dict[str, list[int]] = {}
    for source, path in islice(files_named(answer), MAX_FILES):
        size = _size(f"{source.rstrip('/')}/{path}")
        if size:
            sizes.setdefault(source, []).append(size)
    return sizes


def files_named(answer: Any, source: str = "") -> Iterator[tuple[str, str]]:
    """Yield the files that an answer names, as pairs of an indexed folder and a path relative to it, each once.

    answer: plain values. A folder stands as `source` or `root` in the object of a path or in one around it.
    """
    yield from dict.fromkeys(_named(answer, source))


def _named(answer: Any, source: str) -> Iterator[tuple[str, str]]:
    if isinstance(answer, dict):
        own = answer.get("source") or answer.get("root") or source
        path = answer.get("path")
        if isinstance(path, str) and isinstance(own, str) and path and own:
            yield own, path
        for inner in answer.values():
            yield from _named(inner, own if isinstance(own, str) else source)
    elif isinstance(answer, list | tuple):
        for inner in answer:
            yield from _named(inner, source)


def _size(path: str) -> int:
    """Return the size of a regular file in bytes; 0 for anything else, and for what is not on this machine."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _write(path: Path, sums: dict[str, Saved]) -> bool:
    """Write sums in one step. Returns whether that was possible."""
    try:
        make_private_folder(path.parent)
        write_private(path, json.dumps({source: asdict(saved) for source, saved in sums.items()}))
    except OSError:
        return False
    return True


def _is_whole(saved: Any) -> bool:
    """Return whether a record has all sums, and each in its form."""
    counts = ("answers", "answer_bytes", "file_bytes")
    return (
        set(saved) == {"since", *counts}
        and isinstance(saved["since"], str)
        and all(type(saved[name]) is int and saved[name] >= 0 for name in counts)
    )
