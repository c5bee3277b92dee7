"""Questions for what a collection has of some names: their definitions, the files that use them, their imports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.imports import ALL_NAMES
from raycontext.analyse.names import name_hash
from raycontext.analyse.posting_lists import lookup
from raycontext.kernel.lexer import Use, reference_hash
from raycontext.models import SearchFilters
from raycontext.relations.modules import Match, denotes, group_of
from raycontext.relations.reading import files_at, lexed
from raycontext.relations.uses.sites import ImportSite, NameUses, Site, site_of
from raycontext.search.rows.file_order import file_order
from raycontext.search.rows.view import Part, View

__all__ = ["MOST_FILES", "StarImports", "Survey", "Surveyed", "merged_surveys"]

MOST_SITES = 2000
"""Largest number of definitions of one name that a segment reports."""
MOST_FILES = 1000
"""Largest number of files that use a name whose paths a shard reports: the first ones by path."""

_LOW = (1 << 32) - 1


class Surveyed(NamedTuple):
    """Definitions, uses and imports of some names."""

    sites: list[Site]
    uses: dict[str, NameUses]
    imports: list[ImportSite]
    has_references: bool
    """Whether all segments say what their chunks use."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Question for the definitions of some names, the files that use them, and those that import them."""

    names: tuple[str, ...]
    filters: SearchFilters = field(default_factory=SearchFilters)
    kinds: int = 127 - int(Use.DEFINITION)
    """Bits of the kinds of use that count."""
    with_uses: bool = True
    most_sites: int = MOST_SITES
    """Largest number of definitions of one name in a segment that are read, beside those in the file `near`."""
    near: str = ""

    def answer(self, view: View) -> Surveyed:
        sites: list[Site] = []
        imports: list[ImportSite] = []
        uses: list[_Users] = []
        complete = True
        hashes = np.array([reference_hash(name) for name in self.names], np.uint64)
        eligible = view.eligible(self.filters) if self.with_uses else [part.alive_rows for part in view.parts]
        for part, admitted in zip(view.parts, eligible, strict=True):
            if not part.segment.has_references:
                complete = complete and not part.live_rows
                continue
            starts, ends, rows, kinds = lookup(part.segment.references, hashes)
            of_names = np.repeat(np.arange(len(hashes)), ends - starts)
            sites.extend(self._sites(view, part, of_names, rows))
            imports.extend(_import_sites(part, part.segment.import_columns.names.find(self.names)))
            if self.with_uses:
                kept = admitted[rows] & ((kinds & np.uint8(self.kinds)) > 0)
                uses.append(_users(view, part, of_names[kept], rows[kept]))
        return Surveyed(sites, self._uses(view, uses), imports, complete)

    def _sites(
        self, view: View, part: Part, of_uses: NDArray[np.int64], rows_using: NDArray[np.uint32]
    ) -> Iterator[Site]:
        """Yield the living definitions of the names in a segment, from the rows that use each name."""
        segment = part.segment
        keys = np.array([name_hash(name) & _LOW for name in self.names], np.uint32)
        of_names, found = segment.definition_places.find(keys)
        if not len(found):
            return
        rows = segment.definition_column("row")[found].astype(np.int64)
        ordinals = segment.chunk_column("file")[rows]
        # A hash of 32 bits is that of other names, too; a chunk that also holds the name itself defines it.
        width = segment.reference.rows
        is_sure = np.isin(of_names * width + rows, of_uses * width + rows_using)
        within = np.arange(len(found)) - np.searchsorted(of_names, of_names)
        near = [ordinal for other, ordinal in files_at(view, [self.near] if self.near else []) if other is part]
        chosen = part.alive_files[ordinals] & ((within < self.most_sites) | np.isin(ordinals, near))
        columns = (column[chosen].tolist() for column in (of_names, found, ordinals, is_sure))
        for at, number, ordinal, sure in zip(*columns, strict=True):
            file = lexed(view, part, ordinal)
            if not group_of(file.language):
                continue
            definition = file.definition(number, self.names[at] if sure else "")
            if definition is None or file.is_implementation(definition):
                continue
            if definition.name == self.names[at]:
                yield site_of(file, definition, int(segment.file_column("kinds")[ordinal]))

    def _uses(self, view: View, parts: Sequence[_Users]) -> dict[str, NameUses]:
        """Return the first files by path that use each name, and how many files and chunks do."""
        if not self.with_uses:
            return {}
        order, none = file_order(view), np.empty(0, np.int64)
        of_names = np.concatenate([none, *(part.names for part in parts)])
        ranks = np.concatenate([none, *(part.ranks for part in parts)])
        in_order = np.lexsort((ranks, of_names))
        chunks = sum((np.bincount(part.of_chunks, minlength=len(self.names)) for part in parts), np.zeros(1, np.int64))
        begins = np.searchsorted(of_names[in_order], np.arange(len(self.names) + 1))
        found: dict[str, NameUses] = {}
        for number, name in enumerate(self.names):
            first, last = int(begins[number]), int(begins[number + 1])
            chosen = ranks[in_order[first : min(last, first + MOST_FILES)]]
            pairs = zip(order.parts[chosen].tolist(), order.ordinals[chosen].tolist(), strict=True)
            paths = tuple(view.parts[at].segment.path(ordinal) for at, ordinal in pairs)
            found[name] = NameUses(int(chunks[number]) if parts else 0, last - first, paths)
        return found


