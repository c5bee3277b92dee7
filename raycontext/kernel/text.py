"""Calls of `text.c` and `bodies.c`: tokenisation, stemming, inversion, and blanking of bodies of C functions."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import CorruptArrays
from raycontext.kernel.arguments import INT32, INT64, UINT8, UINT32, UINT64, checked
from raycontext.kernel.library import ffi, kernels

__all__ = ["INITIAL_CAPACITY", "Occurrences", "blank_bodies", "hash_terms", "invert", "tokenize"]

INITIAL_CAPACITY = 1024
"""Number of slots of each table at first: a power of two, well over twice the number of parts of one word."""

ScalarT = TypeVar("ScalarT", bound=np.generic)


class Occurrences(NamedTuple):
    """Words that the tokeniser found in n rows, as k different parts of words.

    Row i holds part `parts[j]` `frequencies[j]` times, for each j from `row_offsets[i]` to `row_offsets[i + 1]`, in the
    order of their first occurrence. Part p is `part_bytes[part_offsets[p]:part_offsets[p + 1]]`: UTF-8, lower-case, not
    stemmed yet.
    """

    row_offsets: NDArray[np.int64]  # [n + 1]
    parts: NDArray[np.int32]
    frequencies: NDArray[np.uint8]  # clipped at 255
    lengths: NDArray[np.uint32]  # [n], occurrences in each row, all counted
    part_bytes: NDArray[np.uint8]
    part_offsets: NDArray[np.int64]  # [k + 1]
    stemmed: NDArray[np.uint8]  # [k], 1 where the part is to be stemmed


class _Tables:
    """Arrays that a scan fills and that grow between its calls, with the state that points to them."""

    def __init__(self) -> None:
        self.state = ffi.new("scan_state *")
        self.state.position = self.state.cjk_end = -1
        self._kept: dict[str, Any] = {}
        slots, half = INITIAL_CAPACITY, INITIAL_CAPACITY // 2
        self.posting_parts = np.empty(slots, np.int32)
        self.frequencies = np.empty(slots, np.uint8)
        self.word_keys = np.zeros(slots, np.uint64)
        self.word_values = np.empty(slots, np.int64)
        self.word_part_numbers = np.empty(slots, np.int32)
        self.part_keys = np.zeros(slots, np.uint64)
        self.part_numbers = np.empty(slots, np.int64)
        self.part_bytes = np.empty(8 * slots, np.uint8)
        self.part_offsets = np.zeros(half + 1, np.int64)
        self.stemmed = np.empty(half, np.uint8)
        self.latest = np.empty(half, np.int64)
        self._point(*_FIELDS)

    def grow(self, shortage: int) -> None:
        """Double the array that `scan` reports as full."""
        library, state = kernels(), self.state
        if shortage == library.POSTING_SPACE:
            self._enlarge("posting_parts", "frequencies")
        elif shortage == library.WORD_SPACE:
            self._rehash("word_keys", "word_values", state.word_space)
        elif shortage == library.WORD_PART_SPACE:
            self._enlarge("word_part_numbers")
        elif shortage == library.PART_SPACE:
            self._rehash("part_keys", "part_numbers", state.part_key_space)
            self._enlarge("part_offsets", "stemmed", "latest")
        else:
            self._enlarge("part_bytes")

    def _enlarge(self, *names: str) -> None:
        """Double some arrays and keep their contents."""
        for name in names:
            array = getattr(self, name)
            larger = np.empty(2 * array.size, array.dtype)
            larger[: array.size] = array
            setattr(self, name, larger)
        self._point(*names)

    def _rehash(self, keys: str, values: str, size: int) -> None:
        """Move a hash table into one of twice the size."""
        new_keys, new_values = np.zeros(2 * size, np.uint64), np.empty(2 * size, np.int64)
        kernels().rehash(
            self._kept[keys], self._kept[values], size, UINT64.write(new_keys), INT64.write(new_values), 2 * size
        )
        setattr(self, keys, new_keys)
        setattr(self, values, new_values)
        self._point(keys, values)

    def _point(self, *names: str) -> None:
        """Set the state's pointers to some arrays, and keep the pointers, which keep the memory alive."""
        for name in names:
            self._kept[name] = _FIELDS[name].write(getattr(self, name))
            setattr(self.state, name, self._kept[name])
        state = self.state
        state.posting_space, state.word_space = self.posting_parts.size, self.word_keys.size
        state.word_part_space, state.part_key_space = self.word_part_numbers.size, self.part_keys.size
        state.part_space, state.byte_space = self.stemmed.size, self.part_bytes.size


_FIELDS = {
    "posting_parts": INT32,
    "frequencies": UINT8,
    "word_keys": UINT64,
    "word_values": INT64,
    "word_part_numbers": INT32,
    "part_keys": UINT64,
    "part_numbers": INT64,
    "part_bytes": UINT8,
    "part_offsets": INT64,
    "stemmed": UINT8,
    "latest": INT64,
}


