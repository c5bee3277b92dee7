"""Files of a segment that may have a match, by their trigrams."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.grep.required import ANY, AllOf, AnyOf, Need
from raycontext.kernel.trigrams import find, read_list
from raycontext.store.segments import checks
from raycontext.store.segments.segment import Segment

__all__ = ["may_match"]

ENOUGH_FILES = 4
"""Number of files that are left from which no more trigrams are looked at: it is as quick to read the files."""


def may_match(segment: Segment, need: Need) -> NDArray[np.bool_]:
    """Return which files hold what is needed, bool[files]. All of a segment that has no trigrams.

    Raises `CorruptSegment`.
    """
    if need == ANY or not segment.has_trigrams:
        return np.ones(segment.reference.files, np.bool_)
    return checks.refusing("trigrams.arrow")(_may_match)(segment, need)


def _may_match(segment: Segment, need: Need) -> NDArray[np.bool_]:
    wanted = np.array(sorted(_trigrams(need)), np.uint32)
    places, counts = find(segment.trigrams, wanted)
    lists = dict(zip(wanted.tolist(), zip(places.tolist(), counts.tolist(), strict=True), strict=True))
    return _holding(segment, need, lists)


def _trigrams(need: Need) -> set[int]:
    if isinstance(need, int):
        return {need}
    return {trigram for part in need.needs for trigram in _trigrams(part)}


def _holding(segment: Segment, need: Need, lists: dict[int, tuple[int, int]]) -> NDArray[np.bool_]:
    files = segment.reference.files
    if isinstance(need, int):
        held = np.zeros(files, np.bool_)
        held[read_list(segment.trigrams, *lists[need])] = True
        return held
    if isinstance(need, AnyOf):
        held = np.zeros(files, np.bool_)
        for part in need.needs:
            held |= _holding(segment, part, lists)
        return held
    held = np.ones(files, np.bool_)
    for part in sorted(need.needs, key=lambda part: _most_files(part, lists)):
        held &= _holding(segment, part, lists)
        if np.count_nonzero(held) <= ENOUGH_FILES:
            break
    return held


def _most_files(need: Need, lists: dict[int, tuple[int, int]]) -> int:
    """Return how many files can hold what is needed, at most."""
    if isinstance(need, int):
        return lists[need][1]
    counts = [_most_files(part, lists) for part in need.needs]
    if isinstance(need, AllOf):
        return min(counts, default=1 << 62)
    return sum(counts)
