"""Chunks that hold a line that matches a regular expression: the filter of a search by meaning among what matches."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import DeadlineExceeded
from raycontext.grep.candidates import may_match
from raycontext.grep.engine import compiled
from raycontext.grep.pattern import GrepPattern
from raycontext.store.segments.file_texts import text_where
from raycontext.store.segments.segment import Segment

__all__ = ["rows_matching"]


def rows_matching(segment: Segment, pattern: str, wanted: NDArray[np.bool_], until: float) -> NDArray[np.bool_]:
    """Return which rows of a segment hold a line that matches a pattern, bool[rows].

    wanted: rows that are looked at; only their files are read, and of these only the ones with the pattern's trigrams.
    until: time in seconds since the epoch. Raises `DeadlineExceeded` where it passes before all files are read.
    """
    matcher = compiled(GrepPattern(pattern))
    found = np.zeros(len(wanted), np.bool_)

    def check() -> None:
        if time.time() > until:
            raise DeadlineExceeded(segment.collection)

    of_files = np.bincount(segment.chunk_column("file")[wanted], minlength=segment.reference.files) > 0
    for ordinal in np.flatnonzero(of_files & may_match(segment, matcher.need, matcher.words)).tolist():
        check()
        text = text_where(segment, ordinal, matcher.may_match)
        if text is None:
            continue
        places = [place for _, _, place in matcher.lines(text, check)]
        first = int(segment.first_rows[ordinal])
        rows = slice(first, first + int(segment.row_counts[ordinal]))
        starts, ends = segment.chunk_column("start_byte")[rows], segment.chunk_column("end_byte")[rows]
        within = np.searchsorted(starts, places, side="right") - 1
        # A line between two chunks is blank and belongs to neither.
        inside = (within >= 0) & (np.array(places, np.int64) <= ends[within])
        found[first + within[inside]] = True
    return found & wanted
