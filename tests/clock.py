"""A clock that a test moves, for all that the storage reads the time for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from raycontext import ulid
from raycontext.store.storage import memory

__all__ = ["Clock", "moved_clock"]


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self._now_ns = 1_700_000_000 * 10**9

    def time(self) -> float:
        return self._now_ns / 1e9

    def time_ns(self) -> int:
        return self._now_ns

    def advance(self, seconds: float) -> None:
        self._now_ns += int(seconds * 1e9)


@contextmanager
def moved_clock() -> Iterator[Clock]:
    """Names of segments, times of last change in a memory storage, and garbage collection go by this clock."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        for module in (memory, ulid):
            patch.setattr(module, "time", clock)
        yield clock
