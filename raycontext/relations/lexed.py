"""File of a segment as the lexer reads it, with its definitions: what an answer about relations looks at."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.imports import Import, imports_of
from raycontext.analyse.names import name_hash
from raycontext.analyse.syntaxes import syntax_of
from raycontext.kernel.lexer import Tokens, Use, lex
from raycontext.store.segments.file_texts import file_text
from raycontext.store.segments.segment import Segment

__all__ = ["CONTAINERS", "FileDefinition", "LexedFile", "definitions_of"]

CONTAINERS = frozenset({"function", "method", "class", "interface", "enum", "type", "module", "test", "macro"})
"""Kinds of definitions that count as enclosing."""

LINE_END = 0x0A
DEFINITION = int(Use.DEFINITION)

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
        """Indexed content as UTF-8."""
        return file_text(self.segment, self.ordinal)

    @cached_property
    def tokens(self) -> Tokens:
        """Identifiers, and the code without comments and strings."""
        how = syntax_of(self.language)
        if how is None:
            empty = np.empty(0, np.uint32)
            return Tokens(empty, empty, np.empty(0, np.uint64), np.empty(0, np.uint8), b"")
        return lex(self.content, how, with_code=True)

    @cached_property
    def _lines(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Positions of the line ends, and the first byte, first line and first line end of each chunk."""
        first = int(self.segment.first_rows[self.ordinal])
        rows = slice(first, first + int(self.segment.row_counts[self.ordinal]))
        ends = np.flatnonzero(np.frombuffer(self.content, np.uint8) == LINE_END)
        starts = self.segment.chunk_column("start_byte")[rows]
        lines = self.segment.chunk_column("start_line")[rows]
        return ends.tolist(), starts.tolist(), lines.tolist(), np.searchsorted(ends, starts).tolist()

    def line_at(self, position: int) -> int:
        """Return the line of a position, from 1."""
        ends, starts, lines, firsts = self._lines
        row = max(bisect_right(starts, position) - 1, 0)
        return lines[row] + bisect_left(ends, position) - firsts[row]

    def position_of(self, line: int) -> int:
        """Return the position of the first byte of a line, or that of the chunk after it where the line is blank."""
        ends, starts, lines, firsts = self._lines
        row = max(bisect_right(lines, line) - 1, 0)
        if line <= lines[row]:
            return starts[row]
        place = firsts[row] + line - lines[row] - 1
        return ends[place] + 1 if place < len(ends) else len(self.content)

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
        table = self.segment.import_columns
        first, last = np.searchsorted(table.files, (self.ordinal, self.ordinal + 1)).tolist()
        columns = (table.words(name).read(first, last) for name in ("module", "name", "alias"))
        return [Import(*values) for values in zip(*columns, strict=True)]

    @cached_property
    def _defined(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Numbers, name hashes, lines and last lines of the file's definitions."""
        numbers_of = definitions_of(self.segment, self.ordinal)
        columns = (self.segment.definition_column(name)[numbers_of] for name in ("name_hash", "line", "end_line"))
        hashes, lines, ends = (column.astype(np.int64) for column in columns)
        return numbers_of, hashes, lines, ends

    @cached_property
    def _lines_defining(self) -> dict[int, frozenset[int]]:
        """Lines on which names are defined, by the lower half of their hash, as far as they were asked for."""
        return {}

    @cached_property
    def _containers(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Lines, last lines and numbers of the enclosing definitions by line, and the last line of all up to each."""
        numbers_of, _, lines, ends = self._defined
        kinds, codes = self.segment.definition_kinds
        inside = np.array([kind in CONTAINERS for kind in kinds], np.bool_)
        chosen = np.flatnonzero(inside[codes[numbers_of]]) if len(kinds) else np.empty(0, np.int64)
        chosen = chosen[np.argsort(lines[chosen], kind="stable")]
        reach = np.maximum.accumulate(ends[chosen])
        return lines[chosen].tolist(), ends[chosen].tolist(), numbers_of[chosen].tolist(), reach.tolist()

    @cached_property
    def _enclosing(self) -> dict[int, list[FileDefinition]]:
        """What `around` has returned, by line."""
        return {}

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

    def definition(self, number: int, name: str = "") -> FileDefinition | None:
        """Return a definition of the segment by its number; None where its name cannot be found in the text.

        name: the name, where it is known.
        """
        if number not in self._kept:
            self._kept[number] = self._read(number, name)
        return self._kept[number]

    def _read(self, number: int, name: str) -> FileDefinition | None:
        segment = self.segment
        line = int(segment.definition_column("line")[number])
        key = int(segment.definition_column("name_hash")[number])
        if not name:
            row = int(segment.definition_column("row")[number])
            name = _labelled(segment, row, key) or self._name_on(line, key)
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
        names = [index for index in self.indices_on(line, line) if int(self.tokens.kinds[index]) & DEFINITION]
        end_line = around[-1].end_line if around else line
        return [FileDefinition(self.word(index), "function", line, end_line, 0) for index in names]

    def around(self, line: int) -> list[FileDefinition]:
        """Return the definitions that enclose a line, outermost first. The list must not be changed."""
        kept = self._enclosing.get(line)
        if kept is None:
            lines, ends, numbers_of, reach = self._containers
            found = []
            place = bisect_right(lines, line) - 1
            while place >= 0 and reach[place] >= line:
                one = self.definition(numbers_of[place]) if ends[place] >= line else None
                if one is not None:
                    found.append(one)
                place -= 1
            found.reverse()
            found.sort(key=lambda one: (one.line, -one.end_line))
            kept = self._enclosing[line] = found
        return kept

    def _kind_code(self, kind: str) -> int:
        """Return the number of a kind among those of the segment; -1 where it has none."""
        kinds = list(self.segment.definition_kinds[0])
        return kinds.index(kind) if kind in kinds else -1

    def is_implementation(self, found: FileDefinition) -> bool:
        """Return whether a definition is a block that adds members to the type of its name, as `impl` of Rust is."""
        if self.language != "rust" or found.kind != "module":
            return False
        start = self.position_of(found.line)
        line = self.tokens.code[start : self.bounds(start)[1]].decode(errors="replace")
        return re.search(rf"\bmod\s+{re.escape(found.name)}\b", line) is None

    def is_definition(self, index: int) -> bool:
        """Return whether an identifier is the name of a definition, and not a use."""
        if int(self.tokens.kinds[index]) & DEFINITION:
            return True
        hashed = name_hash(self.word(index)) & _LOW
        if hashed not in self._lines_defining:
            numbers_of, hashes, lines, _ = self._defined
            named = hashes == hashed
            if self.language == "rust":  # the lexer knows `mod name`; what is left are blocks of implementation
                named &= self.segment.definition_kinds[1][numbers_of] != self._kind_code("module")
            self._lines_defining[hashed] = frozenset(lines[named].tolist())
        if not self._lines_defining[hashed]:
            return False
        line = self.line_at(int(self.tokens.starts[index]))
        if line not in self._lines_defining[hashed]:
            return False
        key = self.tokens.hashes[index]
        same = [other for other in self.indices_on(line, line) if self.tokens.hashes[other] == key]
        return same[0] == index and not any(int(self.tokens.kinds[other]) & DEFINITION for other in same)


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
