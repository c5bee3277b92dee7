"""Names of a segment as the map of a tree reads them: definitions and uses by the hashes of their names, as arrays.

The first `MAX_SYMBOL_NAMES` names of a chunk count, which leaves out the ends of long runs of macros and constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import xxhash
from numpy.typing import NDArray

from raycontext.analyse.posting_lists import lookup
from raycontext.analyse.syntaxes import LANGUAGES_WITH_REFERENCES, family_of
from raycontext.kernel.lexer import Use, name_hashes
from raycontext.models import ChunkKind
from raycontext.relations.modules import group_of
from raycontext.search.rows.view import Part, View
from raycontext.store.segments.segment import Segment

__all__ = [
    "EXPLICIT",
    "LOW",
    "MAP_KINDS",
    "NO_GROUP",
    "Definitions",
    "definitions_in",
    "distinct",
    "groups_of",
    "joined",
    "row_groups",
    "spread",
    "uses_of_names",
]

Number = TypeVar("Number", bound=np.integer[Any])

MAP_KINDS = tuple(
    kind.value for kind in ChunkKind
    if kind not in (ChunkKind.CONSTANT, ChunkKind.TEST, ChunkKind.IMPORT, ChunkKind.SECTION, ChunkKind.BLOCK)
)  # fmt: skip
"""Kinds of definitions that a map shows unless others are asked for."""

STRONG = int(Use.CALL | Use.CONSTRUCTION | Use.INHERITANCE | Use.IMPORT | Use.TYPE)
"""Kinds of use that count. A mere mention may be a local variable of this name."""
LOW = (1 << 32) - 1
"""Bits of the hash of a name that definitions keep."""
WHOLE_SEGMENT = -1
"""Number under which a view keeps what was read of all files of a segment."""

_GROUPS = tuple(sorted({group_of(language) for language in LANGUAGES_WITH_REFERENCES}))
EXPLICIT = np.array([_GROUPS.index(group) for group in ("javascript", "python", "rust")], np.uint8)
"""Numbers of the groups of languages in which a name of another file must be imported."""
NO_GROUP = len(_GROUPS)
"""Number of the group of languages whose files have no references."""


@cache
def _group_number(language: str) -> int:
    """Return the number of the group of a language; `NO_GROUP` where its files have no references."""
    return _GROUPS.index(group_of(language)) if family_of(language) else NO_GROUP


def groups_of(segment: Segment) -> NDArray[np.uint8]:
    """Return the number of each file's group of languages, uint8[files]."""
    codes = segment.files.column("language").chunk(0)
    numbers = np.array([_group_number(value) for value in codes.dictionary.to_pylist()], np.uint8)
    groups: NDArray[np.uint8] = numbers[codes.indices.to_numpy(zero_copy_only=True)]
    return groups


