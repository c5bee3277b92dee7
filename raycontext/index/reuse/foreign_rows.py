"""Comparison of rows that others have made with the files of the tree, before anything of them is taken over.

Whatever an answer shows of a file is then what the file says: texts are its bytes, names are words of it, and lines are
lines of it. What decides the order of answers (terms, vectors, weights) is as those have made it who made the rows.
"""

from __future__ import annotations

import re

import numpy as np

from raycontext.store.checking.consistency import equals_source
from raycontext.store.segments.file_texts import file_text
from raycontext.store.segments.segment import Segment

__all__ = ["ForeignRows"]

_WORD = re.compile(r"\w+")
MOST_LABEL_CHARACTERS = 2000
"""Largest number of characters in the symbols or in the scope of a chunk. Those of real files have a few hundred."""


class ForeignRows:
    """Reader of the rows of one segment in which nothing contradicts itself (`store.checking.consistency`)."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._texts = segment.texts().column("text")
        labels = segment.labels()
        self._symbols, self._scopes = labels.column("symbol"), labels.column("scope")
        names = ("start_byte", "end_byte", "start_line", "end_line")
        self._spans = np.stack([segment.chunk_column(name) for name in names], axis=1)
        rows = segment.definition_column("row")
        self._definition_rows, self._last_lines = rows, segment.definition_column("end_line")

    def are_of(self, ordinal: int, data: bytes) -> bool:
        """Return whether the rows of a file show nothing but its indexed text `data`. Raises `CorruptSegment`."""
        segment = self._segment
        first, count = int(segment.first_rows[ordinal]), int(segment.row_counts[ordinal])
        rows = slice(first, first + count)
        if file_text(segment, ordinal) != data:
            return False
        if not equals_source(data, self._spans[rows].tolist(), self._texts.slice(first, count).to_pylist()):
            return False
        own = slice(*np.searchsorted(self._definition_rows, (first, first + count)))
        if self._last_lines[own].max(initial=0) > data.count(b"\n") + 1:
            return False
        text = data.decode(errors="replace")
        words = set(_WORD.findall(text))
        labels = {*self._symbols.slice(first, count).to_pylist(), *self._scopes.slice(first, count).to_pylist()}
        return all(
            len(label) <= MOST_LABEL_CHARACTERS and all(word in words or word in text for word in _WORD.findall(label))
            for label in labels
        )
