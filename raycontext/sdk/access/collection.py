"""What can be asked of the collections of one root, apart from indexing and searching."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from raycontext.actors.coordinator import COORDINATOR, Coordinator
from raycontext.actors.hybrid_search import HybridSearchActor
from raycontext.actors.looks import Look, LookBudget
from raycontext.actors.search_owners import Wanted
from raycontext.errors import DeadlineExceeded, InvalidInput, NotIndexedYet, RuntimeUnavailable, UnknownCollection
from raycontext.files.paths import real_path
from raycontext.index.request import embedder_plan, source_place
from raycontext.index.work.governor import IndexBudget
from raycontext.models import CollectionStatus, CollectionSummary, JobProgress, first_run
from raycontext.models.hits import Hits
from raycontext.runtime.base import ANYWHERE, ActorHandle, Runtime
from raycontext.sdk.arguments import check_exists, not_indexed, place_inside, storage_options_of
from raycontext.sdk.clients.search import SearchClient
from raycontext.sdk.clients.several import LOOK_SHARE, answers, looked_at
from raycontext.sdk.filters import within_source
from raycontext.search.query import SearchRequest
from raycontext.search.ranking.merge import merged
from raycontext.settings import Settings
from raycontext.store.checking.reports import RepairReport, VerificationReport
from raycontext.store.collection import CollectionIdentity, Location

__all__ = ["CollectionAccess", "closed"]

Answer = TypeVar("Answer")


class CollectionAccess(ABC):
    """Status, checks and removal of the collections of one root: what `Context` offers besides index and search."""

    def __init__(self, root: str, runtime: Runtime, settings: Settings) -> None:
        self._root = root
        self._runtime = runtime
        self._settings = settings
        self._budget = IndexBudget(
            settings.index_cores,
            settings.index_memory_bytes,
            settings.file_seconds,
            settings.ref_bytes,
            settings.search_actors,
        )
        self._look_budget = LookBudget(settings.look_files, settings.look_seconds)
        self._storage_options = storage_options_of(settings)
        self._clients: dict[str, SearchClient] = {}
        self._closed = False

    async def status(self, collection: str | None = None, *, path: str | Path | None = None) -> CollectionStatus:
        """Return what a collection holds and which actors serve it. `collection` and `path` are like those of `search`.

        Raises `UnknownCollection`, `NotIndexedYet`, `PathNotFound`, `InvalidInput`, `StorageError` or
        `RuntimeUnavailable`.
        """
        name = await self._resolve(collection, path)
        return await self._answer_of(name, (await self._coordinator()).call(Coordinator.status, name))

    async def progress(self, collection: str) -> JobProgress | None:
        """Return the progress of the running or last index run of a collection; None when there was none."""
        return await (await self._coordinator()).call(Coordinator.progress, collection)

    async def prepare(self, source: str | Path, collection: str | None = None) -> str:
        """Return the name of the collection that `index` would bring up to date. It is created when it is missing.

        Raises `RootNotFound`, `CollectionExists` or `InvalidInput`.
        """
        return await (await self._coordinator()).call(
            Coordinator.prepare, await asyncio.to_thread(source_place, source), collection
        )

    async def resolve(self, collection: str | None = None, path: str | Path | None = None) -> str:
        """Return the name of the collection that `search` would search.

        Raises `UnknownCollection`, `InvalidInput`, and `PathNotFound` when nothing is at `path`.
        """
        return await self._resolve(collection, path)

    async def of_source(self, source: str | Path) -> str:
        """Return the name of the collection whose source is exactly this folder. Raises `UnknownCollection`, and
        `PathNotFound` when there is no such folder either.
        """
        place = await asyncio.to_thread(real_path, source)
        try:
            return await (await self._coordinator()).call(Coordinator.of_source, place)
        except UnknownCollection as error:
            raise await asyncio.to_thread(not_indexed, error, source) from None

    async def release(self, collection: str) -> None:
        """End the actors of a collection when no work on it is under way. The next call starts them again."""
        self._forget(collection)
        await (await self._coordinator()).call(Coordinator.release, collection)

    async def cancel(self, collection: str) -> bool:
        """Stop the running index job of a collection, whose callers get `JobCancelled`. Returns False when none runs.

        What the job has committed stays, and the next `index` continues from there.
        """
        return await (await self._coordinator()).call(Coordinator.cancel, collection)

    async def clear(self, collection: str) -> None:
        """Remove a collection with all its files. Raises `UnknownCollection`."""
        self._forget(collection)
        await (await self._coordinator()).call(Coordinator.clear, collection)

    async def verify(self, collection: str | None = None, *, deep: bool = False) -> list[VerificationReport]:
        """Check that everything that the newest version of a collection names is there and undamaged.

        collection: name of the collection. None checks each collection of the root.
        deep: True hashes every file, and compares the chunks with source files that have not changed since.

        Raises `UnknownCollection` or `StorageError`. Damage is reported, not raised.
        """
        return await (await self._coordinator()).call(Coordinator.verify, collection, deep)

    async def repair(self, collection: str | None = None) -> list[RepairReport]:
        """Rebuild the damaged parts of a collection from its source, and nothing else.

        collection: name of the collection. None repairs each collection of the root.

        Raises `UnknownCollection`, `StorageError`, and what `index` raises.
        """
        return await (await self._coordinator()).call(Coordinator.repair, collection)

    async def collections(self) -> list[CollectionSummary]:
        """Return a summary of each collection of the root, sorted by name."""
        return await (await self._coordinator()).call(Coordinator.collections)

    async def _resolve(self, collection: str | None, path: str | Path | None) -> str:
        return (await self._identity(collection, path)).name

    async def _identity(self, collection: str | None, path: str | Path | None) -> CollectionIdentity:
        place = await asyncio.to_thread(real_path, path) if path is not None else None
        here = await asyncio.to_thread(real_path, ".")
        try:
            return await (await self._coordinator()).call(Coordinator.resolve, collection, place, here)
        except UnknownCollection as error:
            raise await asyncio.to_thread(not_indexed, error, None if collection is not None else path) from None

    async def _not_indexed(self, name: str) -> NotIndexedYet:
        """Return the error for a collection without a commit, with how far its first run came."""
        source = (await self._identity(name, None)).source
        return NotIndexedYet(name, source, first_run(await self.progress(name)))

    async def _in_time(self, name: str, answer: Awaitable[Hits]) -> Hits:
        """Await the answer of a collection; an empty and incomplete one where no shard answers in time."""
        try:
            return await answer
        except DeadlineExceeded as late:
            return merged(answers([name], [late], self._shards_of), 0)

    def _shards_of(self, name: str) -> int:
        return self._client(name).shards

    async def _searched(
        self, name: str, request: SearchRequest, inside: str, limit: int, min_score: float, until: float
    ) -> Hits:
        """Search one collection until a time of the event loop. Raises what `SearchClient.search` raises."""
        if inside or request.filters.paths:
            source = (await self._identity(name, None)).source
            filters = await asyncio.to_thread(within_source, request.filters, source, inside)
            request = replace(request, filters=filters)
        return await self._client(name).search(request, limit, min_score, until)

    async def _at(
        self, ref: str | None, collection: str | None, path: str | Path | None, refresh: bool | None
    ) -> tuple[str | None, str | Path | None, bool | None]:
        """Return the collection, the place in it and the wish to look for changes, for a question at a ref; what was
        given without one.
        """
        if ref is None:
            return collection, path, refresh
        return *await self._indexed_at(ref, collection, (), path), True

    @abstractmethod
    async def _indexed_at(
        self, ref: str, collection: str | None, collections: tuple[str, ...], path: str | Path | None
    ) -> tuple[str, str | None]:
        """Return the collection of the commit that a ref means, indexed, and the place in it that is meant."""

    async def _looked(self, refresh: bool | None, names: Sequence[str]) -> dict[str, Look]:
        """Look whether the sources of some collections have changed, where that is wanted, and return what was seen.

        refresh: like that of `search`.
        """
        if not (self._settings.refresh if refresh is None else refresh):
            return {}
        coordinator = await self._coordinator()
        seconds = LOOK_SHARE * self._settings.search_seconds
        return await looked_at(names, lambda name: coordinator.call(Coordinator.freshen, name), seconds)

    async def _answer_of(self, name: str, answer: Awaitable[Answer]) -> Answer:
        """Await an answer of a collection. Where it was never committed, say how far its first run came."""
        try:
            return await answer
        except NotIndexedYet:
            raise await self._not_indexed(name) from None

    async def _targets(
        self, collection: str | None, collections: tuple[str, ...], path: str | Path | None
    ) -> tuple[list[str], str]:
        """Return the names of the collections to search, and the place to search in, relative to the source.

        The place is "" for everything. Raises `InvalidInput`, `PathNotFound` or `UnknownCollection`.
        """
        if path is None or collections:
            return await self._names(collection, collections, path), ""
        if collection is None:
            await asyncio.to_thread(check_exists, path)
        identity = await self._identity(collection, None if collection is not None else path)
        inside = await asyncio.to_thread(place_inside, identity.source, path, collection is not None)
        return [identity.name], inside

    async def _names(self, collection: str | None, collections: tuple[str, ...], path: str | Path | None) -> list[str]:
        """Return the names of the collections to search. Raises `InvalidInput` or `UnknownCollection`."""
        if not collections:
            known = collection in self._clients and path is None
            return [collection if known and collection is not None else await self._resolve(collection, path)]
        if collection is not None or path is not None:
            raise InvalidInput(
                "Both one collection and several are given", "Give one of collection, path, collections."
            )
        if "*" in collections:
            names = await (await self._coordinator()).call(Coordinator.names)
            if not names:
                raise UnknownCollection("*", ())
            return names
        return [await self._resolve(name, None) for name in dict.fromkeys(collections)]

    def _forget(self, collection: str) -> None:
        client = self._clients.pop(collection, None)
        if client is not None:
            client.close()

    async def _close(self) -> None:
        self._closed = True
        for collection in list(self._clients):
            self._forget(collection)

    def _check_open(self) -> None:
        # A call on a Ray that is gone would quietly start another one, which nothing guards and nothing ends.
        if self._closed:
            raise closed()

    async def _coordinator(self) -> ActorHandle[Coordinator]:
        self._check_open()
        return await self._runtime.actor(
            COORDINATOR,
            ANYWHERE,
            Coordinator,
            self._root,
            self._runtime,
            self._budget,
            self._storage_options,
            self._look_budget,
        )

    def _client(self, collection: str) -> SearchClient:
        self._check_open()
        if collection not in self._clients:
            self._clients[collection] = SearchClient(
                self._runtime,
                Location(self._root, collection, self._storage_options),
                replicas=self._settings.replicas,
                seconds=self._settings.search_seconds,
                plan=embedder_plan(self._settings),
                owner=self._owner if self._runtime.name == "ray" else None,
            )
        return self._clients[collection]

    async def _owner(self, wanted: Wanted, again: bool) -> ActorHandle[HybridSearchActor]:
        """Ask the Coordinator, which knows the budget of the nodes, who owns a replica of a shard."""
        return await (await self._coordinator()).call(Coordinator.owner, wanted, again)


def closed() -> RuntimeUnavailable:
    """Return the error for calls on a connection that is closed."""
    return RuntimeUnavailable("This connection is closed", "Connect again.")
