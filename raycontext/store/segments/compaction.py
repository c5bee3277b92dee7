"""Compaction: the merge of segments that are small or half dead into one that gives the same answers.

A merge copies columns and renumbers rows. No source file is read, chunked or embedded again. The merge is stateless: no
manifest names the new segment until the writer commits it in the place of its sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycontext.analyse.postings import Postings
from raycontext.errors import FingerprintMismatch
from raycontext.kernel.trigrams import FilesByTrigram, read_all
from raycontext.store.manifest import SegmentReference, ShardManifest
from raycontext.store.segments.batches import LABEL_BATCH_ROWS, TEXT_BATCH_ROWS
from raycontext.store.segments.columns import compressed_file, fixed_lists, ipc_file, numbers
from raycontext.store.segments.segment import POSTINGS, Segment
from raycontext.store.segments.segment_writer import postings_file, store_segment, trigrams_file
from raycontext.store.storage.base import Storage

__all__ = ["MAX_SEGMENTS", "copy_files", "merge_segments", "merges_of"]

MAX_SEGMENTS = 8
"""Number of segments of a shard above which its segments are merged."""

MERGED_BYTES = 256 << 20
"""Size in bytes up to which segments are merged into one. In a large shard the limit is a quarter of the shard."""

DEAD_SHARE = 0.5
"""Share of dead files, from 0 to 1, above which a segment is written anew."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Segment to merge, with masks of its living files [files] and chunks [rows]: those that are taken."""

    segment: Segment
    alive_files: NDArray[np.bool_]
    alive_rows: NDArray[np.bool_]

    @classmethod
    def open(cls, segment: Segment, wanted: NDArray[np.bool_]) -> _Source:
        return cls(segment, wanted, wanted[segment.chunk_column("file")])


def merges_of(shard: ShardManifest) -> list[tuple[SegmentReference, ...]]:
    """Return the groups of segments that should be merged now, each group into one segment.

    Up to `MAX_SEGMENTS` segments, only those that are half dead are merged. Above, segments are packed into groups in
    ascending order of size, up to the limit of `MERGED_BYTES`.
    """
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
    """Write one segment with the living files of several segments, and return its reference.

    `embedder` and `chunker` are the fingerprints that all segments share. Return None where no file is alive. Raises
    `FingerprintMismatch` where another chunker has made a segment, `StorageError`, `CorruptSegment` or
    `FileNotFoundError`.
    """
    segments = [Segment(storage, collection, reference) for reference in references]
    for segment in segments:
        if segment.chunker != chunker:
            raise FingerprintMismatch(collection, "the chunker", segment.chunker, chunker)
    living = [(segment, segment.alive_files()) for segment in segments]
    return copy_files(storage, collection, living, embedder=embedder, chunker=chunker)


def copy_files(
    storage: Storage,
    collection: str,
    wanted: Iterable[tuple[Segment, NDArray[np.bool_]]],
    *,
    embedder: str,
    chunker: str,
) -> SegmentReference | None:
    """Write one segment of `collection` with some files of segments of any collection on the storage.

    wanted: segments of the present format, each with a mask of the files to copy, bool[files], dead or alive; no path
    may occur twice. Fingerprints, return value and errors are those of `merge_segments`.
    """
    from raycontext.analyse.merge import merge_postings  # compiled code, which only merges need

    sources = [_Source.open(segment, mask) for segment, mask in wanted]
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
            "references.arrow": postings_file((_references(sources, row_maps, len(chunks)),)),
            "imports.arrow": ipc_file(_imports(sources, file_maps)),
            "trigrams.arrow": trigrams_file(_trigrams(sources, file_maps, len(files)), len(files)),
        },
        files=len(files),
        rows=len(chunks),
        cut_by_lines=int(np.count_nonzero(_column(files, "parse_attempts"))),
        embedder=embedder,
        chunker=chunker,
        rules=_common([source.segment.rules for source in sources]),
    )


def _common(texts: Sequence[str]) -> str:
    """Return the text that all are; "" where they differ."""
    return texts[0] if len(set(texts)) == 1 else ""


def _renumbered(alive: Sequence[NDArray[np.bool_]]) -> list[NDArray[np.int64]]:
    """Return the new number of each living item, counted over all parts, and -1 for each dead one."""
    maps = []
    first = 0
    for mask in alive:
        numbers = np.cumsum(mask) - 1 + first
        maps.append(np.where(mask, numbers, -1))
        first += int(mask.sum())
    return maps


def _definitions(sources: Sequence[_Source], row_maps: Sequence[NDArray[np.int64]]) -> pa.Table:
    """Return the definitions of living chunks, with their new rows."""
    tables = []
    for source, row_map in zip(sources, row_maps, strict=True):
        table = source.segment.definitions
        rows = row_map[source.segment.definition_column("row")]
        tables.append(_replaced(table, "row", np.maximum(rows, 0).astype(np.uint32)).filter(pa.array(rows >= 0)))
    return _table(tables)


def _references(sources: Sequence[_Source], row_maps: Sequence[NDArray[np.int64]], rows: int) -> Postings:
    """Return what living chunks use, with their new rows."""
    from raycontext.analyse.merge import merge_postings
    from raycontext.analyse.posting_lists import decode

    return merge_postings(
        [decode(source.segment.references) for source in sources], row_maps, np.zeros(rows, np.uint32)
    )


def _imports(sources: Sequence[_Source], file_maps: Sequence[NDArray[np.int64]]) -> pa.Table:
    """Return the imports of living files, with their new ordinals."""
    tables = []
    for source, file_map in zip(sources, file_maps, strict=True):
        table = source.segment.imports
        files = file_map[numbers(table, "file")]
        tables.append(_replaced(table, "file", np.maximum(files, 0).astype(np.uint32)).filter(pa.array(files >= 0)))
    return _table(tables)


def _trigrams(sources: Sequence[_Source], file_maps: Sequence[NDArray[np.int64]], files: int) -> FilesByTrigram:
    """Return the living files by trigram, with their new ordinals."""
    from raycontext.analyse.merge import merge_postings

    none, parts = np.zeros(files, np.uint32), []
    for source in sources:
        trigrams, offsets, of_files = read_all(source.segment.trigrams)
        parts.append(Postings(trigrams.astype(np.uint64), offsets, of_files, np.ones(len(of_files), np.uint8), none))
    merged = merge_postings(parts, file_maps, none)
    return FilesByTrigram(merged.terms.astype(np.uint32), merged.offsets, merged.rows)


def _alive(sources: Sequence[_Source], column: Callable[[Segment], pa.Table]) -> list[pa.Table]:
    """Return the living chunks' rows of a table of each source."""
    return [column(source.segment).filter(pa.array(source.alive_rows)) for source in sources]


def _vectors(sources: Sequence[_Source]) -> pa.Table:
    """Return the vectors of the rows that are kept, in the order of the sources."""
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
    """Return the vectors of the names and paths of the files that are kept."""
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
    """Join tables into one of a single piece, with one dictionary for each column."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _replaced(table: pa.Table, name: str, values: NDArray[np.uint32]) -> pa.Table:
    """Return a table with other values in one column."""
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


def _column(table: pa.Table, name: str) -> NDArray[Any]:
    """Return a column of a table as an array of numpy."""
    column = table.column(name)
    return column.chunk(0).to_numpy() if column.num_chunks else np.empty(0, np.uint32)
