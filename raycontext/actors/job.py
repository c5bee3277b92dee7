"""One index run as a coroutine: it carries out what a planner asks for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from raycontext.actors.embedder import EmbedderActor, embedder_actors
from raycontext.actors.metrics import add, set_value
from raycontext.actors.reuse import Reuse
from raycontext.actors.run_reports import progress_of, report_of
from raycontext.actors.turns import SharedRun
from raycontext.actors.vector_store import VectorStoreActor, vector_store_name
from raycontext.discover.scan import Scan
from raycontext.errors import CommitConflict, JobCancelled, JobFailed, RaycontextError
from raycontext.index.planning import failures, instructions
from raycontext.index.planning.planner import ReindexPlanner
from raycontext.index.request import EmbedderPlan, IndexRequest
from raycontext.index.work import stages
from raycontext.index.work.governor import Governor, IndexBudget
from raycontext.index.work.pooled_embedder import EmbeddingRun, EmbeddingUse
from raycontext.models import IndexReport, JobProgress
from raycontext.models.options import RunOptions
from raycontext.runtime.base import ANYWHERE, ActorHandle, Runtime
from raycontext.settings import FILE_SECONDS
from raycontext.store.collection import CollectionIdentity, Location
from raycontext.store.loose_segments import remove_loose_segments
from raycontext.store.manifest import SegmentReference
from raycontext.store.vector_store import CollectionState
from raycontext.store.writer import SEGMENTS_COLLECTED
from raycontext.ulid import new_ulid

__all__ = ["HandedOver", "Job"]

_log = logging.getLogger("raycontext")

Result = TypeVar("Result")

END_SECONDS = 60.0
"""Longest wait for the tasks of a run that has failed, in seconds. What they have written is then removed."""

RENEW_SECONDS = 600.0
"""Time between two renewals of uncommitted segments, in seconds. It is well below the grace times, after which garbage
collection would remove them.
"""

LOOK_SECONDS = 2.0
"""Longest time in seconds until a run that waits for its tasks sees that there are more places."""


class HandedOver(Exception):
    """A run has ended early, at a commit, so that another runtime goes on with it: `HandedOver(report)`."""

    def __init__(self, report: IndexReport) -> None:
        super().__init__(report)
        self.report = report


class Job:
    """Index run that carries out the instructions of a planner.

    It has at most as many tasks at once as the governor lets run, and one more that waits for a free worker.
    """

    def __init__(
        self,
        location: Location,
        runtime: Runtime,
        identity: CollectionIdentity,
        shared: SharedRun[IndexRequest] | None = None,
        plan: EmbedderPlan | None = None,
        governor: Governor | None = None,
        file_seconds: float = FILE_SECONDS,
        *,
        force: bool = False,
    ) -> None:
        """Prepare a run. It begins with `run`.

        force: whether to build the index anew.
        shared: has the places that the run keeps to when it can. It is closed as late as that: calls that come while
        the run makes ready join it. None: the whole source.
        plan: how to embed.
        governor: gives out places for tasks, which the runs of a root share.
        file_seconds: limit on the time that a file may take (see `IndexBudget`).
        """
        self.identity = identity
        self.pooled_embedder: str | None = None
        """Name of the embedder when actors embed for this run; None otherwise."""
        self._plan = plan or EmbedderPlan()
        self._governor = governor or Governor(IndexBudget().places(runtime.parallelism))
        self._embedders: tuple[ActorHandle[EmbedderActor], ...] = ()
        self._embedding = EmbeddingUse()
        self._name = new_ulid()
        self._shared = shared
        self._file_seconds = file_seconds
        self._force = force
        self._retries_quarantined = False
        self.num_shards = 0
        self._location = location
        self._runtime = runtime
        self._begun = self._renewed = time.monotonic()
        self._ended: float | None = None
        self._planner: ReindexPlanner | None = None
        self._error = ""
        self._work: asyncio.Future[bool] | None = None
        self._cancelled = False
        self._leaving = asyncio.Event()
        self._pausing = 0  # number of instructions that wait for their next try
        self._waits_until = 0.0
        self.tasks_wanted = 0
        """Number of tasks that run or could run if there were places for all."""
        self.is_handed_over = False
        """True when the run has left files to whoever goes on with it."""
        self._tried: list[SegmentReference] = []
        """Segments of the last commit, from its begin until it has succeeded."""
        self._late: list[SegmentReference] = []
        """Segments that tasks wrote after the run had failed."""
        self._store: ActorHandle[VectorStoreActor]
        self._state: CollectionState
        self.reuse: Reuse

    async def run(self, options: RunOptions) -> IndexReport:
        """Run the job to its end. Raises `JobCancelled`, `JobFailed`, or the `RaycontextError` that stopped it."""
        try:
            async with self._governor.place(self.identity.name):  # the start of a process is work, too
                self._store = await self._runtime.actor(
                    vector_store_name(self.identity.name), ANYWHERE, VectorStoreActor, self._location
                )
                begin = partial(self._store.call, VectorStoreActor.begin, options, self._force)
                self._state = await failures.OUTAGE.run(begin)
            self._retries_quarantined = bool(options.retry_quarantined)
            self.reuse = Reuse(self._store, self._run, self._location, self.identity, options)
            self.num_shards = self._state.options.num_shards
            embedder = self._state.options.embedder
            self._embedders = await embedder_actors(self._runtime, embedder, self._plan)
            self.pooled_embedder = embedder if self._embedders else None
            self._planner = ReindexPlanner(
                self._state.options,
                owed=self._state.unrecorded,
                replace=self._state.replace,
                parallelism=self._governor.tasks,
                new_txn=new_ulid,
                again=() if self._keeps_to_places() else self._state.tried_again,  # a search does not wait
                reuse=not self._force,
            )
            if self._cancelled:
                raise JobCancelled(self.identity.name)
            self._work = asyncio.ensure_future(self._drive(self._planner))
            try:
                changed = await self._work
            except asyncio.CancelledError:
                if not self._cancelled:
                    raise
                raise JobCancelled(self.identity.name) from None
            except Exception:
                await self._remove_loose(self._planner)
                raise
            finally:
                self._work.cancel()
        except Exception as failure:
            lost = (
                await asyncio.to_thread(self._location.open().loss) if isinstance(failure, FileNotFoundError) else None
            )
            error = lost or failure
            self._error = str(error)
            if isinstance(error, RaycontextError):
                raise error from failure.__cause__
            raise JobFailed(self.identity.name, f"{type(error).__name__}: {error}") from error
        finally:
            self._ended = time.monotonic()
        return report_of(
            self.identity, self._state, self._planner, self._embedding, changed=changed, seconds=self._seconds()
        )

    def cancel(self) -> bool:
        """Stop the run. Returns False when it has ended."""
        if self._ended is not None:
            return False
        self._cancelled = True
        if self._work is not None:
            self._work.cancel()
        return True

    def hand_over(self) -> None:
        """End the run at its next commit, so that another runtime goes on. One that has nothing left to begin, or that
        builds anew in a single commit, is completed here."""
        self._leaving.set()

    @property
    def is_running(self) -> bool:
        """True until the run has ended."""
        return self._ended is None

    def is_longer_than(self, files: int) -> bool:
        """Return whether the run still has to index more files than that, or builds the index anew."""
        planner = self._planner
        return planner is not None and (self._state.replace or planner.files_to_index - planner.files_indexed > files)

    def progress(self) -> JobProgress:
        """Return how far the run is."""
        return progress_of(
            self.identity.name,
            self._planner,
            is_cancelled=self._cancelled,
            error=self._error,
            next_try=max(self._waits_until - time.monotonic(), 0.0) if self._pausing else None,
            seconds=self._seconds(),
        )

    def _seconds(self) -> float:
        """Return for how many seconds the run has lasted."""
        return (self._ended or time.monotonic()) - self._begun

    async def _drive(self, planner: ReindexPlanner) -> bool:
        """Carry out the planner's instructions to the end, and return whether the index has changed."""
        waiting = deque(planner.start())
        running: set[asyncio.Task[instructions.Event]] = set()
        try:
            while True:
                if self._leaving.is_set():
                    self._withdraw(planner, waiting)
                while waiting and len(running) - self._pausing <= self._governor.tasks:
                    match waiting.popleft():
                        case instructions.Finish(changed):
                            return changed
                        case instructions.Abort(error):
                            raise error
                        case instruction:
                            pause: float = getattr(instruction, "pause", 0.0)
                            self._pausing += pause > 0
                            running.add(asyncio.create_task(self._carry_out_after(pause, instruction)))
                self._measure(len(running), len(waiting))
                done, running = await asyncio.wait(running, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    # Instructions that follow from a result go first: commits before more indexing.
                    waiting.extendleft(reversed(planner.handle(task.result())))
                if time.monotonic() - self._renewed >= RENEW_SECONDS:
                    await asyncio.to_thread(self._renew, planner.uncommitted_segments)
        except Exception:
            await self._let_end(running)
            raise
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            self._measure(0, 0)

    def _withdraw(self, planner: ReindexPlanner, waiting: deque[instructions.Instruction]) -> None:
        """Leave what is not yet begun to whoever goes on with the run."""
        left = [instruction for instruction in waiting if isinstance(instruction, instructions.IndexFiles)]
        if not (left and planner.may_end_early):
            return
        for instruction in left:
            waiting.remove(instruction)
        waiting.extend(planner.withdraw(left))
        self.is_handed_over = True

    async def _let_end(self, running: Iterable[asyncio.Task[instructions.Event]]) -> None:
        """Wait for the tasks of a run that has failed, and note the segments that they have written."""
        if not running:
            return
        ended, _ = await asyncio.wait(running, timeout=END_SECONDS)
        events = [task.result() for task in ended]
        late = [event.batch.segment for event in events if isinstance(event, instructions.Indexed)]
        self._late = [segment for segment in late if segment is not None]

    async def _remove_loose(self, planner: ReindexPlanner) -> None:
        """Remove the segments that this run has written and not committed: the disk may be full."""
        untried = [*planner.uncommitted_segments, *self._late]
        opened, base = self._location.open(), self._state.version
        await asyncio.to_thread(remove_loose_segments, opened, untried, self._tried, base)

    def _measure(self, in_flight: int, waiting: int) -> None:
        """Note how many tasks run and how many wait, for the metrics and for the cluster."""
        self.tasks_wanted = in_flight + waiting
        set_value("raycontext_tasks_in_flight", in_flight, collection=self.identity.name)
        set_value("raycontext_tasks_waiting", waiting, collection=self.identity.name)

    def _renew(self, segments: Sequence[SegmentReference]) -> None:
        """Tell garbage collection that segments are still wanted. Raises `CommitConflict` when it has removed them
        already.
        """
        try:
            self._location.open().renew(segments)
        except FileNotFoundError as error:
            raise CommitConflict(self.identity.name, self._state.version, SEGMENTS_COLLECTED) from error
        self._renewed = time.monotonic()

    async def _carry_out_after(self, pause: float, instruction: instructions.Instruction) -> instructions.Event:
        """Carry out one instruction after a pause in seconds. A run that is handed over waits no longer."""
        if pause:
            self._waits_until = time.monotonic() + pause
            told = "a worker or the storage was lost; the next try is in"
            _log.warning("%s: %s %g s", self.identity.name, told, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), pause)
            self._pausing -= 1
        return await self._carry_out(instruction)

    async def _carry_out(self, instruction: instructions.Instruction) -> instructions.Event:
        """Carry out one instruction and return its event. An error becomes the event `Failed`."""
        source, options = self.identity.source, self._state.options
        try:
            match instruction:
                case instructions.ScanTree():
                    return instructions.Scanned(await self._scan(source))
                case instructions.HashFiles(files):
                    digests = await self.reuse.hashed(files, options.max_file_bytes)
                    return instructions.Hashed(instruction, digests)
                case instructions.CompareTrees(hashed, removed, skips, again):
                    changes = await self._store.call(VectorStoreActor.compare, hashed, removed, skips, again)
                    return instructions.Compared(changes)
                case instructions.FindKnown() | instructions.ReuseFiles() | instructions.IndexFiles():
                    return await (
                        self._index(instruction)
                        if isinstance(instruction, instructions.IndexFiles)
                        else self.reuse.carry_out(instruction, self._state)
                    )
                case instructions.Commit(change):
                    self._tried = [segment for _, segment in change.segments]
                    self._state = await self._store.call(VectorStoreActor.commit, change)
                    self._tried = []
                    return instructions.Committed(instruction)
                case _:
                    raise AssertionError(instruction)
        except Exception as error:
            return instructions.Failed(instruction, error, time.time_ns())

    async def _index(self, instruction: instructions.IndexFiles) -> instructions.Event:
        """Index files into a segment, and return the event."""
        batch = await self._in_place(
            self._runtime.run_apart if instruction.apart else self._runtime.run,
            stages.index_files,
            self.identity.source,
            self._location,
            instruction.files,
            self._state.options,
            self._embedding_run(),
            instruction.again,
            self._file_seconds,
        )
        self._embedding = self._embedding.plus(batch.embedding)
        if self._embedders:
            add("raycontext_reused_vectors_total", batch.embedding.reused, collection=self.identity.name)
        add("raycontext_indexed_files_total", len(batch.entries), collection=self.identity.name)
        add("raycontext_indexed_bytes_total", batch.source_bytes, collection=self.identity.name)
        return instructions.Indexed(instruction, batch)

    def _embedding_run(self) -> EmbeddingRun | None:
        """Return what a task needs to embed by actors; None where the task embeds by itself."""
        if not self._embedders:
            return None
        return EmbeddingRun(self._embedders, self._name, self._plan.most_tokens, self._embedding.tokens)

    async def _run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run a function as a task, once the governor has a place for it."""
        return await self._in_place(self._runtime.run, function, *arguments)

    async def _in_place(
        self, run: Callable[..., Awaitable[Any]], function: Callable[..., Result], *arguments: Any
    ) -> Result:
        """Run a function as a task by a method of the runtime, once the governor has a place for it."""
        async with self._governor.place(self.identity.name):
            result: Result = await run(function, *arguments)
            return result

    def _keeps_to_places(self) -> bool:
        """Return whether the run looks only at the places that it was given."""
        state = self._state
        if not (self._shared and self._shared.wanted.places and state.version):
            return False
        return not (state.replace or state.unrecorded or self._retries_quarantined)

    async def _scan(self, source: str) -> Scan:
        """Look for changes: in the given places when the index allows it, else in the whole source."""
        state = self._state
        places = self._shared.close().places if self._shared else ()
        if self._keeps_to_places():
            return await self._store.call(VectorStoreActor.scan_places, source, state.options, places)
        version = 0 if state.replace else state.version
        again = () if state.replace else state.tried_again
        return await self._run(stages.scan_tree, source, self._location, version, state.options, again)
