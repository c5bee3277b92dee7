"""The planner of an index run: events in, instructions out; no I/O, no clock, no Ray.

    ScanTree ──Scanned──> HashFiles… ──Hashed──> CompareTrees ──Compared──> IndexFiles… ──Indexed──> Commit… ──> Finish
        └── nothing may have changed ──> Finish
                                            HashFiles, IndexFiles ──Failed──> pieces of it, or quarantine

Whoever drives it carries out each instruction, in any order and as many at once as it likes, and feeds what came of
it back through `handle`, until `Finish` or `Abort`. Imitates the worker state machine of dask.distributed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Literal

from raycontext.batching import cut_into_runs
from raycontext.discover.scan import Scan
from raycontext.discover.snapshot import QUARANTINES, SnapshotEntry
from raycontext.errors import RaycontextError
from raycontext.index.stages import IndexedBatch
from raycontext.models import FileDigest, FileStat, IndexOptions, SkipReason
from raycontext.runtime.base import WorkerDied, WorkerLost
from raycontext.store.changes import Change, TreeChanges
from raycontext.store.collection import shard_of
from raycontext.store.manifest import SegmentReference

__all__ = [
    "Abort",
    "Commit",
    "Committed",
    "CompareTrees",
    "Compared",
    "Event",
    "Failed",
    "Finish",
    "HashFiles",
    "Hashed",
    "IndexFiles",
    "Indexed",
    "Instruction",
    "ReindexPlanner",
    "ScanTree",
    "Scanned",
]

HASH_BATCH_BYTES = 64 << 20
HASH_BATCH_FILES = 2_000
INDEX_BATCH_FILES = 2_000
SMALLEST_INDEX_BATCH_BYTES = 1 << 20
LARGEST_INDEX_BATCH_BYTES = 16 << 20
BATCHES_PER_WORKER = 3
"""So that workers end at about the same time, and yet a tree of ordinary size has no more segments than are searched
fast: see `MAX_SEGMENTS`."""
COMMIT_BYTES = 64 << 20
"""Source indexed between two commits: about what a run that dies loses."""
MOST_COMMITS = 64
"""Approximate largest number of commits of a run. A commit costs more in a large tree, so it commits less often."""

PIECES = 8
"""Number of pieces into which a failed batch is cut, so that the file that fails is soon alone."""
ATTEMPTS = 2
"""Number of times that a file, alone in its batch, must end its worker or use up its memory to be blamed."""

LOST_ATTEMPTS = 5
"""Number of times that a worker is lost without a fault of its file until the file is left to the next run."""

FAILURES_WITHOUT_SUCCESS = 16
"""Number of files that fail before any batch succeeds, after which the run stops: then the files are not at fault."""


@dataclass(frozen=True, slots=True)
class ScanTree:
    """Walk the tree and compare it by stat with the last snapshot."""


@dataclass(frozen=True, slots=True)
class HashFiles:
    files: tuple[FileStat, ...]
    attempt: int = 1
    """Number of the try of a file that is alone in its batch."""


@dataclass(frozen=True, slots=True)
class CompareTrees:
    """Find by their Merkle trees how the current files differ from the indexed ones."""

    hashed: tuple[tuple[FileStat, bytes], ...]
    removed: tuple[str, ...]
    skips: Mapping[str, SnapshotEntry]


@dataclass(frozen=True, slots=True)
class IndexFiles:
    shard: int
    files: tuple[FileStat, ...]
    attempt: int = 1
    """Number of the try of a file that is alone in its batch: its worker may have died for another reason."""
    again: frozenset[str] = frozenset()
    """Paths of files whose content an earlier run gave up parsing."""


@dataclass(frozen=True, slots=True)
class Commit:
    change: Change


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is complete; `changed` tells whether anything was committed."""

    changed: bool


@dataclass(frozen=True, slots=True)
class Abort:
    """The run cannot go on."""

    error: BaseException


Instruction = ScanTree | HashFiles | CompareTrees | IndexFiles | Commit | Finish | Abort


@dataclass(frozen=True, slots=True)
class Scanned:
    scan: Scan


@dataclass(frozen=True, slots=True)
class Hashed:
    instruction: HashFiles
    digests: Sequence[FileDigest]


@dataclass(frozen=True, slots=True)
class Compared:
    changes: TreeChanges


@dataclass(frozen=True, slots=True)
class Indexed:
    instruction: IndexFiles
    batch: IndexedBatch


@dataclass(frozen=True, slots=True)
class Committed:
    instruction: Commit


@dataclass(frozen=True, slots=True)
class Failed:
    """An instruction failed: with an error of ours, or because its process died."""

    instruction: Instruction
    error: BaseException


Event = Scanned | Hashed | Compared | Indexed | Committed | Failed
Stage = Literal["walking", "hashing", "indexing", "committing", "done", "failed"]


