"""JSON, YAML, TOML and INI by keys: a unit per key at the left edge, keys inside it where it is large.

Read by lines and indentation, without a grammar: what is cut is the text as a person lays it out. A
file that is laid out otherwise (minified JSON) is cut by lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from raycontext.chunk.lines import Lines
from raycontext.chunk.outline import Draft, Level, Unit, join_scope
from raycontext.models import ChunkKind

__all__ = ["config_outline"]

MAX_KEY_LEVELS = 4
MIN_ROWS_TO_OPEN = 12  # values lower than this are not looked into
MAX_KEY_CHARACTERS = 120

_JSON_KEY = re.compile(rb'[ \t]*"((?:[^"\\\n]|\\.)*)"[ \t]*:')
_YAML_KEY = re.compile(rb"[ \t]*(?:- +)?([A-Za-z_$\"'<./{][^#\n:]*?)[ \t]*:(?=[ \t\r\n]|$)")
_SECTION = re.compile(rb"[ \t]*\[{1,2}[ \t]*([^\]\n]+?)[ \t]*\]{1,2}")
_ASSIGNMENT = re.compile(rb"([A-Za-z_\"'][^=\n:#;\[\]]*?)[ \t]*[=:]")
_PROPERTY = re.compile(rb"(?:export[ \t]+)?([A-Za-z_][\w.\-]*)[ \t]*[=:]")


def config_outline(language: str) -> Callable[[Lines], tuple[list[Unit], list[Draft]]]:
    """The reader of one of json, yaml, toml, ini, properties: units and keys of a file."""
    if language == "json":
        return _indented(_JSON_KEY)
    if language == "yaml":
        return _indented(_YAML_KEY)
    return _sectioned(_SECTION, _PROPERTY if language == "properties" else _ASSIGNMENT)


def _indented(key: re.Pattern[bytes]) -> Callable[[Lines], tuple[list[Unit], list[Draft]]]:
    def read(lines: Lines) -> tuple[list[Unit], list[Draft]]:
        drafts: list[Draft] = []
        return _keys(lines, key, 0, len(lines) - 1, Level(), drafts), drafts

    return read


def _keys(lines: Lines, key: re.Pattern[bytes], first: int, last: int, level: Level, drafts: list[Draft]) -> list[Unit]:
    """Units of the keys at the smallest indentation that any key has between two rows."""
    found: list[tuple[int, int, bytes]] = []
    for row in range(first, last + 1):
        match = key.match(lines.data, lines.starts[row], lines.starts[row + 1])
        if match is not None:
            found.append((row, lines.indent(row), match[1]))
    if not found:
        return []
    indent = min(item[1] for item in found)
    rows = [(row, name) for row, column, name in found if column == indent]
    units: list[Unit] = []
    for index, (row, raw) in enumerate(rows):
        end = rows[index + 1][0] - 1 if index + 1 < len(rows) else last
        name = raw.decode("utf-8", "ignore").strip("\"' ")[:MAX_KEY_CHARACTERS]
        inside = Level(join_scope(level.scope, name), level.depth + 1)
        unit = Unit(_with_comments(lines, row, units[-1].first + 1 if units else first), end, None, inside)
        if units:
            units[-1].last = unit.first - 1
        unit.defines = True
        if name:
            drafts.append(Draft(name, ChunkKind.CONSTANT, row, level.scope, unit, level.depth))
        units.append(unit)
    if level.depth + 1 < MAX_KEY_LEVELS:
        for unit, (row, _) in zip(units, rows, strict=True):
            if unit.last - row >= MIN_ROWS_TO_OPEN:
                unit.children = _keys(lines, key, row + 1, unit.last, unit.inside, drafts) or None
    return units


def _with_comments(lines: Lines, row: int, lowest: int) -> int:
    """The first row of the comment directly above a key, else its own."""
    while row > lowest and lines.row(row - 1).lstrip().startswith((b"#", b"//", b";")):
        row -= 1
    return row


def _sectioned(
    section: re.Pattern[bytes], assignment: re.Pattern[bytes]
) -> Callable[[Lines], tuple[list[Unit], list[Draft]]]:
    def read(lines: Lines) -> tuple[list[Unit], list[Draft]]:
        units: list[Unit] = []
        drafts: list[Draft] = []
        scope = ""
        for row in range(len(lines)):
            start, end = lines.starts[row], lines.starts[row + 1]
            match = section.match(lines.data, start, end)
            is_section = match is not None
            if match is None:
                match = assignment.match(lines.data, start, end)
            if match is None:
                continue
            name = match[1].decode("utf-8", "ignore").strip("\"' ")[:MAX_KEY_CHARACTERS]
            first = _with_comments(lines, row, units[-1].first + 1 if units else 0)
            if units and (is_section or not scope):
                units[-1].last = first - 1
            if is_section:
                scope = name
            if is_section or not scope:
                unit = Unit(first, len(lines) - 1, None, Level(scope or name, 1))
                unit.defines = True
                units.append(unit)
            outer = "" if is_section else scope
            kind = ChunkKind.SECTION if is_section else ChunkKind.CONSTANT
            drafts.append(Draft(name, kind, row, outer, units[-1], 1 if outer else 0))
        return units, drafts

    return read
