"""Queue of the work on each collection: one piece after the other, and calls that want the same share one run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar, cast

__all__ = ["SharedRun", "Turns"]

Result = TypeVar("Result")
Wanted = TypeVar("Wanted")


class SharedRun(Generic[Wanted]):
    """Run that further calls may join until it is closed: while it waits for its turn, and while it makes ready."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        """What the calls want that have joined so far."""
        self.is_open = True
        """Whether further calls may join."""

    def close(self) -> Wanted:
        """Return what all calls want. From now on none joins, so what is read after this was written before no call
        that comes later."""
        self.is_open = False
        return self.wanted


class Turns:
    """Queue of the work on each collection. State of one event loop.

    Work on one collection is done in the order in which it was asked for; collections do not wait for each other. Work
    that has begun, or waits, goes on when its caller is gone.
    """

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[Any]] = {}
        self._once: dict[Hashable, asyncio.Task[Any]] = {}
        self._open: dict[str, tuple[SharedRun[Any], asyncio.Task[Any]]] = {}

    async def once(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Do `work` at once, or wait for the work of this key that is under way. Return its result, or raise its error.

        All callers go on together, so that what they then ask for can be shared.
        """
        if key not in self._once:
            self._once[key] = asyncio.create_task(work())
            self._once[key].add_done_callback(lambda _: self._once.pop(key))
        return await asyncio.shield(cast("asyncio.Task[Result]", self._once[key]))

    async def take(self, collection: str, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do `work` after all earlier work on the collection, and return its result. Raises what `work` raises."""
        return await asyncio.shield(self._appended(collection, work))

    async def share(
        self,
        collection: str,
        wanted: Wanted,
        together: Callable[[Wanted, Wanted], Wanted | None],
        run: Callable[[SharedRun[Wanted]], Awaitable[Result]],
    ) -> Result:
        """Do `run` after all earlier work on the collection, or join a run that is the last and still open.

        together: takes what an open run is to do and what this call wants, and returns what does both; None where they
        cannot share a run. run: closes the run that it gets before it reads anything of the source. So a run that a
        call joins sees all that was written before the call. Each caller gets the result, or the error, of the run that
        it shares.
        """
        found = self._open.get(collection)
        if found is not None and found[0].is_open and self._last.get(collection) is found[1]:
            waiting, task = found
            both = together(waiting.wanted, wanted)
            if both is not None:
                waiting.wanted = both
                return await asyncio.shield(cast("asyncio.Task[Result]", task))
        opened = SharedRun(wanted)

        async def begin() -> Result:
            try:
                return await run(opened)
            finally:
                opened.close()
                if self._open.get(collection, (None,))[0] is opened:
                    del self._open[collection]

        task = self._appended(collection, begin)
        self._open[collection] = opened, task
        return await asyncio.shield(task)

    def is_busy(self, collection: str) -> bool:
        """Return whether work on a collection is under way or waits."""
        return collection in self._last

    @property
    def any_busy(self) -> bool:
        """Whether work on any collection is under way or waits."""
        return bool(self._last)

    async def idle(self, collection: str) -> None:
        """Wait until all work that a collection has now has ended."""
        last = self._last.get(collection)
        if last is not None:
            await asyncio.wait([last])

    async def close(self) -> None:
        """Cancel all work, and wait for its end."""
        running = [*self._once.values(), *self._last.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _appended(self, collection: str, work: Callable[[], Awaitable[Result]]) -> asyncio.Task[Result]:
        """Return a task that does `work` once the last task of the collection has ended, however it ended."""
        task = asyncio.create_task(_after(self._last.get(collection), work))
        self._last[collection] = task
        task.add_done_callback(lambda _: self._ended(collection, task))
        return task

    def _ended(self, collection: str, task: asyncio.Task[Any]) -> None:
        if self._last.get(collection) is task:
            del self._last[collection]


async def _after(earlier: asyncio.Task[Any] | None, work: Callable[[], Awaitable[Result]]) -> Result:
    """Do `work` once an earlier task has ended, however it ended."""
    if earlier is not None:
        await asyncio.wait([earlier])
    return await work()
