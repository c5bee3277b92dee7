"""A folder of this node that keeps whole objects of a remote storage, so that they can be mapped."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

__all__ = ["ObjectCache"]

_LENGTH_BYTES = 8
_TEMPORARY = ".part"
ABANDONED_SECONDS = 3600.0
"""A temporary file of this age belongs to a process that died."""


class ObjectCache:
    """Objects by key, as files that processes share without knowing of each other.

    A file is written under a name of its own and renamed when it is whole; what is mapped stays readable after
    another process removed it. Behind the object stands its length: a file without it, such as one that a power cut
    left behind, is not used. The time of last change of a file is the time of its last use. Objects never change, so
    that no one has to ask whether a file is still right: a key that stands for another object must be another key.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """`limit_bytes`: of all files together; more is there only while one is being added. The folder is made when
        it is needed, for its owner alone: it holds what was indexed."""
        self._folder = folder
        self.limit_bytes = limit_bytes

    def find(self, key: str) -> pa.Buffer | None:
        """The object, mapped; None where it is not there, or not whole."""
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
        """Keep an object, given in parts, and return it, mapped. The files that were not used for longest go.

        Raises `OSError` where the folder cannot be written, and what `parts` raises; then nothing is kept.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._folder / f"{key}.{secrets.token_hex(8)}{_TEMPORARY}"
        try:
            length = 0
            with temporary.open("xb") as file:
                for part in parts:
                    length += file.write(part)
                file.write(length.to_bytes(_LENGTH_BYTES, "little"))
                file.flush()
                os.fsync(file.fileno())
            added = _mapped(temporary)
            temporary.replace(self._folder / key)
        finally:
            temporary.unlink(missing_ok=True)
        assert added is not None  # its length was written just now
        self._make_room()
        return added

    def _make_room(self) -> None:
        """Remove the least recently used files until the rest is within the limit."""
        files = []
        total = 0
        for entry in os.scandir(self._folder):
            try:
                status = entry.stat(follow_symlinks=False)
                if entry.name.endswith(_TEMPORARY) and status.st_mtime < time.time() - ABANDONED_SECONDS:
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
    """The object in a file of the cache; None where the file is not whole. Raises `OSError`."""
    if place.stat().st_size < _LENGTH_BYTES:
        return None
    with pa.memory_map(str(place)) as opened:
        content: pa.Buffer = opened.read_buffer()
    length = content.size - _LENGTH_BYTES
    if int.from_bytes(content.slice(length).to_pybytes(), "little") != length:
        return None
    return content.slice(0, length)
