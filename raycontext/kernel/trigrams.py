"""Calls of `trigrams.c`: the trigrams of files, and lists of files by trigram."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel.arguments import INT64, UINT8, UINT32, UINT64, checked, offsets_of
from raycontext.kernel.library import kernels

__all__ = ["FilesByTrigram", "TrigramLists", "collect", "find", "read_all", "read_list", "write_lists"]

BYTES_PER_TRIGRAM = 10
"""Number of bytes of source for which space for one trigram of a file is made at first."""

LEAST_SPACE = 1 << 12
"""Number of trigrams for which space is made at least."""


class FilesByTrigram(NamedTuple):
    """Files by trigram: T trigrams, each of which P files hold in all."""

    trigrams: NDArray[np.uint32]  # three bytes as one number, ascending, each once, [T]
    offsets: NDArray[np.int64]  # offsets of the files of each trigram, [T + 1]
    files: NDArray[np.uint32]  # numbers of files, ascending for each trigram, [P]


class TrigramLists(NamedTuple):
    """Files by trigram in their form on disk: blocks of 64 lists."""

    firsts: NDArray[np.uint32]  # first trigram of each block, ascending, [blocks]
    starts: NDArray[np.integer[Any]]  # offsets of the blocks in `data`, 32 or 64 bits, [blocks + 1]
    data: NDArray[np.uint8]
    files: int  # number of files of the segment
    check: Callable[[NDArray[np.integer[Any]], NDArray[np.integer[Any]]], None] | None = None
    """Function that is called with starts and ends in `data` before these parts are read; see `PostingLists`."""


def collect(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> FilesByTrigram:
    """Return the files by trigram. The content of file i is `data[starts[i]:ends[i]]`.

    A trigram is three bytes of one line. Capitals of ASCII count as small letters. Raises `CorruptArrays` where an
    offset leads outside.
    """
    library, files = kernels(), starts.size
    seen, every = (np.zeros(library.TRIGRAM_WORDS, np.uint64) for _ in range(2))
    progress, found_ends = np.zeros(2, np.int64), np.zeros(files, np.int64)
    found = np.empty(data.size // BYTES_PER_TRIGRAM + LEAST_SPACE, np.uint32)
    fixed = (
        UINT8.read(data, data.size, "source"), data.size, INT64.read(starts, files, "starts of files"),
        INT64.read(ends, files, "ends of files"), files, UINT64.write(seen), UINT64.write(every),
        INT64.write(progress),
    )  # fmt: skip
    while True:
        result = library.collect_trigrams(*fixed, UINT32.write(found), found.size, INT64.write(found_ends))
        if result != library.NO_SPACE:
            break
        found = np.concatenate([found, np.empty_like(found)])
    checked(result, "source")
    total = int(progress[1])
    ranks = np.empty(library.TRIGRAM_WORDS, np.uint32)
    count = library.rank_trigrams(UINT64.write(every), UINT32.write(ranks))
    by_trigram = FilesByTrigram(np.empty(count, np.uint32), np.empty(count + 1, np.int64), np.empty(total, np.uint32))
    following = np.empty(count, np.int64)
    result = library.invert_trigrams(
        UINT32.write(found), INT64.write(found_ends), files, total, UINT64.write(every), UINT32.write(ranks), count,
        INT64.write(following), UINT32.write(by_trigram.trigrams), INT64.write(by_trigram.offsets),
        UINT32.write(by_trigram.files),
    )  # fmt: skip
    checked(result, "trigrams")
    return by_trigram


def write_lists(by_trigram: FilesByTrigram, files: int) -> TrigramLists:
    """Return files by trigram in their form on disk. files: number of files of the segment.

    Raises `CorruptArrays` where a number is not one of a file, or numbers do not ascend.
    """
    library, count, total = kernels(), by_trigram.trigrams.size, by_trigram.files.size
    blocks = -(-count // library.TRIGRAM_BLOCK)
    firsts, starts = np.empty(blocks, np.uint32), np.zeros(blocks + 1, np.int64)
    data = np.empty(2 * total + 8 * count + LEAST_SPACE, np.uint8)
    while True:
        result = library.write_trigrams(
            UINT32.read(by_trigram.trigrams, count, "trigrams"),
            INT64.read(by_trigram.offsets, count + 1, "offsets of trigrams"), count,
            UINT32.read(by_trigram.files, total, "files of trigrams"), total, files, UINT32.write(firsts),
            INT64.write(starts), UINT8.write(data), data.size,
        )  # fmt: skip
        if result != library.NO_SPACE:
            break
        data = np.empty(2 * data.size, np.uint8)
    return TrigramLists(firsts, starts, data[: checked(result, "trigrams")], files)


def find(lists: TrigramLists, wanted: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the list of each wanted trigram begins in the data, and how many files it has, int64[k] each.

    Both are 0 for a trigram that no file has. Raises `CorruptArrays` where a list is damaged.
    """
    if lists.check is not None and lists.firsts.size:
        blocks = np.unique(np.maximum(np.searchsorted(lists.firsts, wanted, "right") - 1, 0))
        lists.check(lists.starts[blocks], lists.starts[blocks + 1])
    places, counts = np.empty(wanted.size, np.int64), np.empty(wanted.size, np.int64)
    result = kernels().find_trigrams(
        *_blocks(lists), UINT32.read(wanted, wanted.size, "wanted trigrams"), wanted.size, INT64.write(places),
        INT64.write(counts),
    )  # fmt: skip
    checked(result, "trigrams")
    return places, counts


def read_list(lists: TrigramLists, place: int, count: int) -> NDArray[np.uint32]:
    """Return the numbers of the files of one list that `find` has found, uint32[count].

    Raises `CorruptArrays` where the list is damaged.
    """
    rows = np.empty(count, np.uint32)
    data = UINT8.read(lists.data, lists.data.size, "trigrams")
    result = kernels().read_trigram(data, lists.data.size, place, count, lists.files, UINT32.write(rows))
    checked(result, "trigrams")
    return rows


def read_all(lists: TrigramLists) -> FilesByTrigram:
    """Return all lists. Raises `CorruptArrays` where one is damaged."""
    if lists.check is not None:
        lists.check(np.zeros(1, np.int64), np.array([lists.data.size]))
    library = kernels()
    most = lists.firsts.size * library.TRIGRAM_BLOCK
    space = 4 * lists.data.size + LEAST_SPACE
    while True:
        trigrams, offsets, rows = np.empty(most, np.uint32), np.zeros(most + 1, np.int64), np.empty(space, np.uint32)
        found = library.read_all_trigrams(
            *_blocks(lists), UINT32.write(trigrams), INT64.write(offsets), most, UINT32.write(rows), space
        )
        if found != library.NO_SPACE or space > 8 * (lists.data.size + LEAST_SPACE):
            break
        space = 8 * (lists.data.size + LEAST_SPACE) + 1  # a number takes at least a bit
    checked(found, "trigrams")
    return FilesByTrigram(trigrams[:found], offsets[: found + 1], rows[: offsets[found]])


def _blocks(lists: TrigramLists) -> tuple[Any, ...]:
    blocks = lists.firsts.size
    return (
        UINT32.read(lists.firsts, blocks, "first trigrams"),
        *offsets_of(lists.starts, blocks + 1, "starts of trigrams"), blocks,
        UINT8.read(lists.data, lists.data.size, "trigrams"), lists.data.size, lists.files,
    )  # fmt: skip
