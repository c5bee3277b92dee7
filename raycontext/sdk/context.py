"""The SDK: `connect()` gives a `Context` (async) or a `SyncContext`, which index, search and tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from raycontext.actors.coordinator import COORDINATOR, Coordinator
from raycontext.discover.freshness import checked
from raycontext.errors import InvalidInput, RuntimeUnavailable, UnknownCollection
from raycontext.index.estimate import IndexEstimate
from raycontext.index.governor import IndexBudget
from raycontext.index.request import embedder_plan, index_request, places_within, run_options
from raycontext.models import (
    CollectionStatus,
    CollectionSummary,
    Hits,
    IndexReport,
    JobProgress,
)
from raycontext.paths import real_path
from raycontext.runtime.base import ANYWHERE, ActorHandle, Runtime
from raycontext.sdk.arguments import (
    cache_of,
    check_limits,
    check_line,
    check_query,
    check_share,
    path_inside,
    search_filters,
)
from raycontext.sdk.search_client import SearchClient
from raycontext.search.merge import merged
from raycontext.search.query import SearchRequest
from raycontext.settings import Settings
from raycontext.store.checking.reports import RepairReport, VerificationReport
from raycontext.store.collection import CollectionIdentity, Location

if TYPE_CHECKING:
    from raycontext.batch.entries import BatchEntry, BatchList
    from raycontext.batch.report import BatchReport, EntryOutcome

__all__ = ["Context", "closed"]

CANDIDATE_FILES = 60
"""Files that each side proposes for ranking, over the whole collection; at least as many as hits are asked for."""
PROGRESS_SECONDS = 0.2
"""How often a running job is asked for its progress."""


class Context:
    """Access to the collections of one root. Made by `async with raycontext.connect() as context`."""

    def __init__(self, root: str, runtime: Runtime, settings: Settings) -> None:
        self._root = root
        self._runtime = runtime
        self._settings = settings
        self._budget = IndexBudget(settings.index_cores, settings.index_memory_bytes, settings.file_seconds)
        self._cache = cache_of(settings)
        self._clients: dict[str, SearchClient] = {}
        self._closed = False

    async def index(
        self,
        source: str | Path,
        *,
        collection: str | None = None,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        secrets: bool | None = None,
        max_file_bytes: int | None = None,
        num_shards: int | None = None,
        embedder: str | None = None,
        max_embedding_tokens: int | None = None,
        paths: Iterable[str | Path] | None = None,
        on_progress: Callable[[JobProgress], None] | None = None,
    ) -> IndexReport:
        """Bring the index of a folder up to date, creating it where there is none.

        collection: its name; by default the one that has this source, or a new one named after the folder.
        include, exclude: globs in gitignore syntax, relative to the source: only files that match one of `include`, if
        there are any, and none of `exclude`, beyond what ignore files leave out. None keeps what the collection was
        built with, `()` lifts it.
        secrets: index files with keys and tokens too, which are left out otherwise; None keeps what the collection was
        built with, a change rebuilds it.
        max_file_bytes: size beyond which a file is left out, 4 MiB by default. num_shards: number of shards, 1 by
        default; another number rebuilds the collection. None keeps what the collection was built with.
        embedder: "static" (the table that ships with the package), "model2vec:FOLDER", "onnx:FOLDER" or
        "sentence-transformers:FOLDER", of a folder that holds a model and that every worker can read; nothing is
        downloaded. "openai:MODEL", "voyage:MODEL", "ollama:MODEL", each perhaps with "@URL", send the text of every
        chunk to a server. None takes `RAYCONTEXT_EMBEDDER`, else keeps what the collection was built with; another one,
        or a model whose files have changed, rebuilds it.
        max_embedding_tokens: what the run may cost in tokens of an embedding server: it stops before it would cost
        more. None takes `RAYCONTEXT_MAX_EMBEDDING_TOKENS`, no limit.
        paths: files and folders of the source, absolute or relative to it, that alone may have changed or are gone:
        only they are looked at, which takes a fraction of a second whatever the size of the tree. None: everything is,
        as it also is where nothing was indexed or other options are asked for.
        on_progress: called a few times a second with how far the run is.

        Raises `RootNotFound`, `CollectionExists`, `InvalidInput`, `StorageError`, `JobFailed`, `RuntimeUnavailable`,
        and of an embedding server `EmbeddingFailed` and `EmbeddingBudgetExceeded`.
        What was committed before an error stays, and the next call goes on from there.
        """
        request = await asyncio.to_thread(
            index_request,
            self._settings,
            source,
            collection,
            run_options(
                include=include,
                exclude=exclude,
                secrets=secrets,
                max_file_bytes=max_file_bytes,
                num_shards=num_shards,
                embedder=embedder,
                max_embedding_tokens=max_embedding_tokens,
            ),
        )
        if paths is not None:
            request = request._replace(places=places_within(request.source, paths))
            if not request.places:
                raise InvalidInput("No path is given in paths", "Leave it out to look at the whole source.")
        coordinator = await self._coordinator()
        running = asyncio.ensure_future(coordinator.call(Coordinator.index, request))
        try:
            if on_progress is not None:
                while not (await asyncio.wait([running], timeout=PROGRESS_SECONDS))[0]:
                    progress = await coordinator.call(Coordinator.progress_of, request.source, collection)
                    if progress is not None:
                        on_progress(progress)
            report = await running
        finally:
            running.cancel()  # where we end before it: no one is left to hear what comes of it
        return report

    async def batch(
        self,
        batch: BatchList,
        *,
        on_outcome: Callable[[EntryOutcome], None] | None = None,
        stop: asyncio.Event | None = None,
    ) -> BatchReport:
        """Bring the index of many sources up to date, as `index` does for one, some at a time. What fails does not
        stop the rest. A run that ended before its time goes on where it was, in this process or another one; one
        that another process is at is shared with it.

        batch: read by `raycontext.read_batch_list`.
        on_outcome: called with what came of each source.
        stop: once it is set, no more is begun, and the report says what is done.

        Raises `InvalidInput`, and `StorageError` where the root cannot hold the records of the run.
        """
        from raycontext.batch.run import BatchDriver

        self._check_open()

        async def index(entry: BatchEntry, tree: str) -> IndexReport:
            return await self.index(tree, collection=entry.name, **entry.given())

        return await BatchDriver(index, self._runtime, self._root, batch, on_outcome, self._cache).run(stop)

    async def estimate(
        self,
        source: str | Path,
        *,
        collection: str | None = None,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        secrets: bool | None = None,
        max_file_bytes: int | None = None,
        num_shards: int | None = None,
        embedder: str | None = None,
        max_embedding_tokens: int | None = None,
    ) -> IndexEstimate:
        """Return what `index` would do with the same arguments, without doing it: files and bytes are counted, chunks
        and seconds are measured on a sample, and `exceeds_max_embedding_tokens` says whether `index` would stop before
        its end. Raises `RootNotFound`, `InvalidInput`, `StorageError`."""
        request = await asyncio.to_thread(
            index_request,
            self._settings,
            source,
            collection,
            run_options(
                include=include,
                exclude=exclude,
                secrets=secrets,
                max_file_bytes=max_file_bytes,
                num_shards=num_shards,
                embedder=embedder,
                max_embedding_tokens=max_embedding_tokens,
            ),
        )
        estimate = await (await self._coordinator()).call(Coordinator.estimate, request)
        budget = request.plan.most_tokens
        exceeds = budget is not None and estimate.embedding_tokens > budget
        return estimate.model_copy(update={"exceeds_max_embedding_tokens": exceeds})

    async def search(
        self,
        query: str,
        *,
        collection: str | None = None,
        collections: Iterable[str] = (),
        path: str | Path | None = None,
        limit: int = 10,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        kinds: Iterable[str] = (),
        min_score: float = 0.0,
        diversity: float | None = None,
        explain: bool = False,
        refresh: bool | None = None,
    ) -> Hits:
        """The chunks that answer a question or hold a symbol, best first, and how complete they are.

        collection: name of the collection; or `path`: a place within the indexed folder; or `collections`: several
        names, or ["*"] for all of the root, whose hits are merged by score; or nothing: the collection of the current
        folder, or the only one that there is.
        limit: at most this many, 1 to 1000.
        languages, paths, kinds: only these, applied before ranking; names as in `Hit.language`, globs in gitignore
        syntax of which `!` excludes, values of `ChunkKind`.
        min_score: leave out hits below this final score.
        diversity: how far each further chunk of the same file falls behind, 0 (not at all) to 1 (one chunk a file);
        None takes `RAYCONTEXT_DIVERSITY`, 0.75.
        explain: hits tell what each feature contributed (`Hit.explanation`).
        refresh: look first whether the source has changed, and take in few changes (see `Coordinator.freshen`); None
        takes `RAYCONTEXT_REFRESH`, yes. Each hit tells whether its file is as it was indexed (`Hit.freshness`).

        Raises `UnknownCollection`, `InvalidInput`, `FingerprintMismatch`, `StorageError`, `RuntimeUnavailable`.
        """
        check_query(query)
        check_limits(limit, min_score)
        spread = check_share("diversity", self._settings.diversity if diversity is None else diversity)
        request = SearchRequest(
            text=query,
            filters=search_filters(languages, paths, kinds),
            files=max(CANDIDATE_FILES, limit),
            rows=limit,
            repeat_factor=1.0 - spread,
            explain=explain,
        )
        names = await self._names(collection, tuple(collections), path)
        if self._settings.refresh if refresh is None else refresh:
            coordinator = await self._coordinator()
            await asyncio.gather(*(coordinator.call(Coordinator.freshen, name) for name in names))
        found = await asyncio.gather(*(self._client(name).search(request, limit, min_score) for name in names))
        return await asyncio.to_thread(checked, merged(found, limit) if len(found) > 1 else found[0])

    async def related(
        self,
        path: str | Path,
        line: int,
        *,
        collection: str | None = None,
        limit: int = 10,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        kinds: Iterable[str] = (),
        min_score: float = 0.0,
    ) -> Hits:
        """Chunks like the one at a line of an indexed file, by vector and by the rare terms that they share, best
        first, without that chunk itself.

        path: of the file, within an indexed folder; with `collection` it may be relative to the folder of that, as in
        `Hit.path`.
        line: 1 for the first. The others are as in `search`.

        Raises as `search`; `InvalidInput` where the file is not in the index.
        """
        check_limits(limit, min_score)
        check_line(line)
        filters = search_filters(languages, paths, kinds)
        identity = await self._identity(collection, None if collection is not None else path)
        inside = await asyncio.to_thread(path_inside, identity.source, path, collection is not None)
        hits = await self._client(identity.name).related(inside, line, filters, limit, min_score)
        return await asyncio.to_thread(checked, hits)

    async def status(self, collection: str | None = None, *, path: str | Path | None = None) -> CollectionStatus:
        """What a collection holds and which actors serve it. The collection is found as in `search`."""
        name = await self._resolve(collection, path)
        return await (await self._coordinator()).call(Coordinator.status, name)

    async def progress(self, collection: str) -> JobProgress | None:
        """How far the running or last index run of a collection is; None where there was none."""
        return await (await self._coordinator()).call(Coordinator.progress, collection)

    async def prepare(self, source: str | Path, collection: str | None = None) -> str:
        """Name of the collection that `index` would bring up to date; it is made where there is none.

        Raises `RootNotFound`, `CollectionExists`, `InvalidInput`.
        """
        return await (await self._coordinator()).call(
            Coordinator.prepare, await asyncio.to_thread(real_path, source), collection
        )

    async def resolve(self, collection: str | None = None, path: str | Path | None = None) -> str:
        """Name of the collection that is found as in `search`. Raises `UnknownCollection`, `InvalidInput`."""
        return await self._resolve(collection, path)

    async def of_source(self, source: str | Path) -> str:
        """Name of the collection whose source is exactly this folder. Raises `UnknownCollection`."""
        return await (await self._coordinator()).call(Coordinator.of_source, await asyncio.to_thread(real_path, source))

    async def release(self, collection: str) -> None:
        """End the actors of a collection that does nothing: they come back when they are asked."""
        self._forget(collection)
        await (await self._coordinator()).call(Coordinator.release, collection)

    async def cancel(self, collection: str) -> bool:
        """Stop the running index job of a collection: who waits for it gets `JobCancelled`, what it has committed
        stays, and the next `index` goes on from there. False where none runs."""
        return await (await self._coordinator()).call(Coordinator.cancel, collection)

    async def clear(self, collection: str) -> None:
        """Remove a collection with all its files. Raises `UnknownCollection`."""
        self._forget(collection)
        await (await self._coordinator()).call(Coordinator.clear, collection)

    async def verify(self, collection: str | None = None, *, deep: bool = False) -> list[VerificationReport]:
        """Whether a collection, or each of the root, is whole: everything that its newest version names.

        deep: hash every file, and compare the chunks with the source where that is as it was indexed.

        Raises `UnknownCollection`, `StorageError`; damage is reported, not raised.
        """
        return await (await self._coordinator()).call(Coordinator.verify, collection, deep)

    async def repair(self, collection: str | None = None) -> list[RepairReport]:
        """Build anew, from the source, what is damaged of a collection, or of each of the root, and nothing else.

        Raises `UnknownCollection`, `StorageError`, `RootNotFound`, and as `index`.
        """
        return await (await self._coordinator()).call(Coordinator.repair, collection)

    async def collections(self) -> list[CollectionSummary]:
        """All collections of the root, by name."""
        return await (await self._coordinator()).call(Coordinator.collections)

    async def _names(self, collection: str | None, collections: tuple[str, ...], path: str | Path | None) -> list[str]:
        """The collections that a search is about."""
        if not collections:
            known = collection in self._clients and path is None
            return [collection if known and collection is not None else await self._resolve(collection, path)]
        if collection is not None or path is not None:
            raise InvalidInput(
                "Both one collection and several are given", "Give one of collection, path, collections."
            )
        if "*" in collections:
            names = [summary.name for summary in await self.collections()]
            if not names:
                raise UnknownCollection("*", ())
            return names
        return [await self._resolve(name, None) for name in dict.fromkeys(collections)]

    async def _resolve(self, collection: str | None, path: str | Path | None) -> str:
        return (await self._identity(collection, path)).name

    async def _identity(self, collection: str | None, path: str | Path | None) -> CollectionIdentity:
        place = await asyncio.to_thread(real_path, path) if path is not None else None
        return await (await self._coordinator()).call(
            Coordinator.resolve, collection, place, await asyncio.to_thread(real_path, ".")
        )

    def _forget(self, collection: str) -> None:
        client = self._clients.pop(collection, None)
        if client is not None:
            client.close()

    def _close(self) -> None:
        self._closed = True
        for collection in list(self._clients):
            self._forget(collection)

    def _check_open(self) -> None:
        # A call on a Ray that is gone would quietly start another one, which no one guards and no one ends.
        if self._closed:
            raise closed()

    async def _coordinator(self) -> ActorHandle[Coordinator]:
        self._check_open()
        return await self._runtime.actor(
            COORDINATOR, ANYWHERE, Coordinator, self._root, self._runtime, self._budget, self._cache
        )

    def _client(self, collection: str) -> SearchClient:
        self._check_open()
        if collection not in self._clients:
            self._clients[collection] = SearchClient(
                self._runtime,
                Location(self._root, collection, self._cache),
                replicas=self._settings.replicas,
                seconds=self._settings.search_seconds,
                plan=embedder_plan(self._settings),
            )
        return self._clients[collection]


def closed() -> RuntimeUnavailable:
    """The error of a connection that was left."""
    return RuntimeUnavailable("This connection is closed", "Connect again.")
