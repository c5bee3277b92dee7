"""The service behind every interface of the daemon: queries, index jobs in the background, and watched folders."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from raycontext.actors.looks import Look
from raycontext.embed.permission import is_listed
from raycontext.errors import (
    CollectionExists,
    EmbedderNotAllowed,
    InvalidInput,
    JobCancelled,
    NotIndexedYet,
    RuntimeUnavailable,
    UnknownCollection,
)
from raycontext.index.request import resolved
from raycontext.models import CollectionStatus, CollectionSummary, IndexReport, first_run
from raycontext.models.hits import Hits, Searched
from raycontext.models.options import RunOptions
from raycontext.sdk import moving
from raycontext.sdk.access.refs import RefTarget
from raycontext.sdk.arguments import MAX_LIMIT, not_indexed
from raycontext.sdk.context import Context
from raycontext.sdk.watching.watches import Watched, Watches, WatchState
from raycontext.serve.contexts import Contexts
from raycontext.serve.index_job import IndexJobs
from raycontext.serve.messages import (
    Answer,
    CollectionQuery,
    IndexQuery,
    JobState,
    RelatedQuery,
    SearchQuery,
    StatusAnswer,
    WatchQuery,
)
from raycontext.serve.pages import page_of
from raycontext.serve.reach import Reach, absolute_place, chosen, is_inside, known_of
from raycontext.serve.refs import index_at_ref, indexed_at, search_at_ref
from raycontext.serve.savings import Savings

__all__ = ["Service"]

Result = TypeVar("Result")


class Service:
    """Service of the daemon on top of a `Context`. Every method may raise what the SDK raises, and `PathNotAllowed`.

    allowed: folders outside of which nothing is indexed, searched or listed. A collection whose source lies outside
    counts as missing. None allows all: the interface is then for the owner alone.
    note_watches: function that records the watched folders (see `Watches`). savings: counts answers; None counts none.
    """

    def __init__(
        self,
        context: Context,
        allowed: Sequence[str] | None = None,
        note_watches: Callable[[dict[str, Watched]], None] = lambda watched: None,
        on_job: Callable[[], None] = lambda: None,
        savings: Savings | None = None,
    ) -> None:
        self.contexts = Contexts(context, self._watch_large)
        self._on_job = on_job
        self._reach = Reach(allowed)
        self._jobs = IndexJobs(self._index)
        self.retires = asyncio.Event()
        """Set once another daemon is to take over: jobs that run go on, new ones are refused."""
        self.savings = savings or Savings()
        self._used: dict[str, float] = {}
        self._watches = Watches(
            lambda name, source, paths, options: self._index(name, source, paths=paths or None, **options.given()),
            note_watches,
        )

    def restricted(self, reach: Reach) -> Service:
        """Return a service with the same jobs for callers that are restricted to what `reach` says."""
        other = copy.copy(self)
        other._reach = reach
        return other

    async def search(self, asked: SearchQuery) -> Answer:
        """Return the hits for a query: those of what is committed, marked as partial while an index job runs."""
        begun = time.perf_counter()
        if asked.path is not None:
            await self.check_path(asked.path)
        if asked.ref is not None or asked.changed is not None:
            base = await self.name_of(asked) if self._reach.is_bounded else asked.collection
            self._reach.check_writes(base)  # a commit is indexed for the search
            asked = await search_at_ref(asked, self.contexts.catalog, self._reach, base, self._index)
        is_bounded = self._reach.is_bounded and not (asked.ref or asked.changed)  # a ref was resolved within the bounds
        collection, collections, path = asked.collection, asked.collections, asked.path
        if is_bounded and collections and not (collection or path):
            sources = await self._sources()
            names = sources if "*" in collections else collections
            collections = [chosen(sources, name, None) for name in names] or [chosen(sources, "*", None)]
        elif not collections and (is_bounded or (asked.folder and not (collection or path))):
            collection = await self.name_of(asked)
        hits = await self._of_first_run(
            self.contexts.search(
                asked.query,
                collection=collection,
                collections=collections,
                path=path,
                changed=asked.changed,
                commits=asked.commits,
                limit=min(asked.offset + asked.limit + 1, MAX_LIMIT),
                languages=asked.languages,
                paths=asked.paths,
                kinds=asked.kinds,
                grep=asked.grep,
                min_score=asked.min_score,
                diversity=asked.diversity,
                explain=asked.explain,
                context=asked.context,
                refresh=asked.refresh,
            )
        )
        named = [asked.collection] if asked.collection else asked.collections
        return self._answer(hits, asked, named, begun)

    async def related(self, asked: RelatedQuery) -> Answer:
        """Return chunks similar to the one at a line.

        `path` is absolute or, with a collection, relative to its folder.
        """
        begun = time.perf_counter()
        if asked.collection is None:
            await self.check_path(asked.path)
        collection = asked.collection
        if self._reach.is_bounded:
            collection = await self._chosen(collection, None if collection else asked.path)
        hits = await self._of_first_run(
            self.contexts.related(
                asked.path,
                asked.line,
                collection=collection,
                limit=min(asked.offset + asked.limit + 1, MAX_LIMIT),
                languages=asked.languages,
                paths=asked.paths,
                kinds=asked.kinds,
                min_score=asked.min_score,
            )
        )
        named = [asked.collection] if asked.collection else []
        return self._answer(hits, asked, named, begun)

    async def start_index(self, asked: IndexQuery) -> JobState:
        """Begin to bring a folder up to date, or join the job that does, and return its state.

        Raises also `RootNotFound`, and `InvalidInput` when a job with other options runs.
        """
        source = await self.check_path(asked.path)
        options = await asyncio.to_thread(self._options_of, asked)
        if asked.ref is not None:
            asked, source = await index_at_ref(asked, asked.ref, source, self._reach)
        name = await self._prepared(source, asked)
        if self.retires.is_set():
            raise RuntimeUnavailable("This daemon ends, since a newer raycontext was installed", "Ask again.")
        return self._jobs.begin(name, source, options, force=asked.force).state()

    def jobs(self) -> list[JobState]:
        """Return the states of all jobs of this process, newest first."""
        found = [job for job in self._jobs.newest_first() if self._reach.covers(job.collection, job.source)]
        return [self._shown(job.state()) for job in found]

    def job(self, collection: str) -> JobState | None:
        """Return the state of the running or last job of a collection; None when there was none."""
        job = self._jobs.of(collection)
        return self._shown(job.state()) if job is not None and self._reach.covers(collection, job.source) else None

    def _shown(self, state: JobState) -> JobState:
        """Return the state of a job without the names of other collections, for a caller who has bounds."""
        if state.report is None or not self._reach.is_bounded:
            return state
        return state.model_copy(update={"report": state.report.model_copy(update={"reused_from": ()})})

    async def cancel(self, asked: CollectionQuery) -> tuple[str, bool]:
        """Stop the job of a collection. Returns the name of the collection and whether a job ran."""
        name = await self.name_of(asked)
        self._reach.check_writes(name)
        job = self._jobs.of(name)
        cancelled = await self.contexts.cancel(name)
        if job is not None and cancelled:
            job.stopping = True
        return name, cancelled

    async def collections(self) -> list[CollectionSummary]:
        """Return a summary of each collection that the caller may reach, sorted by name."""
        found = await self.contexts.catalog.collections()
        includes = self._reach.includes
        return await asyncio.to_thread(lambda: [one for one in found if includes(one.name, one.source)])

    async def status(self, asked: CollectionQuery) -> StatusAnswer:
        """Return the state of a collection and its job, also while its first run has not committed anything."""
        name = await self.name_of(asked)
        job = self.job(name)
        found: CollectionStatus | None
        try:
            found = await self._told(self.contexts.status(name))
        except UnknownCollection:
            if job is None:
                raise
            found = None
        return StatusAnswer(collection=found, job=job, runtime=self.contexts.runtime_of(name))

    async def clear(self, asked: CollectionQuery) -> str:
        """Remove a collection, given by its name or by the indexed folder itself, and return its name."""
        name = asked.collection
        if name is None:
            if asked.path is None:
                raise InvalidInput("Nothing says which collection to remove", "Give its folder or its name.")
            source = await self.check_path(asked.path)
            name = await self._told(self.contexts.catalog.of_source(source))
        if self._reach.is_bounded:
            name = await self._chosen(name, None)
        self._reach.check_writes(name)
        await self._watches.stop(name)
        await self.contexts.cancel(name)
        source = (await self._sources()).get(name, "")
        await self._told(self.contexts.clear(name))
        self.savings.forget(source)
        self._jobs.drop(name)
        return name

    async def name_of(self, asked: CollectionQuery | SearchQuery) -> str:
        """Return the name of the collection that a caller means. Raises `UnknownCollection`."""
        if asked.path is not None:
            await self.check_path(asked.path)
        if asked.folder is not None and not (asked.collection or asked.path):
            return await self._collection_of(asked.folder)
        return await self._chosen(asked.collection, asked.path)

    async def at_ref(self, ref: str, asked: CollectionQuery) -> RefTarget:
        """Return the collection of the commit that a ref means now, which is indexed by then. Raises as `search`."""
        place = await self.check_path(asked.path) if asked.path is not None else None
        base = await self.name_of(asked) if self._reach.is_bounded else asked.collection
        self._reach.check_writes(base)  # a commit is indexed for the question
        path = place or (asked.folder if base is None else None)
        return await indexed_at(ref, base, path, self.contexts.catalog, self._reach, self._index)

    async def _chosen(self, collection: str | None, path: str | None) -> str:
        """Return the collection that a name or a path means, out of those that the caller may reach.

        Whatever names a collection passes here. Raises `UnknownCollection` or `InvalidInput`, which name no other one.
        """
        if not self._reach.is_bounded:
            return await self.contexts.catalog.resolve(collection, path)
        place = None if path is None else await self.check_path(path)
        try:
            return chosen(await self._sources(), collection, place)
        except UnknownCollection as error:
            raise await asyncio.to_thread(not_indexed, error, None if collection is not None else place) from None

    async def _sources(self) -> dict[str, str]:
        """Return the source of each collection that the caller may reach, by name."""
        return {summary.name: summary.source for summary in await self.collections()}

    async def _prepared(self, source: str, asked: WatchQuery) -> str:
        """Return the name of the collection for a source. Raises `InvalidInput`, and `RequestRefused` to a reader."""
        named = asked.collection
        if named is None and self._reach.names_collections:
            named = next((name for name, place in (await self._sources()).items() if place == source), None)
        self._reach.check_writes(named)
        if asked.fork_from is not None and self._reach.is_bounded:
            await self._chosen(asked.fork_from, None)
        try:
            return await self.contexts.catalog.prepare(source, asked.collection)
        except CollectionExists as error:
            if await asyncio.to_thread(self._reach.includes, error.name, error.source):
                raise
            raise InvalidInput(f"The collection name '{error.name}' is taken", "Choose another name.") from None

    async def _collection_of(self, folder: str) -> str:
        """Return the name of the collection that indexes a folder. Raises `UnknownCollection`."""
        return await self._chosen(None, await self.check_path(folder))

    async def watch(self, asked: WatchQuery) -> WatchState:
        """Index a folder, and again whenever it changes, until this process ends. Raises also `RootNotFound`."""
        source = await self.check_path(asked.path)
        options = await asyncio.to_thread(self._options_of, asked)
        name = await self._prepared(source, asked)
        return await self._watches.start(name, Watched(source, options))

    async def _watch_large(self, collection: str, look: Look) -> Look:
        """Watch a source that is too large for the looks of searches, and return what is known of it."""
        self._watches.start_unasked(collection, look.watch)
        return self._watches.seen(collection, look)

    async def resume(self, watched: dict[str, Watched]) -> None:
        """Watch again the folders that were watched before, by collection. Collections that no longer exist are left
        out.
        """
        known = {found.name: found.source for found in await self.contexts.catalog.collections()}
        for name, before in watched.items():
            if known.get(name) == before.source:
                await self._watches.start(name, before)

    async def unwatch(self, asked: CollectionQuery) -> tuple[str, bool]:
        """Stop watching a folder. Returns the name of the collection and whether it was watched."""
        name = await self.name_of(asked)
        self._reach.check_writes(name)
        return name, await self._watches.stop(name)

    def watches(self) -> list[WatchState]:
        """Return the states of all watched folders."""
        return [state for state in self._watches.states() if self._reach.covers(state.collection, state.source)]

    async def close(self) -> None:
        """Stop all jobs and watches. What is committed stays."""
        await self._watches.close()
        await self._jobs.close()
        await self.savings.write()

    @property
    def has_jobs(self) -> bool:
        """Whether a job runs."""
        return self._jobs.any_running

    @property
    def busy(self) -> bool:
        """True while a job runs or a folder is watched because a caller asked for that."""
        return self.has_jobs or any(watch.asked for watch in self._watches.states())

    def note_use(self, collection: str) -> None:
        """Note that a collection was asked now, so that its actors stay."""
        self._used[collection] = time.monotonic()

    def idle_collections(self, seconds: float) -> list[str]:
        """Return collections that were last asked longer ago than `seconds`. Each is returned once."""
        limit = time.monotonic() - seconds
        idle = [name for name, last in self._used.items() if last < limit and not self._jobs.is_running(name)]
        for name in idle:
            del self._used[name]
        return idle

    async def release(self, collection: str) -> None:
        """End the actors of a collection, and the watch that no caller asked for. The next call starts them again."""
        await self._watches.stop_unasked(collection)
        await self.contexts.release(collection)

    def _answer(
        self,
        hits: Hits,
        asked: SearchQuery | RelatedQuery,
        named: Sequence[str],
        begun: float,
    ) -> Answer:
        """Return the page of hits that was asked for, with the jobs that run on its collections."""
        about = {*named, *(hit.collection for hit in hits)} - {"*"}
        for name in about:
            self._used[name] = time.monotonic()
        indexing = [
            job.state()
            for job in self._jobs.newest_first()
            if job.running
            and self._reach.covers(job.collection, job.source)
            and (job.collection in about or "*" in named or is_inside(asked.path, job.source))
        ]
        return page_of(hits, asked, indexing, begun)

    async def _index(self, name: str, source: str, **options: Any) -> IndexReport:
        """Run an index job; see `Contexts.index`."""
        self._on_job()
        try:
            report = await self.contexts.index(source, collection=name, **options)
            await moving.note_complete(self.contexts.catalog, name, source)
            return report
        finally:
            self._used[name] = time.monotonic()

    async def check_path(self, path: str) -> str:
        """Return `path` with links resolved. Raises `InvalidInput` when it is not absolute, and `PathNotAllowed`."""
        place = await asyncio.to_thread(absolute_place, path)
        self._reach.check_place(place, path)
        return place

    async def _of_first_run(self, call: Awaitable[Hits]) -> Hits:
        """Return the hits of a query. There are none while the first run of the collection has committed nothing.

        Raises what `_told` raises, and `NotIndexedYet` when that run has ended.
        """
        try:
            return await self._told(call)
        except NotIndexedYet as error:
            if self._jobs.is_running(error.name):
                return Hits(searched=[Searched(collection=error.name, version=0)])
            job = self._jobs.of(error.name)
            if job is None or job.progress is None or job.error is None:
                raise
            stage = "cancelled" if isinstance(job.error, JobCancelled) else "failed"
            progress = job.progress.model_copy(update={"stage": stage, "error": str(job.error)})
            raise NotIndexedYet(error.name, job.source, first_run(progress)) from None

    async def _told(self, call: Awaitable[Result]) -> Result:
        """Return what a call of the SDK returns. Its `UnknownCollection` lists only what the caller may reach."""
        try:
            return await call
        except UnknownCollection as error:
            if not self._reach.is_bounded or isinstance(error, NotIndexedYet):
                raise
            raise UnknownCollection(error.name, known_of(error.known, await self._sources())) from None

    def _options_of(self, asked: WatchQuery) -> RunOptions:
        """Return the options of a run as one value. Raises `InvalidInput`, and `EmbedderNotAllowed` where a caller with
        bounds names an embedder that the operator does not list, which would get the source and a key.
        """
        options = resolved(RunOptions(**asked.given()))
        if options.embedder is not None and self._reach.is_bounded and not is_listed(options.embedder):
            raise EmbedderNotAllowed(options.embedder)
        return options