def tokenize(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], code_points: NDArray[np.uint32]
) -> Occurrences:
    """Return the parts of the words of n rows. Row i is `data[starts[i]:ends[i]]`.

    Bytes that are not valid UTF-8 separate words. code_points: the table of `analyse.characters`. Memory grows with the
    text: 5 bytes for each different part of each row, and about 70 for each different word. Raises `CorruptArrays`
    where a row does not lie inside the data.
    """
    library, rows = kernels(), starts.size
    row_offsets, lengths = np.zeros(rows + 1, np.int64), np.zeros(rows, np.uint32)
    tables = _Tables()
    fixed = (
        UINT8.read(data, data.size, "text"), data.size, INT64.read(starts, rows, "starts of rows"),
        INT64.read(ends, rows, "ends of rows"), rows,
        UINT32.read(code_points, library.TABLE_SIZE, "table of code points"),
        INT64.write(row_offsets), UINT32.write(lengths),
    )  # fmt: skip
    while shortage := checked(library.scan(*fixed, tables.state), "rows of a text"):
        tables.grow(shortage)
    postings, parts = tables.state.postings, tables.state.parts
    return Occurrences(
        row_offsets,
        tables.posting_parts[:postings],
        tables.frequencies[:postings],
        lengths,
        tables.part_bytes[: tables.part_offsets[parts]],
        tables.part_offsets[: parts + 1],
        tables.stemmed[:parts],
    )


def hash_terms(
    part_bytes: NDArray[np.uint8], part_offsets: NDArray[np.int64], stemmed: NDArray[np.uint8]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Stem parts in place, and return their terms and their new lengths.

    Part i is `part_bytes[part_offsets[i]:part_offsets[i + 1]]`. It is stemmed where `stemmed[i]` is 1. Terms are
    uint64[k], never 0; lengths are in bytes, int64[k]. Raises `CorruptArrays` where an offset leads outside, or a part
    to stem is longer than any word.
    """
    count = stemmed.size
    if not part_bytes.flags.writeable:
        raise CorruptArrays("bytes of parts", "they cannot be written")
    terms, lengths = np.empty(count, np.uint64), np.empty(count, np.int64)
    result = kernels().hash_terms(
        UINT8.read(part_bytes, part_bytes.size, "bytes of parts"), part_bytes.size,
        INT64.read(part_offsets, count + 1, "offsets of parts"), UINT8.read(stemmed, count, "parts to stem"), count,
        UINT64.write(terms), INT64.write(lengths),
    )  # fmt: skip
    checked(result, "offsets of parts")
    return terms, lengths


def invert(
    found: Occurrences, term_of_part: NDArray[np.int64], term_count: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint8]]:
    """Return offsets int64[term_count + 1], rows and frequencies of the inverted index of some occurrences.

    It overwrites parts and frequencies of `found`. term_of_part: number of each part's term, [k]. Several parts may be
    one term (`running`, `runs`), so their counts are added row by row first; a counting sort by term follows. Raises
    `CorruptArrays` where a number or an offset leads outside.
    """
    rows, postings, parts = found.lengths.size, found.parts.size, term_of_part.size
    if not (found.parts.flags.writeable and found.frequencies.flags.writeable):
        raise CorruptArrays("occurrences of parts", "they cannot be written")
    row_ends, latest = np.empty(rows, np.int64), np.full(term_count, -1, np.int64)
    offsets = np.zeros(term_count + 1, np.int64)
    numbers = INT32.read(found.parts, postings, "parts of rows")
    frequencies = UINT8.read(found.frequencies, postings, "frequencies of parts")
    ends = INT64.write(row_ends)
    merged = kernels().merge_parts(
        INT64.read(found.row_offsets, rows + 1, "offsets of rows"), rows, numbers, frequencies, postings,
        INT64.read(term_of_part, parts, "terms of parts"), parts, term_count,
        INT64.write(latest), ends, INT64.write(offsets),
    )  # fmt: skip
    checked(merged, "occurrences of parts")
    np.cumsum(offsets, out=offsets)
    following = offsets[:-1].copy()
    sorted_rows, sorted_frequencies = np.empty(merged, np.uint32), np.empty(merged, np.uint8)
    result = kernels().sort_postings(
        ends, rows, numbers, frequencies, merged, INT64.write(following), term_count,
        UINT32.write(sorted_rows), UINT8.write(sorted_frequencies),
    )  # fmt: skip
    checked(result, "occurrences of parts")
    return offsets, sorted_rows, sorted_frequencies


def blank_bodies(data: NDArray[np.uint8], most_bytes: int) -> int:
    """Blank out in place the bodies of C functions of at most `most_bytes` bytes, and return how many.

    Raises `CorruptArrays` where `data` cannot be written or is not contiguous.
    """
    if not data.flags.writeable:
        raise CorruptArrays("source", "it cannot be written")
    return int(kernels().blank_bodies(UINT8.read(data, data.size, "source"), data.size, most_bytes))
