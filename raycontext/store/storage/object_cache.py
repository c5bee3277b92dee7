"""Cache of a node: a folder that keeps whole objects of a remote storage, so that they can be mapped."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from raycontext.files.private import make_private_folder, open_private

__all__ = ["ObjectCache"]

_LENGTH_BYTES = 8
"""Size of the length that stands behind each object."""
_TEMPORARY = ".part"
"""Ending of the names of files that are not whole yet."""
ABANDONED_SECONDS = 3600.0
"""Age in seconds at which a temporary file counts as left over from a process that died."""


class ObjectCache:
    """Cache of objects by key, in files that independent processes share.

    A file is written under a temporary name and renamed when it is whole. A mapped object stays readable after another
    process has removed its file. Each object is followed by its length. A file without it, such as one that a power cut
    left behind, is not used. The modification time of a file is the time of its last use. Objects never change, so a
    cached file is never checked against the storage. Another object must have another key.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """Make a cache in `folder` whose files together have at most `limit_bytes`, except while one is being added.

        The folder is created when it is needed. Only its owner can read it, since it holds what was indexed.
        """
        self._folder = folder
        self.limit_bytes = limit_bytes

    def find(self, key: str) -> pa.Buffer | None:
        """Return the object with this key, mapped. Return None where it is not cached, or not whole."""
        place = self._folder / key
        try:
            found = _mapped(place)
        except OSError:
            return None
        with suppress(OSError):
            if found is None:
                place.unlink()
            else:
                os.utime(place)
        return found

    def add(self, key: str, parts: Iterable[bytes]) -> pa.Buffer:
        """Keep an object, given in parts, and return it, mapped. The least recently used files are removed for it.

        Raises `OSError` where the folder cannot be written, and what `parts` raises. Then nothing is kept.
        """
        make_private_folder(self._folder)
        temporary = self._folder / f"{key}.{secrets.token_hex(8)}{_TEMPORARY}"
        try:
            length = 0
            with open_private(temporary, "xb") as file:
                for part in parts:
                    length += file.write(part)
                file.write(length.to_bytes(_LENGTH_BYTES, "little"))
                file.flush()
                os.fsync(file.fileno())
                now = os.fstat(file.fileno()).st_mtime
            added = _mapped(temporary)
            temporary.replace(self._folder / key)
        finally:
            temporary.unlink(missing_ok=True)
        assert added is not None  # the length was written just now
        self._make_room(now)
        return added

    def _make_room(self, now: float) -> None:
        """Remove the least recently used files until the rest is within the limit. `now` is the time of the file system
        in Unix seconds."""
        files = []
        total = 0
        for entry in os.scandir(self._folder):
            try:
                status = entry.stat(follow_symlinks=False)
                if entry.name.endswith(_TEMPORARY) and status.st_mtime < now - ABANDONED_SECONDS:
                    Path(entry.path).unlink()
                    continue
            except FileNotFoundError:  # another process was faster
                continue
            total += status.st_size
            if not entry.name.endswith(_TEMPORARY):
                files.append((status.st_mtime_ns, status.st_size, entry.path))
        for _, size, place in sorted(files):
            if total <= self.limit_bytes:
                return
            Path(place).unlink(missing_ok=True)
            total -= size


def _mapped(place: Path) -> pa.Buffer | None:
    """Return the object in a file of the cache, mapped, or None where the file is not whole. Raises `OSError`."""
    if place.stat().st_size < _LENGTH_BYTES:
        return None
    with pa.memory_map(str(place)) as opened:
        content: pa.Buffer = opened.read_buffer()
    length = content.size - _LENGTH_BYTES
    if int.from_bytes(content.slice(length).to_pybytes(), "little") != length:
        return None
    return content.slice(0, length)
