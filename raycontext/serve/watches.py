"""The folders that a daemon watches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from raycontext.serve.messages import WatchState
from raycontext.serve.tree_watcher import TreeWatcher

__all__ = ["Watches"]


class _Watch(NamedTuple):
    watcher: TreeWatcher
    task: asyncio.Task[None]
    begun: float


class Watches:
    """By name of the collection. index: brings paths of the collection of a name and a source up to date."""

    def __init__(
        self,
        index: Callable[[str, str, tuple[str, ...]], Awaitable[object]],
        note: Callable[[dict[str, str]], None] = lambda watched: None,
    ) -> None:
        """note: called in a thread with the sources by collection whenever they are others."""
        self._index = index
        self._note = note
        self._running: dict[str, _Watch] = {}

    async def start(self, collection: str, source: str) -> WatchState:
        """Watch from now on; nothing changes where it is watched already."""
        if collection not in self._running:
            watcher = TreeWatcher(source, lambda paths: self._index(collection, source, paths))
            self._running[collection] = _Watch(watcher, asyncio.create_task(watcher.run()), time.monotonic())
            await self._noted()
        return self._state(collection)

    async def stop(self, collection: str) -> bool:
        """No longer; False where it was not watched."""
        watch = self._running.pop(collection, None)
        if watch is None:
            return False
        await self._noted()
        await _ended(watch)
        return True

    def states(self) -> list[WatchState]:
        """All, by collection."""
        return [self._state(name) for name in sorted(self._running)]

    async def close(self) -> None:
        """Stop all; they stay noted."""
        while self._running:
            await _ended(self._running.popitem()[1])

    async def _noted(self) -> None:
        await asyncio.to_thread(self._note, {name: watch.watcher.source for name, watch in self._running.items()})

    def _state(self, collection: str) -> WatchState:
        watch = self._running[collection]
        return WatchState(
            collection=collection,
            source=watch.watcher.source,
            seconds=time.monotonic() - watch.begun,
            polls=watch.watcher.polls,
            problem=watch.watcher.problem,
        )


async def _ended(watch: _Watch) -> None:
    watch.task.cancel()
    await asyncio.wait([watch.task])
