"""The Coordinator: an actor that runs the index jobs of a root and passes other calls on. One per root."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from functools import partial
from pathlib import Path

from raycontext.actors.balance import Balance
from raycontext.actors.calls import calls_of, counted
from raycontext.actors.commit_room import remove_unused
from raycontext.actors.embedder import actor_count, embedder_name
from raycontext.actors.growth import Growth
from raycontext.actors.histories import Histories
from raycontext.actors.hybrid_search import HybridSearchActor
from raycontext.actors.job import HandedOver, Job
from raycontext.actors.looks import EVERY_LOOK, FEW_CHANGES, Look, LookBudget, Looks
from raycontext.actors.ownership import SHARED
from raycontext.actors.process import process_status
from raycontext.actors.pulls import Pulls
from raycontext.actors.search_owners import SearchOwners, Wanted, is_search_actor
from raycontext.actors.turns import SharedRun, Turns
from raycontext.actors.upkeep import Upkeep
from raycontext.actors.vector_store import VectorStoreActor, vector_store_name
from raycontext.discover.commits.names import is_source_of_commit
from raycontext.discover.trees import folder_of, source_exists
from raycontext.embed.names import is_remote
from raycontext.embed.registry import embedder_for
from raycontext.errors import (
    CommitConflict,
    CorruptManifest,
    Fenced,
    NotShared,
    RootNotFound,
    UnknownCollection,
    UnsupportedFormat,
)
from raycontext.index.estimate import IndexEstimate, estimate_tree
from raycontext.index.planning import failures
from raycontext.index.request import EmbedderPlan, IndexRequest, together
from raycontext.index.reuse.own_sources import is_own_source, note_own_source
from raycontext.index.work import stages
from raycontext.index.work.governor import Governor, IndexBudget
from raycontext.models import (
    ActorStatus,
    CollectionStatus,
    CollectionSummary,
    IndexOptions,
    IndexReport,
    JobProgress,
    PullReport,
)
from raycontext.models.options import RunOptions
from raycontext.retrying import Retries
from raycontext.runtime.base import ANYWHERE, ActorHandle, Runtime
from raycontext.store.catalog import Catalog
from raycontext.store.checking.reports import RepairReport, VerificationReport
from raycontext.store.collection import Collection, CollectionIdentity, Location, collection_names
from raycontext.store.manifest import CommitHistory
from raycontext.store.sharing.pulling import remove_stage
from raycontext.store.storage.locations import DEFAULT_STORAGE, StorageOptions, is_url, storage_for
from raycontext.ulid import new_ulid

__all__ = ["COORDINATOR", "Coordinator"]

COORDINATOR = "rc"
"""Name of the Coordinator's actor."""

_log = logging.getLogger("raycontext")

RUN_ATTEMPTS = 3
"""Number of tries of an index run. A run that another writer overtook is planned again on what that one committed."""


