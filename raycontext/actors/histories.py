"""Upkeep of the histories of commits: the first search of commits has them read; later runs keep them up to date."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any

from raycontext.actors.vector_store import VectorStoreActor, vector_store_name
from raycontext.discover.commits.log import why_no_history
from raycontext.errors import CommitConflict, Fenced, JobCancelled, NotIndexedYet, RaycontextError
from raycontext.index.history import HistoryStep, read_history
from raycontext.index.reuse.own_sources import is_own_source
from raycontext.models import CollectionStatus
from raycontext.retrying import Retries
from raycontext.runtime.base import ANYWHERE, Runtime
from raycontext.store.changes import HistoryChange
from raycontext.store.collection import Location
from raycontext.store.manifest import CommitHistory
from raycontext.ulid import new_ulid

__all__ = ["Histories"]

_log = logging.getLogger("raycontext")

HISTORY_SECONDS = 60.0
"""Time in seconds after which a reading of a history begins no further batch of commits. The next one goes on."""
ATTEMPTS = 3
"""Number of tries of a reading that another writer overtakes."""


class Histories:
    """Reader of the histories of the collections of a root. State of one event loop; one reading a collection."""

    def __init__(self, root: str, runtime: Runtime) -> None:
        self._root = root
        self._runtime = runtime
        self._running: dict[str, deque[asyncio.Task[CommitHistory]]] = {}
        self._following: dict[str, asyncio.Task[None]] = {}

    async def read(self, location: Location) -> CommitHistory:
        """Bring the history of a collection to the commit that its source is at, within `HISTORY_SECONDS`.

        The reading begins after this call, so that it sees all earlier commits. Calls that wait for one share it.
        Return the history, which also says why there is none. Raises `UnknownCollection`, `NotIndexedYet`,
        `StorageError`, and `JobCancelled` where `stop` ends the reading.
        """
        name = location.collection
        queue = self._running.setdefault(name, deque())
        if len(queue) < 2:  # one that has begun, and one that waits for its end
            task = asyncio.create_task(self._after(queue[-1] if queue else None, location))
            queue.append(task)
            task.add_done_callback(lambda done: self._ended(name, done))
        reading = queue[-1]
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            if not reading.cancelled():
                raise
            raise JobCancelled(name) from None

    async def _after(self, before: asyncio.Task[CommitHistory] | None, location: Location) -> CommitHistory:
        """Read a history once an earlier reading has ended, however it ended."""
        if before is not None:
            await asyncio.wait([before])
        return await self._read(location)

    def _ended(self, collection: str, reading: asyncio.Task[CommitHistory]) -> None:
        queue = self._running[collection]
        queue.remove(reading)
        if not queue:
            del self._running[collection]

    def is_under_way(self, collection: str) -> bool:
        """Return whether the history of a collection is being read."""
        return collection in self._running or collection in self._following

    @property
    def any_under_way(self) -> bool:
        """Whether any reading is under way."""
        return bool(self._running or self._following)

    def begin(self, location: Location) -> None:
        """Begin to bring the history of a collection up to date, unless nobody has ever asked for it."""
        if location.collection not in self._following:
            task = asyncio.create_task(self._follow(location))
            self._following[location.collection] = task
            task.add_done_callback(lambda _: self._following.pop(location.collection, None))

    async def _follow(self, location: Location) -> None:
        """Bring the history up to date where it was ever asked for. Problems are logged, not raised."""
        try:
            manifest = await asyncio.to_thread(lambda: location.open().latest())
            if manifest is not None and manifest.history is not None:
                await self.read(location)
        except (RaycontextError, FileNotFoundError) as error:
            _log.warning("the history of %s was not read: %s", location.collection, error)

    async def told(self, status: CollectionStatus) -> CollectionStatus:
        """Return a status that says so where there is no history to read, also when nobody has asked for one yet."""
        if status.history != "unread" or not await self._is_ours(status.source):
            return status
        problem = await asyncio.to_thread(why_no_history, status.source)
        return status.model_copy(update={"history": "none", "history_problem": problem}) if problem else status

    async def stop(self, collection: str) -> None:
        """Stop reading the history of a collection. What was committed stays."""
        tasks: list[asyncio.Task[Any]] = [*self._running.get(collection, ())]
        tasks += [following] if (following := self._following.get(collection)) is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Stop all readings."""
        await asyncio.gather(*(self.stop(name) for name in {*self._running, *self._following}))

    async def _read(self, location: Location) -> CommitHistory:
        source = await asyncio.to_thread(lambda: location.open().identity().source)
        if not await self._is_ours(source):
            return await self._known(location)
        until = time.monotonic() + HISTORY_SECONDS
        while True:
            step = await Retries((CommitConflict, Fenced), attempts=ATTEMPTS).run(lambda: self._step(source, location))
            if step.history.is_read or step.history.problem or time.monotonic() > until:
                return step.history

    async def _is_ours(self, source: str) -> bool:
        """Return whether this user has named a source: a root that others made must not choose what is read."""
        return await asyncio.to_thread(is_own_source, self._root, source)

    async def _step(self, source: str, location: Location) -> HistoryStep:
        """Read the next batch of commits and commit it. Raises `CommitConflict` where others were faster."""
        step = await self._runtime.run(read_history, source, location)
        if step.history == step.base:
            return step
        name = vector_store_name(location.collection)
        store = await self._runtime.actor(name, ANYWHERE, VectorStoreActor, location)
        change = HistoryChange(new_ulid(), step.base, step.history)
        version = await store.call(VectorStoreActor.record_history, change)
        if version is None:
            raise CommitConflict(location.collection, 0)
        return step

    async def _known(self, location: Location) -> CommitHistory:
        """Return the history that a collection has of a source that is not read."""
        manifest = await asyncio.to_thread(lambda: location.open().latest())
        if manifest is None:
            raise NotIndexedYet(location.collection)
        problem = "you have not indexed the folder under this root"
        known = manifest.history or CommitHistory(head="", embedder="", chunker="", complete=False)
        return known.model_copy(update={"problem": problem})
