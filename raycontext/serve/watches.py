"""The folders that a daemon watches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from raycontext.options import RunOptions
from raycontext.serve.messages import WatchState
from raycontext.serve.tree_watcher import TreeWatcher

__all__ = ["Watched", "Watches"]


class Watched(NamedTuple):
    """Watched folder with the options of its next run.

    The first run gets the options that were asked for. Later runs get those that the collection does not keep.
    """

    source: str
    options: RunOptions = RunOptions()


@dataclass(slots=True)
class _Watch:
    """Watched folder with its watcher and the task that runs it."""

    watched: Watched
    watcher: TreeWatcher
    task: asyncio.Task[None]
    begun: float


class Watches:
    """Watched folders, by name of the collection.

    index: brings paths of a collection up to date. It gets the name, the source, the paths and the options of the run.
    """

    def __init__(
        self,
        index: Callable[[str, str, tuple[str, ...], RunOptions], Awaitable[object]],
        note: Callable[[dict[str, Watched]], None] = lambda watched: None,
    ) -> None:
        """Begin without watched folders.

        note: called in a thread with all watched folders, by collection, whenever they have changed.
        """
        self._index = index
        self._note = note
        self._running: dict[str, _Watch] = {}

    async def start(self, collection: str, watched: Watched) -> WatchState:
        """Begin to watch a folder, and return its state.

        When it is watched already, given options restart the watch with them; without options nothing changes.
        """
        if collection in self._running and (asked := watched.options.given()):
            before = self._running.pop(collection)
            watched = Watched(watched.source, before.watched.options.model_copy(update=asked))
            await _ended(before)
        if collection not in self._running:
            watcher = TreeWatcher(watched.source, lambda paths: self._run(collection, paths))
            task = asyncio.create_task(watcher.run())
            self._running[collection] = _Watch(watched, watcher, task, time.monotonic())
            await self._noted()
        return self._state(collection)

    async def stop(self, collection: str) -> bool:
        """Stop watching a folder. Returns False when it was not watched."""
        watch = self._running.pop(collection, None)
        if watch is None:
            return False
        await self._noted()
        await _ended(watch)
        return True

    def states(self) -> list[WatchState]:
        """Return the states of all watched folders, sorted by collection."""
        return [self._state(name) for name in sorted(self._running)]

    async def close(self) -> None:
        """Stop all watches. They stay noted, so that the next daemon resumes them."""
        while self._running:
            await _ended(self._running.popitem()[1])

    async def _run(self, collection: str, paths: tuple[str, ...]) -> None:
        """Index once. A run that succeeds leaves its options with the collection, and later runs do not repeat them.

        Otherwise later runs would undo what another run has changed since.
        """
        watch = self._running[collection]
        source, options = watch.watched
        await self._index(collection, source, paths, options)
        if options.of_later_runs() != options:
            watch.watched = Watched(source, options.of_later_runs())
            await self._noted()

    async def _noted(self) -> None:
        """Pass the watched folders to `note`, in a thread."""
        await asyncio.to_thread(self._note, {name: watch.watched for name, watch in self._running.items()})

    def _state(self, collection: str) -> WatchState:
        watch = self._running[collection]
        return WatchState(
            collection=collection,
            source=watch.watched.source,
            seconds=time.monotonic() - watch.begun,
            polls=watch.watcher.polls,
            problem=watch.watcher.problem,
        )


async def _ended(watch: _Watch) -> None:
    """Cancel a watch and wait for its end."""
    watch.task.cancel()
    await asyncio.wait([watch.task])
