"""Pool of a shard: segments from which no query is answered, with rows of files that may come back.

A branch that is switched to and left again leaves dead rows. As long as they lie in a segment that has living files,
they are found there. When a segment dies as a whole, or a merge leaves dead rows out, they go into the pool, which the
manifest names: so they are committed, guarded and collected like everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import CorruptSegment, UnsupportedFormat
from raycontext.store.known_files import WantedFiles
from raycontext.store.manifest import SegmentReference
from raycontext.store.segments.compaction import copy_files
from raycontext.store.segments.segment import Segment
from raycontext.store.storage.base import Storage

__all__ = ["keep_dead_files", "pool_limit", "pooled"]

POOL_SHARE = 0.25
"""Largest size of a pool, as a share of the segments of its shard, from 0 to 1."""
LEAST_POOL_BYTES = 32 << 20
"""Size in bytes that a pool may have in any case."""
MOST_POOLED = 32
"""Largest number of segments of a pool."""


def pool_limit(segments: Iterable[SegmentReference]) -> int:
    """Return the largest size in bytes of the pool of a shard that has these segments."""
    return max(LEAST_POOL_BYTES, int(POOL_SHARE * sum(segment.bytes for segment in segments)))


def pooled(
    pool: Sequence[SegmentReference], added: Iterable[SegmentReference], limit: int
) -> tuple[SegmentReference, ...]:
    """Return the pool with further segments, the newest last, without those that are too many.

    Beyond `MOST_POOLED` the smallest go, since they cost least to make anew; beyond `limit` bytes the oldest.
    """
    entries = [*pool, *(segment.model_copy(update={"tombstones": ()}) for segment in added)]
    while len(entries) > MOST_POOLED:
        entries.remove(min(entries, key=lambda segment: segment.bytes))
    while sum(segment.bytes for segment in entries) > limit:
        del entries[0]
    return tuple(entries)


def keep_dead_files(
    storage: Storage,
    collection: str,
    sources: Iterable[SegmentReference],
    others: Iterable[SegmentReference],
    limit: int,
    *,
    embedder: str,
    chunker: str,
) -> SegmentReference | None:
    """Write a segment with the dead files of segments that are being merged, and return its reference.

    A content that is alive in the sources, or that one of the segments `others` of the shard has, is left out. Return
    None where nothing is left, or what is left has more than about `limit` bytes. Raises `StorageError`,
    `CorruptSegment` or `FileNotFoundError`.
    """
    opened = [Segment(storage, collection, reference) for reference in sources]
    there = [(segment, segment.alive_files()) for segment in opened]
    there += [(segment, np.ones(segment.reference.files, np.bool_)) for segment in _opened(storage, collection, others)]
    wanted: list[tuple[Segment, NDArray[np.bool_]]] = []
    size = 0.0
    for segment in reversed(opened):  # of equal contents the newest row stays
        dead = ~segment.alive_files() & (segment.file_column("parse_attempts") == 0)
        files = WantedFiles.of_segment(segment)
        for other, mask in there:
            dead[files.places_in(other, mask)] = False
        if dead.any():
            size += segment.reference.bytes * segment.row_counts[dead].sum() / max(segment.reference.rows, 1)
            wanted.append((segment, dead))
            there.append((segment, dead))
    if not wanted or size > limit:
        return None
    return copy_files(storage, collection, wanted, embedder=embedder, chunker=chunker)


def _opened(storage: Storage, collection: str, references: Iterable[SegmentReference]) -> list[Segment]:
    """Return segments without those that cannot be opened: they hold nothing that could be used."""
    opened = []
    for reference in references:
        with suppress(CorruptSegment, UnsupportedFormat, FileNotFoundError):
            segment = Segment(storage, collection, reference)
            _ = segment.files
            opened.append(segment)
    return opened