class Definitions(NamedTuple):
    """Definitions of a segment that a map may show, n of them."""

    numbers: NDArray[np.int64]  # in the segment
    keys: NDArray[np.uint64]  # hash of the name, by which references know it
    groups: NDArray[np.uint8]
    rows: NDArray[np.int64]
    files: NDArray[np.int64]
    methods: NDArray[np.bool_]

    def chosen(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> Definitions:
        """Return some of the definitions."""
        columns: Any = (column[places] for column in self)
        return Definitions(*columns)


def definitions_in(view: View, part: Part, eligible: NDArray[np.bool_], kinds: Sequence[str]) -> Definitions:
    """Return the definitions of some kinds in some rows."""
    every, names, codes = _named_definitions(view, part)
    wanted = np.array([name in kinds for name in names], np.bool_)
    return every.chosen(wanted[codes] & eligible[every.rows]) if len(codes) else every


def _named_definitions(view: View, part: Part) -> tuple[Definitions, list[str], NDArray[np.integer[Any]]]:
    """Return all definitions of a segment whose names its labels say, the names of kinds, and the kind of each.

    The view keeps them like a file that was read.
    """
    kept = view.read_files.get((part.first_file, WHOLE_SEGMENT))
    if kept is None:
        kept = view.read_files[part.first_file, WHOLE_SEGMENT] = _read_definitions(part.segment)
    return kept  # type: ignore[return-value]


def _read_definitions(segment: Segment) -> tuple[Definitions, list[str], NDArray[np.integer[Any]]]:
    if not segment.has_references or not len(segment.definitions) or not len(segment.files):
        none = np.empty(0, np.int64)
        empty = Definitions(none, none.astype(np.uint64), none.astype(np.uint8), none, none, none.astype(np.bool_))
        return empty, [], none
    import pyarrow.compute as pc  # slow to load, and a search needs none of it

    words = pc.split_pattern(segment.labels()["symbol"].combine_chunks(), " ")
    name_rows = pc.list_parent_indices(words).to_numpy(zero_copy_only=False).astype(np.uint64)
    flat = pc.list_flatten(words).dictionary_encode()
    names = [name.encode() for name in flat.dictionary.to_pylist()]
    lows = np.array([xxhash.xxh3_64_intdigest(name) & LOW for name in names], np.uint64)
    keys = name_hashes(names)
    codes = flat.indices.to_numpy(zero_copy_only=False)
    places, first = np.unique(name_rows << np.uint64(32) | lows[codes], return_index=True)
    rows = segment.definition_column("row").astype(np.int64)
    wanted = rows.astype(np.uint64) << np.uint64(32) | segment.definition_column("name_hash").astype(np.uint64)
    at = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
    kinds = segment.definitions.column("kind").chunk(0)
    kind_codes, kind_names = kinds.indices.to_numpy(zero_copy_only=True), kinds.dictionary.to_pylist()
    files = segment.chunk_column("file")[rows].astype(np.int64)
    groups = groups_of(segment)[files]
    numbers = np.flatnonzero((places[at] == wanted) & (groups != NO_GROUP))
    is_method = np.array([name == ChunkKind.METHOD for name in kind_names], np.bool_)[kind_codes]
    found = Definitions(
        numbers, keys[codes[first[at[numbers]]]], groups[numbers], rows[numbers], files[numbers], is_method[numbers]
    )
    return found, kind_names, kind_codes[numbers]


def row_groups(part: Part) -> NDArray[np.uint8]:
    """Return the number of each chunk's group of languages, uint8[rows]."""
    groups: NDArray[np.uint8] = groups_of(part.segment)[part.segment.chunk_column("file")]
    return groups


def uses_of_names(
    part: Part, names: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Return the uses that count of some names: number of the name, row, and kinds of use."""
    starts, ends, rows, kinds = lookup(part.segment.references, names)
    numbers = np.repeat(np.arange(len(names)), ends - starts)
    kept = part.alive_rows[rows] & ((kinds & np.uint8(STRONG)) > 0)
    return numbers[kept], rows[kept].astype(np.int64), kinds[kept]


def joined(
    found: Definitions, keys: NDArray[np.uint64], groups: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the definitions that have one of some names, given by hash and group, and its number."""
    numbers = np.full((len(keys) + 1, NO_GROUP + 1), -1, np.int64)
    unique = np.unique(keys)
    numbers[np.searchsorted(unique, keys), groups] = np.arange(len(keys))
    if not len(unique):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    at = np.minimum(np.searchsorted(unique, found.keys), len(unique) - 1)
    of_each = np.where(unique[at] == found.keys, numbers[at, found.groups], -1)
    places = np.flatnonzero(of_each >= 0)
    return places, of_each[places]


def distinct(values: NDArray[Number]) -> NDArray[Number]:
    """Return values of which equal ones stand side by side, each once. It is many times as fast as `numpy.unique`."""
    return values[np.append(True, values[1:] != values[:-1])] if len(values) else values


def spread(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all numbers from each start to its end, and before them the number of the range that each is in."""
    lengths = ends - starts
    each = np.repeat(np.arange(len(lengths)), lengths)
    return each, np.arange(len(each)) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
