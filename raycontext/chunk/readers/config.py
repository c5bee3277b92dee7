"""Reader of JSON, YAML, TOML, INI and properties files: a unit for each key at the left edge.

A large unit of JSON or YAML has units for the keys inside it. The reader looks at lines and indentation and uses no
grammar, because the text is cut as a person lays it out. A file with another layout (minified JSON) is cut by lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from raycontext.chunk.lines import Lines
from raycontext.chunk.units import Draft, Level, Unit, join_scope
from raycontext.models import ChunkKind

__all__ = ["config_outline"]

MAX_KEY_LEVELS = 4
"""Largest number of levels of keys that become units."""
MIN_ROWS_TO_OPEN = 12
"""Smallest number of rows after its key for a value whose inner keys become units."""
MAX_KEY_CHARACTERS = 120
"""Largest length of a key's name, in characters. The rest is cut off."""
ITEM_NAMES = frozenset({"name", "id"})
"""Keys whose values name an item of a list."""

_JSON_KEY = re.compile(rb'(?P<indent>[ \t]*)"(?P<key>(?:[^"\\\n]|\\.)*)"[ \t]*:')
_YAML_KEY = re.compile(rb"(?P<indent>[ \t]*)(?P<dash>- +)?(?P<key>[A-Za-z_$\"'<./{][^#\n:]*):(?=[ \t\r\n]|$)")
_DOCUMENT = re.compile(rb"---(?:[ \t\r]|$)")
_NAME_IN_FLOW = re.compile(rb"[{,][ \t]*\"?(?P<key>name)\"?[ \t]*:[ \t]*(?P<value>\"[^\"]*\"|[^,}\s]+)")
_SECTION = re.compile(rb"[ \t]*\[{1,2}([^\]\n]+)\]{1,2}")
_ASSIGNMENT = re.compile(rb"([A-Za-z_\"'][^=\n:#;\[\]]*?)[ \t]*[+?]?[=:]")
_PROPERTY = re.compile(rb"(?:export[ \t]+)?([A-Za-z_][\w.\-]*)[ \t]*[=:]")


def config_outline(language: str) -> Callable[[Lines], tuple[list[Unit], list[Draft]]]:
    """Return the reader of a language: json, yaml, toml, ini or properties. It returns units and drafts of keys."""
    if language == "json":
        return _indented(_JSON_KEY)
    if language == "yaml":
        return _documents
    return _sectioned(
        _SECTION, _PROPERTY if language == "properties" else _ASSIGNMENT, triple_quoted=language == "toml"
    )


def _indented(key: re.Pattern[bytes]) -> Callable[[Lines], tuple[list[Unit], list[Draft]]]:
    """Return a reader of files whose keys are nested by indentation. `key` matches a line with a key."""

    def read(lines: Lines) -> tuple[list[Unit], list[Draft]]:
        drafts: list[Draft] = []
        return _keys(lines, key, 0, len(lines) - 1, Level(), drafts), drafts

    return read


def _documents(lines: Lines) -> tuple[list[Unit], list[Draft]]:
    """Return units and drafts of YAML: a unit for each document, with units for its keys inside.

    The kind and the name of an object of Kubernetes are names of its document.
    """
    cuts = [row for row in range(1, len(lines)) if _DOCUMENT.match(lines.start_of(row))]
    drafts: list[Draft] = []
    if not cuts:
        units = _keys(lines, _YAML_KEY, 0, len(lines) - 1, Level(), drafts)
        unit = Unit(0, len(lines) - 1, None, Level())
        drafts.extend(_object_names(lines, unit, drafts))
        return units, drafts
    units = []
    for first, last in zip([0, *cuts], [*(cut - 1 for cut in cuts), len(lines) - 1], strict=True):
        own: list[Draft] = []
        unit = Unit(first, last, None, Level())
        unit.children = _keys(lines, _YAML_KEY, first, last, Level(), own) or None
        own.extend(_object_names(lines, unit, own))
        unit.defines = bool(own)
        drafts.extend(own)
        units.append(unit)
    return units, drafts


def _object_names(lines: Lines, unit: Unit, keys: list[Draft]) -> list[Draft]:
    """Return drafts of the kind and of the name of an object of Kubernetes, which a document defines by its keys.

    `keys` are the keys of the document.
    """
    top = {key.name: key for key in keys if not key.scope}
    if not {"apiVersion", "kind"} <= top.keys():
        return []
    kind = top["kind"]
    found = []
    value = _text(lines.start_of(kind.row).partition(b":")[2].split(b" #", 1)[0])
    if value:
        found.append(Draft(value, ChunkKind.SECTION, kind.row, "", unit))
    metadata = top.get("metadata")
    if metadata is not None:
        indent = -1
        for row in range(metadata.row, min(metadata.unit.last, unit.last) + 1):
            line = lines.start_of(row)
            match = _NAME_IN_FLOW.search(line) if row == metadata.row else _YAML_KEY.match(line)
            if match is None:
                continue
            indent = _width(match["indent"]) if indent < 0 and row > metadata.row else indent
            if match["key"] == b"name" and (row == metadata.row or _width(match["indent"]) == indent):
                name = _text(match["value"] if row == metadata.row else line[match.end() :].split(b" #", 1)[0])
                if name:
                    found.append(Draft(name, ChunkKind.SECTION, row, value, unit))
                break
    return found


