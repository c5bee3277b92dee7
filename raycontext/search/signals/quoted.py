"""Evidence of what a query quotes: places in files (stack traces, `app.py:12`), and messages that the code holds.

Both follow from a file and the query alone, so they do not depend on shards and segments. The weights were chosen on
the questions of `benchmarks/mine_traces.py`, where no other kind of question loses by them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.named_files import NamedFile, named_files, without_frames
from raycontext.analyse.terms import STOP_WORDS
from raycontext.store.segments.segment import Segment

__all__ = [
    "LEAST_LEXICAL",
    "MESSAGE_FILE",
    "MESSAGE_ROW",
    "NAMED_FILE",
    "NAMED_ROW",
    "NamedRows",
    "Quoted",
    "message_shares",
    "named_rows",
]

NAMED_FILE, NAMED_ROW = 1.0, 3.0
"""What a named place adds: to the sum of its file, as a share, and to the match of the definition of its chunk."""

MESSAGE_FILE, MESSAGE_ROW = 0.6, 2.0
"""What a quoted message adds, in the same units."""

LEAST_LEXICAL = 0.7
"""BM25F of a chunk whose text is looked into for messages, as a share of the sum of the weights of the terms."""

NAME_ALONE = 0.4
"""How well a file is named by nothing but its own name, of which there may be many."""

MOST_PARTS = 16
"""Number of parts at the end of a named path that are compared."""

WITHOUT_LINE = 0.5
"""Share of a place without a line."""

FALL = 0.25
"""How much less each further place counts: place number i counts 1 / (1 + FALL * i)."""

IN_A_ROW = 4
"""Smallest number of words in a row that count as quoted."""

LEAST_SHARE = 0.5
"""Share of the words of a query up to which nothing is quoted: literals and questions have some words in common."""

MOST_WORDS = 48
"""Number of words at the beginning of a query that are looked for in texts."""

STOP_WORD = 0.2
"""What a stop word counts among quoted words; another word counts 1."""

# What stands between three quotes is mostly documentation, and is no literal here.
_LITERAL = re.compile(r""""{3}|'{3}|"([^"\n]*)"|'([^'\n]*)'|`([^`]*)`""")
_WORD = re.compile(r"[^\W_]+")


class NamedRows(NamedTuple):
    """Files and chunks of a segment that a query names, and how well, each 0 to 1."""

    files: NDArray[np.float64]
    """How well each file is named, [files]."""
    rows: NDArray[np.int64]
    """Rows that hold a line that the query names, ascending, [n]."""
    shares: NDArray[np.float64]
    """How well each of them is named, [n]."""


class Quoted(NamedTuple):
    """What a query quotes."""

    places: tuple[NamedFile, ...]
    words: tuple[str, ...]
    """Its words in lower case, without places; empty where they are fewer than `IN_A_ROW`."""

    @classmethod
    def of(cls, text: str) -> Quoted:
        """Return what a query quotes."""
        places = named_files(text)
        words = tuple(_WORD.findall((without_frames(text) if places else text).lower())[:MOST_WORDS])
        return cls(places, words if len(words) >= IN_A_ROW else ())


def named_rows(segment: Segment, places: Sequence[NamedFile]) -> NamedRows | None:
    """Return how well some places name the files and rows of a segment; None where they name none of them."""
    if not places or not segment.reference.rows:
        return None
    fits = _Fits(segment)
    files, rows = np.zeros(segment.reference.files, np.float64), np.zeros(segment.reference.rows, np.float64)
    for number, place in enumerate(places):
        fit = fits.of(place.parts)
        if fit is None:
            continue
        shares = fit / (1.0 + FALL * number)
        np.maximum(files, shares if place.line else WITHOUT_LINE * shares, out=files)
        if place.line:
            starts, ends = segment.chunk_column("start_line"), segment.chunk_column("end_line")
            inside = np.flatnonzero((starts <= place.line) & (place.line <= ends))
            rows[inside] = np.maximum(rows[inside], shares[segment.chunk_column("file")[inside]])
    if not files.any():
        return None
    chosen = np.flatnonzero(rows)
    return NamedRows(files, chosen, rows[chosen])


class _Fits:
    """How well named paths are those of the files of a segment. Each path is compared once, however often it comes."""

    def __init__(self, segment: Segment) -> None:
        self._paths = segment.files.column("path").chunk(0)
        self._depths: NDArray[np.int64] | None = None
        self._known: dict[tuple[str, ...], NDArray[np.float64] | None] = {}

    def of(self, parts: tuple[str, ...]) -> NDArray[np.float64] | None:
        """Return how well a path is that of each file, 0 to 1, [files]; None where no file has its name."""
        if parts not in self._known:
            self._known[parts] = self._compared(parts[-MOST_PARTS:])
        return self._known[parts]

    def _compared(self, parts: tuple[str, ...]) -> NDArray[np.float64] | None:
        import pyarrow.compute as pc  # slow to load, and most queries name no file

        common = np.zeros(len(self._paths), np.int64)
        for count in range(1, len(parts) + 1):
            end = os.fsencode("/".join(parts[-count:]))
            is_same = pc.or_(pc.equal(self._paths, end), pc.ends_with(self._paths, pattern=b"/" + end))
            ends_so = is_same.to_numpy(zero_copy_only=False)
            if not ends_so.any():
                break
            common[ends_so] = count
        if not common.any():
            return None
        if self._depths is None:
            self._depths = pc.count_substring(self._paths, pattern=b"/").to_numpy().astype(np.int64) + 1
        whole: NDArray[np.float64] = (common / np.minimum(self._depths, len(parts))) ** 2
        return np.where(common < 2, NAME_ALONE * common, whole)


def message_shares(segment: Segment, rows: NDArray[np.int64], words: Sequence[str]) -> NDArray[np.float64]:
    """Return how far the string literals of each row hold the words of a query as the query has them, 0 to 1, [rows].

    A program fills places of a message with values, so some words of the query may be in no literal. Words count that
    stand in a row of `IN_A_ROW` or more.
    """
    weights = [STOP_WORD if word in STOP_WORDS else 1.0 for word in words]
    runs = [f" {' '.join(words[first : first + IN_A_ROW])} " for first in range(len(words) - IN_A_ROW + 1)]
    shares = np.zeros(len(rows), np.float64)
    for number, row in enumerate(rows.tolist()):
        literals = " ".join(map("".join, _LITERAL.findall(segment.text(row))))
        text = f" {' '.join(_WORD.findall(literals.lower()))} "
        held = {place for first, run in enumerate(runs) if run in text for place in range(first, first + IN_A_ROW)}
        share = sum(weights[place] for place in sorted(held)) / sum(weights)
        shares[number] = max(0.0, (share - LEAST_SHARE) / (1.0 - LEAST_SHARE))
    return shares
