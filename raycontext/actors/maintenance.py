"""Work on a collection that no caller waits for: compaction, then garbage collection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from raycontext.actors.vector_store import VectorStoreActor, vector_store_name
from raycontext.errors import RaycontextError
from raycontext.index.work import stages
from raycontext.index.work.governor import Governor
from raycontext.runtime.base import ANYWHERE, ActorHandle, Runtime
from raycontext.store.changes import Compaction
from raycontext.store.collection import Location
from raycontext.store.vector_store import PendingMerge
from raycontext.ulid import new_ulid

__all__ = ["Maintenance"]

_log = logging.getLogger("raycontext")

ROUNDS = 4
"""Largest number of rounds of merges in one run. A merge may make the next one due."""


class Maintenance:
    """One run of maintenance. The next run does what this one leaves undone or fails to do."""

    def __init__(
        self,
        location: Location,
        runtime: Runtime,
        refresh: Callable[[Location, int], Awaitable[None]],
        governor: Governor,
        *,
        new_vectors_of: str = "",
    ) -> None:
        """Prepare a run. It begins with `run`.

        refresh: called with the collection's place and a version after a merge, so that search actors open the version.
        new_vectors_of: fingerprint of an embedder whose cached vectors have grown; empty for none.
        """
        self._governor = governor
        self._new_vectors_of = new_vectors_of
        self._location = location
        self._runtime = runtime
        self._refresh = refresh

    async def run(self) -> None:
        """Merge segments until none is due, then remove garbage. Problems are logged, not raised."""
        collection = self._location.collection
        try:
            store = await self._runtime.actor(vector_store_name(collection), ANYWHERE, VectorStoreActor, self._location)
            for _ in range(ROUNDS):
                merges = await store.call(VectorStoreActor.merges)
                if not merges:
                    break
                versions = await asyncio.gather(*(self._merge(store, merge) for merge in merges))
                newest = max((version for version in versions if version is not None), default=None)
                if newest is None:
                    break
                await self._refresh(self._location, newest)
            await store.call(VectorStoreActor.collect_garbage)
            if self._new_vectors_of:
                await self._runtime.run(stages.merge_vectors, self._location, self._new_vectors_of)
        except (RaycontextError, FileNotFoundError) as error:
            _log.warning("maintenance of %s stopped: %s", collection, error)

    async def _merge(self, store: ActorHandle[VectorStoreActor], merge: PendingMerge) -> int | None:
        """Merge segments of one shard and commit the result. Returns the new version; None when it came too late."""
        async with self._governor.place(self._location.collection):
            merged = await self._runtime.run(
                stages.compact_segments, self._location, merge.sources, merge.embedder, merge.chunker
            )
            dead = await self._runtime.run(
                stages.pool_dead_files,
                self._location,
                merge.sources,
                merge.others,
                merge.pool_bytes,
                merge.embedder,
                merge.chunker,
            )
        compaction = Compaction(txn=new_ulid(), shard=merge.shard, sources=merge.sources, merged=merged, dead=dead)
        return await store.call(VectorStoreActor.compact, compaction)
