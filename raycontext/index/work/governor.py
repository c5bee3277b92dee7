"""Sharing of the places for index tasks among all jobs of a root, so that no job waits for another one to end.

A free place goes to the job that has the fewest. Among equals it goes to the job whose last turn was longest ago
(max-min fairness). The state belongs to one event loop, and nothing blocks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from raycontext.index.work.limits import TASK_BYTES
from raycontext.settings import FILE_SECONDS, REF_BYTES, SEARCH_ACTORS

__all__ = ["Governor", "IndexBudget", "Places"]


class Places(NamedTuple):
    """Number of places for index tasks."""

    tasks: int
    """Number of tasks that run at once, at least 1."""
    spare: int = 0
    """Number of tasks that wait beside them, so that a worker that becomes free has work at once."""


class IndexBudget(NamedTuple):
    """Limits on what the index tasks of all collections use of a cluster."""

    cores: int | None = None
    """Largest number of cores. None: all cores."""
    memory_bytes: int | None = None
    """Largest amount of memory in bytes. None: no limit beyond that of the cores."""
    file_seconds: float = FILE_SECONDS
    """CPU time in seconds that the indexing of one file may take, in addition to its share by size."""

    ref_bytes: int = REF_BYTES
    """Largest size in bytes of the collections of commits together."""
    search_actors: int = SEARCH_ACTORS
    """Number of search actors on each node that own a single shard."""

    def tasks(self, parallelism: int) -> int:
        """Return how many index tasks may run at once, at least one. `parallelism` is how many can run."""
        most = min(parallelism, self.cores or parallelism)
        if self.memory_bytes is not None:
            most = min(most, self.memory_bytes // TASK_BYTES)
        return max(most, 1)

    def places(self, parallelism: int) -> Places:
        """Return the places where `parallelism` tasks can run. No task waits beside them that the budget holds back."""
        tasks = self.tasks(parallelism)
        return Places(tasks, spare=int(tasks == parallelism))


class Governor:
    """Owner of the places, which it hands out to jobs by name. Their number may change at any time."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._free = sum(places)  # below zero while more are in use than there are
        self._used: Counter[str] = Counter()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []  # in the order of asking
        self._turns = 0
        self._last_turn: dict[str, int] = {}  # of jobs that have or wait for places

    @asynccontextmanager
    async def place(self, job: str) -> AsyncIterator[None]:
        """Wait for a place for `job`, and hold it inside of the context."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, turn))
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._take_back(job)
            else:
                self._waiting = [entry for entry in self._waiting if entry[1] is not turn]
            raise
        try:
            yield
        finally:
            self._take_back(job)

    @property
    def tasks(self) -> int:
        """Number of tasks that may run at once."""
        return self._places.tasks

    def resize(self, places: Places) -> None:
        """Have another number of places. Those that are in use stay so until their holders give them back."""
        self._free += sum(places) - sum(self._places)
        self._places = places
        self._hand_out()

    def _take_back(self, job: str) -> None:
        """Take back a place from a job and hand it out again. Forget a job that neither has nor wants a place."""
        self._free += 1
        self._used[job] -= 1
        self._hand_out()
        if not self._used[job] and all(other != job for other, _ in self._waiting):
            del self._used[job], self._last_turn[job]

    def _hand_out(self) -> None:
        """Give all free places to waiting jobs, each to the job that comes first by `_rank`."""
        while self._free > 0 and self._waiting:
            chosen = min(range(len(self._waiting)), key=self._rank)
            job, turn = self._waiting.pop(chosen)
            if turn.done():  # cancelled
                continue
            self._free -= 1
            self._used[job] += 1
            self._turns += 1
            self._last_turn[job] = self._turns
            turn.set_result(None)

    def _rank(self, place: int) -> tuple[int, int, int]:
        """Return the sort key of a waiting entry: places in use, last turn, order of asking.

        The smallest comes first.
        """
        job = self._waiting[place][0]
        return self._used[job], self._last_turn.get(job, 0), place
