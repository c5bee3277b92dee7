"""Posting lists in as few bytes as they need, and back: 1.3 bytes a posting of source code instead of 5.

The codes are described in `kernel/postings.c`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.postings import PostingLists, Postings
from raycontext.kernel.postings import find_lists, read_lists, write_lists

__all__ = ["decode", "encode", "lookup"]


def encode(postings: Postings) -> PostingLists:
    """Return postings as lists of bytes. Raises `CorruptArrays` where the rows of a term do not ascend."""
    starts, data = write_lists(postings.offsets, postings.rows, postings.frequencies)
    return PostingLists(postings.terms, starts, data, postings.lengths)


def decode(lists: PostingLists) -> Postings:
    """Return all postings of a field."""
    if lists.check is not None:
        lists.check(np.zeros(1, np.int64), np.array([lists.data.size]))
    _, ends, rows, frequencies = read_lists(lists.starts, lists.data, np.arange(len(lists.terms)))
    return Postings(lists.terms, np.concatenate(([0], ends)), rows, frequencies, lists.lengths)


def lookup(
    lists: PostingLists, terms: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the postings of k terms: starts [k], ends [k], rows and frequencies.

    The postings of a term stand from its start to its end. Both are equal where the term does not occur. Raises
    `CorruptArrays` where the columns do not fit together.
    """
    places = find_lists(lists.terms, terms)
    if lists.check is not None and len(lists.starts) > len(lists.terms):  # else `read_lists` refuses them
        there = places[places >= 0]
        lists.check(lists.starts[there], lists.starts[there + 1])
    return read_lists(lists.starts, lists.data, places)
