"""Reader of a segment: an immutable folder of Arrow IPC files with the chunks of some files of one shard.

    files.arrow       path, language, size, digest, encoding, encoding_guessed, redactions, path_hash, path_length,
                      kinds, first_row, row_count, parse_attempts, stem_terms, text_bytes, text_hash, blanks
    chunks.arrow      file, start_line, end_line, start_byte, end_byte, kind, content_hash, body_length, symbol_length
    labels.arrow      symbol, scope; a row for each chunk, zstd, in batches of LABEL_BATCH_ROWS
    definitions.arrow row, name_hash, folded_hash, weight, terms, kind, line, end_line; in the order of their rows
    text.arrow        text, zstd, in batches of TEXT_BATCH_ROWS
    vectors.arrow     codes int8[dimension], scale float32, signs uint8[ceil(dimension / 8)]
    names.arrow       name_codes int8[dimension], name_scale, path_codes int8[dimension], path_scale; one row a file
    postings.arrow    one record batch each for `POSTINGS`: term uint64, postings binary (`posting_lists`)
    references.arrow  one record batch: term uint64 (hash of a name), postings binary; a frequency is bits of `Use`
    imports.arrow     file, module, name, alias; in the order of the files
    trigrams.arrow    trigram uint32 (the first of a block), lists binary (`kernel.trigrams`)
    SEGMENT.json      checksums and sizes of the above, written last

A query scans files that are not compressed, as numpy views without a copy. A row of the body and symbol postings is a
chunk, one of the path postings a file, one of the name postings a definition. See docs/format.md.

Tables are checked when they are first used (`checks`), and each block of a file is compared with its checksum before it
is read (`checked_file`); of `text.arrow`, each text that is read.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from raycontext.analyse.postings import PostingLists, Postings
from raycontext.files.arrow import check_uncompressed
from raycontext.kernel.trigrams import TrigramLists
from raycontext.store.manifest import SegmentReference
from raycontext.store.segments import batches, checks, format_1, format_2, format_3, format_5
from raycontext.store.segments.batches import CompressedBatches, label_bytes, text_bytes
from raycontext.store.segments.columns import (
    number_lists,
    numbers,
    path_hash,
    read_posting_lists,
    read_trigram_lists,
)
from raycontext.store.segments.places import ImportColumns, NumberPlaces
from raycontext.store.segments.segment_folder import DATA_FILES, DESCRIPTION, FIRST_WITH_BLOCKS
from raycontext.store.segments.segment_vectors import SegmentVectors
from raycontext.store.storage.base import Storage

__all__ = [
    "DATA_FILES",
    "DESCRIPTION",
    "FIELDS",
    "POSTINGS",
    "Segment",
    "path_hash",
]

FIELDS = ("body", "symbol", "path")
"""The lexical fields."""

POSTINGS = (*FIELDS, "name")
"""Names of the postings, in the order of their record batches: the lexical fields, then the names of definitions."""


class Segment(SegmentVectors):
    """Segment that is opened for reading. Its columns are numpy views of mapped files, which are opened on first use.

    Shapes count files, rows (chunks) and definitions of the segment, including dead ones. All members raise
    `CorruptSegment` where the description or a data file does not have the recorded checksum or size, and
    `FileNotFoundError` where the segment has been removed meanwhile. The constructor also raises `UnsupportedFormat`
    where another version of raycontext wrote the segment.
    """

    def __init__(self, storage: Storage, collection: str, reference: SegmentReference) -> None:
        super().__init__(storage, collection, reference)
        self._columns: dict[tuple[str, str], NDArray[Any]] = {}
        self._arrays: dict[tuple[str, str], pa.Array] = {}

    def under(self, reference: SegmentReference) -> Segment:
        """Return this segment with the tombstones of another version. The two share all files mapped so far."""
        other = copy.copy(self)
        other.reference = reference
        return other

    @cached_property
    @checks.refusing("files.arrow")
    def files(self) -> pa.Table:
        """Table of the files, one row each."""
        table = self._table("files.arrow")
        table = table if self.format > 2 else format_2.files(table)
        table = table if self.format > 3 else format_3.files(table)
        table = table if self.format > 5 else format_5.files(table)
        return checks.check_files(table, self.reference.files, self.reference.rows)

    @cached_property
    @checks.refusing("chunks.arrow")
    def chunks(self) -> pa.Table:
        """Table of the chunks, one row each."""
        table = self._table("chunks.arrow")
        table = table if self.format > 1 else format_1.chunks(table)
        return checks.check_chunks(table, self.row_counts, self.reference.rows)

    @cached_property
    def path_hashes(self) -> NDArray[np.uint64]:
        """Hash of each file's path, uint64[files]; see `path_hash`."""
        return numbers(self.files, "path_hash")

    @cached_property
    def first_rows(self) -> NDArray[np.uint32]:
        """First row of each file's chunks, uint32[files]."""
        return numbers(self.files, "first_row")

    @cached_property
    def row_counts(self) -> NDArray[np.uint32]:
        """Number of each file's chunks, uint32[files]."""
        return numbers(self.files, "row_count")

    def rows_of(self, files: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of all chunks of some files, given by ordinal, in the order of the files."""
        counts = self.row_counts[files].astype(np.int64)
        before = np.cumsum(counts) - counts
        rows: NDArray[np.int64] = np.repeat(self.first_rows[files].astype(np.int64) - before, counts)
        return rows + np.arange(int(counts.sum()))

    def chunk_column(self, name: str) -> NDArray[Any]:
        """Return a numeric column of the chunks, [rows]."""
        return self._column("chunks", name)

    def file_column(self, name: str) -> NDArray[Any]:
        """Return a numeric column of the files, [files]."""
        return self._column("files", name)

    @cached_property
    @checks.refusing("definitions.arrow")
    def definitions(self) -> pa.Table:
        """Table of the definitions, one row each, in the order of their chunks."""
        table = self._table("definitions.arrow")
        return checks.check_definitions(table if self.format > 1 else format_1.definitions(table), self.reference.rows)

    def definition_kind(self, number: int) -> str:
        """Return the kind of a definition, a value of `ChunkKind`. Only segments with references say it."""
        return str(self._value("definitions", "kind", number))

    @cached_property
    def definition_kinds(self) -> tuple[list[str], NDArray[np.int8]]:
        """Kinds of definitions, and the number among them of each definition's, int8[definitions]."""
        column = self.definitions.column("kind")
        if column.num_chunks == 0:
            return [], np.empty(0, np.int8)
        kinds = column.chunk(0)
        return kinds.dictionary.to_pylist(), kinds.indices.to_numpy(zero_copy_only=True)

    def definition_column(self, name: str) -> NDArray[Any]:
        """Return a numeric column of the definitions, [definitions]."""
        return self._column("definitions", name)

    @cached_property
    def stem_terms(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Terms of the meaningful part of each path: offsets int64[files + 1] and terms uint64[offsets[-1]]."""
        return number_lists(self.files, "stem_terms")

    @cached_property
    @checks.refusing("imports.arrow")
    def imports(self) -> pa.Table:
        """Table of the imports, in the order of the files."""
        return checks.check_imports(self._table("imports.arrow"), self.reference.files)

    @cached_property
    def definition_places(self) -> NumberPlaces:
        """Definitions by the hashes of their names."""
        return NumberPlaces(self.definition_column("name_hash"))

    @cached_property
    def import_columns(self) -> ImportColumns:
        """Columns of the imports, and where names stand in them."""
        return ImportColumns(self.imports)

    @cached_property
    @checks.refusing("references.arrow")
    def references(self) -> PostingLists:
        """Names that each chunk uses, as encoded postings whose frequencies are the bits of `kernel.lexer.Use`."""
        return read_posting_lists(self._framed("references.arrow"), 0, np.zeros(self.reference.rows, np.uint32))

    @cached_property
    @checks.refusing("trigrams.arrow")
    def trigrams(self) -> TrigramLists:
        """Files by trigram, encoded."""
        return read_trigram_lists(self._framed("trigrams.arrow"), self.reference.files)

    def posting_lists(self, field: str) -> PostingLists:
        """Return the encoded postings of one of `POSTINGS`, with the lengths of its rows."""
        return self._postings[field]

    @checks.refusing("postings.arrow")
    def postings(self, field: str) -> Postings:
        """Return the decoded postings of one of `POSTINGS`."""
        from raycontext.analyse.posting_lists import decode  # compiled code, which only some readers need

        return decode(self.posting_lists(field))

    def path(self, ordinal: int) -> str:
        """Return the path of the file with this ordinal, in the form of `FileStat.path`."""
        return os.fsdecode(self._value("files", "path", ordinal))

    def digest(self, ordinal: int) -> bytes:
        """Return the digest of a file's content when it was indexed (xxh3_128, 16 bytes)."""
        return bytes(self._value("files", "digest", ordinal))

    def language(self, ordinal: int) -> str:
        """Return the language of a file."""
        return str(self._value("files", "language", ordinal))

    def encoding(self, ordinal: int) -> str:
        """Return the encoding of a file on disk, as `discover.decoding.decoded_as` takes it."""
        return str(self._value("files", "encoding", ordinal))

    def redactions(self, ordinal: int) -> tuple[int, ...]:
        """Return start and end in bytes of each secret in the decoded text of a file that its chunks do not show."""
        return tuple(self._value("files", "redactions", ordinal))

    def blanks(self, ordinal: int) -> bytes:
        """Return all that stands around the chunks of a file; empty where it is nothing but line ends."""
        return bytes(self._value("files", "blanks", ordinal))

    def kind(self, row: int) -> str:
        """Return the kind of a chunk, a value of `ChunkKind`."""
        return str(self._value("chunks", "kind", row))

    @checks.refusing("labels.arrow")
    def label(self, row: int) -> tuple[str, str]:
        """Return symbol and scope of a chunk."""
        if self.format == 1:
            table = self.labels()
            return table["symbol"][row].as_py(), table["scope"][row].as_py()
        number, offset = divmod(row, batches.LABEL_BATCH_ROWS)
        batch = self._labels.batch(number)
        return str(batch.column(0)[offset].as_py()), str(batch.column(1)[offset].as_py())

    @checks.refusing("labels.arrow")
    def labels(self) -> pa.Table:
        """Return a table with the symbols and scopes of all chunks, decompressed."""
        if self.format == 1:
            return format_1.labels(self._table("chunks.arrow"))
        return checks.check_rows(
            self._labels.table(), ("symbol", "scope"), self.reference.rows, batches.LABEL_BATCH_ROWS
        )

    @checks.refusing("text.arrow")
    def text(self, row: int) -> str:
        """Return the text of a chunk. Decompress the batch that holds it and compare the hash of the text."""
        number, offset = divmod(row, self.text_batch_rows)
        text: str = self.text_batch(number).column(0)[offset].as_py()
        if xxhash.xxh3_128_digest(text.encode()) != self._value("chunks", "content_hash", row):
            raise self.damaged("text.arrow", "checksum of a text does not match")
        return text

    @property
    def text_batch_rows(self) -> int:
        """Number of chunks whose texts are compressed together."""
        return batches.TEXT_BATCH_ROWS if self.format > 1 else format_1.TEXT_BATCH_ROWS

    @checks.refusing("text.arrow")
    def text_batch(self, number: int) -> pa.RecordBatch:
        """Return the texts of `text_batch_rows` chunks, decompressed. The caller compares them with their hash."""
        return self._texts.batch(number)

    @checks.refusing("text.arrow")
    def texts(self) -> pa.Table:
        """Return a table with the texts of all chunks, decompressed."""
        self._file("text.arrow").check_all()
        return checks.check_rows(self._texts.table(), ("text",), self.reference.rows, self.text_batch_rows)

    @checks.refusing(DESCRIPTION)
    def alive_files(self) -> NDArray[np.bool_]:
        """Return which files have no tombstone in this version, bool[files]."""
        checks.check_tombstones(self.reference.tombstones, self.reference.files)
        alive = np.ones(len(self.files), np.bool_)
        alive[np.array(self.reference.tombstones, np.int64)] = False
        return alive

    def live_rows(self) -> int:
        """Return the number of chunks of living files."""
        return int(self.row_counts[self.alive_files()].sum())

    def ordinals(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the ordinals of the files whose path hash is among `hashes`, ascending."""
        return np.flatnonzero(np.isin(self.path_hashes, hashes))

    def _column(self, table: str, name: str) -> NDArray[Any]:
        """Return a numeric column of a table. It is kept, since every query asks for the same columns."""
        key = (table, name)
        if key not in self._columns:
            self._columns[key] = numbers(getattr(self, table), name)
        return self._columns[key]

    def _value(self, table: str, name: str, row: int) -> Any:
        """Return one value of a column that is not numeric."""
        key = (table, name)
        if key not in self._arrays:
            self._arrays[key] = getattr(self, table).column(name).chunk(0)
        return self._arrays[key][row].as_py()

    @cached_property
    def _texts(self) -> CompressedBatches:
        """Batches of `text.arrow`, each text compared with its checksum when it is read."""
        starts, ends = self.chunk_column("start_byte"), self.chunk_column("end_byte")
        most_bytes = text_bytes(starts, ends, self.text_batch_rows)
        if self.format < FIRST_WITH_BLOCKS:  # each text would cost the checksum of all texts
            return CompressedBatches(self._mapped("text.arrow"), most_bytes)
        file = self._file("text.arrow")
        file.check_footer()
        return CompressedBatches(file.content, most_bytes, file.check)

    @cached_property
    def _labels(self) -> CompressedBatches:
        """Batches of `labels.arrow`, each compared with its checksum when it is read."""
        file = self._file("labels.arrow")
        file.check_footer()  # a batch is compared when it is read
        return CompressedBatches(file.content, label_bytes(batches.LABEL_BATCH_ROWS), file.check)

    @cached_property
    @checks.refusing("postings.arrow")
    def _postings(self) -> Mapping[str, PostingLists]:
        """Posting lists of each field of `POSTINGS`."""
        file = self._framed("postings.arrow")
        lengths: dict[str, Callable[[], NDArray[Any]]] = {
            "body": lambda: self.chunk_column("body_length"),
            "symbol": lambda: self.chunk_column("symbol_length"),
            "path": lambda: self.file_column("path_length"),
            "name": lambda: self.definition_column("terms"),
        }
        if self.format == 1:
            reader = pa.ipc.open_file(check_uncompressed(file.content))
            return format_1.read_postings(reader, self._table("definitions.arrow"), lengths)
        return {name: read_posting_lists(file, number, lengths[name]()) for number, name in enumerate(POSTINGS)}
