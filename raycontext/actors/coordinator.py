"""The async driver: runs index jobs by awaiting what a planner asks for. One per storage root."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from raycontext import pipeline, stages
from raycontext.actors.hybrid_search import search_actors
from raycontext.actors.maintenance import Maintenance
from raycontext.actors.metrics import add, set_value
from raycontext.actors.process import process_status
from raycontext.actors.vector_store import VectorStoreActor, vector_store_name
from raycontext.embed.embedder import embedder_for
from raycontext.errors import CommitConflict, Fenced, JobFailed, NotShared, RaycontextError, RootNotFound, StorageError
from raycontext.models import (
    ActorStatus,
    CollectionStatus,
    CollectionSummary,
    IndexReport,
    JobProgress,
    RepairReport,
    VerificationReport,
)
from raycontext.runtime.base import ActorHandle, Runtime
from raycontext.store.catalog import Catalog
from raycontext.store.collection import Collection, CollectionIdentity, Location, collection_names
from raycontext.store.locations import is_url, storage_for
from raycontext.store.manifest import SegmentReference
from raycontext.store.storage import new_ulid
from raycontext.store.vector_store import CollectionState, OptionOverrides
from raycontext.store.writer import SEGMENTS_COLLECTED

__all__ = ["COORDINATOR", "Coordinator", "IndexRequest"]

Result = TypeVar("Result")

COORDINATOR = "rc"
"""Name of the actor."""

RENEW_SECONDS = 600.0
"""How often a run tells garbage collection that it still wants to commit its segments; well below the grace times."""

RUN_ATTEMPTS = 3
"""A run that another writer overtook is planned again on what that one committed."""


class IndexRequest(NamedTuple):
    """What to index. `collection` None: that of the source, or a new one named after it."""

    source: str  # absolute path of a folder
    collection: str | None
    overrides: OptionOverrides


class Coordinator:
    """Owns the queue of jobs. Jobs of one collection run one after the other, others side by side."""

    def __init__(self, root: str, runtime: Runtime) -> None:
        self._root = root
        self._runtime = runtime
        self._storage = storage_for(root)
        self._catalog = Catalog(self._storage)
        self._jobs: dict[str, _Job] = {}
        self._last: dict[str, asyncio.Task[Any]] = {}
        self._maintenance: dict[str, asyncio.Task[None]] = {}

    async def index(self, request: IndexRequest) -> IndexReport:
        """Bring a collection to the state of its source. Raises `RootNotFound`, `CollectionExists`, `InvalidInput`,
        `StorageError`, `JobFailed`, …; what was committed before an error stays."""
        if not await asyncio.to_thread(os.path.isdir, request.source):  # False also for what cannot be a path
            raise RootNotFound(request.source)
        if request.overrides.embedder is not None:
            await asyncio.to_thread(embedder_for, request.overrides.embedder)
        identity = await asyncio.to_thread(self._catalog.prepare, request.source, request.collection)
        await self._check_shared(identity)
        return await self._in_turn(identity.name, lambda: self._index(identity, request.overrides))

    async def progress(self, collection: str) -> JobProgress | None:
        """Progress of the running or last job of a collection; None where there was none."""
        job = self._jobs.get(collection)
        return job.progress() if job else None

    async def progress_of(self, source: str, collection: str | None) -> JobProgress | None:
        """Progress of the job that indexes a source."""
        for name, job in self._jobs.items():
            if name == collection or (collection is None and job.identity.source == source):
                return job.progress()
        return None

    async def status(self, collection: str) -> CollectionStatus:
        """Raises `UnknownCollection`."""
        location = await self._known(collection)
        store = await self._runtime.actor(vector_store_name(collection), VectorStoreActor, location)
        status: CollectionStatus = await store.call("status")
        found = await search_actors(self._runtime, collection, status.num_shards)
        actors = await asyncio.gather(*(actor.call("process") for actor in (store, *found.values())))
        return status.model_copy(
            update={"progress": await self.progress(collection), "actors": (await self.process(), *actors)}
        )

    async def clear(self, collection: str) -> None:
        """Remove a collection, its files and its actors, also where it is damaged. Raises `UnknownCollection`."""
        await self._in_turn(collection, lambda: self._clear(collection))

    async def verify(self, collection: str | None, deep: bool) -> list[VerificationReport]:
        """Of one collection, or of all. Raises `UnknownCollection`, `StorageError`."""
        locations = [Location(self._root, name) for name in await self._names(collection)]
        runs = (self._runtime.run(stages.verify_collection, location, deep) for location in locations)
        return list(await asyncio.gather(*runs))

    async def repair(self, collection: str | None) -> list[RepairReport]:
        """Of one collection, or of all. Raises as `stages.repair_collection` and `index`."""
        return [
            await self._in_turn(name, partial(self._repair, Location(self._root, name)))
            for name in await self._names(collection)
        ]

    async def collections(self) -> list[CollectionSummary]:
        return await asyncio.to_thread(self._catalog.summaries)

    async def resolve(self, collection: str | None, path: str | None, fallback: str) -> CollectionIdentity:
        """See `Catalog.resolve`."""
        return await asyncio.to_thread(self._catalog.resolve, collection, path, fallback)

    async def close(self) -> None:
        """Stop all jobs; what they have committed stays."""
        running = [*self._last.values(), *self._maintenance.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def settle(self) -> None:
        """Wait for compaction and garbage collection that are under way."""
        await asyncio.gather(*self._maintenance.values(), return_exceptions=True)

    async def process(self) -> ActorStatus:
        return await asyncio.to_thread(process_status, COORDINATOR)

    async def _check_shared(self, identity: CollectionIdentity) -> None:
        """Raises `NotShared` where a node of the cluster does not see the source or a root that is a folder."""
        paths = [identity.source]
        if not is_url(self._root):
            paths.append(str(Path(self._root, identity.name)))
        for path, nodes in (await self._runtime.without(paths)).items():
            raise NotShared(path, nodes)

    async def _names(self, collection: str | None) -> list[str]:
        if collection is not None:
            return [collection]
        return await asyncio.to_thread(collection_names, self._storage)

    async def _repair(self, location: Location) -> RepairReport:
        """Leave out what is damaged, then index it again."""
        report = await self._runtime.run(stages.repair_collection, location)
        if not report.damage:
            return report
        identity = await asyncio.to_thread(lambda: location.open().identity())
        if not await asyncio.to_thread(os.path.isdir, identity.source):
            return report
        return report.model_copy(update={"index": await self._index(identity, OptionOverrides())})

    async def _known(self, collection: str) -> Location:
        location = Location(self._root, collection)
        await asyncio.to_thread(lambda: location.open().identity())
        return location

    async def _in_turn(self, collection: str, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do `work` after all earlier work on the collection. It goes on when its caller is gone."""
        task = asyncio.ensure_future(_after(self._last.get(collection), work))
        self._last[collection] = task
        try:
            return await asyncio.shield(task)
        finally:
            if self._last.get(collection) is task and task.done():
                del self._last[collection]

    async def _index(self, identity: CollectionIdentity, overrides: OptionOverrides) -> IndexReport:
        for attempt in range(1, RUN_ATTEMPTS + 1):
            job = _Job(self._root, self._runtime, identity)
            self._jobs[identity.name] = job
            try:
                report = await job.run(overrides)
            except (CommitConflict, Fenced):
                if attempt == RUN_ATTEMPTS:
                    raise
            else:
                await self._refresh(identity.name, report.version, job.num_shards)
                if report.changed:
                    self._maintain(identity.name)
                return report
        raise AssertionError("unreachable")

    def _maintain(self, collection: str) -> None:
        """Begin compaction and garbage collection in the background, unless they are under way."""
        if collection in self._maintenance:
            return
        task = asyncio.create_task(Maintenance(self._root, self._runtime, collection, self._refresh).run())
        self._maintenance[collection] = task
        task.add_done_callback(lambda _: self._maintenance.pop(collection, None))

    async def _refresh(self, collection: str, version: int, num_shards: int) -> None:
        """Have the search actors that run open the new version, so that no query waits for it."""
        for actor in (await search_actors(self._runtime, collection, num_shards)).values():
            await actor.call("refresh", version)

    async def _clear(self, collection: str) -> None:
        opened = Location(self._root, collection).open()
        maintenance = self._maintenance.get(collection)
        if maintenance is not None:
            maintenance.cancel()
            await asyncio.wait([maintenance])
        for name in await search_actors(self._runtime, collection, await asyncio.to_thread(_shard_count, opened)):
            await self._runtime.end(name)
        await self._runtime.end(vector_store_name(collection))
        await asyncio.to_thread(opened.remove)
        self._jobs.pop(collection, None)


