"""Upkeep of the collections of a root in the background: at most one run of maintenance for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from raycontext.actors.maintenance import Maintenance
from raycontext.embed.registry import embedder_for
from raycontext.index.work.governor import Governor
from raycontext.runtime.base import Runtime
from raycontext.store.collection import Location

__all__ = ["Upkeep"]


class Upkeep:
    """Runs of maintenance that are under way: compaction, garbage collection, merges of cached vectors.

    refresh: has the search actors of a collection open a version.
    """

    def __init__(
        self, runtime: Runtime, governor: Governor, refresh: Callable[[Location, int], Awaitable[None]]
    ) -> None:
        self._refresh = refresh
        self._runtime = runtime
        self._governor = governor
        self._running: dict[str, asyncio.Task[None]] = {}

    def begin(self, location: Location, embedder: str | None) -> None:
        """Begin maintenance of a collection unless it is under way.

        embedder: name of the embedder whose cached vectors have grown; None for none.
        """
        collection = location.collection
        if self.is_under_way(collection):
            return
        fingerprint = embedder_for(embedder).fingerprint if embedder else ""
        work = Maintenance(location, self._runtime, self._refresh, self._governor, new_vectors_of=fingerprint)
        task = asyncio.create_task(work.run())
        self._running[collection] = task
        task.add_done_callback(lambda _: self._running.pop(collection, None))

    def is_under_way(self, collection: str) -> bool:
        """Return whether maintenance of a collection is under way."""
        return collection in self._running

    @property
    def any_under_way(self) -> bool:
        """Whether maintenance of any collection is under way."""
        return bool(self._running)

    async def stop(self, collection: str) -> None:
        """Cancel the maintenance of a collection and wait for its end. Nothing happens where none is under way."""
        if (task := self._running.get(collection)) is not None:
            task.cancel()
            await asyncio.wait([task])

    async def settle(self) -> None:
        """Wait until the maintenance that is under way has ended."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def close(self) -> None:
        """Cancel all maintenance and wait for its end."""
        for task in (running := list(self._running.values())):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
