"""Question for the outline of a file or folder, which travels to each shard, and the merging of the answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.models import ChunkKind, SearchFilters
from raycontext.relations.definitions.documentation import documentation_of
from raycontext.relations.definitions.signatures import signature_of
from raycontext.relations.lexed import definitions_of
from raycontext.relations.reading import lexed
from raycontext.relations.uses.sites import site_of
from raycontext.relations.values import OutlineEntry
from raycontext.search.rows.view import Part, View
from raycontext.store.segments.segment import Segment

__all__ = ["OutlineOf", "Outlined", "merged_outlines"]

_WITHOUT_CONSTANTS = frozenset(ChunkKind) - {ChunkKind.CONSTANT}


class Outlined(NamedTuple):
    """Outline as one shard has it."""

    is_indexed: bool
    """Whether the shard has a file at the place, whatever the filters say."""
    files: int
    """Number of files that the filters let pass."""
    constants: int
    """Number of constants that are left out, whatever the limit."""
    entries: list[OutlineEntry]
    """Definitions in the order of paths and lines, as many as were asked for."""


@dataclass(frozen=True, slots=True)
class OutlineOf:
    """Question for the first definitions of a place, in the order of paths and lines. `filters.inside` is the place."""

    filters: SearchFilters = field(default_factory=SearchFilters)
    kinds: tuple[str, ...] = ()
    """Kinds of definitions that count; empty for all, without the constants of files below a folder."""
    most: int = 1000

    def answer(self, view: View) -> Outlined:
        files: list[tuple[str, int, int]] = []
        constants = 0
        is_indexed = not self.filters.inside
        place = SearchFilters(inside=self.filters.inside)
        for number, (part, eligible, there) in enumerate(
            zip(view.parts, view.eligible(self.filters), view.eligible(place), strict=True)
        ):
            is_indexed = is_indexed or bool(there.any())
            ordinals = np.unique(part.segment.chunk_column("file")[np.flatnonzero(eligible)])
            files.extend((part.segment.path(ordinal), number, ordinal) for ordinal in ordinals.tolist())
            if not self.kinds:
                constants += int(np.count_nonzero(eligible[_rows_of_constants(part.segment)]))
        if [path for path, *_ in files] == [self.filters.inside]:
            constants = 0
        entries: list[OutlineEntry] = []
        for _, number, ordinal in sorted(files):
            if len(entries) >= self.most:
                break
            entries.extend(self._entries(view, view.parts[number], ordinal, self.most - len(entries)))
        return Outlined(is_indexed, len(files), constants, entries)

    def _entries(self, view: View, part: Part, ordinal: int, most: int) -> list[OutlineEntry]:
        """Return the first definitions of a file."""
        file = lexed(view, part, ordinal)
        file_kinds = int(part.segment.file_column("kinds")[ordinal])
        kinds = frozenset(self.kinds)
        if not kinds and file.path != self.filters.inside:
            kinds = _WITHOUT_CONSTANTS
        found = [
            one
            for number in definitions_of(part.segment, ordinal).tolist()
            if not kinds or part.segment.definition_kind(number) in kinds
            if (one := file.definition(number)) is not None
        ]
        entries = []
        for one in sorted(set(found), key=lambda one: (one.line, -one.end_line, one.name, one.kind))[:most]:
            shown = site_of(file, one, file_kinds).shown()
            depth = len(shown.scope.split(" > ")) if shown.scope else 0
            told = shown.model_dump() | {
                "signature": signature_of(file, one),
                "documentation": documentation_of(file, one),
            }
            entries.append(OutlineEntry(**told, depth=depth))
        return entries


def _rows_of_constants(segment: Segment) -> NDArray[np.uint32]:
    """Return the chunk of each constant that a segment defines, uint32[constants]."""
    if not segment.has_references or not len(segment.definitions):
        return np.empty(0, np.uint32)
    kinds = segment.definitions.column("kind").chunk(0)
    known = np.array([kind == ChunkKind.CONSTANT for kind in kinds.dictionary.to_pylist()], np.bool_)
    codes = kinds.indices.to_numpy(zero_copy_only=True)
    rows: NDArray[np.uint32] = segment.definition_column("row")[known[codes]]
    return rows


def merged_outlines(outlines: Iterable[Outlined], most: int) -> Outlined:
    """Return the outline of a place from those of all shards."""
    parts = list(outlines)
    entries = [entry for part in parts for entry in part.entries]
    entries.sort(key=lambda entry: (entry.path, entry.line, -entry.end_line, entry.name, entry.kind))
    is_indexed = any(part.is_indexed for part in parts)
    files, constants = sum(part.files for part in parts), sum(part.constants for part in parts)
    return Outlined(is_indexed, files, constants, entries[:most])
