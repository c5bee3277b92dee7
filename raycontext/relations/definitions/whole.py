"""Questions for what makes the answer of a search suffice: whole definitions, and signatures of definitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from raycontext.relations.definitions.signatures import signature_of
from raycontext.relations.lexed import CONTAINERS, FileDefinition, LexedFile
from raycontext.relations.reading import files_at, lexed
from raycontext.search.rows.view import View

__all__ = ["MOST_WHOLE_BYTES", "SignaturesAt", "Whole", "WholeAt"]

MOST_WHOLE_BYTES = 4500
"""Size in bytes of the longest definition that is shown whole: three times the target size of a chunk."""


class Whole(NamedTuple):
    """Definition that a hit is part of, and the lines and text of both together."""

    name: str
    line: int
    start_line: int
    end_line: int
    text: str
    """Text of the definition and the hit; "" where the hit is to stay as it is."""


@dataclass(frozen=True, slots=True)
class WholeAt:
    """Question for the definitions that some hits are part of, by path, first line and last line."""

    places: tuple[tuple[str, int, int], ...]

    def answer(self, view: View) -> dict[tuple[str, int, int], Whole]:
        """Return what was found for those places whose files the shard has and that lie in a definition."""
        found: dict[tuple[str, int, int], Whole] = {}
        for place in self.places:
            path, first, last = place
            for part, ordinal in files_at(view, [path]):
                if not part.segment.has_references:
                    continue
                file = lexed(view, part, ordinal)
                one = _definition_of(file, first, last)
                if one is not None:
                    found[place] = _whole(file, one, first, last)
        return found


def _definition_of(file: LexedFile, first: int, last: int) -> FileDefinition | None:
    """Return the definition that begins on some lines, the longest of the first ones, else the one around them."""
    here = [one for one in file.within(first, last) if one.kind in CONTAINERS]
    if here:
        return here[0]
    around = [one for one in file.around(first) if one.line < first]
    return around[-1] if around else None


def _whole(file: LexedFile, one: FileDefinition, first: int, last: int) -> Whole:
    start, end = min(first, one.line), max(last, one.end_line)
    if (start, end) == (first, last):
        return Whole(one.name, one.line, first, last, "")
    text = _text(file, start, end)
    if len(text.encode(errors="replace")) > MOST_WHOLE_BYTES:
        return Whole(one.name, one.line, first, last, "")
    return Whole(one.name, one.line, start, end, text)


def _text(file: LexedFile, first: int, last: int) -> str:
    """Return some lines of a file. Blank lines between chunks are put back, so that lines have their numbers."""
    segment = file.segment
    begin = int(segment.first_rows[file.ordinal])
    rows = np.arange(begin, begin + int(segment.row_counts[file.ordinal]))
    starts, ends = (segment.chunk_column(name)[rows].astype(int).tolist() for name in ("start_line", "end_line"))
    lines: list[str] = []
    for row, start, end in zip(rows.tolist(), starts, ends, strict=True):
        if end < first or start > last:
            continue
        text = segment.text(row).removesuffix("\n").split("\n")
        skipped = max(first - start, 0)
        at = max(start, first)
        lines.extend([""] * (at - first - len(lines)))
        lines.extend(text[skipped : last - start + 1])
    return "\n".join(lines[: last - first + 1])


@dataclass(frozen=True, slots=True)
class SignaturesAt:
    """Question for the signatures of the definitions whose names stand at some lines, by path and line."""

    places: tuple[tuple[str, int], ...]

    def answer(self, view: View) -> dict[tuple[str, int], str]:
        found: dict[tuple[str, int], str] = {}
        for path, line in self.places:
            for part, ordinal in files_at(view, [path]):
                file = lexed(view, part, ordinal)
                here = file.within(line, line) or file.local(line)
                if here:
                    found[path, line] = signature_of(file, here[0])
        return found
