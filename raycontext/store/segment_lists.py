"""The segments that a version names, after a change of files or a merge: who is added, dropped, and which files are
dead in which segment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from raycontext.store.changes import Change, Compaction
from raycontext.store.collection import Collection
from raycontext.store.manifest import Manifest, SegmentReference, ShardManifest
from raycontext.store.segments.segment import Segment, path_hash

__all__ = ["SegmentLists"]


class SegmentLists:
    """Makes the lists of segments of the next version from those of the last. Keeps open what it looks into: one commit
    after the other asks the same segments for their files, which are hashed when they are opened."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._opened: dict[str, Segment] = {}

    def keep(self, names: Iterable[str]) -> None:
        """Let go of all segments but these."""
        self._opened = {name: self._opened[name] for name in names if name in self._opened}

    def changed(self, previous: Manifest | None, change: Change) -> tuple[ShardManifest, ...]:
        """With the segments of a change, and tombstones for all that it supersedes."""
        kept: Sequence[ShardManifest]
        if previous is None or change.replace:
            kept = [ShardManifest()] * change.options.num_shards
        else:
            dead = np.fromiter((path_hash(path) for path in change.superseded()), np.uint64)
            kept = [
                ShardManifest(segments=tuple(self.bury(segment, dead) for segment in shard.segments))
                for shard in previous.shards
            ]
        shards = []
        for number, shard in enumerate(kept):
            living = tuple(segment for segment in shard.segments if len(segment.tombstones) < segment.files)
            added = tuple(segment for owner, segment in change.segments if owner == number)
            shards.append(ShardManifest(segments=(*living, *added)))
        return tuple(shards)

    def compacted(self, manifest: Manifest, compaction: Compaction) -> tuple[ShardManifest, ...] | None:
        """The shards with the merged segment where the first of its sources was; None where they lack a source."""
        if compaction.shard >= len(manifest.shards):
            return None
        present = {segment.name: segment for segment in manifest.shards[compaction.shard].segments}
        merged_names = {source.name for source in compaction.sources}
        # A source without a living file is dropped by the commit that killed the last one.
        still_there = [present[source.name] for source in compaction.sources if source.name in present]
        if not still_there:
            return None
        merged = compaction.merged
        if merged is not None:
            merged = self.bury(merged, self._died_since(compaction.sources, present))
        segments: list[SegmentReference] = []
        for segment in manifest.shards[compaction.shard].segments:
            if segment.name not in merged_names:
                segments.append(segment)
            elif segment.name == still_there[0].name and merged is not None and len(merged.tombstones) < merged.files:
                segments.append(merged)
        shards = list(manifest.shards)
        shards[compaction.shard] = ShardManifest(segments=tuple(segments))
        return tuple(shards)

    def _died_since(
        self, sources: Sequence[SegmentReference], present: Mapping[str, SegmentReference]
    ) -> NDArray[np.uint64]:
        """Path hashes of the files of the sources that were alive when they were merged and are dead now."""
        dead = [np.empty(0, np.uint64)]
        for source in sources:
            current = present.get(source.name)
            now = set(current.tombstones) if current is not None else set(range(source.files))
            fresh = sorted(now.difference(source.tombstones))
            if fresh:
                segment = self._segment(source)
                dead.append(segment.path_hashes[np.array(fresh, np.int64)])
        return np.concatenate(dead)

    def bury(self, reference: SegmentReference, dead: NDArray[np.uint64]) -> SegmentReference:
        """The reference with tombstones for the files whose path hash is in `dead`."""
        if not len(dead):
            return reference
        found = self._segment(reference).ordinals(dead)
        if not len(found):
            return reference
        tombstones = np.union1d(np.array(reference.tombstones, np.int64), found)
        return reference.model_copy(update={"tombstones": tuple(tombstones.tolist())})

    def live_rows(self, shards: Iterable[ShardManifest]) -> int:
        """Chunks that are alive in all of them."""
        return sum(self._live_rows(segment) for shard in shards for segment in shard.segments)

    def _live_rows(self, reference: SegmentReference) -> int:
        if not reference.tombstones:
            return reference.rows
        return self._segment(reference).live_rows()

    def _segment(self, reference: SegmentReference) -> Segment:
        """A segment whose files are known: opened and verified once, as long as it is part of the newest version."""
        opened = self._opened.get(reference.name)
        if opened is None:
            opened = Segment(self._collection.storage, self._collection.name, reference)
            _ = opened.files  # mapped here, so that all copies share it
            self._opened[reference.name] = opened
        return opened.under(reference)
