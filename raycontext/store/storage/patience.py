"""Storage that waits for an object store which does not answer: each operation is tried again, with growing pauses.

How long depends on who asks. A search waits until its deadline. Everything else waits a while here; an index run then
pauses, says so, and tries again for minutes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa

from raycontext.errors import StorageUnreachable
from raycontext.retrying import Retries
from raycontext.store.storage.base import Storage

__all__ = ["PatientStorage", "patience_until"]

Result = TypeVar("Result")

_log = logging.getLogger("raycontext")

PATIENCE_SECONDS = 15.0
"""Time in seconds that an operation is tried again where nobody has said how long."""
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
"""Pauses between two tries in seconds. Each one is twice as long as the one before."""


class _Caller(threading.local):
    """What the code that runs in a thread has said about its patience."""

    deadline: float | None = None
    """Time in seconds since the epoch after which nobody waits; None where nobody has said so."""


_caller = _Caller()


@contextmanager
def patience_until(deadline: float) -> Iterator[None]:
    """Have the operations of this thread inside of the block tried again until a time, in seconds since the epoch."""
    before, _caller.deadline = _caller.deadline, deadline
    try:
        yield
    finally:
        _caller.deadline = before


class PatientStorage:
    """A `Storage` that tries the operations of another one again while that cannot be reached. All of them may run
    twice: what is written has the same content under the same name each time."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def location(self) -> str:
        return self._storage.location

    @property
    def requests_at_once(self) -> int:
        return self._storage.requests_at_once

    def create(self, name: str, data: bytes) -> bool:
        """Put `data` under `name` if nothing is there; see `Storage.create`.

        After a try whose outcome is unknown, an object with exactly this content counts as the one that was put.
        """
        tries = 0

        def put() -> bool:
            nonlocal tries
            tries += 1
            return self._storage.create(name, data) or (tries > 1 and self._storage.read(name) == data)

        return self._patiently(put)

    def write(self, folder: str, objects: dict[str, bytes | pa.Buffer]) -> None:
        self._patiently(lambda: self._storage.write(folder, objects))

    def copy(self, source: str, folder: str, names: Sequence[str]) -> None:
        self._patiently(lambda: self._storage.copy(source, folder, names))

    def read(self, name: str, most_bytes: int | None = None) -> bytes:
        return self._patiently(lambda: self._storage.read(name, most_bytes))

    def map(self, name: str, checksum: str = "") -> pa.Buffer:
        return self._patiently(lambda: self._storage.map(name, checksum))

    def exists(self, name: str) -> bool:
        return self._patiently(lambda: self._storage.exists(name))

    def list(self, folder: str) -> list[str]:
        return self._patiently(lambda: self._storage.list(folder))

    def size(self, folder: str) -> int:
        return self._patiently(lambda: self._storage.size(folder))

    def shared_size(self, folder: str) -> int:
        return self._patiently(lambda: self._storage.shared_size(folder))

    def modified(self, name: str) -> float:
        return self._patiently(lambda: self._storage.modified(name))

    def delete(self, name: str) -> bool:
        return self._patiently(lambda: self._storage.delete(name))

    def stamps(self, names: Sequence[str]) -> Sequence[str] | None:
        return self._patiently(lambda: self._storage.stamps(names))

    def renew(self, folder: str) -> None:
        self._patiently(lambda: self._storage.renew(folder))

    def remove(self, folder: str, *, unchanged_since: float | None = None) -> bool:
        return self._patiently(lambda: self._storage.remove(folder, unchanged_since=unchanged_since))

    def _patiently(self, operation: Callable[[], Result]) -> Result:
        """Return the result of an operation, which is tried again while the storage cannot be reached."""
        deadline = _caller.deadline
        seconds = PATIENCE_SECONDS if deadline is None else max(deadline - time.time(), 0.0)
        said = False

        def is_worth_another(error: StorageUnreachable) -> bool:
            nonlocal said
            if not said:
                _log.warning("%s; trying again for %.0f s", error.problem, seconds)
            said = True
            return True

        def pause(attempt: int) -> float:
            return min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempt - 1, 10), LONGEST_PAUSE_SECONDS, max(seconds, 0.0))

        retries = Retries((StorageUnreachable,), seconds=seconds, pause=pause, when=is_worth_another)
        return retries.run_blocking(operation)
