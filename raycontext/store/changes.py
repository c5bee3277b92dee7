"""Requests to the writer of a collection: changes of its files, and merges of its segments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from raycontext.discover.snapshot import QUARANTINES, UNKNOWN_INODE, SnapshotEntry
from raycontext.discover.snapshot_parts import key_of
from raycontext.discover.snapshot_tree import SnapshotTree
from raycontext.models import FileStat, IndexOptions
from raycontext.store.manifest import CommitHistory, SegmentReference

__all__ = ["Change", "Compaction", "HistoryChange", "TreeChanges", "compared"]


class TreeChanges(NamedTuple):
    """Difference between the files of the tree and the indexed files. All keys and entries are paths."""

    added: list[str]
    modified: list[str]
    removed: list[str]
    """Files that are indexed and should not be any more."""
    seen: dict[str, SnapshotEntry]
    """Files whose stat has changed but whose content has not, with their new entry for the snapshot."""
    same_skips: list[str]
    """Skipped files that the snapshot already records with the same stat and reason."""
    quarantined: dict[str, SnapshotEntry]
    """Files whose content could not be indexed in an earlier run, where the snapshot does not record this yet."""


def compared(
    entries: SnapshotTree,
    hashed: Iterable[tuple[FileStat, bytes]],
    removed: Iterable[str],
    skips: Mapping[str, SnapshotEntry],
    again: frozenset[str] = frozenset(),
) -> TreeChanges:
    """Compare the indexed files, those of a snapshot, with the files of the current tree.

    `hashed` holds the files that may have changed, with their digests (xxh3_128, 16 bytes). `removed` holds the
    paths that are gone, `skips` the files that cannot be indexed. All other files are unchanged. Files of `again`
    leave quarantine.
    """
    added: list[str] = []
    modified: list[str] = []
    there: set[str] = set()
    gone = set(removed)
    seen: dict[str, SnapshotEntry] = {}
    quarantined: dict[str, SnapshotEntry] = {}
    known_bad = entries.noted(QUARANTINES).quarantined(apart_from=again)
    for (path, size, mtime_ns, inode), digest in sorted(hashed, key=lambda file: key_of(file[0].path)):
        known = entries.get(path)
        bad = known_bad.get(digest)
        entry = SnapshotEntry(size, mtime_ns, inode, digest, *((bad.reason, bad.failure) if bad else (None,)))
        if entry.reason is not None:
            gone.add(path)
            if known != entry:
                quarantined[path] = entry
            continue
        there.add(path)
        if known is None or known.reason is not None:
            added.append(path)
        elif known.digest != digest:
            modified.append(path)
        elif known != entry:
            seen[path] = entry
    missing = sorted(gone.union(skips) - there, key=key_of)
    return TreeChanges(
        added=sorted(added),
        modified=sorted(modified),
        removed=sorted(path for path in missing if (known := entries.get(path)) and known.reason is None),
        seen=seen,
        same_skips=[path for path, entry in skips.items() if entries.get(path) == entry],
        quarantined=quarantined,
    )


@dataclass(frozen=True, slots=True)
class Change:
    """Change of a collection's files that one commit makes. A file in `entries` supersedes its former chunks."""

    txn: str
    """Id of the change. A commit that is retried with the same id is applied once."""
    segments: tuple[tuple[int, SegmentReference], ...]
    """Pairs of a shard's number and a new segment of that shard."""
    entries: Mapping[str, SnapshotEntry]
    """Entries of files that were indexed or skipped in this run, by path."""
    seen: Mapping[str, SnapshotEntry]
    """Entries of files whose stat has changed but whose content, and so whose chunks, have not; by path."""
    removed: frozenset[str]
    """Paths of files that are no longer in the tree."""
    unverified: frozenset[str]
    """Paths of files that keep their entry although this run has not indexed them yet or could not look at them."""
    scanned_at_ns: int
    """Time at which the walk of the tree began, in nanoseconds since the epoch."""
    options: IndexOptions
    """Options of the collection from this commit on."""
    replace: bool = False
    """Whether everything that was indexed before is dropped, since the collection is rebuilt with other options."""
    chunkers: frozenset[str] = frozenset()
    """Fingerprints of the chunkers that made the new segments, as the tasks that made them told."""
    postponed: Mapping[str, SnapshotEntry] = field(default_factory=dict)
    """Entries by path of files that could not be indexed, without any fault of theirs. A file that is in the index
    stays there as it was, and its entry notes the failure."""

    def touched(self) -> set[str]:
        """Return the paths that the change mentions."""
        return {*self.entries, *self.seen, *self.removed, *self.unverified, *self.postponed}

    def superseded(self) -> Iterable[str]:
        """Yield the paths whose former chunks die with this change."""
        yield from self.removed
        yield from self.entries

    def applied_to(self, before: SnapshotTree) -> SnapshotTree:
        """Return the snapshot of the version with this change, on top of the version whose snapshot is `before`."""
        base = before.emptied() if self.replace else before
        entries: dict[str, SnapshotEntry | None] = dict.fromkeys(self.removed)
        entries.update(base.carried(self.unverified - self.removed))
        entries.update(self.entries)
        entries.update(self.seen)
        for path, entry in self.postponed.items():
            known = entries[path] if path in entries else base.get(path)
            if known is None or known.reason is not None:
                entries[path] = entry
            else:
                entries[path] = known._replace(inode=UNKNOWN_INODE, failure=entry.failure)
        return base.updated(entries, self.scanned_at_ns)


@dataclass(frozen=True, slots=True)
class Compaction:
    """Merge of several segments of a shard into one that holds their living files and chunks."""

    txn: str
    """Id of the merge. A commit that is retried with the same id is applied once."""
    shard: int
    sources: tuple[SegmentReference, ...]
    """Segments that were merged, with the tombstones that they had at that time."""
    merged: SegmentReference | None
    """Segment that replaces the sources; None where no file in them was alive."""
    dead: SegmentReference | None = None
    """Segment with dead files of the sources, for the pool of the shard; None where none are kept."""

    def made(self) -> list[SegmentReference]:
        """Return the segments that the merge has written."""
        return [segment for segment in (self.merged, self.dead) if segment is not None]


@dataclass(frozen=True, slots=True)
class HistoryChange:
    """Change of the history of commits, which changes no file."""

    txn: str
    """Id of the change. A commit that is retried with the same id is applied once."""
    base: CommitHistory | None
    """History that the change was made from."""
    history: CommitHistory
    """History after the change."""

    def made(self) -> list[SegmentReference]:
        """Return the segments that were written for the change."""
        known = {segment.name for segment in self.base.segments} if self.base is not None else set()
        return [segment for segment in self.history.segments if segment.name not in known]
