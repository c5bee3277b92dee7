"""The folders that a daemon watches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from raycontext.serve.messages import WatchState
from raycontext.serve.watch import TreeWatcher

__all__ = ["Watches"]


class _Watch(NamedTuple):
    watcher: TreeWatcher
    task: asyncio.Task[None]
    begun: float


class Watches:
    """By name of the collection. index: brings paths of the collection of a name and a source up to date."""

    def __init__(self, index: Callable[[str, str, tuple[str, ...]], Awaitable[object]]) -> None:
        self._index = index
        self._running: dict[str, _Watch] = {}

    def start(self, collection: str, source: str) -> WatchState:
        """Watch from now on; nothing changes where it is watched already."""
        if collection not in self._running:
            watcher = TreeWatcher(source, lambda paths: self._index(collection, source, paths))
            self._running[collection] = _Watch(watcher, asyncio.create_task(watcher.run()), time.monotonic())
        return self._state(collection)

    async def stop(self, collection: str) -> bool:
        """No longer; False where it was not watched."""
        watch = self._running.pop(collection, None)
        if watch is None:
            return False
        watch.task.cancel()
        await asyncio.wait([watch.task])
        return True

    def states(self) -> list[WatchState]:
        """All, by collection."""
        return [self._state(name) for name in sorted(self._running)]

    async def close(self) -> None:
        for name in list(self._running):
            await self.stop(name)

    def _state(self, collection: str) -> WatchState:
        watch = self._running[collection]
        return WatchState(
            collection=collection,
            source=watch.watcher.source,
            seconds=time.monotonic() - watch.begun,
            polls=watch.watcher.polls,
            problem=watch.watcher.problem,
        )
