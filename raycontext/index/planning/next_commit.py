"""Contents of the next commit of an index run, as they gather until it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from raycontext.discover.snapshot import SnapshotEntry
from raycontext.models import IndexOptions
from raycontext.store.changes import Change
from raycontext.store.manifest import SegmentReference

__all__ = ["NextCommit"]


@dataclass(slots=True)
class NextCommit:
    """What a run has done since its last commit. The fields that `Change` has as well mean the same there."""

    segments: list[tuple[int, SegmentReference]] = field(default_factory=list)
    entries: dict[str, SnapshotEntry] = field(default_factory=dict)
    seen: Mapping[str, SnapshotEntry] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    postponed: dict[str, SnapshotEntry] = field(default_factory=dict)
    chunkers: set[str] = field(default_factory=set)
    source_bytes: int = 0
    """Size in bytes of the files that were indexed for it. Files whose rows existed do not count."""

    def change(
        self, txn: str, unverified: frozenset[str], scanned_at_ns: int, options: IndexOptions, *, replace: bool
    ) -> Change:
        """Return the change to commit. The arguments are the fields of `Change` with these names."""
        return Change(
            txn=txn,
            segments=tuple(self.segments),
            entries=self.entries,
            seen=self.seen,
            removed=self.removed,
            unverified=unverified,
            scanned_at_ns=scanned_at_ns,
            options=options,
            replace=replace,
            postponed=self.postponed,
            chunkers=frozenset(self.chunkers),
        )

    def is_empty(self) -> bool:
        """Return whether there is nothing to commit."""
        return not (self.segments or self.entries or self.seen or self.removed or self.postponed)
