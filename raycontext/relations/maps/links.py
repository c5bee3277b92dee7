"""Links between files, by which the map of a tree tells uses of a definition from uses of another thing of its name.

Where a name of another file must be imported, a file is linked to those that its imports name: `from shop.cart import
total` leads to files below `shop` or called `cart` that define `total`. Elsewhere a function needs no link; a method
needs that the file uses another name of the method's file, such as its type.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.imports import ALL_NAMES
from raycontext.kernel.lexer import name_hashes
from raycontext.relations.maps.importance import NameUses
from raycontext.relations.maps.names import EXPLICIT, NO_GROUP, distinct, groups_of, row_groups, spread, uses_of_names
from raycontext.search.rows.view import Part
from raycontext.store.segments.columns import numbers
from raycontext.store.segments.segment import path_hash

__all__ = ["FilesDefining", "Finder", "Links", "linked_uses", "links_of"]

_GENERIC = frozenset({"crate", "self", "super", "src", "lib", "index", "mod", "main", "__init__"})
"""Parts of modules and paths that tell no file."""


class FilesDefining(NamedTuple):
    """Files of a shard that define some names."""

    names: NDArray[np.int64]  # number of the name of each definition, [n]
    files: NDArray[np.int64]  # number of its file in `paths`, [n]
    methods: NDArray[np.bool_]  # whether it is a method, [n]
    link_keys: NDArray[np.uint64]  # hash of each name by which others link to a file, [m]
    link_files: NDArray[np.int64]  # number of that file, [m]
    paths: tuple[str, ...]  # paths of the files, [f]
    groups: NDArray[np.uint8]  # group of languages of each file, [f]


class Links(NamedTuple):
    """What links files to the f files that define n names."""

    keys: NDArray[np.uint64]  # hashes of the names, [n]
    groups: NDArray[np.uint8]  # group of languages of each, [n]
    needs: NDArray[np.bool_]  # whether a use of the name needs a link, [n]
    paths: tuple[str, ...]  # paths of the files, [f]
    file_groups: NDArray[np.uint8]  # group of languages of each file, [f]
    defined: NDArray[np.int64]  # name times f plus number of the file, of each definition, ascending
    link_keys: NDArray[np.uint64]  # hash of each name that links, ascending, [m]
    targets: NDArray[np.int64]  # number of the file that each links to, [m]


def links_of(names: NameUses, parts: Sequence[FilesDefining]) -> Links:
    """Return what links to some names, from the answers of all shards."""
    paths = tuple(path for part in parts for path in part.paths)
    offsets = np.cumsum([0, *(len(part.paths) for part in parts)]).tolist()
    files = np.concatenate([part.files + by for part, by in zip(parts, offsets, strict=False)])
    targets = np.concatenate([part.link_files + by for part, by in zip(parts, offsets, strict=False)])
    of_names = np.concatenate([part.names for part in parts])
    methods = np.concatenate([part.methods for part in parts])
    link_keys = np.concatenate([part.link_keys for part in parts])
    only_methods = np.ones(len(names.keys), np.bool_)
    only_methods[of_names[~methods]] = False
    order = np.argsort(link_keys, kind="stable")
    return Links(
        keys=names.keys,
        groups=names.groups,
        needs=only_methods | np.isin(names.groups, EXPLICIT),
        paths=paths,
        file_groups=np.concatenate([part.groups for part in parts]),
        defined=np.unique(of_names * len(paths) + files),
        link_keys=link_keys[order],
        targets=targets[order],
    )


def linked_uses(part: Part, links: Links, finder: Finder) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and name of each use that is one of a definition, as far as the links tell."""
    unique = np.unique(links.keys)
    of_use, rows, _ = uses_of_names(part, unique)
    of_keys = np.full((len(unique) + 1, NO_GROUP + 1), -1, np.int64)
    of_keys[np.searchsorted(unique, links.keys), links.groups] = np.arange(len(links.keys))
    names = of_keys[of_use, row_groups(part)[rows]]
    rows, names = rows[names >= 0], names[names >= 0]
    files = part.segment.chunk_column("file").astype(np.int64)[rows]
    doubtful = np.flatnonzero(links.needs[names])
    width = max(len(links.paths), 1)
    starts = np.searchsorted(links.defined, names[doubtful] * width)
    ends = np.searchsorted(links.defined, (names[doubtful] + 1) * width)
    each, places = spread(starts, ends)
    uses, targets = doubtful[each], links.defined[places] % width
    known = np.concatenate([_own(part, finder), _by_use(part, links), _by_import(part, links, finder)])
    kept = ~links.needs[names]
    kept[uses[np.isin(files[uses] * width + targets, known)]] = True
    return rows[kept], names[kept]