class _Users(NamedTuple):
    """Uses of some names in a segment."""

    of_chunks: NDArray[np.int64]  # number of the name of each chunk that uses it
    names: NDArray[np.int64]  # number of the name of each file that uses it, [n]
    ranks: NDArray[np.int64]  # place of the file in the order of all paths, [n]


def _users(view: View, part: Part, of_names: NDArray[np.int64], rows: NDArray[np.uint32]) -> _Users:
    """Return the files of rows that use some names. Rows ascend for each name, so the chunks of a file lie together."""
    ordinals = part.segment.chunk_column("file")[rows].astype(np.int64)
    is_new = np.ones(len(ordinals), np.bool_)
    is_new[1:] = (ordinals[1:] != ordinals[:-1]) | (of_names[1:] != of_names[:-1])
    return _Users(of_names, of_names[is_new], file_order(view).ranks[part.first_file + ordinals[is_new]])


def merged_surveys(names: Iterable[str], parts: Sequence[Surveyed]) -> Surveyed:
    """Return what all shards have. Paths of files that use a name are in order, the first `MOST_FILES` of them."""
    uses: dict[str, NameUses] = {}
    for name in names:
        found = [part.uses[name] for part in parts if name in part.uses]
        paths = sorted((path for one in found for path in one.paths), key=_path_key)
        uses[name] = NameUses(
            sum(one.chunks for one in found), sum(one.files for one in found), tuple(paths[:MOST_FILES])
        )
    return Surveyed(
        sorted({site for part in parts for site in part.sites}),
        uses,
        sorted(entry for part in parts for entry in part.imports),
        all(part.has_references for part in parts),
    )


def _path_key(path: str) -> bytes:
    """Return what orders paths: their bytes."""
    return path.encode(errors="surrogateescape")


def _import_sites(part: Part, places: NDArray[np.int64]) -> Iterator[ImportSite]:
    segment = part.segment
    words = [segment.import_columns.words(name) for name in ("module", "name", "alias")]
    for place in places.tolist():
        ordinal = int(segment.import_columns.files[place])
        if part.alive_files[ordinal]:
            module, name, alias = (column.read(place, place + 1)[0] for column in words)
            yield ImportSite(segment.path(ordinal), segment.language(ordinal), module, name, alias)


@dataclass(frozen=True, slots=True)
class StarImports:
    """Question for the imports of all names of some files."""

    paths: tuple[str, ...]
    group: str

    def answer(self, view: View) -> list[ImportSite]:
        stems = {re.split(r"[./]", path.rpartition("/")[2])[0] for path in self.paths} | {
            path.split("/")[-2] for path in self.paths if "/" in path
        }
        found: list[ImportSite] = []
        for part in view.parts:
            if not part.segment.has_references:
                continue
            stars = part.segment.import_columns.names.find([ALL_NAMES])
            if not len(stars):
                continue
            modules = part.segment.import_columns.words("module")
            codes, starred = np.unique(modules.codes[stars], return_inverse=True)
            words = (modules.word(code) for code in codes.tolist())
            can_be = np.array([any(stem in word for stem in stems) or not word.strip(".") for word in words], np.bool_)
            found.extend(
                entry
                for entry in _import_sites(part, stars[can_be[starred]])
                if group_of(entry.language) == self.group
                and any(denotes(entry.language, entry.module, entry.path, path) is Match.YES for path in self.paths)
            )
        return found
