"""Storage in the memory of this process, for tests and as a model of what a storage does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from weakref import WeakValueDictionary

import pyarrow as pa

from raycontext.errors import StorageError
from raycontext.store.storage.base import too_large

__all__ = ["MemoryStorage", "end_use_of_memory", "named_memory", "use_memory"]


class _Object(NamedTuple):
    data: bytes
    modified: float  # Unix seconds


class MemoryStorage:
    """A `Storage` whose objects exist as long as it does. Other threads see the effect of each call at once."""

    def __init__(self, name: str = "", objects: Mapping[str, bytes] | None = None) -> None:
        """Make a storage called `name` that holds `objects` from the beginning."""
        self._name = name
        now = time.time()
        self._objects = {place: _Object(data, now) for place, data in (objects or {}).items()}

    @property
    def location(self) -> str:
        return f"memory://{self._name}"

    @property
    def requests_at_once(self) -> int:
        return 1

    def create(self, name: str, data: bytes) -> bool:
        made = _Object(bytes(data), time.time())
        return self._objects.setdefault(name, made) is made

    def write(self, folder: str, objects: dict[str, bytes | pa.Buffer]) -> None:
        if self._below(folder):
            raise StorageError(f"{self.location}/{folder}", "File exists")
        now = time.time()
        self._objects.update({f"{folder}/{name}": _Object(bytes(data), now) for name, data in objects.items()})

    def copy(self, source: str, folder: str, names: Sequence[str]) -> None:
        self.write(folder, {name: self.read(f"{source}/{name}") for name in names})

    def read(self, name: str, most_bytes: int | None = None) -> bytes:
        try:
            data = self._objects[name].data
        except KeyError as error:
            raise FileNotFoundError(name) from error
        if most_bytes is not None and len(data) > most_bytes:
            raise too_large(f"{self.location}/{name}", most_bytes)
        return data

    def map(self, name: str, checksum: str = "") -> pa.Buffer:
        return pa.py_buffer(self.read(name))

    def exists(self, name: str) -> bool:
        return name in self._objects

    def list(self, folder: str) -> list[str]:
        prefix = f"{folder}/" if folder else ""
        return sorted({place.removeprefix(prefix).partition("/")[0] for place in self._below(folder)})

    def size(self, folder: str) -> int:
        return sum(len(found.data) for found in self._below(folder).values())

    def shared_size(self, folder: str) -> int:
        return 0

    def modified(self, name: str) -> float:
        found = self._objects.get(name)
        among = [found] if found is not None else list(self._below(name).values())
        if not among:
            raise FileNotFoundError(name)
        return max(each.modified for each in among)

    def delete(self, name: str) -> bool:
        return self._objects.pop(name, None) is not None

    def stamps(self, names: Sequence[str]) -> Sequence[str] | None:
        return None

    def renew(self, folder: str) -> None:
        found = self._below(folder)
        if not found:
            raise FileNotFoundError(folder)
        now = time.time()
        self._objects.update({place: each._replace(modified=now) for place, each in found.items()})

    def remove(self, folder: str, *, unchanged_since: float | None = None) -> bool:
        doomed = self._below(folder)
        if doomed and unchanged_since is not None and self.modified(folder) != unchanged_since:
            return False
        for place in doomed:
            self._objects.pop(place, None)
        return bool(doomed)

    def _below(self, folder: str) -> dict[str, _Object]:
        prefix = f"{folder}/" if folder else ""
        # A copy first: another thread may add or remove meanwhile.
        return {place: found for place, found in self._objects.copy().items() if place.startswith(prefix)}


_named: WeakValueDictionary[str, MemoryStorage] = WeakValueDictionary()


def named_memory(name: str) -> MemoryStorage:
    """Return this process's storage at `memory://<name>`. It is a new one, unless someone still holds it."""
    return _named.setdefault(name, MemoryStorage(name))


_users: dict[str, list[MemoryStorage]] = {}
"""The storage, once for each of its users, by its name."""


def use_memory(name: str) -> None:
    """Have this process's storage at `memory://<name>` last until `end_use_of_memory` is called as often as this."""
    _users.setdefault(name, []).append(named_memory(name))


def end_use_of_memory(name: str) -> None:
    """End a use of the storage at `memory://<name>`. After the last one the name stands for a new, empty storage.

    What still holds the former storage, such as a job in a cycle of references, keeps it to itself.
    """
    _users[name].pop()
    if not _users[name]:
        _named.pop(name, None)
