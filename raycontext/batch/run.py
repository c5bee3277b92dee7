"""The driver of a batch: asyncio tasks that each fetch and index one source after the other. A failure stops none."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from raycontext.batch.entries import BatchEntry, BatchList
from raycontext.batch.records import BatchRecords, BatchRun
from raycontext.batch.report import BatchReport, EntryOutcome, EntryPlan
from raycontext.errors import CommitConflict, Fenced, InvalidInput, StorageError
from raycontext.index.work import stages
from raycontext.retrying import Retries
from raycontext.runtime.base import Runtime
from raycontext.settings import default_cache
from raycontext.sources.git import stop_running
from raycontext.sources.workplace import Brought, tree_of
from raycontext.store.catalog import Catalog
from raycontext.store.storage.locations import DEFAULT_STORAGE, StorageOptions, is_url, storage_for

if TYPE_CHECKING:
    from raycontext.models import IndexReport

__all__ = ["BatchDriver", "plan_batch", "work_folder"]

IndexEntry = Callable[[BatchEntry, str], Awaitable["IndexReport"]]
"""Function that indexes an entry of the list. It gets the entry and the folder to index."""

_log = logging.getLogger("raycontext")

WORK = ".sources"
"""Name of the folder below a root into which sources are fetched."""
OVERTAKEN_ATTEMPTS = 6
OVERTAKEN_PAUSE_SECONDS = 0.5
OVERTAKEN = Retries(
    (Fenced, CommitConflict),
    attempts=OVERTAKEN_ATTEMPTS,
    pause=lambda attempt: OVERTAKEN_PAUSE_SECONDS * 2**attempt * random.random(),
)
"""How a run tries again when another process indexes the same collection: the pause doubles with each try."""


class BatchDriver:
    """Driver that works off a list once."""

    def __init__(
        self,
        index: IndexEntry,
        runtime: Runtime,
        root: str,
        batch: BatchList,
        on_outcome: Callable[[EntryOutcome], None] | None,
        storage_options: StorageOptions = DEFAULT_STORAGE,
    ) -> None:
        self._index_entry = index
        self._runtime = runtime
        self._root = root
        self._storage_options = storage_options
        self._batch = batch
        self._work = work_folder(batch, root, joined=runtime.joined)
        self._tell = on_outcome or (lambda _: None)
        self._outcomes: dict[str, EntryOutcome] = {}
        self._waiting: deque[BatchEntry] = deque()
        self._late: deque[BatchEntry] = deque()  # other processes have begun with these
        self._run: BatchRun

    async def run(self, stop: asyncio.Event | None) -> BatchReport:
        """Index the sources that are not done yet (see `Context.batch`)."""
        began = time.monotonic()
        identity = self._batch.identity(self._root)
        self._run = await asyncio.to_thread(
            lambda: BatchRecords(storage_for(self._root, self._storage_options), identity).take()
        )
        self._take_over(await asyncio.to_thread(self._run.done))
        begun = await asyncio.to_thread(self._run.begun)
        for entry in self._batch.in_order:
            if entry.name not in self._outcomes:
                (self._late if entry.name in begun else self._waiting).append(entry)
        interrupted = await self._work_off(stop)
        outcomes = tuple(self._outcomes.get(entry.name, _interrupted(entry)) for entry in self._batch.in_order)
        good = sum(outcome.succeeded for outcome in outcomes)
        pending = sum(outcome.pending for outcome in outcomes)
        report = BatchReport(
            identity=identity,
            run=self._run.number,
            root=self._root,
            succeeded="all" if good == len(outcomes) else "some" if good or pending else "none",
            interrupted=interrupted,
            outcomes=outcomes,
            seconds=time.monotonic() - began,
        )
        if not interrupted:
            await asyncio.to_thread(self._run.close, report)
        return report

    async def _work_off(self, stop: asyncio.Event | None) -> bool:
        """Index all waiting sources. Returns True when `stop` was set before the end."""
        count = min(self._batch.concurrency, len(self._waiting) + len(self._late))
        workers = [asyncio.create_task(self._worker()) for _ in range(count)]
        stopped = asyncio.create_task((stop or asyncio.Event()).wait())
        all_done = asyncio.ensure_future(asyncio.gather(*workers))
        both: list[asyncio.Future[Any]] = [all_done, stopped]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if all_done.done():
                all_done.result()
                return False
            return True
        finally:
            for task in (stopped, *workers):
                task.cancel()
            if not all_done.done():
                await asyncio.to_thread(stop_running, Path(self._work))
            await asyncio.gather(stopped, *workers, return_exceptions=True)

    async def _worker(self) -> None:
        """Index one waiting source after the other, last those with which another process has begun."""
        while self._waiting:
            entry = self._waiting.popleft()
            if await asyncio.to_thread(self._run.begin, entry.name):
                await self._entry(entry)
            else:
                self._late.append(entry)
        while self._late:
            entry = self._late.popleft()
            if not await self._joined(entry):
                await self._entry(entry)

    async def _joined(self, entry: BatchEntry) -> bool:
        """Return True, and take over the outcome, when another process has indexed the source meanwhile."""
        outcome = await asyncio.to_thread(self._run.outcome, entry.name)
        if outcome is None:
            return False
        self._take_over({entry.name: outcome})
        return True

    async def _entry(self, entry: BatchEntry) -> None:
        """Index one source, record its outcome and report it. An error becomes an outcome, too."""
        began = time.monotonic()
        try:
            outcome = await self._index(entry, began)
            if outcome is None:  # another process did it
                return
            if not outcome.pending:  # whoever goes on with this run tries its files again
                await asyncio.to_thread(self._record, outcome)
        except Exception as error:
            outcome = EntryOutcome(
                collection=entry.name,
                source=entry.shown_source,
                state="failed",
                error=str(error) or type(error).__name__,
                error_type=type(error).__name__,
                seconds=time.monotonic() - began,
            )
        self._outcomes[entry.name] = outcome
        self._tell(outcome)

    async def _index(self, entry: BatchEntry, began: float) -> EntryOutcome | None:
        """Fetch and index one source. Returns None when another process has indexed it."""
        brought = Brought("")
        if entry.origin is not None:
            brought = await self._runtime.run(stages.bring_source, self._work, entry.name, entry.origin)
        attempt = itertools.count(1)

        async def index_or_join() -> IndexReport | None:
            if next(attempt) > 1 and await self._joined(entry):
                return None
            return await self._index_entry(entry, _tree(entry, self._work))

        report = await OVERTAKEN.run(index_or_join)
        if report is None:
            return None
        return EntryOutcome(
            collection=entry.name,
            source=entry.shown_source,
            state="indexed" if report.changed else "unchanged",
            revision=brought.revision,
            left_out=brought.left_out,
            report=report,
            seconds=time.monotonic() - began,
        )

    def _record(self, outcome: EntryOutcome) -> None:
        """Write the record of a source that is done."""
        try:
            self._run.record(outcome)
        except StorageError as error:  # the source is indexed; a run that continues this one looks at it again
            _log.warning("cannot record that %s is done: %s", outcome.collection, error)

    def _take_over(self, outcomes: dict[str, EntryOutcome]) -> None:
        """Report the outcomes of sources that another process has indexed."""
        for name, outcome in outcomes.items():
            self._outcomes[name] = outcome.model_copy(update={"earlier": True})
            self._tell(self._outcomes[name])


def plan_batch(
    batch: BatchList, root: str, *, joined: bool, storage_options: StorageOptions = DEFAULT_STORAGE
) -> list[EntryPlan]:
    """Return what a run would do, in order. Nothing is fetched, indexed or written.

    Raises `InvalidInput` or `StorageError`.
    """
    work = work_folder(batch, root, joined=joined)
    storage = storage_for(root, storage_options)
    unfinished = BatchRecords(storage, batch.identity(root)).unfinished()
    done = unfinished.done() if unfinished is not None else {}
    versions = {summary.name: summary.version for summary in Catalog(storage).summaries()}
    return [
        EntryPlan(
            collection=entry.name,
            source=entry.shown_source,
            tree=_tree(entry, work),
            action="skip" if entry.name in done else "update" if versions.get(entry.name) else "index",
            version=versions.get(entry.name, 0),
            priority=entry.priority,
        )
        for entry in batch.in_order
    ]


def work_folder(batch: BatchList, root: str, *, joined: bool) -> str:
    """Return the folder into which sources are fetched, and which every node must see.

    Raises `InvalidInput` when the list does not name one and none is shared by the nodes.
    """
    if batch.work is not None:
        return batch.work
    if not is_url(root):
        return str(Path(root, WORK))
    fetched = [entry.name for entry in batch.sources if entry.origin is not None]
    if joined and fetched:
        raise InvalidInput(
            f"Nothing says where the nodes of the cluster keep {fetched[0]}",
            "Give a folder that all of them see: `work:` in the list, or --work.",
        )
    return str(default_cache() / "sources" / xxhash.xxh3_64_hexdigest(root.encode()))


def _tree(entry: BatchEntry, work: str) -> str:
    """Return the folder to index for an entry."""
    base = entry.folder if entry.origin is None else tree_of(work, entry.name, entry.origin)
    assert base is not None
    return str(Path(base, entry.subfolder))


def _interrupted(entry: BatchEntry) -> EntryOutcome:
    """Return the outcome of an entry that was not reached."""
    return EntryOutcome(collection=entry.name, source=entry.shown_source, state="interrupted")
