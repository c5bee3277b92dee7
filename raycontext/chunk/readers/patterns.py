"""Reader of languages whose grammars are missing or poor. Patterns find the lines that begin definitions.

A pattern never matches inside of a comment or a string that began on an earlier line. Braces or the indentation tell
which definitions stand inside of others; what stands inside of a function is local to it and no definition.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from raycontext.chunk.lines import Lines
from raycontext.chunk.units import Draft, Level, Unit, is_callable, join_scope
from raycontext.models import ChunkKind

__all__ = ["Patterns", "Rule", "pattern_reader", "rule"]

MAX_NAME_BYTES = 160
"""Largest length of a name, in bytes. The rest is cut off."""
MAX_OPENING_BYTES = 2000
"""Largest distance in bytes from a definition to the brace that opens its body."""
MAX_LINE_BYTES = 400
"""Largest part of a line that patterns see, in bytes."""
MAX_BLOCK_ROWS = 400
"""Largest number of rows from the first line of a block to a line of it."""
MAX_MATCHES = 200_000
"""Largest number of definitions of one file. A file with more is data."""

_CONTAINERS = frozenset({ChunkKind.CLASS, ChunkKind.INTERFACE, ChunkKind.ENUM, ChunkKind.MODULE})
_TYPES = frozenset({ChunkKind.CLASS, ChunkKind.INTERFACE, ChunkKind.ENUM})
_NOT_LINE_END = re.compile(rb"[^\n]")
_BRACE = re.compile(rb"[{}]")
_AROUND_NAMES = " \t.:#/\"'`[]"
_QUOTES = "\"'`["
_QUOTE_BYTES = b"\"'`["
_OPERATOR = re.compile(r"\(\s*([^\w\s()|]+|[^\w\s()]{2,})\s*\)")
_SEPARATOR = re.compile(r"(?:::|\.|#|:)(?=[^.:#])")


_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]|\\.", re.DOTALL)


@cache
def _line_pattern(pattern: str) -> re.Pattern[bytes]:
    """Compile a pattern of the beginning of a line. Only languages that occur cost that time."""

    def within_line(match: re.Match[str]) -> str:
        text = match[0]
        if text == r"\s":
            return r"[^\S\n]"
        return text if text.startswith("[^") else text.replace(r"\s", r" \t")

    return re.compile(_CLASS.sub(within_line, f"^{pattern}").encode(), re.MULTILINE)


@cache
def _hiding_pattern(pattern: str) -> re.Pattern[bytes]:
    """Compile a pattern of comments and strings."""
    return re.compile(pattern.encode(), re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """Kind of definition, and the pattern of the line that begins one.

    The group `name` is the name. Further groups `name2`, `name3` stand for it in other branches of the pattern. The
    group `owner` is a type that is written before the name; `scope` is a namespace there.
    """

    kind: ChunkKind
    pattern: str
    """Regular expression for the beginning of a line."""
    holds: bool
    """Whether what stands inside belongs to the definition. A heading or a namespace without an end holds nothing."""
    rest: bool
    """Whether the definition holds the rest of the file, as `package Name;` does."""
    in_code: bool
    """Whether the definition counts inside of a function, too."""
    in_comment: bool
    """Whether the definition stands inside of a comment, as a heading of a manual does."""
    under: str
    """Regular expression for the beginning of the nearest line above that is indented less, such as `const` of a block
    of constants; "" where any line may stand there."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Rules of one language."""

    rules: tuple[Rule, ...]
    """Rules in order. Where several match one line, the first one counts."""
    hidden: str = ""
    """Regular expression for comments and strings, in which neither definitions nor braces count; "" for none."""
    comment: tuple[bytes, ...] = (b"#", b"//", b"--", b";", b"*", b"/*", b"'", b"%", b"@", b"[<", b"!", b"{-")
    """Beginnings of lines that belong to the definition below them."""
    braces: bool = False
    """Whether braces tell what stands inside of a definition. Otherwise the indentation does."""
    end: str = ""
    """Regular expression for a line that ends a definition whose first line is not indented further than it."""
    methods_in_modules: bool = False
    """Whether functions inside modules are methods."""


