"""Merge inverted indexes: those of several segments become one, without the rows that are dead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.postings import Postings
from raycontext.kernel import kernel

__all__ = ["merge_postings"]


def merge_postings(
    parts: Sequence[Postings], row_maps: Sequence[NDArray[np.int64]], lengths: NDArray[np.unsignedinteger[Any]]
) -> Postings:
    """One inverted index of all parts.

    row_maps: for each part the new number of each of its rows, -1 where the row is dead; new numbers ascend over the
    parts and within them. lengths: of the new rows.
    """
    counts = [_live_counts(part, row_map) for part, row_map in zip(parts, row_maps, strict=True)]
    used = [part.terms[count > 0] for part, count in zip(parts, counts, strict=True)]
    terms = np.unique(np.concatenate(used)) if used else np.empty(0, np.uint64)
    totals = np.zeros(len(terms) + 1, np.int64)
    targets = []
    for part, count in zip(parts, counts, strict=True):
        target = np.searchsorted(terms, part.terms)
        targets.append(target)
        kept = count > 0
        totals[target[kept] + 1] += count[kept]  # each term stands once in a part
    offsets = np.cumsum(totals)
    rows = np.empty(int(offsets[-1]), np.uint32)
    frequencies = np.empty(int(offsets[-1]), np.uint8)
    following = offsets[:-1].copy()
    for part, row_map, target in zip(parts, row_maps, targets, strict=True):
        _place(part.offsets, part.rows, part.frequencies, row_map, target, following, rows, frequencies)
    return Postings(terms, offsets, rows, frequencies, lengths)


def _live_counts(part: Postings, row_map: NDArray[np.int64]) -> NDArray[np.int64]:
    counts = np.zeros(len(part.terms), np.int64)
    _count(part.offsets, part.rows, row_map, counts)
    return counts


@kernel
def _count(
    offsets: NDArray[np.int64], rows: NDArray[np.uint32], row_map: NDArray[np.int64], counts: NDArray[np.int64]
) -> None:
    for term in range(counts.size):
        for place in range(offsets[term], offsets[term + 1]):
            if row_map[rows[place]] >= 0:
                counts[term] += 1


@kernel
def _place(
    offsets: NDArray[np.int64],
    rows: NDArray[np.uint32],
    frequencies: NDArray[np.uint8],
    row_map: NDArray[np.int64],
    targets: NDArray[np.int64],
    following: NDArray[np.int64],
    merged_rows: NDArray[np.uint32],
    merged_frequencies: NDArray[np.uint8],
) -> None:
    for term in range(targets.size):
        target = targets[term]
        for place in range(offsets[term], offsets[term + 1]):
            row = row_map[rows[place]]
            if row >= 0:
                merged_rows[following[target]] = row
                merged_frequencies[following[target]] = frequencies[place]
                following[target] += 1
