"""Calls of `postings.c`: encoding and decoding of posting lists, and merges of inverted indexes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel.arguments import INT64, UINT8, UINT32, UINT64, checked, offsets_of
from raycontext.kernel.library import kernels

__all__ = ["count_live", "find_lists", "place_live", "read_lists", "write_lists"]


def write_lists(
    offsets: NDArray[np.int64], rows: NDArray[np.uint32], frequencies: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return postings as lists of bytes: the offsets of the lists, int64[terms + 1], and their data.

    offsets: [terms + 1]; postings of term t stand from offset t to offset t + 1 in `rows` and `frequencies`. Raises
    `CorruptArrays` where an offset leads outside, or the rows of a term do not ascend.
    """
    library, terms, postings = kernels(), offsets.size - 1, rows.size
    starts = np.empty(terms + 1, np.int64)
    columns = (
        INT64.read(offsets, terms + 1, "offsets of postings"), terms,
        UINT32.read(rows, postings, "rows of postings"),
        UINT8.read(frequencies, postings, "frequencies of postings"), postings,
    )  # fmt: skip
    size = checked(library.measure_lists(*columns, INT64.write(starts)), "postings")
    data = np.empty(size + library.MOST_POSTING_BYTES, np.uint8)
    written = checked(library.write_lists(*columns, UINT8.write(data), data.size), "postings")
    return starts, data[:written]


def find_lists(dictionary: NDArray[np.uint64], terms: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the place of each term in a sorted dictionary, or -1 where it is not there, int64[terms]."""
    places = np.empty(terms.size, np.int64)
    kernels().find_lists(
        UINT64.read(dictionary, dictionary.size, "terms of postings"), dictionary.size,
        UINT64.read(terms, terms.size, "terms of a query"), terms.size, INT64.write(places),
    )  # fmt: skip
    return places


def read_lists(
    starts: NDArray[np.integer[Any]], data: NDArray[np.uint8], places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the postings of some lists: starts and ends, int64[k] each, rows and frequencies.

    places: numbers of the lists, -1 for an empty one, [k]. starts: offsets of the lists in `data`, [lists + 1], 32 or
    64 bits. Offsets outside of the data are cut off; a damaged list gives arbitrary postings. Raises `CorruptArrays`
    where a place is not a list.
    """
    library, lists, count = kernels(), starts.size - 1, places.size
    narrow, wide = offsets_of(starts, lists + 1, "starts of posting lists")
    wanted = INT64.read(places, count, "places of posting lists")
    most = checked(library.bound_lists(narrow, wide, lists, wanted, count, data.size), "places of posting lists")
    first, last = np.empty(count, np.int64), np.empty(count, np.int64)
    rows, frequencies = np.empty(most, np.uint32), np.empty(most, np.uint8)
    filled = library.read_lists(
        narrow, wide, lists, UINT8.read(data, data.size, "posting lists"), data.size, wanted, count,
        INT64.write(first), INT64.write(last), UINT32.write(rows), UINT8.write(frequencies), most,
    )  # fmt: skip
    checked(filled, "posting lists")
    return first, last, rows[:filled], frequencies[:filled]


def count_live(offsets: NDArray[np.int64], rows: NDArray[np.uint32], row_map: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of postings of each term whose row is alive, int64[terms].

    row_map: new number of each row, -1 for a dead one. Raises `CorruptArrays` where a row is not in it.
    """
    terms = offsets.size - 1
    counts = np.zeros(terms, np.int64)
    result = kernels().count_live(
        INT64.read(offsets, terms + 1, "offsets of postings"), terms,
        UINT32.read(rows, rows.size, "rows of postings"), rows.size,
        INT64.read(row_map, row_map.size, "new numbers of rows"), row_map.size, INT64.write(counts),
    )  # fmt: skip
    checked(result, "rows of postings")
    return counts


def place_live(
    offsets: NDArray[np.int64],
    rows: NDArray[np.uint32],
    frequencies: NDArray[np.uint8],
    row_map: NDArray[np.int64],
    targets: NDArray[np.int64],
    following: NDArray[np.int64],
    merged_rows: NDArray[np.uint32],
    merged_frequencies: NDArray[np.uint8],
) -> None:
    """Append the live postings of each term to those of the same term in a merged index.

    targets: number of each term in the merged index, [terms]. following: place of the next posting of each term of the
    merged index, which the call advances. Raises `CorruptArrays` where rows, targets or places lead outside.
    """
    terms = offsets.size - 1
    result = kernels().place_live(
        INT64.read(offsets, terms + 1, "offsets of postings"), terms,
        UINT32.read(rows, rows.size, "rows of postings"),
        UINT8.read(frequencies, rows.size, "frequencies of postings"), rows.size,
        INT64.read(row_map, row_map.size, "new numbers of rows"), row_map.size,
        INT64.read(targets, terms, "numbers of terms"), INT64.write(following), following.size,
        UINT32.write(merged_rows), UINT8.write(merged_frequencies), min(merged_rows.size, merged_frequencies.size),
    )  # fmt: skip
    checked(result, "rows of postings")