def _shard_count(collection: Collection) -> int:
    """Shards that may have an actor. Where no manifest can be read, no search beyond the first shard began."""
    try:
        manifest = collection.latest()
    except StorageError:
        return 1
    return manifest.options.num_shards if manifest else 1


class _Job:
    """One index run: carries out the planner's instructions, at most as many tasks at once as the runtime can run,
    and one more that waits for a free worker."""

    def __init__(self, root: str, runtime: Runtime, identity: CollectionIdentity) -> None:
        self.identity = identity
        self.num_shards = 0
        self._location = Location(root, identity.name)
        self._runtime = runtime
        self._begun = self._renewed = time.monotonic()
        self._ended: float | None = None
        self._planner: pipeline.ReindexPlanner | None = None
        self._error = ""
        self._store: ActorHandle
        self._state: CollectionState

    async def run(self, overrides: OptionOverrides) -> IndexReport:
        try:
            self._store = await self._runtime.actor(
                vector_store_name(self.identity.name), VectorStoreActor, self._location
            )
            self._state = await self._store.call("begin", overrides)
            self.num_shards = self._state.options.num_shards
            self._planner = pipeline.ReindexPlanner(
                self._state.options,
                owed=self._state.unrecorded,
                replace=self._state.replace,
                parallelism=self._runtime.parallelism,
                new_txn=new_ulid,
            )
            changed = await self._drive(self._planner)
        except Exception as error:
            self._error = str(error)
            if isinstance(error, RaycontextError):
                raise
            raise JobFailed(self.identity.name, f"{type(error).__name__}: {error}") from error
        finally:
            self._ended = time.monotonic()
        return self._report(self._planner, changed)

    def progress(self) -> JobProgress:
        seconds = (self._ended or time.monotonic()) - self._begun
        planner = self._planner
        if planner is None:
            return JobProgress(
                collection=self.identity.name,
                stage="failed" if self._error else "queued",
                seconds=seconds,
                error=self._error,
            )
        return JobProgress(
            collection=self.identity.name,
            stage="failed" if self._error else planner.stage,
            files_found=planner.scan.files_found if planner.scan else 0,
            files_to_hash=planner.files_to_hash,
            files_hashed=planner.files_hashed,
            files_to_index=planner.files_to_index,
            files_indexed=planner.files_indexed,
            bytes_to_index=planner.bytes_to_index,
            bytes_indexed=planner.bytes_indexed,
            seconds=seconds,
            error=self._error,
        )

    async def _drive(self, planner: pipeline.ReindexPlanner) -> bool:
        waiting = deque(planner.start())
        running: set[asyncio.Task[pipeline.Event]] = set()
        try:
            while True:
                while waiting and len(running) <= self._runtime.parallelism:
                    match waiting.popleft():
                        case pipeline.Finish(changed):
                            return changed
                        case pipeline.Abort(error):
                            raise error
                        case instruction:
                            running.add(asyncio.create_task(self._carry_out(instruction)))
                self._measure(len(running), len(waiting))
                done, running = await asyncio.wait(running, timeout=RENEW_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    # What follows from a result goes first: commits before more indexing.
                    waiting.extendleft(reversed(planner.handle(task.result())))
                if time.monotonic() - self._renewed >= RENEW_SECONDS:
                    await asyncio.to_thread(self._renew, planner.uncommitted_segments)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            self._measure(0, 0)

    def _measure(self, in_flight: int, waiting: int) -> None:
        set_value("raycontext_tasks_in_flight", in_flight, collection=self.identity.name)
        set_value("raycontext_tasks_waiting", waiting, collection=self.identity.name)

    def _renew(self, segments: Sequence[SegmentReference]) -> None:
        """Raises `CommitConflict` where garbage collection was faster."""
        try:
            self._location.open().renew(segments)
        except FileNotFoundError as error:
            raise CommitConflict(self.identity.name, self._state.version, SEGMENTS_COLLECTED) from error
        self._renewed = time.monotonic()

    async def _carry_out(self, instruction: pipeline.Instruction) -> pipeline.Event:
        source, options = self.identity.source, self._state.options
        try:
            match instruction:
                case pipeline.ScanTree():
                    version = 0 if self._state.replace else self._state.version
                    scan = await self._runtime.run(
                        stages.scan_tree, source, self._location, version, options.max_file_bytes
                    )
                    return pipeline.Scanned(scan)
                case pipeline.HashFiles(files):
                    digests = await self._runtime.run(stages.hash_files, source, files, options.max_file_bytes)
                    return pipeline.Hashed(instruction, digests)
                case pipeline.CompareTrees(hashed, removed, skips):
                    return pipeline.Compared(await self._store.call("compare", hashed, removed, skips))
                case pipeline.IndexFiles(_, files):
                    batch = await self._runtime.run(stages.index_files, source, self._location, files, options)
                    add("raycontext_indexed_files_total", len(batch.entries), collection=self.identity.name)
                    add("raycontext_indexed_bytes_total", batch.source_bytes, collection=self.identity.name)
                    return pipeline.Indexed(instruction, batch)
                case pipeline.Commit(change):
                    self._state = await self._store.call("commit", change)
                    return pipeline.Committed(instruction)
                case _:
                    raise AssertionError(instruction)
        except Exception as error:
            return pipeline.Failed(instruction, error)

    def _report(self, planner: pipeline.ReindexPlanner, changed: bool) -> IndexReport:
        state = self._state
        return IndexReport(
            collection=self.identity.name,
            source=self.identity.source,
            version=state.version,
            changed=changed,
            files=state.files,
            chunks=state.chunks,
            added=planner.added,
            modified=planner.modified,
            removed=planner.removed,
            indexed_bytes=planner.source_bytes,
            skipped=state.skipped,
            unreadable_folders=planner.scan.unreadable_folders if planner.scan else (),
            seconds=(self._ended or time.monotonic()) - self._begun,
        )


async def _after(earlier: asyncio.Task[Any] | None, work: Callable[[], Awaitable[Result]]) -> Result:
    if earlier is not None:
        await asyncio.wait([earlier])
    return await work()