class ReindexPlanner:
    """State of one index run.

    `owed`: a commit is, even if no file has changed: the first one, or one that records other options. `replace`:
    forget what was indexed and build anew, in a single commit at the end, so that searches see the old index until the
    new one is whole. `again`: paths that are chunked again also where their content is as it was. `new_txn` makes the
    id of each commit.
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
    ) -> None:
        self._options = options
        self._replace = replace
        self._owed = owed or replace  # a commit, even of nothing
        self._parallelism = max(parallelism, 1)
        self._new_txn = new_txn
        self._again = tuple(again)
        self.stage: Stage = "walking"
        self.scan: Scan | None = None
        self.files_to_hash = self.files_hashed = 0
        self.files_to_index = self.files_indexed = 0
        self.bytes_to_index = self.bytes_indexed = 0
        self.source_bytes = 0
        self.cut_by_lines: list[str] = []
        self.added = self.modified = self.removed = 0
        self._stats: dict[str, FileStat] = {}
        self._digests: dict[str, bytes] = {}
        self._hashed: list[tuple[FileStat, bytes]] = []
        self._succeeded = False  # a batch was hashed or indexed
        self._quarantined = 0
        self._pending: set[str] = set()  # files that are to be indexed and are not yet
        self._waiting = 0  # instructions of the current stage that have not come back
        self._committing = False
        self._committed = False
        # What the next commit will hold:
        self._segments: list[tuple[int, SegmentReference]] = []
        self._entries: dict[str, SnapshotEntry] = {}
        self._seen: Mapping[str, SnapshotEntry] = {}
        self._removed: frozenset[str] = frozenset()
        self._uncommitted_bytes = 0

    def start(self) -> list[Instruction]:
        """The first instructions."""
        return [ScanTree()]

    def handle(self, event: Event) -> list[Instruction]:
        """Take in what came of an instruction; returns what to do next, which may be nothing yet."""
        match event:
            case Scanned(scan):
                return self._scanned(scan)
            case Hashed(_, digests):
                return self._hashed_batch(digests)
            case Compared(changes):
                return self._compared(changes)
            case Indexed(instruction, batch):
                return self._indexed(instruction, batch)
            case Committed():
                self._committing = False
                self._committed = True
                return self._commit_if_due()
            case Failed(instruction, error):
                return self._failed(instruction, error)

    def _scanned(self, scan: Scan) -> list[Instruction]:
        self.scan = scan
        self._entries.update(scan.skipped)
        if not (scan.to_hash or scan.removed or scan.skipped or self._owed):
            self.stage = "done"
            return [Finish(changed=False)]
        self._stats = {file.path: file for file in scan.to_hash}
        self.files_to_hash = len(scan.to_hash)
        self.stage = "hashing"
        batches = _batches(scan.to_hash, HASH_BATCH_BYTES, HASH_BATCH_FILES)
        self._waiting = len(batches)
        return [HashFiles(files) for files in batches] or self._compare()

    def _hashed_batch(self, digests: Sequence[FileDigest]) -> list[Instruction]:
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
        assert self.scan is not None
        if self._replace:  # against nothing
            added = sorted(file.path for file, _ in self._hashed)
            return self._compared(TreeChanges(added, modified=[], removed=[], seen={}, same_skips=[], quarantined={}))
        return [CompareTrees(tuple(self._hashed), tuple(self.scan.removed), dict(self._entries))]

    def _compared(self, changes: TreeChanges) -> list[Instruction]:
        assert self.scan is not None
        self.added, self.modified, self.removed = len(changes.added), len(changes.modified), len(changes.removed)
        self._seen = changes.seen
        self._removed = frozenset(self.scan.removed)
        for path in changes.same_skips:
            del self._entries[path]
        self._entries.update(changes.quarantined)
        changed = {*changes.added, *changes.modified}
        again = [path for path in self._again if path in self._digests and path not in changed | self._entries.keys()]
        files = [self._stats[path] for path in (*changes.added, *changes.modified, *again)]
        self._pending = {file.path for file in files}
        self.files_to_index = len(files)
        self.bytes_to_index = sum(file.size for file in files)
        self.stage, self._succeeded = "indexing", False
        instructions = self._index_instructions(files, frozenset(again))
        self._waiting = len(instructions)
        return instructions or self._finish_if_done()

    def _index_instructions(self, files: Sequence[FileStat], again: frozenset[str]) -> list[Instruction]:
        share = self.bytes_to_index // (BATCHES_PER_WORKER * self._parallelism)
        size = min(max(share, SMALLEST_INDEX_BATCH_BYTES), LARGEST_INDEX_BATCH_BYTES)
        shards: dict[int, list[FileStat]] = {}
        for file in sorted(files):
            shards.setdefault(shard_of(file.path, self._options.num_shards), []).append(file)
        return [
            IndexFiles(shard, batch, again=again.intersection(file.path for file in batch) if again else again)
            for shard in sorted(shards)
            for batch in _batches(shards[shard], size, INDEX_BATCH_FILES)
        ]

    def _indexed(self, instruction: IndexFiles, batch: IndexedBatch) -> list[Instruction]:
        self._succeeded = True
        if batch.segment is not None:
            self._segments.append((instruction.shard, batch.segment))
        self._entries.update(batch.entries)
        self.source_bytes += batch.source_bytes
        self.cut_by_lines.extend(batch.cut_by_lines)
        return self._batch_done(instruction.files)

    def _batch_done(self, files: Sequence[FileStat]) -> list[Instruction]:
        size = sum(file.size for file in files)
        self._pending.difference_update(file.path for file in files)
        self.files_indexed += len(files)
        self.bytes_indexed += size
        self._uncommitted_bytes += size
        self._waiting -= 1
        return self._commit_if_due()

    def _commit_if_due(self) -> list[Instruction]:
        """One commit at a time: what is indexed while it lasts goes into the next, so that commits that are slower than
        the workers do not queue up with all that they hold."""
        if not self._waiting:
            return self._finish_if_done()
        due = max(COMMIT_BYTES, self.bytes_to_index // MOST_COMMITS)
        if self._replace or self._committing or self._uncommitted_bytes < due:
            return []
        return [self._commit()]

    def _finish_if_done(self) -> list[Instruction]:
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
        """Segments that are written and wait for the next commit."""
        return [segment for _, segment in self._segments]

    def _uncommitted(self) -> bool:
        return bool(self._segments or self._entries or self._seen or self._removed or self._owed)

    def _commit(self) -> Instruction:
        assert self.scan is not None
        change = Change(
            txn=self._new_txn(),
            segments=tuple(self._segments),
            entries=self._entries,
            seen=self._seen,
            removed=self._removed,
            unverified=frozenset(self._pending).union(self.scan.kept),
            scanned_at_ns=self.scan.scanned_at_ns,
            options=self._options,
            replace=self._replace,
        )
        self._segments, self._entries, self._seen, self._removed = [], {}, {}, frozenset()
        self._uncommitted_bytes = 0
        self._owed = False
        self._committing = True
        return Commit(change)

    def _failed(self, instruction: Instruction, error: BaseException) -> list[Instruction]:
        if isinstance(error, RaycontextError) or not isinstance(instruction, (HashFiles, IndexFiles)):
            self.stage = "failed"
            return [Abort(error)]
        if len(instruction.files) > 1:
            pieces = _pieces(instruction)
            self._waiting += len(pieces) - 1
            return pieces
        if instruction.attempt < _attempts(error):
            return [replace(instruction, attempt=instruction.attempt + 1)]
        self._quarantined += 1
        if self._quarantined == FAILURES_WITHOUT_SUCCESS and not self._succeeded:
            self.stage = "failed"
            return [Abort(error)]
        (file,) = instruction.files
        if isinstance(instruction, HashFiles):
            self._skip(file, SkipReason.WORKER_LOST)  # what hashes a file cannot fail by its content
            self.files_hashed += 1
            return self._hashed_batch([])
        reason = _reason(error)
        self._skip(file, reason, self._digests[file.path] if reason in QUARANTINES else b"")
        return self._batch_done(instruction.files)

    def _skip(self, file: FileStat, reason: SkipReason, digest: bytes = b"") -> None:
        self._entries[file.path] = SnapshotEntry(file.size, file.mtime_ns, file.inode, digest, reason)


def _attempts(error: BaseException) -> int:
    """Return how often a file that is alone is tried where an attempt ends with this error."""
    if isinstance(error, WorkerLost):
        return LOST_ATTEMPTS
    return ATTEMPTS if isinstance(error, WorkerDied | MemoryError) else 1


def _reason(error: BaseException) -> SkipReason:
    if isinstance(error, WorkerLost):
        return SkipReason.WORKER_LOST
    if isinstance(error, MemoryError):
        return SkipReason.OUT_OF_MEMORY
    return SkipReason.WORKER_DIED if isinstance(error, WorkerDied) else SkipReason.QUARANTINED


def _batches(files: Iterable[FileStat], most_bytes: int, most_files: int) -> list[tuple[FileStat, ...]]:
    """Cut into runs of at most `most_files` files and, beyond a first file, `most_bytes` bytes."""
    runs = cut_into_runs(files, attrgetter("size"), most_size=most_bytes, most_items=most_files)
    return [tuple(run) for run in runs]


def _pieces(instruction: HashFiles | IndexFiles) -> list[Instruction]:
    step = -(-len(instruction.files) // PIECES)
    pieces = (instruction.files[start : start + step] for start in range(0, len(instruction.files), step))
    if isinstance(instruction, HashFiles):
        return [HashFiles(piece) for piece in pieces]
    return [IndexFiles(instruction.shard, piece, again=instruction.again) for piece in pieces]