def rule(
    kind: str,
    pattern: str,
    *,
    holds: bool | None = None,
    rest: bool = False,
    in_code: bool = False,
    in_comment: bool = False,
    under: str = "",
) -> Rule:
    """Make a rule from a pattern that begins at the first character of a line. `\\s` does not match a line end.

    Classes, interfaces, enums, modules, functions, macros and tests hold what stands inside of them, unless `holds`
    says otherwise.
    """
    own = ChunkKind(kind)
    if holds is None:
        holds = own in _CONTAINERS or is_callable(own) or own is ChunkKind.MACRO
    return Rule(own, pattern, holds, rest, in_code, in_comment, under)


def pattern_reader(patterns: Patterns) -> Callable[[Lines], tuple[list[Unit], list[Draft]]]:
    """Return a reader for the rules of a language.

    A unit reaches from a definition, with the comment above it, to the next definition.
    """

    def read(lines: Lines) -> tuple[list[Unit], list[Draft]]:
        return _Reading(lines, patterns).outline()

    return read


def _clipped(lines: Lines) -> bytes:
    """Return the content with line ends in place of what stands behind the beginning of a long line.

    The time of a pattern grows with the square of the length of a line, and no definition begins so far behind.
    """
    data = lines.data
    starts = lines.starts
    long_rows = [row for row in range(len(lines)) if starts[row + 1] - starts[row] > MAX_LINE_BYTES]
    if not long_rows:
        return data
    clipped = bytearray(data)
    for row in long_rows:
        begin, end = starts[row] + MAX_LINE_BYTES, starts[row + 1]
        clipped[begin:end] = b"\n" * (end - begin)
    return bytes(clipped)


def _is_code(kind: ChunkKind) -> bool:
    """Return whether what stands inside a definition of a kind is local to it: a function or the text of a macro."""
    return is_callable(kind) or kind is ChunkKind.MACRO


class _Open:
    """Definition that may hold what follows: its draft, indentation, and the offset where it ends (-1: not known)."""

    __slots__ = ("draft", "end", "indent", "is_type")

    def __init__(self, draft: Draft, indent: int, end: int, *, is_type: bool) -> None:
        self.draft = draft
        self.indent = indent
        self.end = end
        self.is_type = is_type


