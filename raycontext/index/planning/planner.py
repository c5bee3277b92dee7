"""Planner of an index run: it takes events and returns instructions, without I/O, without a clock and without Ray.

    ScanTree ──Scanned──> HashFiles… ──Hashed──> CompareTrees ──Compared──> IndexFiles… ──Indexed──> Commit… ──> Finish
        │                                         └─> FindKnown ──Found──> ReuseFiles… ──Reused──┘
        └── nothing may have changed ──> Finish
                                   HashFiles, IndexFiles ──Failed──> again, pieces, quarantine or pending

The driver of a run carries out the instructions, in any order and as many at once as it likes. It gives the result of
each to `ReindexPlanner.handle` as an event, until the planner returns `Finish` or `Abort`. The worker state machine of
dask.distributed is built in this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from raycontext.discover.scan import Scan
from raycontext.discover.snapshot import QUARANTINES, SnapshotEntry
from raycontext.errors import RaycontextError, StorageUnreachable
from raycontext.index.planning import failures
from raycontext.index.planning.batches import hash_batches, index_batches
from raycontext.index.planning.further_tries import another_try, tries_after_loss
from raycontext.index.planning.instructions import (
    Abort,
    Commit,
    Committed,
    Compared,
    CompareTrees,
    Event,
    Failed,
    FindKnown,
    Finish,
    Found,
    Hashed,
    HashFiles,
    Indexed,
    IndexFiles,
    Instruction,
    Reused,
    ReuseFiles,
    Scanned,
    ScanTree,
    Work,
)
from raycontext.index.planning.next_commit import NextCommit
from raycontext.index.planning.reuse_plan import ReusePlan
from raycontext.index.work.stages import IndexedBatch
from raycontext.models import FileDigest, FileStat, IndexOptions, SkipReason
from raycontext.runtime.base import WorkerLost
from raycontext.store.changes import TreeChanges
from raycontext.store.manifest import SegmentReference

__all__ = ["ReindexPlanner"]

COMMIT_BYTES = 64 << 20
"""Smallest size in bytes of the source files that are indexed between two commits.

A run that dies loses about as much.
"""
MOST_COMMITS = 64
"""Approximate largest number of commits of a run.

