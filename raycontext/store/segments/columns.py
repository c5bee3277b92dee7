"""Functions that build Arrow columns and files, and view them as numpy arrays without a copy."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from raycontext.analyse.postings import PostingLists
from raycontext.files.arrow import check_uncompressed
from raycontext.kernel.trigrams import TrigramLists
from raycontext.store.segments.checked_file import CheckedFile

__all__ = [
    "KIND_TYPE",
    "WEIGHT_UNITS",
    "code_rows",
    "compressed_file",
    "fixed_lists",
    "ipc_file",
    "number_lists",
    "numbers",
    "path_hash",
    "read_posting_lists",
    "read_trigram_lists",
]

WEIGHT_UNITS = 4
"""Number of units that a weight of 1 is stored as: weights of definitions are stored in quarters."""

KIND_TYPE = pa.dictionary(pa.int8(), pa.string())
"""Type of the column with the kinds of definitions."""

COMPRESSION_LEVEL = 3
"""Level of zstd. Files are a twelfth smaller than at level 1, for a hundredth of the time of an index run."""


def path_hash(path: str) -> int:
    """Return the hash (xxh3_64) of a path. It decides the shard, finds a file in its segment and breaks ties."""
    return xxhash.xxh3_64_intdigest(os.fsencode(path))


def fixed_lists(rows: NDArray[Any]) -> pa.FixedSizeListArray:
    """Return a column of lists of equal size from an array [rows, size]."""
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(rows).reshape(-1)), rows.shape[1])


def ipc_file(table: pa.Table) -> pa.Buffer:
    """Return the bytes of an Arrow IPC file of one record batch."""
    return _written(table, pa.ipc.IpcWriteOptions(), None)


def compressed_file(table: pa.Table, batch_rows: int) -> pa.Buffer:
    """Return the bytes of an Arrow IPC file in batches of `batch_rows` rows, each compressed with zstd."""
    codec = pa.Codec("zstd", compression_level=COMPRESSION_LEVEL)
    return _written(table, pa.ipc.IpcWriteOptions(compression=codec), batch_rows)


def _written(table: pa.Table, options: pa.ipc.IpcWriteOptions, batch_rows: int | None) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=batch_rows)
    return sink.getvalue()


def numbers(table: pa.Table, name: str) -> NDArray[Any]:
    """Return a read-only view of a numeric column of one piece, [rows]."""
    column = table.column(name)
    if column.num_chunks == 0:
        empty = np.empty(0, column.type.to_pandas_dtype())
        empty.flags.writeable = False  # as all others, which are mapped
        return empty
    return column.chunk(0).to_numpy(zero_copy_only=True)  # type: ignore[no-any-return]


def code_rows(table: pa.Table, name: str) -> NDArray[Any]:
    """Return a read-only view of a column of `fixed_lists`, [rows, size]."""
    column = table.column(name)
    if column.num_chunks == 0:
        empty = np.empty((0, column.type.list_size), column.type.value_type.to_pandas_dtype())
        empty.flags.writeable = False
        return empty
    lists = column.chunk(0)
    if lists.null_count:
        raise ValueError(f"the column {name} has rows without a value")
    size = column.type.list_size
    # `flatten()` would do, but it loads pyarrow.compute, for a tenth of the time of a first answer.
    values = lists.values.slice(lists.offset * size, len(lists) * size)
    return values.to_numpy(zero_copy_only=True).reshape(len(lists), size)  # type: ignore[no-any-return]


def number_lists(table: pa.Table, name: str) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return read-only views of a column of lists: offsets int64[rows + 1] and values uint64[offsets[-1]]."""
    column = table.column(name)
    if column.num_chunks == 0:
        empty = np.zeros(1, np.int64), np.empty(0, np.uint64)
        for array in empty:
            array.flags.writeable = False
        return empty
    lists = column.chunk(0)
    return lists.offsets.to_numpy(zero_copy_only=True), lists.values.to_numpy(zero_copy_only=True)


def read_posting_lists(file: CheckedFile, number: int, lengths: NDArray[np.uint32]) -> PostingLists:
    """Return a view of a record batch of `postings.arrow`. `lengths` [rows] are those of the field's rows.

    The dictionary of terms is compared with its checksums at once, lists when they are read. Raises `ValueError` where
    the batch holds anything else, or its offsets are damaged.
    """
    terms, starts, data = _lists_by_number(file, number, pa.uint64())
    return PostingLists(terms, starts, data, lengths, partial(file.check_parts, data))


def read_trigram_lists(file: CheckedFile, files: int) -> TrigramLists:
    """Return a view of the record batch of `trigrams.arrow` of a segment with so many files.

    It is compared and raises like `read_posting_lists`.
    """
    firsts, starts, data = _lists_by_number(file, 0, pa.uint32())
    return TrigramLists(firsts, starts, data, files, partial(file.check_parts, data))


def _lists_by_number(
    file: CheckedFile, number: int, number_type: pa.DataType
) -> tuple[NDArray[Any], NDArray[np.integer[Any]], NDArray[np.uint8]]:
    """Return views of a batch of two columns, numbers and bytes: the numbers, the offsets and the data of the bytes."""
    batch = pa.ipc.open_file(check_uncompressed(file.content)).get_batch(number)
    for column in batch.columns:
        file.check_buffers(column.buffers()[:2])  # numbers and offsets
    batch.validate(full=True)
    terms, lists = batch.column(0), batch.column(1)
    if terms.null_count or lists.null_count or terms.type != number_type or terms.offset or lists.offset:
        raise ValueError("postings are not lists by term")
    if not (pa.types.is_binary(lists.type) or pa.types.is_large_binary(lists.type)):
        raise ValueError("postings are not bytes")
    _, offsets, data = lists.buffers()
    offset_type: type[np.integer[Any]] = np.int64 if pa.types.is_large_binary(lists.type) else np.int32
    return (
        terms.to_numpy(zero_copy_only=True),
        np.frombuffer(offsets, offset_type, len(lists) + 1),
        np.frombuffer(data, np.uint8) if data is not None and data.size else np.frombuffer(b"", np.uint8),
    )
