"""Pack units into spans of about the target size, and split those that are larger."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from raycontext.chunk.lines import Lines
from raycontext.chunk.units import Draft, Level, Unit

__all__ = ["Packer", "Span"]

LEAF_SLACK = 1.5  # a function is split only where it is this much larger than the target
TINY = 8  # a piece below target / TINY without a definition joins a neighbour rather than stand alone
SMALL = 3  # the same for statements before one that is split
SMALL_HEADER = 6  # a class header below target / SMALL_HEADER is kept with the members that follow
SMALL_IMPORTS = 4  # imports below target / SMALL_IMPORTS are kept with what follows
MAX_SPLIT_DEPTH = 40


class Span(NamedTuple):
    """Rows `first` to `last` that become one chunk."""

    first: int
    last: int
    scope: str  # around its content, for a span without a definition
    imports: bool  # mostly imports
    owner: Draft | None = None  # the definition that it is a part of


class _Group:
    """Neighbouring units that are to be one span."""

    __slots__ = ("defines", "first", "import_rows", "is_header", "last", "size")

    def __init__(self, unit: Unit, size: int) -> None:
        self.first = unit.first
        self.last = unit.last
        self.size = size
        self.defines = unit.defines
        self.is_header = unit.is_header
        self.import_rows = unit.last - unit.first + 1 if unit.is_import else 0

    def add(self, unit: Unit, size: int) -> None:
        self.last = unit.last
        self.size += size
        self.defines = self.defines or unit.defines
        if unit.is_import:
            self.import_rows += unit.last - unit.first + 1


class Packer:
    """Packs one file. `expand` opens a unit that was left closed."""

    def __init__(self, lines: Lines, target: int, expand: Callable[[Unit], list[Unit]]) -> None:
        self.starts = lines.starts
        self.lines = lines
        self.target = target
        self.expand = expand
        self.spans: list[Span] = []

    def pack_file(self, units: list[Unit]) -> list[Span]:
        """Spans of the whole file, in order; blank rows may lie at their ends."""
        if len(self.lines) > 0:
            self._pack(units, Unit(0, len(self.lines) - 1, None, Level()), self.target, depth=0)
        return self.spans

    def _pack(self, units: list[Unit], parent: Unit, target: int, *, depth: int) -> None:
        """Append the spans of `parent`, whose inside is `units`."""
        starts = self.starts
        spans = self.spans
        begin = len(spans)
        group: _Group | None = None
        for unit in _stretched(units, parent):
            size = starts[unit.last + 1] - starts[unit.first]
            if size > target and unit.last > unit.first:
                closed = not unit.children or unit.clauses
                if not closed or size > target * LEAF_SLACK:
                    if group is not None:
                        if not group.defines and group.size <= target // (SMALL if unit.level.in_code else TINY):
                            unit.first = group.first
                        else:
                            self._emit(group, parent)
                        group = None
                    self._split(unit, depth=depth)
                    continue
            if group is None:
                group = _Group(unit, size)
            elif self._joins(group, unit, size, target):
                group.add(unit, size)
            else:
                self._emit(group, parent)
                group = _Group(unit, size)
        if group is None:
            return
        if len(spans) > begin and not group.defines and group.size <= target // TINY:
            before = spans[-1]
            if starts[group.last + 1] - starts[before.first] <= self.target * LEAF_SLACK:
                spans[-1] = Span(before.first, group.last, before.scope, before.imports, before.owner)
                return
        self._emit(group, parent)

    @staticmethod
    def _joins(group: _Group, unit: Unit, size: int, target: int) -> bool:
        """Whether a unit of `size` bytes goes into the group before it."""
        total = group.size + size
        if total > target:
            tiny = target // TINY
            is_crumb = (not unit.defines and size <= tiny) or (not group.defines and group.size <= tiny)
            if not is_crumb or total > target + target // 4:
                return False
        if group.is_header and unit.defines and group.size > target // SMALL_HEADER:
            return False
        return not (
            group.import_rows and not group.defines and not unit.is_import and group.size > target // SMALL_IMPORTS
        )

    def _split(self, unit: Unit, *, depth: int) -> None:
        target = self.target
        inner = unit.children
        if not inner:
            size = self.starts[unit.last + 1] - self.starts[unit.first]
            pieces = -(-size // target)
            target = min(target, -(-size // pieces) + target // TINY)
            inner = self.expand(unit) if depth < MAX_SPLIT_DEPTH else []
        if inner and depth < MAX_SPLIT_DEPTH:
            self._pack(inner, unit, target, depth=depth + 1)
            return
        for first, last in self.lines.cut(unit.first, unit.last, target):
            self.spans.append(Span(first, last, unit.inside.scope, unit.is_import, unit.draft))

    def _emit(self, group: _Group, parent: Unit) -> None:
        imports = not group.defines and 2 * group.import_rows >= group.last - group.first + 1
        self.spans.append(Span(group.first, group.last, parent.inside.scope, imports, parent.draft))


def _stretched(units: list[Unit], parent: Unit) -> list[Unit]:
    """Units stretched so that they cover all rows of `parent`.

    Rows before the first unit are the header; rows between units (labels, `#else`) go to the later
    one; rows after the last (a closing brace) go to the last.
    """
    stretched: list[Unit] = []
    first, last, level = parent.first, parent.last, parent.inside
    begin = first
    for unit in units:
        if unit.last < begin or unit.first > last:
            continue
        if unit.first > begin and not stretched:
            header = Unit(begin, unit.first - 1, None, level)
            header.is_header = True
            stretched.append(header)
            begin = unit.first
        unit.first = begin
        unit.last = min(unit.last, last)
        begin = unit.last + 1
        stretched.append(unit)
    if not stretched:
        header = Unit(first, last, None, level)
        header.is_header = True
        return [header]
    stretched[-1].last = last
    return stretched
