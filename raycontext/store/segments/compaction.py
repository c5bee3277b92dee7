"""Compaction: segments that are small or half dead become one, which answers as they did.

A merge copies columns and renumbers rows; nothing is read, chunked or embedded again. It is a stateless step: it leaves
a new segment that no manifest names until the writer puts it in the place of its sources.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycontext.store.manifest import SegmentReference, ShardManifest
from raycontext.store.segments.columns import compressed_file, fixed_lists, ipc_file
from raycontext.store.segments.segment import LABEL_BATCH_ROWS, POSTINGS, TEXT_BATCH_ROWS, Segment
from raycontext.store.segments.segment_writer import postings_file, store_segment
from raycontext.store.storage.base import Storage

__all__ = ["MAX_SEGMENTS", "merge_segments", "merges_of"]

MAX_SEGMENTS = 8
"""How many segments a shard has at most once nothing more happens."""

MERGED_BYTES = 256 << 20
"""Size up to which segments are merged whatever the size of the shard; beyond, up to a quarter of the shard."""

DEAD_SHARE = 0.5
"""Share of tombstones from which a segment is written anew."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A segment with what is alive in it."""

    segment: Segment
    alive_files: NDArray[np.bool_]
    alive_rows: NDArray[np.bool_]

    @classmethod
    def open(cls, storage: Storage, collection: str, reference: SegmentReference) -> _Source:
        segment = Segment(storage, collection, reference)
        alive = segment.alive_files()
        return cls(segment, alive, alive[segment.chunk_column("file")])


def merges_of(shard: ShardManifest) -> list[tuple[SegmentReference, ...]]:
    """Groups of segments to merge now, each into one: those that are half dead, and where there are more than
    `MAX_SEGMENTS` the smallest, packed in ascending order of size so that at most so many remain."""
    half_dead = [segment for segment in shard.segments if len(segment.tombstones) > DEAD_SHARE * segment.files]
    if len(shard.segments) <= MAX_SEGMENTS:
        return [tuple(half_dead)] if half_dead else []
    capacity = max(MERGED_BYTES, sum(segment.bytes for segment in shard.segments) // 4)
    groups: list[list[SegmentReference]] = [[]]
    filled = 0
    for segment in sorted(shard.segments, key=lambda segment: (segment.bytes, segment.name)):
        if groups[-1] and filled + segment.bytes > capacity:
            groups.append([])
            filled = 0
        groups[-1].append(segment)
        filled += segment.bytes
    order = {segment.name: place for place, segment in enumerate(shard.segments)}
    return [
        tuple(sorted(group, key=lambda segment: order[segment.name]))
        for group in groups
        if len(group) > 1 or group[0] in half_dead
    ]


def merge_segments(
    storage: Storage, collection: str, references: Sequence[SegmentReference], *, embedder: str, chunker: str
) -> SegmentReference | None:
    """Write one segment with all that is alive in some segments, which were made by the same embedder and chunker;
    None where nothing is alive. Raises `StorageError`, `CorruptManifest`, `FileNotFoundError`."""
    from raycontext.analyse.merge import merge_postings  # compiled code, which only who merges needs

    sources = [_Source.open(storage, collection, reference) for reference in references]
    file_maps = _renumbered([source.alive_files for source in sources])
    row_maps = _renumbered([source.alive_rows for source in sources])
    files = _table([source.segment.files.filter(pa.array(source.alive_files)) for source in sources])
    if not len(files):
        return None
    first_rows = np.zeros(len(files), np.uint32)
    counts = files.column("row_count").chunk(0).to_numpy()
    np.cumsum(counts[:-1], out=first_rows[1:])
    files = _replaced(files, "first_row", first_rows)
    chunks = _table(_alive(sources, lambda segment: segment.chunks))
    chunks = _replaced(chunks, "file", np.repeat(np.arange(len(files), dtype=np.uint32), counts))
    definitions = _definitions(sources, row_maps)
    name_maps = _renumbered([source.alive_rows[source.segment.definition_column("row")] for source in sources])
    merged = [
        merge_postings([source.segment.postings(name) for source in sources], maps, lengths)
        for name, maps, lengths in zip(
            POSTINGS,
            (row_maps, row_maps, file_maps, name_maps),
            (
                _column(chunks, "body_length"),
                _column(chunks, "symbol_length"),
                _column(files, "path_length"),
                _column(definitions, "terms"),
            ),
            strict=True,
        )
    ]
    return store_segment(
        storage,
        collection,
        {
            "files.arrow": ipc_file(files),
            "chunks.arrow": ipc_file(chunks),
            "definitions.arrow": ipc_file(definitions),
            "labels.arrow": compressed_file(_table(_alive(sources, Segment.labels)), LABEL_BATCH_ROWS),
            "text.arrow": compressed_file(_table(_alive(sources, Segment.texts)), TEXT_BATCH_ROWS),
            "vectors.arrow": ipc_file(_vectors(sources)),
            "names.arrow": ipc_file(_names(sources)),
            "postings.arrow": postings_file(merged),
        },
        files=len(files),
        rows=len(chunks),
        cut_by_lines=int(np.count_nonzero(_column(files, "parse_attempts"))),
        embedder=embedder,
        chunker=chunker,
    )


def _renumbered(alive: Sequence[NDArray[np.bool_]]) -> list[NDArray[np.int64]]:
    """New numbers of what is alive, over all parts; -1 for the dead."""
    maps = []
    first = 0
    for mask in alive:
        numbers = np.cumsum(mask) - 1 + first
        maps.append(np.where(mask, numbers, -1))
        first += int(mask.sum())
    return maps


def _definitions(sources: Sequence[_Source], row_maps: Sequence[NDArray[np.int64]]) -> pa.Table:
    tables = []
    for source, row_map in zip(sources, row_maps, strict=True):
        table = source.segment.definitions
        rows = row_map[source.segment.definition_column("row")]
        tables.append(_replaced(table, "row", np.maximum(rows, 0).astype(np.uint32)).filter(pa.array(rows >= 0)))
    return _table(tables)


def _alive(sources: Sequence[_Source], column: Callable[[Segment], pa.Table]) -> list[pa.Table]:
    return [column(source.segment).filter(pa.array(source.alive_rows)) for source in sources]


def _vectors(sources: Sequence[_Source]) -> pa.Table:
    codes, scales, signs = (
        np.concatenate(columns)
        for columns in zip(
            *(
                [array[source.alive_rows] for array in (*source.segment.vectors, source.segment.signs)]
                for source in sources
            ),
            strict=True,
        )
    )
    return pa.table({"codes": fixed_lists(codes), "scale": pa.array(scales), "signs": fixed_lists(signs)})


def _names(sources: Sequence[_Source]) -> pa.Table:
    name_codes, name_scales, path_codes, path_scales = (
        np.concatenate(columns)
        for columns in zip(
            *(
                [array[source.alive_files] for array in (*source.segment.name_vectors, *source.segment.path_vectors)]
                for source in sources
            ),
            strict=True,
        )
    )
    return pa.table(
        {
            "name_codes": fixed_lists(name_codes),
            "name_scale": pa.array(name_scales),
            "path_codes": fixed_lists(path_codes),
            "path_scale": pa.array(path_scales),
        }
    )


def _table(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of one piece, with one dictionary a column."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _replaced(table: pa.Table, name: str, values: NDArray[np.uint32]) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


def _column(table: pa.Table, name: str) -> NDArray[Any]:
    column = table.column(name)
    return column.chunk(0).to_numpy() if column.num_chunks else np.empty(0, np.uint32)
