"""Reader of reStructuredText. A heading is a title with a line of punctuation below it, and perhaps one above it."""

from __future__ import annotations

import re

from raycontext.chunk.lines import Lines
from raycontext.chunk.readers.sections import MAX_HEADING_CHARACTERS, Heading, section_outline
from raycontext.chunk.units import Draft, Unit

__all__ = ["rst_outline"]

_ADORNMENT = re.compile(rb"([=\-`:.'\"~^_*+#<>])\1{2,}[ \t\r]*$")
_ROLE = re.compile(r":[\w:]+:`([^`<]*)[^`]*`")


def rst_outline(lines: Lines) -> tuple[list[Unit], list[Draft]]:
    """Return a unit for each section, in order, and a draft for each heading. Its scope is the headings above it.

    Each style of punctuation is a level. Levels are ranked in the order in which the styles appear in the file.
    """
    headings: list[Heading] = []
    styles: list[bytes] = []
    row = 1
    while row < len(lines):
        title_line = lines.start_of(row - 1).rstrip()
        below = lines.start_of(row)
        match = _ADORNMENT.match(below)
        is_title = title_line and not title_line[:1].isspace() and _ADORNMENT.match(title_line) is None
        has_line_above = row >= 2 and lines.row(row - 2).rstrip() == below.rstrip()
        if has_line_above and title_line.strip() and _ADORNMENT.match(title_line.strip()) is None:
            is_title = True
        if match is None or not is_title or len(below.rstrip()) < len(title_line.strip().decode("utf-8", "ignore")):
            row += 1
            continue
        style = match[1] * (2 if has_line_above else 1)
        if style not in styles:
            styles.append(style)
        first = row - 2 if has_line_above else row - 1
        headings.append(Heading(first, styles.index(style) + 1, _title(title_line)))
        row += 2
    return section_outline(lines, headings)


def _title(raw: bytes) -> str:
    """Return a heading as plain text, without roles and markup."""
    text = " ".join(raw.decode("utf-8", "ignore").split())
    return _ROLE.sub(r"\1", text).replace("`", "").strip("*")[:MAX_HEADING_CHARACTERS].strip()
