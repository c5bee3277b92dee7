"""Posting lists in as few bytes as they need, and back.

Gaps in codes of variable length (Scholer, Williams, Yiannis and Zobel, "Compression of inverted indexes for fast query
evaluation", SIGIR 2002), whose lowest bit says whether a frequency follows: most terms occur once in a row. That takes
1.3 bytes a posting of source code where row and frequency would take 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.postings import PostingLists, Postings
from raycontext.kernel import as_int, kernel

__all__ = ["decode", "encode", "lookup"]

MOST_SHIFT = 56
"""No code is longer; a damaged one ends here."""


def encode(postings: Postings) -> PostingLists:
    """The same postings as lists of bytes."""
    starts = np.empty(len(postings.terms) + 1, np.int64)
    _measure(postings.offsets, postings.rows, postings.frequencies, starts)
    data = np.empty(int(starts[-1]), np.uint8)
    _write(postings.offsets, postings.rows, postings.frequencies, data)
    return PostingLists(postings.terms, starts, data, postings.lengths)


def decode(lists: PostingLists) -> Postings:
    """All postings of a field."""
    _, ends, rows, frequencies = _read(lists, np.arange(len(lists.terms)))
    return Postings(lists.terms, np.concatenate(([0], ends)), rows, frequencies, lists.lengths)


def lookup(
    lists: PostingLists, terms: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint8]]:
    """Postings of k terms alone: starts [k] and ends [k], equal where a term does not occur; rows and frequencies."""
    places = np.full(len(terms), -1, np.int64)
    if len(lists.terms):
        nearest = np.minimum(np.searchsorted(lists.terms, terms), len(lists.terms) - 1)
        found = lists.terms[nearest] == terms
        places[found] = nearest[found]
    return _read(lists, places)


def _read(
    lists: PostingLists, places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint8]]:
    """Of the lists at some places; -1 stands for an empty one."""
    starts, ends = np.empty(len(places), np.int64), np.empty(len(places), np.int64)
    most = _upper_bound(lists.starts, places, lists.data.size)  # a posting takes a byte at least
    rows, frequencies = np.empty(most, np.uint32), np.empty(most, np.uint8)
    filled = _decode(lists.starts, lists.data, places, starts, ends, rows, frequencies)
    for array in (rows, frequencies):
        array.flags.writeable = False  # as arrays that are mapped: a kernel is compiled anew for writable arguments
    return starts, ends, rows[:filled], frequencies[:filled]


@kernel
def _measure(
    offsets: NDArray[np.int64], rows: NDArray[np.uint32], frequencies: NDArray[np.uint8], starts: NDArray[np.int64]
) -> None:
    total = 0
    for term in range(offsets.size - 1):
        starts[term] = total
        before = -1
        for place in range(offsets[term], offsets[term + 1]):
            row = as_int(rows[place])
            code = (row - before - 1) << 1
            before = row
            total += 1
            while code >= 128:
                code >>= 7
                total += 1
            if frequencies[place] > 1:
                total += 1 if frequencies[place] < 130 else 2
    starts[offsets.size - 1] = total


@kernel
def _write(
    offsets: NDArray[np.int64], rows: NDArray[np.uint32], frequencies: NDArray[np.uint8], data: NDArray[np.uint8]
) -> None:
    filled = 0
    for term in range(offsets.size - 1):
        before = -1
        for place in range(offsets[term], offsets[term + 1]):
            row, frequency = as_int(rows[place]), as_int(frequencies[place])
            code = ((row - before - 1) << 1) | (1 if frequency > 1 else 0)
            before = row
            while code >= 128:
                data[filled] = (code & 127) | 128
                code >>= 7
                filled += 1
            data[filled] = code
            filled += 1
            if frequency > 1:
                code = frequency - 2
                if code >= 128:
                    data[filled] = (code & 127) | 128
                    code >>= 7
                    filled += 1
                data[filled] = code
                filled += 1


@kernel
def _upper_bound(starts: NDArray[np.integer[Any]], places: NDArray[np.int64], size: int) -> int:
    total = 0
    for place in places:
        if place >= 0:
            first, last = max(as_int(starts[place]), 0), min(as_int(starts[place + 1]), size)
            total += max(last - first, 0)
    return total


@kernel
def _decode(
    list_starts: NDArray[np.integer[Any]],
    data: NDArray[np.uint8],
    places: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    rows: NDArray[np.uint32],
    frequencies: NDArray[np.uint8],
) -> int:
    filled = 0
    for number in range(places.size):
        starts[number] = filled
        if places[number] >= 0:
            position = max(as_int(list_starts[places[number]]), 0)
            end = min(as_int(list_starts[places[number] + 1]), data.size)
            row = -1
            while position < end:
                byte = as_int(data[position])
                position += 1
                code = byte & 127
                shift = 7
                while byte >= 128 and position < end and shift <= MOST_SHIFT:
                    byte = as_int(data[position])
                    position += 1
                    code |= (byte & 127) << shift
                    shift += 7
                row += (code >> 1) + 1
                frequency = 1
                if code & 1 and position < end:
                    byte = as_int(data[position])
                    position += 1
                    frequency = 2 + (byte & 127)
                    if byte >= 128 and position < end:
                        frequency += as_int(data[position]) << 7
                        position += 1
                rows[filled] = row
                frequencies[filled] = frequency
                filled += 1
        ends[number] = filled
    return filled
