"""Packing of units into spans of about the target size. Larger units are split."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from raycontext.chunk.lines import Lines
from raycontext.chunk.units import Draft, Level, Unit

__all__ = ["Packer", "Span"]

LEAF_SLACK = 1.5
"""Largest size of a closed unit, such as a function, that is not split, as a multiple of the target."""
TINY = 8
"""Divisor of the target: a piece of at most target / TINY bytes without a definition joins its neighbour."""
SMALL = 3
"""Divisor of the target: statements of at most target / SMALL bytes join the unit after them that is split."""
SMALL_HEADER = 6
"""Divisor of the target: a class header of at most target / SMALL_HEADER bytes stays with the members after it."""
SMALL_IMPORTS = 4
"""Divisor of the target: imports of at most target / SMALL_IMPORTS bytes stay with the units after them."""
MAX_SPLIT_DEPTH = 40
"""Largest depth of units in units that are split. Deeper units are cut by lines."""


class Span(NamedTuple):
    """Rows `first` to `last` (0-based, inclusive) that become one chunk."""

    first: int
    last: int
    scope: str
    """Scope around the rows. It counts only when no definition begins in them."""
    imports: bool
    """Whether the rows are mostly imports."""
    owner: Draft | None = None
    """Definition that the rows are a part of."""


class _Group:
    """Neighbouring units that will be one span. `size` is their size in bytes."""

    __slots__ = ("defines", "first", "import_rows", "is_header", "last", "size")

    def __init__(self, unit: Unit, size: int) -> None:
        self.first = unit.first
        self.last = unit.last
        self.size = size
        self.defines = unit.defines
        self.is_header = unit.is_header
        self.import_rows = unit.last - unit.first + 1 if unit.is_import else 0

    def add(self, unit: Unit, size: int) -> None:
        """Add the next unit, which has `size` bytes."""
        self.last = unit.last
        self.size += size
        self.defines = self.defines or unit.defines
        if unit.is_import:
            self.import_rows += unit.last - unit.first + 1


class Packer:
    """Packer of one file.

    `target` is the wanted size of a span in bytes. `expand` returns the units inside a unit that was left closed; it
    returns none when the unit cannot be opened.
    """

    def __init__(self, lines: Lines, target: int, expand: Callable[[Unit], list[Unit]]) -> None:
        self.starts = lines.starts
        self.lines = lines
        self.target = target
        self.expand = expand
        self.spans: list[Span] = []

    def pack_file(self, units: list[Unit]) -> list[Span]:
        """Return the spans of the whole file in order. They may have blank rows at their ends."""
        if len(self.lines) > 0:
            self._pack(units, Unit(0, len(self.lines) - 1, None, Level()), self.target, depth=0)
        return self.spans

    def _pack(self, units: list[Unit], parent: Unit, target: int, *, depth: int) -> None:
        """Append the spans of `parent`, which contains `units`."""
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
        """Return whether a unit of `size` bytes joins the group before it."""
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
        """Append the spans of a unit that is too large: by the units inside it, or by lines when there are none."""
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
        """Append the span of a group of units that stand in `parent`."""
        imports = not group.defines and 2 * group.import_rows >= group.last - group.first + 1
        self.spans.append(Span(group.first, group.last, parent.inside.scope, imports, parent.draft))


def _stretched(units: list[Unit], parent: Unit) -> list[Unit]:
    """Stretch units so that they cover all rows of `parent`, and return them.

    Rows before the first unit become a header. Rows between two units (labels, `#else`) go to the later one. Rows after
    the last unit (a closing brace) go to the last one.
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
