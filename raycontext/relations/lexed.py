"""File of a segment as the lexer reads it, with its definitions: what an answer about relations looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.imports import Import, imports_of
from raycontext.analyse.names import name_hash
from raycontext.analyse.syntaxes import syntax_of
from raycontext.kernel.lexer import Tokens, Use, lex
from raycontext.store.segments.columns import numbers
from raycontext.store.segments.content import content_of
from raycontext.store.segments.segment import Segment

__all__ = ["CONTAINERS", "FileDefinition", "LexedFile", "definitions_of"]

CONTAINERS = frozenset({"function", "method", "class", "interface", "enum", "type", "module", "test", "macro"})
"""Kinds of definitions that count as enclosing."""

_LOW = (1 << 32) - 1


class FileDefinition(NamedTuple):
    """Definition in a file."""

    name: str
    kind: str
    line: int
    end_line: int
    weight: int


@dataclass(slots=False)
class LexedFile:
    """File with its identifiers. Raises `CorruptSegment` where its texts are damaged."""

    segment: Segment
    ordinal: int

    @cached_property
    def path(self) -> str:
        """Path of the file."""
        return self.segment.path(self.ordinal)

    @cached_property
    def language(self) -> str:
        """Language of the file."""
        return self.segment.language(self.ordinal)

    @cached_property
    def content(self) -> bytes:
        """Content as UTF-8, with line ends between chunks."""
        return content_of(self.segment, self.ordinal).tobytes()

    @cached_property
    def tokens(self) -> Tokens:
        """Identifiers, and the code without comments and strings."""
        how = syntax_of(self.language)
        if how is None:
            empty = np.empty(0, np.uint32)
            return Tokens(empty, empty, np.empty(0, np.uint64), np.empty(0, np.uint8), b"")
        return lex(self.content, how, with_code=True)

    @cached_property
    def _lines(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Positions of the line ends, and the first byte and first line of each chunk."""
        first = int(self.segment.first_rows[self.ordinal])
        rows = slice(first, first + int(self.segment.row_counts[self.ordinal]))
        ends = np.flatnonzero(np.frombuffer(self.content, np.uint8) == 10)
        starts = self.segment.chunk_column("start_byte")[rows].astype(np.int64)
        return ends, starts, self.segment.chunk_column("start_line")[rows].astype(np.int64)

    def line_at(self, position: int) -> int:
        """Return the line of a position, from 1."""
        ends, starts, lines = self._lines
        row = max(int(np.searchsorted(starts, position, side="right")) - 1, 0)
        before = np.searchsorted(ends, position) - np.searchsorted(ends, starts[row])
        return int(lines[row] + before)

    def position_of(self, line: int) -> int:
        """Return the position of the first byte of a line, or that of the chunk after it where the line is blank."""
        ends, starts, lines = self._lines
        row = max(int(np.searchsorted(lines, line, side="right")) - 1, 0)
        if line <= lines[row]:
            return int(starts[row])
        place = int(np.searchsorted(ends, starts[row])) + line - int(lines[row]) - 1
        return int(ends[place]) + 1 if place < len(ends) else len(self.content)

    def bounds(self, position: int) -> tuple[int, int]:
        """Return start and end of the line that holds a position."""
        start = self.content.rfind(b"\n", 0, position) + 1
        end = self.content.find(b"\n", position)
        return start, end if end >= 0 else len(self.content)

    def word(self, index: int) -> str:
        """Return the text of an identifier by its number."""
        start, length = int(self.tokens.starts[index]), int(self.tokens.lengths[index])
        return self.content[start : start + length].decode(errors="replace")

    def occurrences(self, key: int) -> NDArray[np.int64]:
        """Return the numbers of the identifiers with this hash."""
        return np.flatnonzero(self.tokens.hashes == np.uint64(key))

    def indices_on(self, first_line: int, last_line: int) -> range:
        """Return the numbers of the identifiers on some lines."""
        starts = self.tokens.starts
        begin, end = self.position_of(first_line), self.position_of(last_line + 1)
        return range(int(np.searchsorted(starts, begin)), int(np.searchsorted(starts, end)))

    @cached_property
    def imports(self) -> list[Import]:
        """Imports of the file."""
        table = self.segment.imports
        files = numbers(table, "file")
        first, last = np.searchsorted(files, (self.ordinal, self.ordinal + 1))
        part = table.slice(int(first), int(last - first)).select(["module", "name", "alias"]).to_pylist()
        return [Import(entry["module"], entry["name"], entry["alias"]) for entry in part]

    @cached_property
    def _defined(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Numbers, name hashes, lines and last lines of the file's definitions."""
        numbers_of = definitions_of(self.segment, self.ordinal)
        columns = (self.segment.definition_column(name)[numbers_of] for name in ("name_hash", "line", "end_line"))
        hashes, lines, ends = (column.astype(np.int64) for column in columns)
        return numbers_of, hashes, lines, ends

    @cached_property
    def _kept(self) -> dict[int, FileDefinition | None]:
        return {}

    def imported_at(self, index: int) -> list[Import]:
        """Return the imports of the statement that an identifier stands in."""
        begins = np.flatnonzero(self.tokens.kinds[:index] == 0)
        start = [int(self.tokens.starts[begins[-1]])] if len(begins) else []
        return imports_of(self.language, self.content, start)

    def named(self, name: str) -> list[FileDefinition]:
        """Return the definitions of a name in this file, in the order of their lines."""
        numbers_of, hashes, *_ = self._defined
        found = [
            self.definition(int(numbers_of[place])) for place in np.flatnonzero(hashes == (name_hash(name) & _LOW))
        ]
        return sorted((one for one in found if one is not None and one.name == name), key=lambda one: one.line)

    def within(self, first_line: int, last_line: int) -> list[FileDefinition]:
        """Return the definitions whose names stand on some lines."""
        numbers_of, _, lines, _ = self._defined
        found = (
            self.definition(int(numbers_of[at])) for at in np.flatnonzero((lines >= first_line) & (lines <= last_line))
        )
        return sorted((one for one in found if one is not None), key=lambda one: (one.line, -one.end_line))

    def definition(self, number: int) -> FileDefinition | None:
        """Return a definition of the segment by its number; None where its name cannot be found in the text."""
        if number not in self._kept:
            self._kept[number] = self._read(number)
        return self._kept[number]

    def _read(self, number: int) -> FileDefinition | None:
        segment = self.segment
        line = int(segment.definition_column("line")[number])
        key = int(segment.definition_column("name_hash")[number])
        name = self._name_on(line, key) or _labelled(segment, int(segment.definition_column("row")[number]), key)
        if not name:
            return None
        end_line, weight = (int(segment.definition_column(column)[number]) for column in ("end_line", "weight"))
        return FileDefinition(name, segment.definition_kind(number), line, end_line, weight)

    def _name_on(self, line: int, key: int) -> str:
        """Return the identifier on a line whose hash has this lower half; "" where there is none."""
        for index in self.indices_on(line, line):
            word = self.word(index)
            if name_hash(word) & _LOW == key:
                return word
        return ""

    def local(self, line: int) -> list[FileDefinition]:
        """Return the definitions on a line that stand inside of a function, which the index does not list.

        Each ends where the definition around it ends.
        """
        around = self.around(line)
        names = [index for index in self.indices_on(line, line) if int(self.tokens.kinds[index]) & Use.DEFINITION]
        end_line = around[-1].end_line if around else line
        return [FileDefinition(self.word(index), "function", line, end_line, 0) for index in names]

    def around(self, line: int) -> list[FileDefinition]:
        """Return the definitions that enclose a line, outermost first."""
        numbers_of, _, lines, ends = self._defined
        found = (self.definition(int(numbers_of[at])) for at in np.flatnonzero((lines <= line) & (ends >= line)))
        enclosing = [one for one in found if one is not None and one.kind in CONTAINERS]
        return sorted(enclosing, key=lambda one: (one.line, -one.end_line))

    def scope(self, line: int, name: str = "") -> str:
        """Return the names of the definitions around a line, without the one of that name that begins there."""
        return " > ".join(one.name for one in self.around(line) if not (one.line == line and one.name == name))

    def is_definition(self, index: int) -> bool:
        """Return whether an identifier is the name of a definition, and not a use."""
        if int(self.tokens.kinds[index]) & Use.DEFINITION:
            return True
        line, word = self.line_at(int(self.tokens.starts[index])), self.word(index)
        _, hashes, lines, _ = self._defined
        if not ((lines == line) & (hashes == (name_hash(word) & _LOW))).any():
            return False
        key = self.tokens.hashes[index]
        same = [other for other in self.indices_on(line, line) if self.tokens.hashes[other] == key]
        return same[0] == index and not any(int(self.tokens.kinds[other]) & Use.DEFINITION for other in same)


def definitions_of(segment: Segment, ordinal: int) -> NDArray[np.int64]:
    """Return the numbers of a file's definitions."""
    first = int(segment.first_rows[ordinal])
    rows = segment.definition_column("row")
    begin, end = np.searchsorted(rows, (first, first + int(segment.row_counts[ordinal])))
    return np.arange(int(begin), int(end))


def _labelled(segment: Segment, row: int, key: int) -> str:
    """Return the name in a chunk's label whose hash has this lower half; "" where there is none."""
    for word in segment.label(row)[0].split():
        if name_hash(word) & _LOW == key:
            return word
    return ""
