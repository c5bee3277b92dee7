"""Reader of Jupyter notebooks: a unit for each cell, also where the whole notebook stands on one line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from raycontext.chunk.lines import Lines
from raycontext.chunk.units import Draft, Level, Unit
from raycontext.models import ChunkKind

__all__ = ["notebook_outline"]

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_KEY_END = re.compile(rb"[ \t\r\n]*:")
_HEADING = re.compile(r"#{1,6}[ \t]+(\S[^\n]*)")
_DEFINITION = re.compile(
    r"(?P<indent>[ \t]*)(?:async[ \t]+)?(?P<word>def|class)[ \t]+(?P<name>\w+)"
    r"|(?P<function>function)[ \t]+(?P<name2>[\w.!]+)\(|(?P<name3>[\w.]+)[ \t]*(?:<-|=)[ \t]*function\b"
)
_FIRST_KEYS = 1
"""Depth of the keys of the notebook itself: inside of one brace."""
_CELL_KEYS = 3
"""Depth of the keys of a cell: inside of the notebook, of the list of cells, and of the cell."""


@dataclass(slots=True)
class _Cell:
    """Cell of a notebook: its offsets, its type, and the strings of its source with their offsets."""

    start: int
    end: int = 0
    kind: str = ""
    source: list[tuple[int, str]] = field(default_factory=list)


def notebook_outline(lines: Lines) -> tuple[list[Unit], list[Draft]]:
    """Return a unit for each cell, and drafts of the headings of its text and of the definitions of its code.

    Rows that hold the ends of several cells are split between them. A file that is no notebook has no units.
    """
    cells = _cells(lines.data)
    if not cells:
        return [], []
    lines.split(_splits(lines, cells))
    units: list[Unit] = []
    drafts: list[Draft] = []
    for index, cell in enumerate(cells):
        row = lines.row_at(cell.start)
        last = lines.row_at(cells[index + 1].start) - 1 if index + 1 < len(cells) else lines.row_at(cell.end - 1)
        unit = Unit(row, max(row, last), None, Level())
        names = _names(lines, cell, unit)
        drafts.extend(names)
        unit.defines = bool(names)
        units.append(unit)
    if units[-1].last + 1 < len(lines):
        units.append(Unit(units[-1].last + 1, len(lines) - 1, None, Level()))
    return units, drafts


def _cells(data: bytes) -> list[_Cell]:
    """Return the cells of a notebook. They are found by counting brackets outside of strings."""
    cells: list[_Cell] = []
    depth = 0
    in_cells = False
    key = ""
    for match in _TOKEN.finditer(data):
        token = match[0]
        if token in (b"{", b"["):
            if in_cells and depth == _CELL_KEYS - 1 and token == b"{":
                cells.append(_Cell(match.start()))
                key = ""
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
            if in_cells and depth == _CELL_KEYS - 1 and cells:
                cells[-1].end = match.end()
            elif depth == _FIRST_KEYS:
                in_cells = False
        elif _KEY_END.match(data, match.end()):
            if depth == _FIRST_KEYS:
                in_cells = token == b'"cells"'
            elif depth == _CELL_KEYS:
                key = _text(token)
        elif in_cells and cells and key == "source" and depth in (_CELL_KEYS, _CELL_KEYS + 1):
            cells[-1].source.append((match.start(), _text(token)))
        elif in_cells and cells and key == "cell_type" and depth == _CELL_KEYS:
            cells[-1].kind = _text(token)
    return [cell for cell in cells if cell.end]


def _text(token: bytes) -> str:
    """Return the value of a JSON string; "" when it is not valid."""
    try:
        value = json.loads(token.decode("utf-8", "ignore"), strict=False)
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""


def _splits(lines: Lines, cells: list[_Cell]) -> list[int]:
    """Return the offsets at which rows are split: where a cell, or a line of its source, begins within a row."""
    offsets: list[int] = []
    for cell in cells:
        row = lines.row_at(cell.start)
        if lines.data[lines.starts[row] : cell.start].strip():
            offsets.append(cell.start)
            offsets.extend(offset for offset, _ in cell.source[1:] if lines.row_at(offset) == row)
    return offsets


def _names(lines: Lines, cell: _Cell, unit: Unit) -> list[Draft]:
    """Return drafts of the headings or the definitions in the source of one cell."""
    drafts: list[Draft] = []
    outer: Draft | None = None
    indent = ""
    for offset, text in cell.source:
        row = lines.row_at(offset)
        for line in text.splitlines():
            if cell.kind == "markdown":
                heading = _HEADING.match(line)
                if heading is not None:
                    drafts.append(Draft(heading[1].strip(), ChunkKind.SECTION, row, "", unit))
                continue
            found = _DEFINITION.match(line) if cell.kind == "code" else None
            if found is None:
                continue
            kind = ChunkKind.CLASS if found["word"] == "class" else ChunkKind.FUNCTION
            name = found["name"] or found["name2"] or found["name3"]
            scope = ""
            if found["indent"]:
                # What is indented is a method of the class above, or local to the function above.
                if outer is None or outer.kind is not ChunkKind.CLASS or kind is ChunkKind.CLASS:
                    continue
                if indent not in ("", found["indent"]):
                    continue
                indent, kind, scope = found["indent"], ChunkKind.METHOD, outer.name
            drafts.append(Draft(name, kind, row, scope, unit, 1 if scope else 0))
            if not scope:
                outer, indent = drafts[-1], ""
    return drafts
