"""Questions for the map of a tree, which travel to each shard: what it defines, and which chunks use that.

Names are known by their hashes until the definitions of the map are read. A name is told apart by group of languages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.models import SearchFilters
from raycontext.relations.definitions.documentation import documentation_of
from raycontext.relations.definitions.signatures import signature_of
from raycontext.relations.maps.importance import BASE, Graph, NameUses, added_up
from raycontext.relations.maps.links import FilesDefining, Finder, Links, linked_uses
from raycontext.relations.maps.names import (
    MAP_KINDS,
    NO_GROUP,
    definitions_in,
    groups_of,
    joined,
    row_groups,
    uses_of_names,
)
from raycontext.relations.reading import lexed
from raycontext.relations.uses.sites import TEST_BIT, site_of
from raycontext.relations.values import MapEntry
from raycontext.search.rows.view import Part, View

__all__ = ["MapDefined", "MapEntries", "MapFiles", "MapGraph", "MapUses"]

SLICE = 1 << 16
"""Number of names whose uses are counted at once."""
TEST_SHARE = 4
"""What a chunk of a test has by itself is this part of what another one has."""


@dataclass(frozen=True, slots=True)
class MapDefined:
    """Question for the names that a place defines, with the number of definitions of each."""

    filters: SearchFilters = field(default_factory=SearchFilters)
    kinds: tuple[str, ...] = MAP_KINDS

    def answer(self, view: View) -> tuple[NameUses, int, bool]:
        """Return the names, the number of files of the place, and whether all segments say what their chunks use."""
        parts, files, complete = list[NameUses](), 0, True
        for part, eligible in zip(view.parts, view.eligible(self.filters), strict=True):
            complete = complete and (part.segment.has_references or not part.live_rows)
            files += len(np.unique(part.segment.chunk_column("file")[np.flatnonzero(eligible)]))
            found = definitions_in(view, part, eligible, self.kinds)
            parts.append(NameUses(found.keys, found.groups, np.ones(len(found.keys), np.int64)))
        return added_up(parts), files, complete


@dataclass(frozen=True, slots=True, eq=False)
class MapUses:
    """Question for the number of chunks that use some names, given by their hashes, ascending."""

    keys: NDArray[np.uint64]

    def answer(self, view: View) -> NameUses:
        found = []
        for part in view.parts:
            if not part.segment.has_references or not len(part.segment.files):
                continue
            for begin in range(0, len(self.keys), SLICE):
                some = self.keys[begin : begin + SLICE]
                numbers, rows, _ = uses_of_names(part, some)
                counts = np.bincount(numbers * (NO_GROUP + 1) + row_groups(part)[rows])
                used = np.flatnonzero(counts)
                found.append(
                    NameUses(some[used // (NO_GROUP + 1)], (used % (NO_GROUP + 1)).astype(np.uint8), counts[used])
                )
        return added_up(found)


@dataclass(frozen=True, slots=True, eq=False)
class MapFiles:
    """Question for the files that define some names, and for the names by which other files link to them."""

    names: NameUses
    filters: SearchFilters = field(default_factory=SearchFilters)
    kinds: tuple[str, ...] = MAP_KINDS

    def answer(self, view: View) -> FilesDefining:
        none, paths = np.empty(0, np.int64), list[str]()
        columns: list[tuple[NDArray[np.integer[Any]], ...]] = [(none, none, none, none, none)]
        keys = [np.empty(0, np.uint64)]
        for part, eligible in zip(view.parts, view.eligible(self.filters), strict=True):
            found = definitions_in(view, part, eligible, self.kinds)
            at, names = joined(found, self.names.keys, self.names.groups)
            ordinals = np.unique(found.files[at])
            if not len(ordinals):
                continue
            every = definitions_in(view, part, np.ones(len(eligible), np.bool_), MAP_KINDS)
            linking = every.chosen(~every.methods & np.isin(every.files, ordinals))
            files, targets = (np.searchsorted(ordinals, some) + len(paths) for some in (found.files[at], linking.files))
            columns.append(
                (names, files, found.methods[at].astype(np.int64), targets, groups_of(part.segment)[ordinals])
            )
            keys.append(linking.keys)
            paths.extend(part.segment.path(ordinal) for ordinal in ordinals.tolist())
        names, files, methods, targets, groups = (np.concatenate(column) for column in zip(*columns, strict=True))
        return FilesDefining(
            names=names.astype(np.int64),
            files=files.astype(np.int64),
            methods=methods > 0,
            link_keys=np.concatenate(keys),
            link_files=targets.astype(np.int64),
            paths=tuple(paths),
            groups=groups.astype(np.uint8),
        )


@dataclass(frozen=True, slots=True, eq=False)
class MapGraph:
    """Question for the chunks that use some names, and those that define them."""

    links: Links
    filters: SearchFilters = field(default_factory=SearchFilters)
    kinds: tuple[str, ...] = MAP_KINDS

    def answer(self, view: View) -> Graph:
        count = len(self.links.keys)
        finder = Finder(self.links)
        graphs = [
            self._graph(view, part, eligible, finder)
            for part, eligible in zip(view.parts, view.eligible(self.filters), strict=True)
            if part.segment.has_references and len(part.segment.files)
        ]
        zeros, none = np.zeros(count, np.int64), np.empty(0, np.int64)
        offsets = np.cumsum([0, *(len(graph.bases) for graph in graphs)]).tolist()
        return Graph(
            given=sum((graph.given for graph in graphs), zeros),
            users=sum((graph.users for graph in graphs), zeros),
            bases=np.concatenate([none, *(graph.bases for graph in graphs)]),
            using=np.concatenate([none, *(one.using + by for one, by in zip(graphs, offsets, strict=False))]),
            used=np.concatenate([none, *(graph.used for graph in graphs)]),
            defining=np.concatenate([none, *(one.defining + by for one, by in zip(graphs, offsets, strict=False))]),
            defined=np.concatenate([none, *(graph.defined for graph in graphs)]),
        )

    def _graph(self, view: View, part: Part, eligible: NDArray[np.bool_], finder: Finder) -> Graph:
        links, segment = self.links, part.segment
        count = len(links.keys)
        defined = definitions_in(view, part, eligible, self.kinds)
        at, defined_names = joined(defined, links.keys, links.groups)
        defined_rows = defined.rows[at]
        rows, names = linked_uses(part, links, finder)
        own = np.isin(rows * count + names, defined_rows * count + defined_names)
        rows, names = rows[~own], names[~own]
        shares = np.bincount(rows, minlength=segment.reference.rows)
        files = segment.chunk_column("file")
        tests = (segment.file_column("kinds").astype(np.int64)[files] & TEST_BIT) > 0
        bases = np.where(tests, BASE // TEST_SHARE, BASE)
        nodes = np.unique(defined_rows)
        is_node = np.zeros(segment.reference.rows, np.bool_)
        is_node[nodes] = True
        plain = ~is_node[rows]
        given = np.zeros(count, np.int64)
        np.add.at(given, names[plain], (bases // np.maximum(shares, 1))[rows[plain]])
        order = np.lexsort((names[~plain], rows[~plain]))
        return Graph(
            given=given,
            users=np.bincount(names, minlength=count).astype(np.int64),
            bases=bases[nodes],
            using=np.searchsorted(nodes, rows[~plain][order]),
            used=names[~plain][order],
            defining=np.searchsorted(nodes, defined_rows),
            defined=defined_names,
        )


@dataclass(frozen=True, slots=True, eq=False)
class MapEntries:
    """Question for the definitions of some names, to be shown."""

    names: NameUses
    filters: SearchFilters = field(default_factory=SearchFilters)
    kinds: tuple[str, ...] = MAP_KINDS

    def answer(self, view: View) -> list[tuple[int, MapEntry]]:
        """Return the definitions, each with the number of its name."""
        shown: list[tuple[int, MapEntry]] = []
        for part, eligible in zip(view.parts, view.eligible(self.filters), strict=True):
            found = definitions_in(view, part, eligible, self.kinds)
            at, numbers = joined(found, self.names.keys, self.names.groups)
            for place, number in zip(at.tolist(), numbers.tolist(), strict=True):
                ordinal = int(found.files[place])
                file = lexed(view, part, ordinal)
                one = file.definition(int(found.numbers[place]))
                if one is None:
                    continue
                site = site_of(file, one, int(part.segment.file_column("kinds")[ordinal]))
                told = {"signature": signature_of(file, one), "documentation": documentation_of(file, one)}
                shown.append((number, MapEntry(**(site.shown().model_dump() | told))))
        return shown
