"""Writer of segments: it puts columns of chunks and files into Arrow IPC files. The module `segment` lists them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from raycontext.analyse.names import folded_hash, name_hash, telling_stem
from raycontext.analyse.path_kinds import GENERATED, VENDORED, path_kinds
from raycontext.analyse.postings import Postings, terms_by_row
from raycontext.embed.vectors import QuantizedVectors
from raycontext.store.manifest import FORMAT, SegmentReference
from raycontext.store.segments.batches import LABEL_BATCH_ROWS, TEXT_BATCH_ROWS
from raycontext.store.segments.checked_file import described_object
from raycontext.store.segments.columns import KIND_TYPE, WEIGHT_UNITS, compressed_file, fixed_lists, ipc_file
from raycontext.store.segments.segment import DESCRIPTION, path_hash
from raycontext.store.storage.base import Storage
from raycontext.ulid import new_ulid

if TYPE_CHECKING:
    from raycontext.analyse.references import References
    from raycontext.kernel.trigrams import FilesByTrigram

__all__ = [
    "DefinedName",
    "IndexedFile",
    "SegmentContent",
    "kinds_of",
    "postings_file",
    "store_segment",
    "trigrams_file",
    "write_segment",
]

LARGEST_BINARY_BYTES = (1 << 31) - 1
"""Largest size in bytes of a binary column of Arrow whose offsets have 32 bits."""


MOST_TERMS = 255
"""Largest number of terms that is stored for a name. Real names have fewer."""


class IndexedFile(NamedTuple):
    """File of a segment. Its chunks are the next `row_count` rows."""

    path: str
    language: str
    size: int  # bytes on disk
    digest: bytes  # xxh3_128 of the content, 16 bytes
    row_count: int
    parse_attempts: int = 0
    """Number of index runs that gave up parsing this content and cut it by lines; 0 for all other files."""
    encoding: str = "utf-8"
    """Encoding of the file on disk, as `discover.decoding.decoded_as` takes it."""
    is_guess: bool = False
    """Whether nothing tells the encoding."""
    redactions: tuple[int, ...] = ()
    """Start and end in bytes of each secret in the decoded text, ascending. The indexed text does not show them."""
    is_generated: bool = False
    """Whether the content or the tree says that a program wrote it."""
    is_vendored: bool = False
    """Whether the tree says that it belongs to another project."""
    text_bytes: int = 0
    """Size of the indexed text in bytes."""
    text_hash: int = 0
    """Hash of the indexed text, xxh3_64."""
    blanks: bytes = b""
    """All that stands before, between and behind the chunks; empty where it is nothing but line ends."""


class DefinedName(NamedTuple):
    """Name that a chunk defines."""

    row: int
    name: str
    weight: float  # 1 for a definition at the top two levels, less for nested ones and for declarations without body
    kind: str  # a value of `ChunkKind`
    line: int  # line of the name, from 1
    end_line: int  # last line of the definition, inclusive


@dataclass(frozen=True, slots=True)
class SegmentContent:
    """Content of a segment with `n` chunks of `m` files. The chunks stand in the order of the files."""

    files: Sequence[IndexedFile]
    start_lines: NDArray[np.uint32]  # [n], like all columns of chunks
    end_lines: NDArray[np.uint32]
    start_bytes: NDArray[np.uint32]
    end_bytes: NDArray[np.uint32]
    kinds: Sequence[str]
    symbols: Sequence[str]
    scopes: Sequence[str]
    definitions: Sequence[DefinedName]  # in the order of their rows
    texts: Sequence[bytes]  # UTF-8
    body: Postings  # over n rows
    symbol: Postings  # over n rows
    path: Postings  # over m rows
    references: References  # over n rows and m files
    trigrams: FilesByTrigram  # of m files
    vectors: QuantizedVectors  # [n], vectors of the bodies
    name_vectors: QuantizedVectors  # [m], vectors of the path and all names that the file defines
    path_vectors: QuantizedVectors  # [m], vectors of the path alone


def write_segment(
    storage: Storage, collection: str, content: SegmentContent, *, embedder: str, chunker: str, rules: str = ""
) -> SegmentReference:
    """Write a segment under a new name and return the reference that a commit needs.

    `embedder`, `chunker` and `rules` are the fingerprints of what made the content. Raises `StorageError`.
    """
    from raycontext.analyse.terms import analyse_texts  # only writers need the compiled analysis

    names = analyse_texts([definition.name for definition in content.definitions])
    row_counts = np.fromiter((file.row_count for file in content.files), np.uint32, len(content.files))
    objects = {
        "files.arrow": ipc_file(_files_table(content, row_counts)),
        "chunks.arrow": ipc_file(_chunks_table(content, row_counts)),
        "definitions.arrow": ipc_file(_definitions_table(content, names)),
        "labels.arrow": compressed_file(_labels_table(content), LABEL_BATCH_ROWS),
        "text.arrow": compressed_file(_text_table(content), TEXT_BATCH_ROWS),
        "vectors.arrow": ipc_file(_vectors_table(content.vectors)),
        "names.arrow": ipc_file(_names_table(content)),
        "postings.arrow": postings_file((content.body, content.symbol, content.path, names)),
        "references.arrow": postings_file((content.references.postings,)),
        "imports.arrow": ipc_file(_imports_table(content.references)),
        "trigrams.arrow": trigrams_file(content.trigrams, len(content.files)),
    }
    return store_segment(
        storage,
        collection,
        objects,
        files=len(content.files),
        rows=len(content.kinds),
        cut_by_lines=sum(file.parse_attempts > 0 for file in content.files),
        embedder=embedder,
        chunker=chunker,
        rules=rules,
    )


def store_segment(
    storage: Storage,
    collection: str,
    data_files: Mapping[str, pa.Buffer],
    *,
    files: int,
    rows: int,
    cut_by_lines: int,
    embedder: str,
    chunker: str,
    rules: str = "",
) -> SegmentReference:
    """Write the data files of a segment under a new name, and their description last.

    `files` and `rows` are the numbers of files and chunks; `embedder`, `chunker` and `rules` the fingerprints of what
    made them.
    Return the reference that a commit needs. Raises `StorageError`.
    """
    objects: dict[str, bytes | pa.Buffer] = dict(data_files)
    description: dict[str, Any] = {
        "format": FORMAT,
        "embedder": embedder,
        "chunker": chunker,
        "files": files,
        "rows": rows,
        "objects": {name: described_object(data) for name, data in objects.items()},
    }
    if rules:
        description["rules"] = rules
    encoded = json.dumps(description, sort_keys=True, separators=(",", ":")).encode()
    objects[DESCRIPTION] = encoded
    name = new_ulid()
    storage.write(f"{collection}/segments/{name}", objects)
    return SegmentReference(
        name=name,
        checksum=xxhash.xxh3_128_hexdigest(encoded),
        files=files,
        rows=rows,
        bytes=sum(len(memoryview(data)) for data in objects.values()),
        cut_by_lines=cut_by_lines,
    )


def _files_table(content: SegmentContent, row_counts: NDArray[np.uint32]) -> pa.Table:
    """Return the table of `files.arrow`."""
    files = content.files
    first_rows = np.zeros(len(files), np.uint32)
    np.cumsum(row_counts[:-1], out=first_rows[1:])
    return pa.table(
        {
            "path": pa.array([os.fsencode(file.path) for file in files], pa.binary()),
            "language": pa.array([file.language for file in files], pa.string()).dictionary_encode(),
            "size": pa.array([file.size for file in files], pa.uint64()),
            "digest": pa.array([file.digest for file in files], pa.binary(16)),
            "encoding": pa.array([file.encoding for file in files], pa.string()).dictionary_encode(),
            "encoding_guessed": pa.array([int(file.is_guess) for file in files], pa.uint8()),
            "redactions": pa.array([file.redactions for file in files], pa.large_list(pa.uint32())),
            "path_hash": pa.array([path_hash(file.path) for file in files], pa.uint64()),
            "path_length": pa.array(content.path.lengths),
            "kinds": pa.array(
                [kinds_of(file.path, file.language, file.is_generated, file.is_vendored) for file in files],
                pa.uint16(),
            ),
            "first_row": pa.array(first_rows),
            "row_count": pa.array(row_counts),
            "parse_attempts": pa.array([file.parse_attempts for file in files], pa.uint8()),
            "stem_terms": _stem_terms(files),
            "text_bytes": pa.array([file.text_bytes for file in files], pa.uint32()),
            "text_hash": pa.array([file.text_hash for file in files], pa.uint64()),
            "blanks": pa.array([file.blanks for file in files], pa.binary()),
        }
    )


def kinds_of(path: str, language: str, is_generated: bool, is_vendored: bool) -> int:
    """Return the roles of a file as bits, for the column `kinds`."""
    return path_kinds(path, language) | (GENERATED if is_generated else 0) | (VENDORED if is_vendored else 0)


def _stem_terms(files: Sequence[IndexedFile]) -> pa.LargeListArray:
    """Return the terms of the meaningful part of each path, a list for each file."""
    from raycontext.analyse.terms import analyse_texts

    offsets, terms = terms_by_row(analyse_texts([telling_stem(file.path) for file in files]))
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(terms))


def _definitions_table(content: SegmentContent, names: Postings) -> pa.Table:
    """Return the table of definitions. A row of `names` is a definition, its terms are those of the name."""
    definitions = content.definitions
    weights = np.fromiter((definition.weight for definition in definitions), np.float64, len(definitions))
    counts = np.bincount(names.rows, minlength=len(definitions))
    return pa.table(
        {
            "row": pa.array([definition.row for definition in definitions], pa.uint32()),
            "name_hash": pa.array(_lower_half([name_hash(definition.name) for definition in definitions])),
            "folded_hash": pa.array(_lower_half([folded_hash(definition.name) for definition in definitions])),
            "weight": pa.array((weights * WEIGHT_UNITS).astype(np.uint8)),
            "terms": pa.array(np.minimum(counts, MOST_TERMS).astype(np.uint8)),
            "kind": pa.array([definition.kind for definition in definitions], pa.string()).cast(KIND_TYPE),
            "line": pa.array([definition.line for definition in definitions], pa.uint32()),
            "end_line": pa.array([definition.end_line for definition in definitions], pa.uint32()),
        }
    )


def _imports_table(references: References) -> pa.Table:
    """Return the table of imports, in the order of the files."""
    found = [(file, *entry) for file, of_file in enumerate(references.imports) for entry in of_file]
    columns = list(zip(*found, strict=True)) or [(), (), (), ()]
    texts = {
        name: pa.array([text.encode(errors="replace").decode() for text in values], pa.string()).dictionary_encode()
        for name, values in zip(("module", "name", "alias"), columns[1:], strict=True)
    }
    return pa.table({"file": pa.array(columns[0], pa.uint32()), **texts})


def _lower_half(hashes: Sequence[int]) -> NDArray[np.uint32]:
    """Return the lower 32 bits of 64-bit hashes."""
    return np.array(hashes, np.uint64).astype(np.uint32)


def _chunks_table(content: SegmentContent, row_counts: NDArray[np.uint32]) -> pa.Table:
    """Return the table of `chunks.arrow`."""
    return pa.table(
        {
            "file": pa.array(np.repeat(np.arange(len(row_counts), dtype=np.uint32), row_counts)),
            "start_line": pa.array(content.start_lines),
            "end_line": pa.array(content.end_lines),
            "start_byte": pa.array(content.start_bytes),
            "end_byte": pa.array(content.end_bytes),
            "kind": pa.array(content.kinds, pa.string()).dictionary_encode(),
            "content_hash": pa.array([xxhash.xxh3_128_digest(text) for text in content.texts], pa.binary(16)),
            "body_length": pa.array(content.body.lengths),
            "symbol_length": pa.array(content.symbol.lengths),
        }
    )


def _labels_table(content: SegmentContent) -> pa.Table:
    """Return the table of `labels.arrow`."""
    return pa.table({"symbol": pa.array(content.symbols, pa.string()), "scope": pa.array(content.scopes, pa.string())})


def _text_table(content: SegmentContent) -> pa.Table:
    """Return the table of `text.arrow`."""
    return pa.table({"text": pa.array(content.texts, pa.binary()).cast(pa.string())})


def _vectors_table(vectors: QuantizedVectors) -> pa.Table:
    """Return the table of `vectors.arrow`."""
    return pa.table(
        {
            "codes": fixed_lists(vectors.codes),
            "scale": pa.array(vectors.scales),
            "signs": fixed_lists(vectors.signs),
        }
    )


def _names_table(content: SegmentContent) -> pa.Table:
    """Return the table of `names.arrow`."""
    columns: dict[str, pa.Array] = {}
    for name, vectors in (("name", content.name_vectors), ("path", content.path_vectors)):
        columns[f"{name}_codes"] = fixed_lists(vectors.codes)
        columns[f"{name}_scale"] = pa.array(vectors.scales)
    return pa.table(columns)


def postings_file(fields: Sequence[Postings]) -> pa.Buffer:
    """Return the bytes of `postings.arrow` or `references.arrow`: a record batch for each field, in that order."""
    from raycontext.analyse.posting_lists import encode

    encoded = [encode(field) for field in fields]
    return _lists_file("term", pa.uint64(), "postings", [(lists.terms, lists.starts, lists.data) for lists in encoded])


def trigrams_file(by_trigram: FilesByTrigram, files: int) -> pa.Buffer:
    """Return the bytes of `trigrams.arrow` of a segment with so many files."""
    from raycontext.kernel.trigrams import write_lists

    lists = write_lists(by_trigram, files)
    return _lists_file("trigram", pa.uint32(), "lists", [(lists.firsts, lists.starts, lists.data)])


def _lists_file(
    key: str,
    key_type: pa.DataType,
    name: str,
    fields: Sequence[tuple[NDArray[Any], NDArray[np.integer[Any]], NDArray[np.uint8]]],
) -> pa.Buffer:
    """Return the bytes of an Arrow IPC file with a record batch for each field: numbers, and a list of bytes for each.

    A field is its numbers [n], the offsets of the lists [n + 1], and their data.
    """
    is_large = any(data.size > LARGEST_BINARY_BYTES for _, _, data in fields)
    list_type, array_type = (pa.large_binary(), pa.LargeBinaryArray) if is_large else (pa.binary(), pa.BinaryArray)
    schema = pa.schema([pa.field(key, key_type, False), pa.field(name, list_type, False)])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        for numbers, starts, data in fields:
            offsets = starts.astype(np.int64 if is_large else np.int32)
            buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
            column = array_type.from_buffers(list_type, len(numbers), buffers)
            writer.write_batch(pa.record_batch([pa.array(numbers), column], schema=schema))
    return sink.getvalue()
