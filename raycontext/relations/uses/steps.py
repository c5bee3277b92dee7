"""Questions that a shard answers about relations. Each is a value that travels to the shard and looks at its view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from raycontext.analyse.imports import Import
from raycontext.kernel.lexer import Use, reference_hash
from raycontext.models import SearchFilters
from raycontext.relations.lexed import CONTAINERS, LexedFile
from raycontext.relations.modules import Match
from raycontext.relations.reading import files_at, lexed, rows_using
from raycontext.relations.uses.resolution import FileFacts, verdict
from raycontext.relations.uses.sites import CLASS_KINDS, TEST_BIT, Facts, Site, site_of
from raycontext.relations.uses.uses import mentions_of, use_site, uses_of
from raycontext.relations.values import Certainty, UseSite
from raycontext.search.rows.view import View

__all__ = [
    "CALL_KINDS",
    "CallersIn",
    "Calls",
    "DefinitionAt",
    "DefinitionsAt",
    "FindMentions",
    "FindUses",
    "Heir",
    "Heirs",
    "NamedCall",
]

CALL_KINDS = int(Use.CALL | Use.CONSTRUCTION)
"""Bits of the kinds of use that are calls."""


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
            found = here[0]
            if file.is_implementation(found):  # the type itself is meant, where the file has it
                found = next((one for one in file.named(found.name) if not file.is_implementation(one)), found)
            return site_of(file, found, int(part.segment.file_column("kinds")[ordinal]))
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
    for index in file.occurrences(reference_hash(base)).tolist():
        if not int(file.tokens.kinds[index]) & int(Use.INHERITANCE):
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
    filters: SearchFilters = field(default_factory=SearchFilters)

    def answer(self, view: View) -> list[UseSite]:
        found: list[UseSite] = []
        for file, test in _admitted_files(view, self.paths, self.filters):
            found.extend(
                use_site(file, use.number, use.certainty, test) for use in uses_of(file, self.facts, self.kinds)
            )
        return found


@dataclass(frozen=True, slots=True)
class FindMentions:
    """Question for the places in comments, strings and prose that hold a name."""

    name: str
    filters: SearchFilters = field(default_factory=SearchFilters)

    def answer(self, view: View) -> list[UseSite]:
        found: list[UseSite] = []
        for part, eligible in zip(view.parts, view.eligible(self.filters), strict=True):
            found.extend(mentions_of(view, part, self.name, eligible))
        return found


@dataclass(frozen=True, slots=True)
class CallersIn:
    """Question for the definitions that call some definitions, each in some files."""

    wanted: tuple[tuple[Facts, tuple[str, ...]], ...]
    filters: SearchFilters = field(default_factory=SearchFilters)

    def answer(self, view: View) -> list[list[tuple[Site, Certainty]]]:
        """Return for each of the wanted definitions those that call it, by place, with how sure the surest call is."""
        by_path: dict[str, list[int]] = {}
        for number, (_, paths) in enumerate(self.wanted):
            for path in paths:
                by_path.setdefault(path, []).append(number)
        found: list[dict[Site, Certainty]] = [{} for _ in self.wanted]
        for file, _ in _admitted_files(view, by_path, self.filters):
            for number in by_path[file.path]:
                for use in uses_of(file, self.wanted[number][0], CALL_KINDS):
                    caller = _caller(file, use.number)
                    if caller is not None and found[number].get(caller) is not Certainty.CERTAIN:
                        found[number][caller] = use.certainty
        return [sorted(callers.items()) for callers in found]


def _caller(file: LexedFile, index: int) -> Site | None:
    """Return the definition that an identifier stands in; None at top level."""
    around = file.around(file.line_at(int(file.tokens.starts[index])))
    return site_of(file, around[-1], int(file.segment.file_column("kinds")[file.ordinal])) if around else None


def _admitted_files(view: View, paths: Iterable[str], filters: SearchFilters) -> Iterator[tuple[LexedFile, bool]]:
    """Yield the files at some paths that the filters let pass, and whether each is a test."""
    admitted = dict(zip([part.first_file for part in view.parts], view.eligible(filters), strict=True))
    for part, ordinal in files_at(view, paths):
        row = int(part.segment.first_rows[ordinal])
        if admitted[part.first_file][row : row + 1].any():
            yield lexed(view, part, ordinal), bool(int(part.segment.file_column("kinds")[ordinal]) & TEST_BIT)


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
            seen = [FileFacts(file, facts) for facts in self.facts]
            renamed = {entry.alias: entry for entry in file.imports if entry.alias and entry.name}
            for index in file.indices_on(self.line, self.end_line):
                if not int(file.tokens.kinds[index]) & CALL_KINDS or file.is_definition(index):
                    continue
                word = file.word(index)
                name = renamed[word].name if word in renamed else word
                call = NamedCall(name, index, file.line_at(int(file.tokens.starts[index])))
                called = [
                    (number, use_site(file, index, sure, test))
                    for number in by_name.get(name, ())
                    if (sure := _called(seen[number], index, renamed.get(word))) is not None
                ]
                found.append((call, called))
        return found


def _called(seen: FileFacts, index: int, renamed: Import | None) -> Certainty | None:
    """Return how sure it is that a call is one of a wanted definition."""
    if renamed is None:
        return verdict(seen, index)
    return {Match.YES: Certainty.CERTAIN, Match.MAYBE: Certainty.POSSIBLE, Match.NO: None}[
        seen.given_by(renamed.module)
    ]
