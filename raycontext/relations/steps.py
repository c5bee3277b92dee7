"""Questions that a shard answers about relations. Each is a value that travels to the shard and looks at its view."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.imports import ALL_NAMES, Import
from raycontext.analyse.names import name_hash
from raycontext.kernel.lexer import Use, name_hashes
from raycontext.models import SearchFilters
from raycontext.relations.lexed import CONTAINERS, LexedFile
from raycontext.relations.modules import Match, denotes, group_of
from raycontext.relations.reading import files_at, lexed, rows_using
from raycontext.relations.resolution import verdict
from raycontext.relations.sites import CLASS_KINDS, TEST_BIT, Facts, FileUses, ImportSite, Site, site_of
from raycontext.relations.uses import mentions_of, use_site, uses_of
from raycontext.relations.values import Certainty, UseSite
from raycontext.search.view import Part, View
from raycontext.store.segments.columns import numbers

__all__ = [
    "Calls",
    "DefinitionAt",
    "DefinitionsAt",
    "FindUses",
    "Heir",
    "Heirs",
    "NamedCall",
    "StarImports",
    "Survey",
    "Surveyed",
]

MOST_SITES = 2000
"""Largest number of definitions of one name that a shard reports."""

_LOW = (1 << 32) - 1


class Surveyed(NamedTuple):
    """Definitions, uses and imports of some names in a shard."""

    sites: list[Site]
    uses: dict[str, list[FileUses]]
    imports: list[ImportSite]
    has_references: bool
    """Whether all segments say what their chunks use."""


class Heir(NamedTuple):
    """Type that inherits from another one."""

    base: str
    name: str
    path: str


class NamedCall(NamedTuple):
    """Call in a definition: name and line."""

    name: str
    token: int
    line: int


@dataclass(frozen=True, slots=True)
class Survey:
    """Question for the definitions of some names, the files that use them, and those that import them."""

    names: tuple[str, ...]
    filters: SearchFilters = field(default_factory=SearchFilters)
    kinds: int = 127 - int(Use.DEFINITION)
    """Bits of the kinds of use that count."""
    with_uses: bool = True

    def answer(self, view: View) -> Surveyed:
        sites: list[Site] = []
        uses: dict[str, dict[str, int]] = {name: {} for name in self.names}
        imports: list[ImportSite] = []
        complete = True
        for part, eligible in zip(view.parts, view.eligible(self.filters), strict=True):
            if not part.segment.has_references:
                complete = complete and not part.live_rows
                continue
            sites.extend(_sites(view, part, self.names))
            for name in self.names if self.with_uses else ():
                for path, count in _files_using(part, name, eligible, self.kinds):
                    uses[name][path] = uses[name].get(path, 0) + count
            imports.extend(_imports(part, self.names))
        return Surveyed(
            sites,
            {name: [FileUses(path, count) for path, count in sorted(found.items())] for name, found in uses.items()},
            imports,
            complete,
        )


def _sites(view: View, part: Part, names: tuple[str, ...]) -> Iterator[Site]:
    """Yield the living definitions of some names in a segment."""
    segment = part.segment
    keys = np.array([name_hash(name) & _LOW for name in names], np.uint32)
    hashes = segment.definition_column("name_hash")
    found = np.flatnonzero(hashes == keys[0]) if len(keys) == 1 else np.flatnonzero(np.isin(hashes, keys))
    rows = segment.definition_column("row")
    wanted = frozenset(names)
    for number in found[:MOST_SITES].tolist():
        ordinal = int(segment.chunk_column("file")[rows[number]])
        if not part.alive_files[ordinal]:
            continue
        file = lexed(view, part, ordinal)
        definition = file.definition(number)
        if definition is not None and definition.name in wanted and group_of(file.language):
            yield site_of(file, definition, int(segment.file_column("kinds")[ordinal]))


def _files_using(part: Part, name: str, eligible: NDArray[np.bool_], kinds: int) -> Iterator[tuple[str, int]]:
    """Yield the paths of files that use a name, with the number of their chunks that do."""
    rows, found = rows_using(part, name)
    kept = rows[eligible[rows] & ((found & np.uint8(kinds)) > 0)]
    ordinals, counts = np.unique(part.segment.chunk_column("file")[kept], return_counts=True)
    for ordinal, count in zip(ordinals.tolist(), counts.tolist(), strict=True):
        yield part.segment.path(ordinal), count


def _imports(part: Part, names: tuple[str, ...]) -> Iterator[ImportSite]:
    """Yield the imports of some names in the living files of a segment."""
    table = part.segment.imports
    if not len(table):
        return
    column = table.column("name").chunk(0)
    known = np.array([value in names for value in column.dictionary.to_pylist()], np.bool_)
    codes = column.indices.to_numpy(zero_copy_only=True)
    yield from _import_sites(part, np.flatnonzero(known[codes]) if len(known) else np.empty(0, np.int64))


def _import_sites(part: Part, places: NDArray[np.int64]) -> Iterator[ImportSite]:
    table, files = part.segment.imports, numbers(part.segment.imports, "file")
    for place in places.tolist():
        ordinal = int(files[place])
        if part.alive_files[ordinal]:
            module, name, alias = (table.column(of)[place].as_py() for of in ("module", "name", "alias"))
            yield ImportSite(part.segment.path(ordinal), part.segment.language(ordinal), module, name, alias)


@dataclass(frozen=True, slots=True)
class StarImports:
    """Question for the imports of all names of some files."""

    paths: tuple[str, ...]
    group: str

    def answer(self, view: View) -> list[ImportSite]:
        found: list[ImportSite] = []
        for part in view.parts:
            if not part.segment.has_references or not len(part.segment.imports):
                continue
            names, modules = (part.segment.imports.column(of).chunk(0) for of in ("name", "module"))
            stems = {re.split(r"[./]", path.rpartition("/")[2])[0] for path in self.paths} | {
                path.split("/")[-2] for path in self.paths if "/" in path
            }
            can_be = np.array(
                [
                    any(stem in module for stem in stems) or not module.strip(".")
                    for module in modules.dictionary.to_pylist()
                ],
                np.bool_,
            )
            is_star = np.array([value == ALL_NAMES for value in names.dictionary.to_pylist()], np.bool_)
            chosen = is_star[names.indices.to_numpy()] & can_be[modules.indices.to_numpy()]
            found.extend(
                entry
                for entry in _import_sites(part, np.flatnonzero(chosen))
                if group_of(entry.language) == self.group
                and any(denotes(entry.language, entry.module, entry.path, path) is Match.YES for path in self.paths)
            )
        return found


@dataclass(frozen=True, slots=True)
class DefinitionAt:
    """Question for the definition at a line of a file: the one whose name stands there, else the innermost around."""

    path: str
    line: int

    def answer(self, view: View) -> Site | str | None:
        """Return the definition; "" where the file has none at the line; None where the shard has no such file."""
        for part, ordinal in files_at(view, [self.path]):
            file = lexed(view, part, ordinal)
            if not part.segment.has_references:
                return ""
            here = file.within(self.line, self.line) or file.local(self.line) or file.around(self.line)[::-1]
            if not here:
                return ""
            return site_of(file, here[0], int(part.segment.file_column("kinds")[ordinal]))
        return None


@dataclass(frozen=True, slots=True)
class DefinitionsAt:
    """Question for the definitions whose names stand at some lines, given by path and line."""

    places: tuple[tuple[str, int], ...]

    def answer(self, view: View) -> list[Site]:
        found: list[Site] = []
        lines: dict[str, list[int]] = {}
        for path, line in self.places:
            lines.setdefault(path, []).append(line)
        for part, ordinal in files_at(view, lines):
            file = lexed(view, part, ordinal)
            kinds = int(part.segment.file_column("kinds")[ordinal])
            for line in lines[file.path]:
                here = [one for one in file.within(line, line) if one.kind in CONTAINERS]
                if here:
                    found.append(site_of(file, here[0], kinds))
        return found


@dataclass(frozen=True, slots=True)
class Heirs:
    """Question for the types that inherit from some types, by name."""

    names: tuple[str, ...]

    def answer(self, view: View) -> list[Heir]:
        found: list[Heir] = []
        for part in view.parts:
            if not part.segment.has_references:
                continue
            for name in self.names:
                rows, kinds = rows_using(part, name)
                chosen = rows[part.alive_rows[rows] & ((kinds & np.uint8(Use.INHERITANCE)) > 0)]
                for ordinal in np.unique(part.segment.chunk_column("file")[chosen]).tolist():
                    found.extend(_heirs(lexed(view, part, ordinal), name))
        return found


def _heirs(file: LexedFile, base: str) -> Iterator[Heir]:
    """Yield the types of a file that name a base in their headers."""
    (key,) = name_hashes([base.encode()]).tolist()
    for index in file.occurrences(key).tolist():
        if not int(file.tokens.kinds[index]) & Use.INHERITANCE:
            continue
        line = file.line_at(int(file.tokens.starts[index]))
        types = [one for one in file.around(line) if one.kind in CLASS_KINDS]
        if types and types[-1].name != base:
            yield Heir(base, types[-1].name, file.path)


@dataclass(frozen=True, slots=True)
class FindUses:
    """Question for the uses of a wanted definition in some files."""

    facts: Facts
    paths: tuple[str, ...]
    kinds: int = 127 - int(Use.DEFINITION)
    mentions: bool = False
    filters: SearchFilters = field(default_factory=SearchFilters)

    def answer(self, view: View) -> list[UseSite]:
        found: list[UseSite] = []
        admitted = dict(zip([part.first_file for part in view.parts], view.eligible(self.filters), strict=True))
        for part, ordinal in files_at(view, self.paths):
            row = int(part.segment.first_rows[ordinal])
            if not admitted[part.first_file][row : row + 1].any():
                continue
            test = bool(int(part.segment.file_column("kinds")[ordinal]) & TEST_BIT)
            found.extend(uses_of(lexed(view, part, ordinal), self.facts, self.kinds, test))
        if self.mentions:
            for part, eligible in zip(view.parts, view.eligible(self.filters), strict=True):
                found.extend(mentions_of(view, part, self.facts.name, eligible))
        return found


@dataclass(frozen=True, slots=True)
class Calls:
    """Question for the calls in a definition: their names, or, with facts, the definitions that they call."""

    path: str
    line: int
    end_line: int
    facts: tuple[Facts, ...] = ()
    """Facts of each definition that can be called."""

    def answer(self, view: View) -> list[tuple[NamedCall, list[tuple[int, UseSite]]]]:
        """Return each call, with the numbers of the facts whose definition it calls."""
        found: list[tuple[NamedCall, list[tuple[int, UseSite]]]] = []
        by_name: dict[str, list[int]] = {}
        for number, facts in enumerate(self.facts):
            by_name.setdefault(facts.name, []).append(number)
        for part, ordinal in files_at(view, [self.path]):
            file = lexed(view, part, ordinal)
            test = bool(int(part.segment.file_column("kinds")[ordinal]) & TEST_BIT)
            renamed = {entry.alias: entry for entry in file.imports if entry.alias and entry.name}
            for index in file.indices_on(self.line, self.end_line):
                if not int(file.tokens.kinds[index]) & (Use.CALL | Use.CONSTRUCTION) or file.is_definition(index):
                    continue
                word = file.word(index)
                name = renamed[word].name if word in renamed else word
                call = NamedCall(name, index, file.line_at(int(file.tokens.starts[index])))
                called = [
                    (number, use_site(file, index, sure, test))
                    for number in by_name.get(name, ())
                    if (sure := _called(file, index, self.facts[number], renamed.get(word))) is not None
                ]
                found.append((call, called))
        return found


def _called(file: LexedFile, index: int, facts: Facts, renamed: Import | None) -> Certainty | None:
    """Return how sure it is that a call is one of a wanted definition."""
    if renamed is None:
        return verdict(file, index, facts)
    best = max((denotes(file.language, renamed.module, file.path, path) for path in facts.providers), default=Match.NO)
    return {Match.YES: Certainty.CERTAIN, Match.MAYBE: Certainty.POSSIBLE, Match.NO: None}[best]
