"""Reader of Jupyter notebooks: a unit for each cell, found by the layout in which notebook programs write them."""

from __future__ import annotations

import re

from raycontext.chunk.lines import Lines
from raycontext.chunk.units import Draft, Level, Unit
from raycontext.models import ChunkKind

__all__ = ["notebook_outline"]

_CELL = re.compile(rb"\n( +|\t+)\{[ \t\r]*\n[ \t]*\"(?:cell_type|attachments|id|metadata|execution_count)\"")
_HEADING = re.compile(rb'^[ \t]*"#{1,6}[ \t]+([^"\\]+)', re.MULTILINE)
_DEFINITION = re.compile(rb'^[ \t]*"(?:async +)?(def|class)[ \t]+(\w+)', re.MULTILINE)


def notebook_outline(lines: Lines) -> tuple[list[Unit], list[Draft]]:
    """Return a unit for each cell, and drafts of the headings, functions and classes in the cells.

    Cells differ from other objects by their indentation. It equals that of the first object in the list `cells`. A
    notebook on one line has no units, so that it is cut by lines.
    """
    data = lines.data
    begin = data.find(b'"cells"')
    if begin < 0:
        return [], []
    first_cell = _CELL.search(data, begin)
    if first_cell is None:
        return [], []
    opening = re.compile(rb"^" + first_cell[1] + rb"\{[ \t\r]*$", re.MULTILINE)
    closing = re.compile(rb"^[ \t]{0,%d}\]" % (len(first_cell[1]) - 1), re.MULTILINE)
    end = closing.search(data, first_cell.start())
    stop = end.start() if end is not None else len(data)
    rows = [lines.row_at(match.start()) for match in opening.finditer(data, begin, stop)]
    last_row = lines.row_at(stop) - 1
    units: list[Unit] = []
    drafts: list[Draft] = []
    for index, row in enumerate(rows):
        last = rows[index + 1] - 1 if index + 1 < len(rows) else max(row, last_row)
        unit = Unit(row, last, None, Level())
        units.append(unit)
        names = _names(lines, unit)
        drafts.extend(names)
        unit.defines = bool(names)
    if units and units[-1].last + 1 < len(lines):
        units.append(Unit(units[-1].last + 1, len(lines) - 1, None, Level()))
    return units, drafts


def _names(lines: Lines, unit: Unit) -> list[Draft]:
    """Return drafts of the headings and definitions in the rows of one cell."""
    drafts: list[Draft] = []
    start, end = lines.starts[unit.first], lines.starts[unit.last + 1]
    for match in _HEADING.finditer(lines.data, start, end):
        title = match[1].decode("utf-8", "ignore").strip()
        if title:
            drafts.append(Draft(title, ChunkKind.SECTION, lines.row_at(match.start(1)), "", unit))
    for match in _DEFINITION.finditer(lines.data, start, end):
        kind = ChunkKind.CLASS if match[1] == b"class" else ChunkKind.FUNCTION
        drafts.append(Draft(match[2].decode("utf-8", "ignore"), kind, lines.row_at(match.start(2)), "", unit))
    return drafts