@counted
class Coordinator:
    """Actor that owns the queue of jobs. Jobs of one collection run one after the other; others run side by side.

    Index calls of one collection share the run that has not yet read its source."""

    def __init__(
        self,
        root: str,
        runtime: Runtime,
        budget: IndexBudget | None = None,
        storage_options: StorageOptions = DEFAULT_STORAGE,
        look_budget: LookBudget = EVERY_LOOK,
    ) -> None:
        self._root = root
        self._runtime = runtime
        self._storage_options = storage_options
        self._storage = storage_for(root, storage_options)
        self._catalog = Catalog(self._storage)
        self._jobs: dict[str, Job] = {}
        self._turns = Turns()
        self._looks = Looks(root, self._take_in, self._is_long, look_budget, stays=runtime.name != "inline")
        self._leaving: Counter[str] = Counter()  # collections that are handed over
        budget = budget or IndexBudget()
        self._file_seconds, self._ref_bytes = budget.file_seconds, budget.ref_bytes
        self._governor = Governor(budget.places(runtime.parallelism))
        self._owners = SearchOwners(runtime, budget.search_actors)
        self._balance = Balance(runtime, self._may_move)
        self._growth = Growth(runtime, self._governor, budget)
        self._upkeep = Upkeep(runtime, self._governor, self._owners.refresh)
        self._plans: dict[str, EmbedderPlan] = {}
        self._histories = Histories(root, runtime)
        self._pulls = Pulls(self._storage, runtime, self.index, lambda name: self._jobs[name].reuse.pulled)

    async def index(self, request: IndexRequest) -> IndexReport:
        """Bring a collection to the state of its source. What was committed before an error stays.

        Raises `RootNotFound`, `CollectionExists`, `InvalidInput`, `NotShared`, `StorageError`, `JobCancelled`,
        `JobFailed`, and what the embedder raises.
        """
        key = request.source, request.collection, request.options.embedder
        identity = await self._turns.once(key, partial(self._prepared, request))  # so that a burst joins one run
        self._plans[identity.name] = request.plan
        begun = time.monotonic()
        wanted, run = request._replace(collection=identity.name), partial(self._index, identity)
        report = await self._turns.share(identity.name, wanted, together, run)
        if not request.places:
            self._looks.note_run(identity.name, begun)
        if is_source_of_commit(identity.source):
            await remove_unused(self._catalog, self._turns, self._clear, self._ref_bytes, identity.name)
        return report

    async def _prepared(self, request: IndexRequest) -> CollectionIdentity:
        """Return the collection of a request, created when it is missing. Raises what `index` raises before a run."""
        if not await asyncio.to_thread(source_exists, request.source):
            raise RootNotFound(folder_of(request.source))
        if request.options.embedder is not None:
            await asyncio.to_thread(embedder_for, request.options.embedder)
        prepare = partial(self._catalog.prepare, request.source, request.collection, force=request.force)
        identity = await failures.OUTAGE.run(partial(asyncio.to_thread, prepare))
        await self._check_shared(identity)
        await asyncio.to_thread(note_own_source, self._root, identity.source)
        return identity

    async def pull(self, request: IndexRequest, target: str, signers: str | None, trust: bool) -> PullReport:
        """Index a folder, with the rows that a target has of its files; see `Pulls.pull`."""
        return await self._pulls.pull(request, target, signers, trust)

    async def read_history(self, collection: str) -> CommitHistory:
        """Bring the indexed commits of a collection up to date; see `Histories.read`."""
        return await self._histories.read(await self._known(collection))

    async def prepare(self, source: str, collection: str | None) -> str:
        """Return the name of a source's collection, created when it is missing (see `Catalog.prepare`). Raises
        `RootNotFound`.
        """
        if not await asyncio.to_thread(source_exists, source):
            raise RootNotFound(folder_of(source))
        return (await asyncio.to_thread(self._catalog.prepare, source, collection)).name

    async def options_for_commit(self, collection: str, source: str) -> tuple[IndexOptions | None, bool]:
        """Return what `Catalog.options_for_commit` returns, for a collection of a commit that is used now."""
        return await asyncio.to_thread(self._catalog.options_for_commit, collection, source)

    async def of_source(self, source: str) -> str:
        """Return the name of the collection whose source is exactly this folder. Raises `UnknownCollection`."""
        found = await asyncio.to_thread(self._catalog.of_source, source)
        if found is None:
            raise UnknownCollection(source, tuple(await self._names(None)))
        return found.name

    async def owner(self, wanted: Wanted, again: bool) -> ActorHandle[HybridSearchActor]:
        """Return the actor that owns a replica of a shard; see `SearchOwners.owner`."""
        return await self._owners.owner(wanted, again)

    async def release(self, collection: str) -> None:
        """End the actors of a collection unless work on it is under way."""
        if not self._is_worked_on(collection):
            await self._end_actors(self._location(collection).open())

    async def estimate(self, request: IndexRequest) -> IndexEstimate:
        """Return what `index` would do, and change nothing. Raises what `estimate_tree` raises."""
        if not await asyncio.to_thread(source_exists, request.source):
            raise RootNotFound(folder_of(request.source))
        names = await asyncio.to_thread(collection_names, self._storage)
        name = request.collection if request.collection in names else None
        if request.collection is None:
            found = await asyncio.to_thread(self._catalog.of_source, request.source)
            name = found.name if found is not None else None
        location = self._location(name or request.collection or new_ulid().lower())
        workers = await self._runtime.capacity()
        return await self._runtime.run(estimate_tree, request.source, location, request.options, workers)

    async def progress(self, collection: str) -> JobProgress | None:
        """Return the progress of the running or last job of a collection; None when there was none."""
        return job.progress() if (job := self._jobs.get(collection)) is not None else None

    async def progress_of(self, source: str, collection: str | None) -> JobProgress | None:
        """Return the progress of the job that indexes a source; None when there is none. A name takes precedence."""
        for name, job in self._jobs.items():
            if name == collection or (collection is None and job.identity.source == source):
                return job.progress()
        return None

    async def status(self, collection: str) -> CollectionStatus:
        """Return what a collection holds, its progress and its actors. Raises `UnknownCollection`."""
        location = await self._known(collection)
        store = await self._runtime.actor(vector_store_name(collection), ANYWHERE, VectorStoreActor, location)
        asked_at = time.time()
        of_store = await store.call(VectorStoreActor.process, asked_at)  # first, since the next call takes longer
        status = await store.call(VectorStoreActor.status)
        searching, met = await self._owners.statuses(location), await self._owners.met(location)
        actors = (await self.process(), of_store, *searching)
        job = self._jobs.get(collection)
        progress = job.progress() if job else None
        told = await self._histories.told(status)
        return told.model_copy(update={"progress": progress, "actors": actors, "shards_on_one_node": met})

    async def clear(self, collection: str) -> None:
        """Remove a collection with its files and its actors, even when it is damaged. Raises `UnknownCollection`."""
        await self._turns.take(collection, lambda: self._clear(collection))

    async def verify(self, collection: str | None, deep: bool) -> list[VerificationReport]:
        """Check one collection, or all when `collection` is None. Raises `UnknownCollection` or `StorageError`."""
        locations = [self._location(name) for name in await self._names(collection)]
        runs = (self._runtime.run(stages.verify_collection, location, deep) for location in locations)
        return list(await asyncio.gather(*runs))

    async def repair(self, collection: str | None) -> list[RepairReport]:
        """Repair one collection, or all when it is None. Raises what `stages.repair_collection` and `index` raise."""
        return [
            await self._turns.take(name, partial(self._repair, self._location(name)))
            for name in await self._names(collection)
        ]

    async def collections(self) -> list[CollectionSummary]:
        """Return a summary of each collection of the root."""
        return await asyncio.to_thread(self._catalog.summaries)

    async def names(self) -> list[str]:
        """Return the names of all collections of the root, also of those that cannot be read."""
        return await asyncio.to_thread(self._catalog.names)

    async def resolve(self, collection: str | None, path: str | None, fallback: str) -> CollectionIdentity:
        """Return the collection that a caller means (see `Catalog.resolve`)."""
        return await asyncio.to_thread(self._catalog.resolve, collection, path, fallback)

    async def close(self) -> None:
        """Stop all jobs and all maintenance. What they have committed stays."""
        await self._looks.close()
        await self._growth.close()
        await self._balance.close()
        await self._histories.close()
        await asyncio.gather(self._turns.close(), self._upkeep.close(), return_exceptions=True)

    async def cancel(self, collection: str) -> bool:
        """Stop the running index job of a collection. Returns False when none runs.

        Callers that wait for the job get `JobCancelled`. What it has committed stays.
        """
        return (job := self._jobs.get(collection)) is not None and job.cancel()

    async def freshen(self, collection: str) -> Look:
        """Look whether the source of a collection has changed, by file metadata, and index a few changes before
        returning; see `Looks.look`.

        A source that this user has not indexed under this root is left alone: a root that others made must not choose
        what is read.
        """
        return await self._looks.look(self._location(collection))

    def _may_move(self, name: str) -> bool:
        """Return whether an actor may be ended, to come back on another node: no work of a collection needs it."""
        if name.startswith(SHARED) or is_search_actor(name):
            return True
        collection = name.removeprefix("rc/")
        return collection != name and not self._is_worked_on(collection)

    def _is_worked_on(self, name: str) -> bool:
        """Return whether work on a collection is under way or waits."""
        return any((self._turns.is_busy(name), self._upkeep.is_under_way(name), self._histories.is_under_way(name)))

    def _is_long(self, collection: str) -> bool:
        """Return whether a run of a collection is under way that a search does not wait for."""
        job = self._jobs.get(collection)
        return job is not None and job.is_running and job.is_longer_than(FEW_CHANGES)

    async def _take_in(self, collection: str, source: str, places: tuple[str, ...]) -> None:
        """Index what a look has found."""
        plan = self._plans.get(collection, EmbedderPlan())
        await self.index(IndexRequest(source, collection, RunOptions(), places, plan))

    async def hand_over(self, collection: str) -> None:
        """End what works on a collection, so that another runtime can go on: runs end at their next commit."""
        self._leaving[collection] += 1
        try:
            if (job := self._jobs.get(collection)) is not None:
                job.hand_over()
            await self._turns.idle(collection)
            await self._upkeep.stop(collection)
            await self._histories.stop(collection)
            await self._runtime.end(vector_store_name(collection))
        finally:
            self._leaving[collection] -= 1
            self._leaving += Counter()  # keeps those above zero

    @property
    def is_busy(self) -> bool:
        """Whether this actor must stay though nobody calls it. It ends only on a cluster that others use, too."""
        return (
            not self._runtime.joined
            or self._turns.any_busy
            or self._upkeep.any_under_way
            or self._histories.any_under_way
        )

    async def settle(self) -> None:
        """Wait until the compaction and the garbage collection that are under way have ended."""
        await self._upkeep.settle()

    async def process(self, asked_at: float | None = None) -> ActorStatus:
        """Return the state of this actor's process."""
        return await asyncio.to_thread(process_status, COORDINATOR, calls_of(self).figures(asked_at))

    async def _check_shared(self, identity: CollectionIdentity) -> None:
        """Raise `NotShared` when a node of the cluster does not see the source, or a root that is a folder."""
        paths = [folder_of(identity.source)]
        if not is_url(self._root):
            paths.append(str(Path(self._root, identity.name)))
        for path, nodes in (await self._runtime.without(paths)).items():
            raise NotShared(path, nodes)

    async def _names(self, collection: str | None) -> list[str]:
        """Return the given name alone; without one, the names of all collections."""
        if collection is not None:
            return [collection]
        return await asyncio.to_thread(collection_names, self._storage)

    async def _repair(self, location: Location) -> RepairReport:
        """Drop what is damaged, then index it again when the source exists. Returns a report of both."""
        report = await self._runtime.run(stages.repair_collection, location)
        if not report.damage:
            return report
        identity = await asyncio.to_thread(lambda: location.open().identity())
        if not await asyncio.to_thread(is_own_source, self._root, identity.source):
            return report
        wanted = SharedRun(IndexRequest(identity.source, identity.name, RunOptions()))
        return report.model_copy(update={"index": await self._index(identity, wanted)})

    def _location(self, collection: str) -> Location:
        """Return the location of a collection of this root."""
        return Location(self._root, collection, self._storage_options)

    async def _known(self, collection: str) -> Location:
        """Return the location of a collection. Raises `UnknownCollection`."""
        location = self._location(collection)
        await asyncio.to_thread(lambda: location.open().identity())
        return location

    async def _index(self, identity: CollectionIdentity, shared: SharedRun[IndexRequest]) -> IndexReport:
        """Index a collection, and try again when another writer overtakes the run.

        A forced run begins from nothing where what is there cannot be read, so that it answers no question any more.
        """
        retries = Retries((CommitConflict, Fenced), attempts=RUN_ATTEMPTS)
        try:
            return await retries.run(lambda: self._index_once(identity, shared))
        except (CorruptManifest, UnsupportedFormat):
            if not shared.wanted.force:
                raise
        await self._clear(identity.name)
        made = await asyncio.to_thread(self._catalog.prepare, identity.source, identity.name)
        anew = SharedRun(shared.close()._replace(places=(), force=False))
        return await retries.run(lambda: self._index_once(made, anew))

    async def _index_once(self, identity: CollectionIdentity, shared: SharedRun[IndexRequest]) -> IndexReport:
        """Run one index job, then let search actors open the new version and begin maintenance."""
        plan = self._plans.get(identity.name, EmbedderPlan())
        location = self._location(identity.name)
        options, force = shared.wanted.options, shared.wanted.force
        if not (shared.wanted.places or force) and await asyncio.to_thread(location.open().has_lost):
            await self._runtime.run(stages.mend_collection, location)
        job = Job(location, self._runtime, identity, shared, plan, self._governor, self._file_seconds, force=force)
        self._jobs[identity.name] = job
        if self._leaving[identity.name]:
            job.hand_over()
        try:
            async with self._growth.follows(job):
                report = await job.run(options)
            if job.is_handed_over:
                raise HandedOver(report)
            await self._owners.refresh(location, report.version)
            self._histories.begin(location)
            if report.changed and not is_source_of_commit(identity.source):  # a commit never changes, and shares rows
                self._upkeep.begin(location, job.pooled_embedder if report.embedded_texts else None)
            return report
        finally:
            await self._end_models(job.pooled_embedder, plan)

    async def _end_models(self, embedder: str | None, plan: EmbedderPlan) -> None:
        """End the actors that hold a model, and perhaps a GPU, once no run needs them."""
        used = (job.pooled_embedder == embedder and job.is_running for job in self._jobs.values())
        if embedder is None or is_remote(embedder) or any(used):
            return
        for number in range(await asyncio.to_thread(actor_count, embedder, plan)):
            await self._runtime.end(embedder_name(embedder, number))

    async def _clear(self, collection: str) -> None:
        """Cancel the maintenance of a collection, end its actors, and remove its files."""
        opened = self._location(collection).open()
        await self._upkeep.stop(collection)
        await self._histories.stop(collection)
        await self._end_actors(opened)
        await asyncio.to_thread(opened.remove)
        await asyncio.to_thread(remove_stage, self._storage, collection)
        self._jobs.pop(collection, None)
        self._plans.pop(collection, None)
        self._looks.forget(collection)

    async def _end_actors(self, opened: Collection) -> None:
        """End the search actors of a collection and the actor that owns its data."""
        await self._owners.end(self._location(opened.name))
        await self._runtime.end(vector_store_name(opened.name))
