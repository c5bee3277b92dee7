"""Merge of several inverted indexes into one, without dead rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.postings import Postings
from raycontext.kernel.postings import count_live, place_live

__all__ = ["merge_postings"]


def merge_postings(
    parts: Sequence[Postings], row_maps: Sequence[NDArray[np.int64]], lengths: NDArray[np.unsignedinteger[Any]]
) -> Postings:
    """Return one inverted index with the living rows of all parts.

    row_maps: for each part the new number of each of its rows, or -1 for a dead row. New numbers ascend over the parts
    and within them. lengths: number of terms of each new row. Raises `CorruptArrays` where a part names rows that it
    does not have.
    """
    counts = [count_live(part.offsets, part.rows, row_map) for part, row_map in zip(parts, row_maps, strict=True)]
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
        place_live(part.offsets, part.rows, part.frequencies, row_map, target, following, rows, frequencies)
    return Postings(terms, offsets, rows, frequencies, lengths)
