"""What is asked of the writer of a collection: changes of its files, and merges of its segments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from raycontext.discover.snapshot import SnapshotEntry
from raycontext.models import IndexOptions
from raycontext.store.manifest import SegmentReference

__all__ = ["Change", "Compaction", "TreeChanges"]


class TreeChanges(NamedTuple):
    """How the current files differ from the indexed ones."""

    added: list[str]
    modified: list[str]
    removed: list[str]
    """Files that were indexed and are not to be any more."""
    seen: dict[str, SnapshotEntry]
    """Files of the same content but another stat, with the entry to keep from now on."""
    same_skips: list[str]
    """Skipped files that the snapshot already records as they are."""
    quarantined: dict[str, SnapshotEntry]
    """Files whose content could not be indexed before, where the snapshot does not record them so."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit changes. Files in `entries` supersede their former chunks."""

    txn: str
    """Id of the change: a retried commit with the same id is applied once."""
    segments: tuple[tuple[int, SegmentReference], ...]
    """New segments, each with its shard."""
    entries: Mapping[str, SnapshotEntry]
    """Files that were indexed or skipped anew."""
    seen: Mapping[str, SnapshotEntry]
    """Files whose stat changed but whose content, and so whose chunks, did not."""
    removed: frozenset[str]
    """Files that are no longer in the tree."""
    unverified: frozenset[str]
    """Files that keep their entry although no one has looked at them in this run."""
    scanned_at_ns: int
    options: IndexOptions
    """Options of the collection from this commit on."""
    replace: bool = False
    """Forget everything that was indexed before: a rebuild with other options."""

    def touched(self) -> set[str]:
        """Paths that the change says something of."""
        return {*self.entries, *self.seen, *self.removed, *self.unverified}

    def superseded(self) -> Iterable[str]:
        """Paths whose former chunks die with this change."""
        yield from self.removed
        yield from self.entries


@dataclass(frozen=True, slots=True)
class Compaction:
    """Segments of a shard that one took the place of; their files and chunks are the same."""

    txn: str
    shard: int
    sources: tuple[SegmentReference, ...]
    """As they were when they were merged."""
    merged: SegmentReference | None
    """None where nothing in them was alive."""