class _Key(NamedTuple):
    """Key in a file: its row from 0, the width of its indentation, and its name."""

    row: int
    indent: int
    name: str
    """Name of the key; "" for an item of a list that has no name."""


def _keys(lines: Lines, key: re.Pattern[bytes], first: int, last: int, level: Level, drafts: list[Draft]) -> list[Unit]:
    """Return a unit for each key with the smallest indentation among the rows `first` to `last`.

    The drafts of the keys are added to `drafts`.
    """
    matches = []
    for row in range(first, last + 1):
        match = key.match(lines.start_of(row))
        if match is not None:
            matches.append((row, _width(match["indent"]), match))
    if not matches:
        return []
    indent = min(column for _, column, _ in matches)
    keys = [_Key(row, column, _key_name(match)) for row, column, match in matches if column == indent]
    units: list[Unit] = []
    for found in keys:
        inside = Level(join_scope(level.scope, found.name), level.depth + 1)
        unit = Unit(_with_comments(lines, found.row, units[-1].first + 1 if units else first), last, None, inside)
        if units:
            units[-1].last = unit.first - 1
        unit.defines = True
        if found.name:
            drafts.append(Draft(found.name, ChunkKind.CONSTANT, found.row, level.scope, unit, level.depth))
        units.append(unit)
    if level.depth + 1 < MAX_KEY_LEVELS:
        for unit, found in zip(units, keys, strict=True):
            if unit.last - found.row >= MIN_ROWS_TO_OPEN:
                unit.children = _keys(lines, key, found.row + 1, unit.last, unit.inside, drafts) or None
    return units


def _width(indent: bytes) -> int:
    """Return the width of an indentation. A space counts 1, a tab counts 4."""
    return len(indent) + 3 * indent.count(b"\t")


def _key_name(match: re.Match[bytes]) -> str:
    """Return the name of a key. For an item of a list, return the value of its `name` or `id`, else ""."""
    name = _text(match["key"])
    groups = match.groupdict()
    if groups.get("dash") is None:
        return name
    return _text(match.string[match.end() :].split(b" #", 1)[0]) if name in ITEM_NAMES else ""


def _text(raw: bytes) -> str:
    """Return a key as text without white space and a pair of quotes around it, cut at `MAX_KEY_CHARACTERS`."""
    text = raw.decode("utf-8", "ignore").strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return text[:MAX_KEY_CHARACTERS].strip()


def _with_comments(lines: Lines, row: int, lowest: int) -> int:
    """Return the first row of the comment directly above `row`, else `row`. The result is not below `lowest`."""
    while row > lowest and lines.row(row - 1).lstrip().startswith((b"#", b"//", b";")):
        row -= 1
    return row


def _text_block(line: bytes, closing: bytes) -> tuple[bytes, bool]:
    """Follow strings in three quotes over one line.

    `closing` are the quotes that end the string in which the line begins; b"" outside of strings. Return the quotes for
    the next line, and whether the line begins inside of a string.
    """
    is_inside = bool(closing)
    position = 0
    while True:
        if closing:
            position = line.find(closing, position)
            if position < 0:
                return closing, is_inside
            position, closing = position + 3, b""
            continue
        starts = [(found, quotes) for quotes in (b'"""', b"'''") if (found := line.find(quotes, position)) >= 0]
        if not starts or b"#" in line[position : min(starts)[0]]:
            return b"", is_inside
        position, closing = min(starts)[0] + 3, min(starts)[1]


def _sectioned(
    section: re.Pattern[bytes], assignment: re.Pattern[bytes], *, triple_quoted: bool
) -> Callable[[Lines], tuple[list[Unit], list[Draft]]]:
    """Return a reader of files with sections and assignments. Assignments before the first section are units.

    `triple_quoted` says whether strings of several lines stand between three quotes. Nothing in them is a key.
    """

    def read(lines: Lines) -> tuple[list[Unit], list[Draft]]:
        units: list[Unit] = []
        drafts: list[Draft] = []
        scope = ""
        closing = b""
        for row in range(len(lines)):
            text = lines.start_of(row)
            if triple_quoted:
                closing, is_inside = _text_block(text, closing)
                if is_inside:
                    continue
            match = section.match(text)
            is_section = match is not None
            if match is None:
                match = assignment.match(text)
            if match is None:
                continue
            name = _text(match[1])
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
            if name:
                drafts.append(Draft(name, kind, row, outer, units[-1], 1 if outer else 0))
        return units, drafts

    return read