def _own(part: Part, finder: Finder) -> NDArray[np.int64]:
    """Return a link of each file to itself: its ordinal times the number of linked files, plus its number there."""
    hashes = finder.path_hashes
    if not len(hashes):
        return np.empty(0, np.int64)
    order = np.argsort(hashes)
    at = np.minimum(np.searchsorted(hashes[order], part.segment.path_hashes), len(hashes) - 1)
    own = np.flatnonzero(hashes[order][at] == part.segment.path_hashes)
    linked: NDArray[np.int64] = own * len(hashes) + order[at[own]]
    return linked


def _by_use(part: Part, links: Links) -> NDArray[np.int64]:
    """Return the links of files in which nothing must be imported, by the names that they use."""
    segment, width = part.segment, len(links.paths)
    implicit = ~np.isin(links.file_groups[links.targets], EXPLICIT)
    keys, targets = links.link_keys[implicit], links.targets[implicit]
    names = distinct(keys)
    of_use, rows, _ = uses_of_names(part, names)
    files = segment.chunk_column("file").astype(np.int64)[rows]
    size = max(len(segment.files), 1)
    used = distinct(of_use * size + files)  # the chunks of a file lie together, and rows ascend for each name
    files, of_use = used % size, used // size
    each, places = spread(np.searchsorted(keys, names[of_use]), np.searchsorted(keys, names[of_use], side="right"))
    if not len(each):
        return np.empty(0, np.int64)
    same = links.file_groups[targets[places]] == groups_of(segment)[files[each]]
    linked: NDArray[np.int64] = files[each[same]] * width + targets[places[same]]
    return linked


def _by_import(part: Part, links: Links, finder: Finder) -> NDArray[np.int64]:
    """Return the links of files in which names must be imported, by their imports."""
    segment, width = part.segment, len(links.paths)
    table = segment.imports
    if not len(table) or not width:
        return np.empty(0, np.int64)
    files = numbers(table, "file").astype(np.int64)
    explicit = np.flatnonzero(np.isin(groups_of(segment)[files], EXPLICIT) & part.alive_files[files])
    modules, names = (table.column(name).chunk(0) for name in ("module", "name"))
    module_codes, name_codes = (column.indices.to_numpy().astype(np.int64)[explicit] for column in (modules, names))
    module_texts, name_texts = modules.dictionary.to_pylist(), names.dictionary.to_pylist()
    pairs, inverse = np.unique(module_codes * len(name_texts) + name_codes, return_inverse=True)
    keys = name_hashes([name.encode(errors="surrogateescape") for name in name_texts])
    bounds = [np.searchsorted(links.link_keys, keys, side=side).tolist() for side in ("left", "right")]
    targets = []
    for pair in pairs.tolist():
        module, name = pair // len(name_texts), pair % len(name_texts)
        named = finder.named(bounds[0][name], bounds[1][name])
        targets.append(finder.targets(module_texts[module], name_texts[name], named))
    ends = np.cumsum([len(some) for some in targets])
    flat = np.array([target for some in targets for target in some], np.int64)
    each, places = (
        spread((ends - [len(some) for some in targets])[inverse], ends[inverse]) if len(inverse) else (pairs, pairs)
    )
    linked = files[explicit[each]] * width + flat[places]
    same = groups_of(segment)[linked // width] == links.file_groups[linked % width]
    kept: NDArray[np.int64] = linked[same]
    return kept


class Finder:
    """Finder of the files that an import can mean."""

    def __init__(self, links: Links) -> None:
        self._words = [_words(os.path.splitext(path)[0]) for path in links.paths]  # noqa: PTH122 - paths of any system
        self.path_hashes = np.array([path_hash(path) for path in links.paths], np.uint64)
        """Hashes of the paths of the files."""
        self._by_stem: dict[str, list[int]] = {}
        for number, path in enumerate(links.paths):
            for word in {
                _plain(path.rpartition("/")[2].partition(".")[0]),
                _plain(path.rpartition("/")[0].rpartition("/")[2]),
            }:
                self._by_stem.setdefault(word, []).append(number)
        self._targets: list[int] = links.targets.tolist()

    def named(self, first: int, last: int) -> list[int]:
        """Return the numbers of the files that define a name, given by its bounds in the sorted names that link."""
        return self._targets[first:last]

    def targets(self, module: str, name: str, named: Sequence[int]) -> list[int]:
        """Return the numbers of the files that an import can mean. `named` are those that define its name."""
        parts = _parts(module)
        words = frozenset(parts) - _GENERIC
        if name and name != ALL_NAMES:
            candidates = {*named, *self._by_stem.get(_plain(name), ())}
            return sorted(at for at in candidates if not words or not words.isdisjoint(self._words[at]))
        if not parts:
            return []
        outer = frozenset(parts[-2:-1]) - _GENERIC
        return [at for at in self._by_stem.get(parts[-1], ()) if not outer or not outer.isdisjoint(self._words[at])]


def _plain(word: str) -> str:
    return word.replace("-", "_")


def _parts(module: str) -> list[str]:
    return [_plain(part) for part in re.split(r"[./:\\@~#]+", module) if part]


def _words(path: str) -> frozenset[str]:
    return frozenset(_parts(path)) - _GENERIC
