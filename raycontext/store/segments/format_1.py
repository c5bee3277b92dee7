"""Reader of format 1: it turns the columns of old segments into the form of the present format.

In format 1, postings take four bytes for a row and one for a frequency, the terms of names are stored in full, and
symbols and scopes stand in `chunks.arrow`. Such a segment is read until the next index run of its collection replaces
it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycontext.analyse.postings import PostingLists, Postings
from raycontext.store.segments.columns import WEIGHT_UNITS

__all__ = ["TEXT_BATCH_ROWS", "chunks", "definitions", "labels", "read_postings"]

TEXT_BATCH_ROWS = 16
"""Number of chunks whose texts are compressed together."""

_LABELS = ["symbol", "scope"]


def chunks(table: pa.Table) -> pa.Table:
    """Return the table of chunks without symbols and scopes."""
    return table.drop_columns(_LABELS)


def labels(table: pa.Table) -> pa.Table:
    """Return the symbols and scopes of a table of chunks."""
    return table.select(_LABELS)


def definitions(table: pa.Table) -> pa.Table:
    """Return the table of definitions with hashes of 32 bits, stored weights and numbers of terms."""
    if not len(table):
        return table
    terms = table.column("terms").combine_chunks()
    columns = {name: table.column(name).to_numpy() for name in ("row", "name_hash", "folded_hash", "weight")}
    return pa.table(
        {
            "row": pa.array(columns["row"]),
            "name_hash": pa.array(columns["name_hash"].astype(np.uint32)),
            "folded_hash": pa.array(columns["folded_hash"].astype(np.uint32)),
            "weight": pa.array((columns["weight"] * WEIGHT_UNITS).astype(np.uint8)),
            "terms": pa.array(np.diff(terms.offsets.to_numpy()).astype(np.uint8)),
        }
    )


def read_postings(
    reader: pa.ipc.RecordBatchFileReader, definitions: pa.Table, lengths: Mapping[str, Callable[[], NDArray[Any]]]
) -> dict[str, PostingLists]:
    """Return the encoded postings of all fields, and of the names in format 1's table of definitions.

    `lengths` gives the lengths of each field's rows when called.
    """
    from raycontext.analyse.posting_lists import encode

    found = {
        name: encode(_postings(reader.get_batch(number), lengths[name]()))
        for number, name in enumerate(("body", "symbol", "path"))
    }
    return {**found, "name": encode(_names(definitions, lengths["name"]()))}


def _names(definitions: pa.Table, lengths: NDArray[Any]) -> Postings:
    """Return the postings of the definitions' names, made from their lists of terms."""
    lists = definitions.column("terms").combine_chunks()
    counts = np.diff(lists.offsets.to_numpy()) if len(lists) else np.empty(0, np.int64)
    terms = lists.values.to_numpy() if len(lists) else np.empty(0, np.uint64)
    rows = np.repeat(np.arange(len(counts), dtype=np.uint32), counts)
    by_term = np.argsort(terms, kind="stable")
    dictionary, starts = np.unique(terms[by_term], return_index=True)
    return Postings(dictionary, np.append(starts, len(terms)), rows[by_term], np.ones(len(terms), np.uint8), lengths)


def _postings(batch: pa.RecordBatch, lengths: NDArray[Any]) -> Postings:
    batch.validate(full=True)
    lists = batch.column(1)
    return Postings(
        terms=batch.column(0).to_numpy(zero_copy_only=True),
        offsets=lists.offsets.to_numpy(zero_copy_only=True),
        rows=lists.values.field("row").to_numpy(zero_copy_only=True),
        frequencies=lists.values.field("frequency").to_numpy(zero_copy_only=True),
        lengths=lengths,
    )