A commit costs more in a large tree, so a run commits less often there.
"""


Stage = Literal["walking", "hashing", "indexing", "committing", "done", "failed"]


class ReindexPlanner:
    """State of one index run.

    options: options of the collection from the first commit on.
    owed: whether a commit is due even if no file has changed. The first commit of a collection is due, and so is one
    that records other options.
    replace: whether the run drops what was indexed and builds the index anew. It then makes a single commit at its end,
    so that searches see the old index until the new one is complete.
    parallelism: number of tasks that can run at once.
    new_txn: function that returns the id of the next commit.
    again: paths of files that are indexed again even if their content has not changed. They leave quarantine.
    reuse: whether rows that exist already, in any segment, are taken in place of indexing. A rebuild takes none.
    """

    def __init__(
        self,
        options: IndexOptions,
        *,
        owed: bool,
        replace: bool,
        parallelism: int,
        new_txn: Callable[[], str],
        again: Iterable[str] = (),
        reuse: bool = False,
    ) -> None:
        self._options = options
        self._replace = replace
        self._owed = owed or replace  # a commit is due even if nothing has changed
        self._parallelism = max(parallelism, 1)
        self._new_txn = new_txn
        self._again = tuple(again)
        self._reuse = reuse and not replace
        self.stage: Stage = "walking"
        self.scan: Scan | None = None
        self.files_to_hash = self.files_hashed = 0
        self.files_to_index = self.files_indexed = 0
        self.bytes_to_index = self.bytes_indexed = 0
        self.source_bytes = 0
        self.cut_by_lines: list[str] = []
        self.without_vectors: list[str] = []
        self.added = self.modified = self.removed = 0
        self._stats: dict[str, FileStat] = {}
        self._digests: dict[str, bytes] = {}
        self.reused = ReusePlan(self._digests)
        self._hashed: list[tuple[FileStat, bytes]] = []
        self._succeeded = False  # whether a batch of the current stage has succeeded
        self._given_up = 0
        self._paused = 0  # number of instructions that wait for their next try
        self._pending: set[str] = set()  # paths of files that still have to be indexed
        self._waiting = 0  # number of instructions of the current stage that have no event yet
        self._committing = False
        self._committed = False
        self._next = NextCommit()
        self.pending_files: list[str] = []
        """Paths of files that are left to the next run."""
        self.files_waiting = 0
        """Number of files whose worker or node was lost, and that are tried again after a pause."""

    def start(self) -> list[Instruction]:
        """Return the first instructions."""
        return [ScanTree()]

    def handle(self, event: Event) -> list[Instruction]:
        """Take in the result of an instruction and return the next instructions. The list may be empty."""
        match event:
            case Hashed(instruction) | Indexed(instruction) | Failed(instruction):
                self._count_paused(instruction, -1)
        match event:
            case Scanned(scan):
                return self._scanned(scan)
            case Hashed(_, digests):
                return self._hashed_batch(digests)
            case Compared(changes):
                return self._compared(changes)
            case Found() | Reused() | Indexed():
                return self._progressed(event)
            case Committed():
                self._committing = False
                self._committed = True
                return self._commit_if_due()
            case Failed():
                return self._after_failure(event)

    @property
    def may_end_early(self) -> bool:
        """True while the rest of the work may be left to another run, which then looks at the tree once more."""
        return self.stage == "indexing" and not self._replace

    def withdraw(self, instructions: Sequence[IndexFiles]) -> list[Instruction]:
        """Take back instructions that nobody has begun to carry out: the run ends early, and their files are left to
        the next one. Returns what to do next, as `handle` does."""
        left = [file for instruction in instructions for file in instruction.files]
        for instruction in instructions:
            self._count_paused(instruction, -1)
        again = frozenset[str]().union(*(instruction.again for instruction in instructions))
        new = sum(file.path in self._new for file in left)
        self.added -= new
        self.modified -= len(left) - new - len(again)
        self.files_to_index -= len(left)
        self.bytes_to_index -= sum(file.size for file in left)
        self._waiting -= len(instructions)
        return self._finish_if_done()

    def _scanned(self, scan: Scan) -> list[Instruction]:
        """Return instructions that hash the files of a scan, or end the run if nothing can have changed."""
        self.scan = scan
        self._next.entries.update(scan.skipped)
        if not (scan.to_hash or scan.removed or scan.skipped or self._owed):
            self.stage = "done"
            return [Finish(changed=False)]
        self._stats = {file.path: file for file in scan.to_hash}
        self.files_to_hash = len(scan.to_hash)
        self.stage = "hashing"
        batches = hash_batches(scan.to_hash)
        self._waiting = len(batches)
        return [*batches] or self._compare()

    def _hashed_batch(self, digests: Sequence[FileDigest]) -> list[Instruction]:
        """Record the digests of a batch. After the last batch, return the instruction that compares the trees."""
        self._succeeded = self._succeeded or bool(digests)
        for path, digest, reason in digests:
            if reason is None:
                self._hashed.append((self._stats[path], digest))
                self._digests[path] = digest
            else:
                self._skip(self._stats[path], reason)
        self.files_hashed += len(digests)
        self._waiting -= 1
        return [] if self._waiting else self._compare()

    def _compare(self) -> list[Instruction]:
        """Return the instruction that compares the trees. A rebuild needs no comparison: all its files are new."""
        assert self.scan is not None
        if self._replace:
            added = sorted(file.path for file, _ in self._hashed)
            return self._compared(TreeChanges(added, modified=[], removed=[], seen={}, same_skips=[], quarantined={}))
        again = frozenset(self._again)
        return [CompareTrees(tuple(self._hashed), tuple(self.scan.removed), dict(self._next.entries), again)]

    def _compared(self, changes: TreeChanges) -> list[Instruction]:
        """Record the changes and return instructions that index all new and changed files."""
        assert self.scan is not None
        self.added, self.modified, self.removed = len(changes.added), len(changes.modified), len(changes.removed)
        self._next.seen = changes.seen
        self._next.removed = frozenset(self.scan.removed)
        for path in changes.same_skips:
            del self._next.entries[path]
        self._next.entries.update(changes.quarantined)
        changed = {*changes.added, *changes.modified}
        again = [
            path for path in self._again if path in self._digests and path not in changed | self._next.entries.keys()
        ]
        new = [self._stats[path] for path in (*changes.added, *changes.modified)]
        files = [*new, *(self._stats[path] for path in again)]
        self._pending = {file.path for file in files}
        self._new = frozenset(changes.added)
        self.files_to_index = len(files)
        self.bytes_to_index = sum(file.size for file in files)
        self.stage, self._succeeded = "indexing", False
        if self._reuse and new:
            self._waiting += 1
            instructions = [self.reused.find(new), *self._begin_indexing(files[len(new) :], frozenset(again))]
        else:
            instructions = self._begin_indexing(files, frozenset(again))
        return instructions or self._finish_if_done()

    def _begin_indexing(self, files: Sequence[FileStat], again: frozenset[str] = frozenset()) -> list[Instruction]:
        """Return instructions that index the files, and count them as waiting."""
        batches = index_batches(files, again, self._options.num_shards, self._parallelism)
        self._waiting += len(batches)
        return [*batches]

    def _progressed(self, event: Found | Reused | Indexed) -> list[Instruction]:
        """Take in an event of the stage that indexes files."""
        match event:
            case Found():
                reused, rest = self.reused.found(event)
                self._waiting += len(reused) - 1
                return [*reused, *self._begin_indexing(rest)]
            case Reused(instruction, batch):
                if batch.segment is not None:
                    self._next.segments.append((instruction.shard, batch.segment))
                self._next.entries.update(batch.entries)
                rest_first = self._begin_indexing(batch.rest)
                # They cost little, so they are no reason to commit.
                return [*rest_first, *self._batch_done(self.reused.taken(event), is_costly=False)]
            case Indexed(instruction, batch):
                return self._indexed(instruction, batch)

    def _indexed(self, instruction: IndexFiles, batch: IndexedBatch) -> list[Instruction]:
        """Record the segment and the entries of a batch for the next commit."""
        self._succeeded = True
        if batch.segment is not None:
            self._next.segments.append((instruction.shard, batch.segment))
            self._next.chunkers |= {batch.chunker} - {""}
        self._next.entries.update(batch.entries)
        self.source_bytes += batch.source_bytes
        self.cut_by_lines.extend(batch.cut_by_lines)
        self.without_vectors.extend(batch.without_vectors)
        return self._batch_done(instruction.files)

    def _batch_done(self, files: Sequence[FileStat], *, is_costly: bool = True) -> list[Instruction]:
        """Count files that are indexed or given up, and return a commit if one is due."""
        size = sum(file.size for file in files)
        self._pending.difference_update(file.path for file in files)
        self.files_indexed += len(files)
        self.bytes_indexed += size
        self._next.source_bytes += size if is_costly else 0
        self._waiting -= 1
        return self._commit_if_due()

    def _commit_if_due(self) -> list[Instruction]:
        """Return a commit if enough was indexed since the last one, or what ends the run if all is indexed.

        There is one commit at a time. Segments that are written meanwhile go into the next commit, so that slow commits
        do not queue up.
        """
        if not self._waiting:
            return self._finish_if_done()
        due = max(COMMIT_BYTES, self.bytes_to_index // MOST_COMMITS)
        waits = 0 < self._waiting <= self._paused and self._next.source_bytes > 0  # what is there is shown
        if self._replace or self._committing or not (self._next.source_bytes >= due or waits):
            return []
        return [self._commit()]

    def _finish_if_done(self) -> list[Instruction]:
        """Return the last commit, or `Finish` if there is nothing left to commit.

        Return nothing while instructions run.
        """
        if self._waiting:
            return []
        if self._uncommitted():
            self.stage = "committing"
            return [] if self._committing else [self._commit()]
        if self._committing:
            return []
        self.stage = "done"
        return [Finish(changed=self._committed)]

    @property
    def uncommitted_segments(self) -> list[SegmentReference]:
        """References to segments that are written and wait for the next commit."""
        return [segment for _, segment in self._next.segments]

    def _uncommitted(self) -> bool:
        """Return whether the next commit would hold anything or is due even without contents."""
        return self._owed or not self._next.is_empty()

    def _commit(self) -> Instruction:
        """Return the instruction that commits all that is gathered, and begin to gather anew."""
        assert self.scan is not None
        unverified = frozenset(self._pending).union(self.scan.kept)
        scanned_at_ns = self.scan.scanned_at_ns
        change = self._next.change(self._new_txn(), unverified, scanned_at_ns, self._options, replace=self._replace)
        self._next = NextCommit()
        self._owed = False
        self._committing = True
        return Commit(change)

    def _after_failure(self, event: Failed) -> list[Instruction]:
        """Return what follows a failure. An error of ours in a search for rows tells that it was asked for wrongly."""
        instruction, error = event.instruction, event.error
        is_wrong = isinstance(instruction, FindKnown) and isinstance(error, RaycontextError)
        if is_wrong or not isinstance(instruction, FindKnown | ReuseFiles):
            return self._failed(instruction, error, event.at_ns)
        searches, files = self.reused.after_failure(instruction)
        self._waiting += len(searches) - 1
        return [*searches, *self._begin_indexing(files)]

    def _failed(self, instruction: Instruction, error: BaseException, at_ns: int) -> list[Instruction]:
        """Return instructions that try failed work again.

        Work that was lost without a fault of its own is tried again after a pause. An error of ours ends the run, and
        so does the failure of an instruction that has no files. A batch of several files is cut into pieces. A file
        that is alone is tried a few times, then skipped with the reason.
        """
        if isinstance(error, WorkerLost | StorageUnreachable) and isinstance(instruction, Work):
            return self._lost(instruction, error, at_ns)
        if isinstance(error, RaycontextError) or not isinstance(instruction, (HashFiles, IndexFiles)):
            self.stage = "failed"
            return [Abort(error)]
        if again := another_try(instruction, error):
            self._waiting += len(again) - 1
            return [*again]
        self._given_up += 1
        if self._given_up == failures.FAILURES_WITHOUT_SUCCESS and not self._succeeded:
            self.stage = "failed"
            return [Abort(error)]
        if isinstance(instruction, HashFiles):  # no content can make hashing fail
            return self._postpone(instruction, WorkerLost(*error.args), at_ns)
        (file,) = instruction.files
        reason = failures.reason(error)
        digest = self._digests[file.path] if reason in QUARANTINES else b""
        self._next.entries[file.path] = SnapshotEntry(*file[1:], digest, reason, failures.failure(error, at_ns))
        return self._batch_done(instruction.files)

    def _lost(self, instruction: Work, error: WorkerLost | StorageUnreachable, at_ns: int) -> list[Instruction]:
        """Return instructions that try lost work again after a pause, or postpone its files to the next run.

        A run whose storage cannot be reached for so long ends: it could not commit what is pending.
        """
        later = tries_after_loss(instruction)
        if later is None and isinstance(error, WorkerLost) and isinstance(instruction, (HashFiles, IndexFiles)):
            return self._postpone(instruction, error, at_ns)
        if later is None:
            self.stage = "failed"
            return [Abort(error)]
        if not isinstance(instruction, (HashFiles, IndexFiles)):
            return [*later]
        self._waiting += len(later) - 1
        for piece in later:
            self._count_paused(piece, 1)
        return [*later, *(self._commit_if_due() if self.stage == "indexing" else [])]

    def _count_paused(self, instruction: Instruction, number: int) -> None:
        """Count an instruction and its files where it waits for its next try, or waited for it (-1)."""
        if isinstance(instruction, (HashFiles, IndexFiles)) and instruction.pause:
            self._paused += number
            self.files_waiting += number * len(instruction.files)

    def _postpone(self, instruction: HashFiles | IndexFiles, error: WorkerLost, at_ns: int) -> list[Instruction]:
        """Leave the files of an instruction to the next run."""
        failure = failures.failure(error, at_ns)
        for file in instruction.files:
            self.pending_files.append(file.path)
            self._next.postponed[file.path] = SnapshotEntry(*file[1:], b"", SkipReason.WORKER_LOST, failure)
        if isinstance(instruction, HashFiles):
            self.files_hashed += len(instruction.files)
            return self._hashed_batch([])
        return self._batch_done(instruction.files)

    def _skip(self, file: FileStat, reason: SkipReason) -> None:
        """Record for the next commit that a file is skipped."""
        self._next.entries[file.path] = SnapshotEntry(*file[1:], b"", reason)
