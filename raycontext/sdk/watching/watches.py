"""Watched folders: each is indexed, and again whenever it changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import ConfigDict

from raycontext.actors.looks import Look
from raycontext.models import FrozenModel
from raycontext.models.options import RunOptions
from raycontext.sdk.watching.tree_watcher import TreeWatcher

__all__ = ["WatchState", "Watched", "Watches"]


class WatchState(FrozenModel):
    """Folder that is watched."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    collection: str
    source: str
    seconds: float
    """Time since the watch began, in seconds."""
    polls: bool
    """Whether the folder is polled, since the system reports no changes in it."""
    problem: str = ""
    """Problem of the last index run; empty when it succeeded."""
    asked: bool = True
    """Whether a caller asked for it. False: the daemon watches the folder since it was searched and is large; it stops
    when nobody has searched it for a while."""


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
    asked: bool


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

        note: called in a thread with all folders that callers asked to watch, by collection, whenever they have
        changed.
        """
        self._index = index
        self._note = note
        self._running: dict[str, _Watch] = {}
        self._declined: set[str] = set()

    async def start(self, collection: str, watched: Watched) -> WatchState:
        """Begin to watch a folder, and return its state.

        When it is watched already, given options restart the watch with them; without options nothing changes.
        """
        running = self._running.get(collection)
        if running is not None and (not running.asked or watched.options.given()):
            del self._running[collection]
            watched = Watched(watched.source, running.watched.options.model_copy(update=watched.options.given()))
            await _ended(running)
        if collection not in self._running:
            self._begin(collection, watched, asked=True)
            await self._noted()
        return self._state(collection)

    def start_unasked(self, collection: str, source: str) -> None:
        """Begin to watch a folder that is large and was searched, unless it is watched or a caller has stopped that."""
        if collection not in self._running and collection not in self._declined:
            self._begin(collection, Watched(source), asked=False)

    async def stop_unasked(self, collection: str) -> None:
        """Stop watching a folder that no caller asked to watch."""
        watch = self._running.get(collection)
        if watch is not None and not watch.asked:
            del self._running[collection]
            await _ended(watch)

    def seen(self, collection: str, look: Look) -> Look:
        """Return what is known of a source. A watch knows more than the look of a search that has left it alone."""
        watch = self._running.get(collection)
        if not look.watch or watch is None:
            return look
        age, may_miss = watch.watcher.view()
        return look._replace(age_seconds=look.age_seconds if age is None else age, may_miss_files=may_miss)

    def _begin(self, collection: str, watched: Watched, *, asked: bool) -> None:
        self._declined.discard(collection)
        watcher = TreeWatcher(watched.source, lambda paths: self._run(collection, paths), may_poll=asked)
        task = asyncio.create_task(watcher.run())
        self._running[collection] = _Watch(watched, watcher, task, time.monotonic(), asked)

    async def stop(self, collection: str) -> bool:
        """Stop watching a folder, also when it is searched again. Returns False when it was not watched."""
        self._declined.add(collection)
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
        asked = {name: watch.watched for name, watch in self._running.items() if watch.asked}
        await asyncio.to_thread(self._note, asked)

    def _state(self, collection: str) -> WatchState:
        watch = self._running[collection]
        return WatchState(
            collection=collection,
            source=watch.watched.source,
            seconds=time.monotonic() - watch.begun,
            polls=watch.watcher.polls,
            problem=watch.watcher.problem,
            asked=watch.asked,
        )


async def _ended(watch: _Watch) -> None:
    """Cancel a watch and wait for its end."""
    watch.task.cancel()
    await asyncio.wait([watch.task])
