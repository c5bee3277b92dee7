"""Instructions of the planner of an index run, and the events that answer them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raycontext.discover.scan import Scan
from raycontext.discover.snapshot import SnapshotEntry
from raycontext.index.reuse.reuse import ReusedBatch
from raycontext.index.work.stages import IndexedBatch
from raycontext.models import FileDigest, FileStat
from raycontext.store.changes import Change, TreeChanges
from raycontext.store.known_files import KnownFiles

__all__ = [
    "Abort",
    "Commit",
    "Committed",
    "CompareTrees",
    "Compared",
    "Event",
    "Failed",
    "FindKnown",
    "Finish",
    "Found",
    "HashFiles",
    "Hashed",
    "IndexFiles",
    "Indexed",
    "Instruction",
    "ReuseFiles",
    "Reused",
    "ScanTree",
    "Scanned",
    "Work",
]


@dataclass(frozen=True, slots=True)
class ScanTree:
    """Instruction to walk the tree and to compare the status of its files with the last snapshot."""

    losses: int = 0
    """Number of times that the worker or node of this work was lost."""
    pause: float = 0.0
    """Time in seconds to wait before this try."""


@dataclass(frozen=True, slots=True)
class HashFiles:
    """Instruction to read files and to compute the digests of their contents."""

    files: tuple[FileStat, ...]
    attempt: int = 1
    """Number of this try, from 1. It is above 1 only for a file that is alone in its batch."""
    losses: int = 0
    """Number of times that the worker or node of this work was lost."""
    pause: float = 0.0
    """Time in seconds to wait before this try."""


@dataclass(frozen=True, slots=True)
class CompareTrees:
    """Instruction to compare the Merkle trees of the current files and of the indexed files."""

    hashed: tuple[tuple[FileStat, bytes], ...]
    """Pairs of a file and the digest of its content."""
    removed: tuple[str, ...]
    """Paths of the snapshot that are no longer in the tree."""
    skips: Mapping[str, SnapshotEntry]
    """Entries of files that cannot be indexed, by path."""
    again: frozenset[str] = frozenset()
    """Paths of files that leave quarantine where they are in it."""
    losses: int = 0
    """Number of times that this work was lost, or that its storage could not be reached."""
    pause: float = 0.0
    """Time in seconds to wait before this try."""


@dataclass(frozen=True, slots=True)
class FindKnown:
    """Instruction to find rows that exist already for files that are new or have changed."""

    files: tuple[tuple[FileStat, bytes], ...]
    """Pairs of a file and the digest of its content."""
    attempt: int = 1
    """Number of this search, from 1. It is above 1 where a segment that had been found was removed meanwhile."""


@dataclass(frozen=True, slots=True)
class ReuseFiles:
    """Instruction to bring rows that exist into one segment of one shard."""

    shard: int
    files: tuple[FileStat, ...]
    known: tuple[KnownFiles, ...]
    """Where the rows of the files lie."""
    attempt: int = 1
    """Number of the search that has found them, from 1."""


@dataclass(frozen=True, slots=True)
class IndexFiles:
    """Instruction to index files of one shard into one segment."""

    shard: int
    files: tuple[FileStat, ...]
    attempt: int = 1
    """Number of this try, from 1. It is above 1 only for a file that is alone in its batch."""
    again: frozenset[str] = frozenset()
    """Paths of files whose content an earlier run gave up parsing."""
    losses: int = 0
    """Number of times that the worker or node of this work was lost."""
    pause: float = 0.0
    """Time in seconds to wait before this try."""
    apart: bool = False
    """Whether a process of its own does the work, so that its end tells what ended it. True only for a lone file."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Instruction to commit a change of the collection."""

    change: Change
    losses: int = 0
    """Number of times that the storage could not be reached."""
    pause: float = 0.0
    """Time in seconds to wait before this try."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Last instruction of a run that is complete."""

    changed: bool
    """Whether the run has committed anything."""


@dataclass(frozen=True, slots=True)
class Abort:
    """Last instruction of a run that cannot go on."""

    error: BaseException
    """Error to raise to the caller of the run."""


Work = ScanTree | HashFiles | CompareTrees | IndexFiles | Commit
"""Work that is tried again where its worker or its storage was lost. The rest is then done in another way."""
Instruction = Work | FindKnown | ReuseFiles | Finish | Abort
"""Work that the planner asks for, or the end of the run."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """Event: the tree was walked and compared with the snapshot."""

    scan: Scan


@dataclass(frozen=True, slots=True)
class Hashed:
    """Event: a batch of files was hashed."""

    instruction: HashFiles
    digests: Sequence[FileDigest]
    """Digest of each file of the instruction, or the reason why it has none."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Event: the trees were compared."""

    changes: TreeChanges


@dataclass(frozen=True, slots=True)
class Found:
    """Event: it is known which files have rows already, and where."""

    instruction: FindKnown
    known: Sequence[KnownFiles]


@dataclass(frozen=True, slots=True)
class Reused:
    """Event: rows were brought into a segment of the collection."""

    instruction: ReuseFiles
    batch: ReusedBatch


@dataclass(frozen=True, slots=True)
class Indexed:
    """Event: a batch of files was indexed, and its segment was written."""

    instruction: IndexFiles
    batch: IndexedBatch


@dataclass(frozen=True, slots=True)
class Committed:
    """Event: a change was committed."""

    instruction: Commit


@dataclass(frozen=True, slots=True)
class Failed:
    """Event: an instruction failed with an error, or the process that carried it out died."""

    instruction: Instruction
    error: BaseException
    at_ns: int = 0
    """Time of the failure in nanoseconds since the epoch."""


Event = Scanned | Hashed | Compared | Found | Reused | Indexed | Committed | Failed
"""Result of an instruction, which the driver of a run gives to the planner."""
