"""How the number of index tasks follows a cluster whose nodes come and go, and how the cluster learns of the work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Protocol

from raycontext.errors import RaycontextError
from raycontext.index.work.governor import Governor, IndexBudget
from raycontext.runtime.base import Runtime

__all__ = ["Growth"]

_log = logging.getLogger("raycontext")

LOOK_SECONDS = 2.0
"""Time in seconds between two looks at the nodes of a cluster while a job runs."""


class Worker(Protocol):
    """Job that index tasks work for."""

    @property
    def tasks_wanted(self) -> int:
        """Number of tasks that could run now if there were places for all."""
        ...


class Growth:
    """Keeper of the number of places of a governor, for as long as jobs run.

    It looks at the cluster and declares for how many tasks there is work, within the budget. Where the runtime has not
    joined a cluster, nothing changes, and it does nothing.
    """

    def __init__(
        self, runtime: Runtime, governor: Governor, budget: IndexBudget, look_seconds: float = LOOK_SECONDS
    ) -> None:
        """Begin on a cluster by withdrawing what a Coordinator that was killed has left there.

        look_seconds: time in seconds between two looks at the cluster.
        """
        self._look_seconds = look_seconds
        self._runtime = runtime
        self._governor = governor
        self._budget = budget
        self._jobs: list[Worker] = []
        self._looked = asyncio.Event()
        self._changed = asyncio.Event()  # a job has come or ended
        self._may_be_declared = True
        # One task talks to the cluster, so that no late declaration undoes the withdrawal.
        self._following = asyncio.create_task(self._follow()) if runtime.joined else None

    @asynccontextmanager
    async def follows(self, job: Worker) -> AsyncIterator[None]:
        """Follow the cluster inside of the context, for a job. The demand is withdrawn with the end of the last job."""
        if self._following is None:
            yield
            return
        self._jobs.append(job)
        self._changed.set()
        if self._following.done():
            self._looked.clear()
            self._following = asyncio.create_task(self._follow())
        try:
            await self._looked.wait()  # nodes may have come since the last job
            yield
        finally:
            self._jobs.remove(job)
            self._changed.set()
            if not self._jobs:
                await asyncio.wait([self._following])

    async def close(self) -> None:
        """Stop following the cluster."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])

    async def _follow(self) -> None:
        """Look at the cluster while there are jobs, then withdraw the demand."""
        while self._jobs or self._may_be_declared:
            if not self._jobs:
                self._may_be_declared = False
                with _logged():
                    await self._runtime.demand(0)
                continue
            await self._look()
            self._looked.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._look_seconds)
            self._changed.clear()

    async def _look(self) -> None:
        """Have as many places as the cluster has now, and declare what the jobs could use."""
        with _logged():
            self._governor.resize(self._budget.places(await self._runtime.capacity()))
            wanted = sum(job.tasks_wanted for job in self._jobs)
            if wanted:
                self._may_be_declared = True
                await self._runtime.demand(self._budget.tasks(wanted))


@contextmanager
def _logged() -> Iterator[None]:
    """Log an error of the block: the jobs meet the same one, and end by it."""
    try:
        yield
    except RaycontextError as error:
        _log.warning("the cluster cannot be followed: %s", error)
    except Exception:
        _log.exception("the cluster cannot be followed")