class _Reading:
    """State of reading one file."""

    def __init__(self, lines: Lines, patterns: Patterns) -> None:
        self.lines = lines
        self.data = lines.data
        self.patterns = patterns
        self.units: list[Unit] = []
        self.drafts: list[Draft] = []
        self._clipped = _clipped(lines)
        self._open: list[_Open] = []
        self._hidden: list[tuple[int, int]] = []
        if patterns.hidden:
            self._hidden = [match.span() for match in _hiding_pattern(patterns.hidden).finditer(self.data)]
        self._hidden_starts = [start for start, _ in self._hidden]
        self._closing = self._matched_braces() if patterns.braces else {}
        self._openings = sorted(self._closing)

    def outline(self) -> tuple[list[Unit], list[Draft]]:
        """Return the units and drafts of the file."""
        matches = self._matches()
        for index, (offset, row, match, found) in enumerate(matches):
            limit = matches[index + 1][0] if index + 1 < len(matches) else len(self.data)
            self._take(offset, row, match, found, limit)
        return self.units, self.drafts

    def _matches(self) -> list[tuple[int, int, re.Match[bytes] | None, Rule | None]]:
        """Return the first match of each row outside of comments and strings, and the ends of definitions, in order.

        Each has the offset of its first character that is not blank, and its row.
        """
        by_row: dict[int, tuple[int, int, re.Match[bytes] | None, Rule | None]] = {}
        lines = self.lines
        for found in self.patterns.rules:
            for match in _line_pattern(found.pattern).finditer(self._clipped):
                offset = match.start() + len(match[0]) - len(match[0].lstrip())
                row = lines.row_at(offset)
                if row not in by_row and (found.in_comment or not self._is_hidden_match(offset, match)):
                    by_row[row] = offset, row, match, found
        if self.patterns.end:
            for match in _line_pattern(self.patterns.end).finditer(self._clipped):
                offset = match.start() + len(match[0]) - len(match[0].lstrip())
                row = lines.row_at(offset)
                if row not in by_row and not self._is_hidden(offset):
                    by_row[row] = offset, row, None, None
        if len(by_row) > MAX_MATCHES:
            return []
        return [by_row[row] for row in sorted(by_row)]

    def _is_hidden(self, offset: int) -> bool:
        """Return whether an offset lies inside of a comment or a string that begins before it."""
        index = bisect_right(self._hidden_starts, offset) - 1
        return index >= 0 and self._hidden[index][0] < offset < self._hidden[index][1]

    def _is_hidden_match(self, offset: int, match: re.Match[bytes]) -> bool:
        """Return whether a match begins inside of a comment or a string, or has its name in a comment."""
        if self._is_hidden(offset):
            return True
        name = match.end(match.lastgroup) if match.lastgroup else offset
        index = bisect_right(self._hidden_starts, name - 1) - 1
        if index < 0 or self._hidden[index][1] < name:
            return False
        if self._hidden[index][0] == offset:  # a key in quotes begins where its string does
            return self.data[offset] not in _QUOTE_BYTES or match.start(match.lastgroup or 0) != offset
        return self.data[self._hidden[index][0]] not in _QUOTE_BYTES

    def _is_under(self, row: int, indent: int, header: str) -> bool:
        """Return whether the nearest line above a row that is indented less than `indent` begins as `header` says."""
        lines = self.lines
        for above in range(row - 1, max(-1, row - MAX_BLOCK_ROWS), -1):
            text = lines.row(above)
            stripped = text.lstrip()
            offset = lines.starts[above] + len(text) - len(stripped)
            if stripped.strip() and not self._is_hidden(offset) and self._indent(offset, above) < indent:
                return _line_pattern(header).match(text) is not None
        return False

    def _take(self, offset: int, row: int, match: re.Match[bytes] | None, found: Rule | None, limit: int) -> None:
        """Take in one match, or the end of a definition. `limit` is the offset of the next match."""
        indent = self._indent(offset, row)
        if match is None or found is None:
            while self._open and self._open[-1].indent >= indent:
                self._open.pop()
            return
        self._close(offset, indent)
        outer = self._open[-1] if self._open else None
        if not found.in_code and any(_is_code(entry.draft.kind) for entry in self._open):
            return
        if found.under and not self._is_under(row, indent, found.under):
            return
        name, owner, name_row = self._name(match, row)
        if found.rest or (found.kind is ChunkKind.MODULE and outer is not None and outer.indent < 0):
            self._open.clear()
            outer = None
        scope = join_scope(outer.draft.scope, outer.draft.name) if outer is not None else ""
        scope = join_scope(scope, owner)
        depth = self._depth(outer)
        kind = found.kind
        is_member = bool(match.groupdict().get("owner"))
        if kind is ChunkKind.FUNCTION and (is_member or (outer is not None and outer.is_type)):
            kind = ChunkKind.METHOD
            depth += 1 if is_member and outer is None else 0
        first = self._with_comments(row, self.units[-1].first + 1 if self.units else 0)
        if self.units:
            self.units[-1].last = first - 1
        unit = Unit(first, len(self.lines) - 1, None, Level(join_scope(scope, name), depth))
        unit.defines = kind is not ChunkKind.CONSTANT
        self.units.append(unit)
        draft = Draft(name, kind, name_row, scope, unit, depth, type_like=kind in _CONTAINERS)
        if name:
            self.drafts.append(draft)
        if found.rest:
            self._open.append(_Open(draft, -1, len(self.data), is_type=kind in _TYPES))
        elif found.holds:
            end = self._end(match.end(), limit) if self.patterns.braces else -1
            if not self.patterns.braces or end >= 0:
                is_type = kind in _TYPES or (kind is ChunkKind.MODULE and self.patterns.methods_in_modules)
                self._open.append(_Open(draft, indent, end, is_type=is_type))

    def _indent(self, offset: int, row: int) -> int:
        """Return the width of the indentation before an offset. A space counts 1, a tab counts 4."""
        before = self.data[self.lines.starts[row] : offset]
        return len(before) + 3 * before.count(b"\t")

    def _close(self, offset: int, indent: int) -> None:
        """Close the definitions that do not hold what begins at an offset with an indentation."""
        if self.patterns.braces:
            while self._open and self._open[-1].end <= offset:
                self._open.pop()
        else:
            while self._open and self._open[-1].indent >= indent:
                self._open.pop()

    @staticmethod
    def _depth(outer: _Open | None) -> int:
        """Return the depth of a definition: 1 for each type around, 2 for each function, 0 for each namespace."""
        if outer is None:
            return 0
        kind = outer.draft.kind
        return outer.draft.depth + (2 if is_callable(kind) else 0 if kind is ChunkKind.MODULE else 1)

    def _name(self, match: re.Match[bytes], row: int) -> tuple[str, str, int]:
        """Return the name and the owner of a match, and the row of the name."""
        groups = match.groupdict()
        owner = (groups.get("owner") or groups.get("scope") or b"").decode("utf-8", "ignore").strip(_AROUND_NAMES)
        for group, value in groups.items():
            if value and group.startswith("name"):
                name = b" ".join(value.split())[:MAX_NAME_BYTES].decode("utf-8", "ignore").strip()
                while len(name) > 1 and name[0] in _QUOTES and name[-1] in "\"'`]":
                    name = name[1:-1]
                operator = _OPERATOR.fullmatch(name)
                name = operator[1] if operator is not None else name
                return name, " > ".join(_SEPARATOR.split(owner)) if owner else "", self.lines.row_at(match.start(group))
        return "", "", row

    def _with_comments(self, row: int, lowest: int) -> int:
        """Return the first row of the comment directly above `row`, else `row`. The result is not below `lowest`."""
        lines = self.lines
        while row > lowest:
            above = lines.row(row - 1)
            stripped = above.lstrip()
            if not stripped.strip():
                break
            start = lines.starts[row - 1] + len(above) - len(stripped)
            if not stripped.startswith(self.patterns.comment) and not self._is_comment_row(start):
                break
            row -= 1
        return row

    def _is_comment_row(self, start: int) -> bool:
        """Return whether the row whose text begins at an offset lies inside of a comment of several rows."""
        index = bisect_right(self._hidden_starts, start) - 1
        if index < 0:
            return False
        begin, end = self._hidden[index]
        if not begin <= start < end or self.data[begin : begin + 1] in (b'"', b"'", b"<"):
            return False
        row = self.lines.row_at(begin)
        return not self.data[self.lines.starts[row] : begin].strip()

    def _matched_braces(self) -> dict[int, int]:
        """Return the offset behind the closing brace of each opening brace, by the offset of the opening brace."""
        data = self.data
        if self._hidden:
            parts: list[bytes] = []
            position = 0
            for start, end in self._hidden:
                parts.append(data[position:start])
                parts.append(_NOT_LINE_END.sub(b" ", data[start:end]))
                position = end
            parts.append(data[position:])
            data = b"".join(parts)
        self._code = data
        closing: dict[int, int] = {}
        stack: list[int] = []
        for match in _BRACE.finditer(data):
            if match[0] == b"{":
                stack.append(match.start())
            elif stack:
                closing[stack.pop()] = match.end()
        closing.update(dict.fromkeys(stack, len(data)))
        return closing

    def _end(self, offset: int, limit: int) -> int:
        """Return where the body ends whose opening brace stands right before `offset`, or between it and `limit`.

        Return -1 when there is none.
        """
        if self._code[offset - 1 : offset] == b"{":
            return self._closing.get(offset - 1, -1)
        index = bisect_right(self._openings, offset - 1)
        if index == len(self._openings):
            return -1
        opening = self._openings[index]
        if opening >= limit or opening - offset > MAX_OPENING_BYTES or self._code.find(b";", offset, opening) >= 0:
            return -1
        return self._closing[opening]
