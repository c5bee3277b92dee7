"""Lists of the segments that the next version names, after a change of files or after a merge.

They say which segments are added, which are dropped, and which files are dead in which segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import CorruptSegment, UnsupportedFormat
from raycontext.store.changes import Change, Compaction
from raycontext.store.collection import Collection
from raycontext.store.known_files import WantedFiles
from raycontext.store.manifest import Manifest, SegmentReference, ShardManifest
from raycontext.store.pool import pool_limit, pooled
from raycontext.store.segments.segment import Segment, path_hash

__all__ = ["SegmentLists"]


class SegmentLists:
    """Maker of the next version's lists of segments from those of the last version.

    It keeps segments open, since consecutive commits ask the same segments for their files, and opening a segment
    verifies the checksums of what it reads.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._opened: dict[str, Segment] = {}

    def keep(self, names: Iterable[str]) -> None:
        """Close all opened segments except those called `names`."""
        self._opened = {name: self._opened[name] for name in names if name in self._opened}

    def changed(self, previous: Manifest | None, change: Change) -> tuple[ShardManifest, ...]:
        """Return the shards after `change`, with its new segments and with tombstones for all files that it supersedes.

        `previous` is the last version, or None before the first commit.
        """
        kept: Sequence[ShardManifest]
        if previous is None or change.replace:
            kept = [ShardManifest()] * change.options.num_shards
        else:
            dead = np.fromiter((path_hash(path) for path in change.superseded()), np.uint64)
            kept = [
                ShardManifest(segments=tuple(self.bury(segment, dead) for segment in shard.segments), pool=shard.pool)
                for shard in previous.shards
            ]
        shards = []
        for number, shard in enumerate(kept):
            living = tuple(segment for segment in shard.segments if len(segment.tombstones) < segment.files)
            added = tuple(segment for owner, segment in change.segments if owner == number)
            segments = (*living, *added)
            gone = [segment for segment in shard.segments if len(segment.tombstones) >= segment.files]
            shards.append(ShardManifest(segments=segments, pool=self._pool(shard.pool, gone, segments)))
        return tuple(shards)

    def _pool(
        self,
        pool: Sequence[SegmentReference],
        gone: Iterable[SegmentReference],
        segments: Sequence[SegmentReference],
    ) -> tuple[SegmentReference, ...]:
        """Return the pool of a shard after some of its segments have died as a whole, and those in `segments` stay."""
        entries = tuple(pool)
        for segment in gone:
            if not self._is_covered(segment, (*segments, *entries)):
                entries = pooled(entries, [segment], pool_limit(segments))
        return entries

    def _is_covered(self, reference: SegmentReference, others: Iterable[SegmentReference]) -> bool:
        """Return whether others have all files of a segment with the same contents, dead ones included."""
        try:
            wanted = WantedFiles.of_segment(self._segment(reference))
            for other in others:
                for _ in wanted.take("", [(0, self._segment(other))]):
                    pass
                if not wanted.missing:
                    return True
        except (CorruptSegment, FileNotFoundError):  # what cannot be read is of no use in a pool
            return True
        return False

    def compacted(self, manifest: Manifest, compaction: Compaction) -> tuple[ShardManifest, ...] | None:
        """Return the shards after `compaction`: the merged segment stands where its first source was.

        Return None where none of the sources is in `manifest` any more, or the shard is not.
        """
        if compaction.shard >= len(manifest.shards):
            return None
        present = {segment.name: segment for segment in manifest.shards[compaction.shard].segments}
        merged_names = {source.name for source in compaction.sources}
        # The commit that killed the last living file of a source has dropped the source.
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
        kept = [] if compaction.dead is None else [compaction.dead]
        pool = pooled(shards[compaction.shard].pool, kept, pool_limit(segments))
        shards[compaction.shard] = ShardManifest(segments=tuple(segments), pool=pool)
        return tuple(shards)

    def _died_since(
        self, sources: Sequence[SegmentReference], present: Mapping[str, SegmentReference]
    ) -> NDArray[np.uint64]:
        """Return the path hashes of files that were alive in `sources` when these were merged and are dead now."""
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
        """Return `reference` with tombstones for the files whose path hash is in `dead`."""
        if not len(dead):
            return reference
        found = self._segment(reference).ordinals(dead)
        if not len(found):
            return reference
        tombstones = np.union1d(np.array(reference.tombstones, np.int64), found)
        return reference.model_copy(update={"tombstones": tuple(tombstones.tolist())})

    def opened(self, shards: Iterable[ShardManifest]) -> list[tuple[int, Segment]]:
        """Return the opened segments of all `shards`, pools included, with the numbers of their shards.

        What cannot be opened is left out.
        """
        opened = []
        for number, shard in enumerate(shards):
            for reference in (*shard.segments, *shard.pool):
                with suppress(CorruptSegment, UnsupportedFormat, FileNotFoundError):
                    opened.append((number, self._segment(reference)))
        return opened

    def live_rows(self, shards: Iterable[ShardManifest]) -> int:
        """Return the number of living chunks in all `shards`."""
        return sum(self._live_rows(segment) for shard in shards for segment in shard.segments)

    def _live_rows(self, reference: SegmentReference) -> int:
        if not reference.tombstones:
            return reference.rows
        return self._segment(reference).live_rows()

    def _segment(self, reference: SegmentReference) -> Segment:
        """Return an opened segment. It is opened and verified once, as long as it is part of the newest version."""
        opened = self._opened.get(reference.name)
        if opened is None:
            opened = Segment(self._collection.storage, self._collection.name, reference)
            _ = opened.files  # read now, so that all copies share the table
            self._opened[reference.name] = opened
        return opened.under(reference)
