"""Reader of Markdown. A section reaches from one heading to the next."""

from __future__ import annotations

import re

from raycontext.chunk.lines import Lines
from raycontext.chunk.readers.sections import MAX_HEADING_CHARACTERS, Heading, section_outline
from raycontext.chunk.units import Draft, Unit

__all__ = ["markdown_outline"]

_FENCE = re.compile(rb" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(rb" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t\r]*$", re.DOTALL)
_SETEXT = re.compile(rb" {0,3}(=+|-+)[ \t\r]*$")
_NO_TITLE = re.compile(rb"[ \t]*(?:[-*+>|#]|\d+[.)])|\s*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


def markdown_outline(lines: Lines) -> tuple[list[Unit], list[Draft]]:
    """Return a unit for each section, in order, and a draft for each heading. Its scope is the headings above it."""
    return section_outline(lines, _headings(lines))


def _headings(lines: Lines) -> list[Heading]:
    """Return the headings of both styles (`# title` and underlined), outside front matter and fenced code."""
    headings: list[Heading] = []
    fence = b""
    row = _after_front_matter(lines)
    paragraph_row = -1  # row above, if it could be the title of an underlined (setext) heading; else -1
    for index in range(row, len(lines)):
        line = lines.start_of(index)
        match = _FENCE.match(line)
        if fence:
            if match is not None and match[1].startswith(fence) and not line[match.end() :].strip():
                fence = b""
            continue
        if match is not None:
            fence = match[1]
            paragraph_row = -1
            continue
        atx = _ATX.match(line)
        if atx is not None:
            headings.append(Heading(index, len(atx[1]), _title(atx[2] or b"")))
            paragraph_row = -1
            continue
        if paragraph_row >= 0:
            setext = _SETEXT.match(line)
            if setext is not None:
                level = 1 if setext[1].startswith(b"=") else 2
                headings.append(Heading(paragraph_row, level, _title(lines.start_of(paragraph_row))))
                paragraph_row = -1
                continue
        starts_paragraph = _NO_TITLE.match(line) is None and not line.startswith((b"    ", b"\t"))
        above_blank = index == row or lines.is_blank(index - 1)
        paragraph_row = index if starts_paragraph and above_blank else -1
    return headings


def _after_front_matter(lines: Lines) -> int:
    """Return the row after a leading `---` block; 0 without such a block."""
    if len(lines) == 0 or lines.row(0).rstrip() != b"---":
        return 0
    for index in range(1, min(len(lines), 200)):
        if lines.row(index).rstrip() in (b"---", b"..."):
            return index + 1
    return 0


def _title(raw: bytes) -> str:
    """Return a heading as plain text, without links and markup."""
    text = " ".join(raw.decode("utf-8", "ignore").split())
    text = _LINK.sub(r"\1", text)
    return text.replace("`", "").replace("**", "").strip("*_ ")[:MAX_HEADING_CHARACTERS].strip()
