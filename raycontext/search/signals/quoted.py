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
    files = np.zeros(segment.reference.files, np.float64)
    rows: dict[int, float] = {}
    if not places or not segment.reference.files:
        return None
    import pyarrow.compute as pc  # slow to load, and most queries need none of it

    paths = segment.files.column("path")
    starts, ends = segment.chunk_column("start_line"), segment.chunk_column("end_line")
    for number, place in enumerate(places):
        weight = 1.0 / (1.0 + FALL * number)
        name = os.fsencode(place.parts[-1])
        for ordinal in np.flatnonzero(pc.ends_with(paths, pattern=name).to_numpy()).tolist():
            share = weight * _fit(segment.path(ordinal).split("/"), place.parts)
            if share == 0.0:
                continue
            files[ordinal] = max(files[ordinal], share * (1.0 if place.line else WITHOUT_LINE))
            if place.line:
                first = int(segment.first_rows[ordinal])
                last = first + int(segment.row_counts[ordinal])
                inside = (starts[first:last] <= place.line) & (place.line <= ends[first:last])
                for row in (first + np.flatnonzero(inside)).tolist():
                    rows[row] = max(rows.get(row, 0.0), share)
    if not files.any():
        return None
    chosen = np.array(sorted(rows), np.int64)
    return NamedRows(files, chosen, np.array([rows[row] for row in chosen.tolist()], np.float64))


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


def _fit(path: Sequence[str], named: Sequence[str]) -> float:
    """Return how well a named path is that of a file, 0 to 1; 0 where the names of the files differ."""
    common = 0
    for mine, other in zip(reversed(path), reversed(named), strict=False):
        if mine != other:
            break
        common += 1
    if common < 2:
        return NAME_ALONE * common
    return float((common / min(len(path), len(named))) ** 2)
