"""Importance of definitions by who uses them, from what all shards report about names and the chunks that use them.

All of it is arithmetic with whole numbers. Their sums do not depend on their order: any number of shards is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BASE",
    "MOST_DEFINITIONS",
    "Graph",
    "NameUses",
    "added_up",
    "importance_of",
    "most_used",
    "told_apart",
]

BASE = 1 << 20
"""Importance that each chunk has by itself. It hands it on to what it uses."""
MOST_DEFINITIONS = 20
"""Largest number of definitions of a name that a map tells apart. A name with more of them is left out."""
MOST_NAMES = 4096
"""Largest number of names, those that most chunks use, whose importance is worked out."""
ROUNDS = 20
"""Number of times that importance is handed on from definitions to what they use."""
HANDED_ON = 85
"""Share of its importance that a definition hands on, in percent: the damping of PageRank."""


class NameUses(NamedTuple):
    """Names with the number of their definitions, or of the chunks that use them: n names, by hash and group."""

    keys: NDArray[np.uint64]  # hash of the name, by which references know it, [n]
    groups: NDArray[np.uint8]  # number of the group of languages, [n]
    counts: NDArray[np.int64]  # definitions or chunks, [n]


class Graph(NamedTuple):
    """Uses of n names. Chunks that define one of them are nodes, k of them; all others give what they have once."""

    given: NDArray[np.int64]  # importance that each name gets from chunks that define none, [n]
    users: NDArray[np.int64]  # number of chunks that use each name, [n]
    bases: NDArray[np.int64]  # importance that each node has by itself, [k]
    using: NDArray[np.int64]  # node of each use, ascending, [uses]
    used: NDArray[np.int64]  # name of each use, [uses]
    defining: NDArray[np.int64]  # node of each definition, [definitions]
    defined: NDArray[np.int64]  # name of each definition, [definitions]


def added_up(parts: Sequence[NameUses]) -> NameUses:
    """Return the sums of some counts, each name once a group."""
    keys = np.concatenate([np.empty(0, np.uint64), *(part.keys for part in parts)])
    groups = np.concatenate([np.empty(0, np.uint8), *(part.groups for part in parts)])
    counts = np.concatenate([np.empty(0, np.int64), *(part.counts for part in parts)])
    if not len(keys):
        return NameUses(keys, groups, counts)
    order = np.lexsort((groups, keys))
    keys, groups, counts = keys[order], groups[order], counts[order]
    begins = np.flatnonzero(np.append(True, (keys[1:] != keys[:-1]) | (groups[1:] != groups[:-1])))
    return NameUses(keys[begins], groups[begins], np.add.reduceat(counts, begins))


def told_apart(parts: Sequence[NameUses]) -> NameUses:
    """Return the names of all shards with at most `MOST_DEFINITIONS` definitions."""
    names = added_up(parts)
    kept = names.counts <= MOST_DEFINITIONS
    return NameUses(names.keys[kept], names.groups[kept], names.counts[kept])


def most_used(defined: NameUses, parts: Sequence[NameUses]) -> tuple[NameUses, NDArray[np.int64], int]:
    """Return the defined names that most chunks use, how many definitions each has, and how many are used."""
    used = added_up(parts)
    both = added_up(
        [NameUses(names.keys, names.groups, np.ones(len(names.keys), np.int64)) for names in (defined, used)]
    )
    shared = both.counts == 2
    in_used, in_defined = (_places(names, both, shared) for names in (used, defined))
    counts = used.counts[in_used]
    most = np.sort(np.lexsort((both.groups[shared], both.keys[shared], -counts))[:MOST_NAMES])
    names = NameUses(both.keys[shared][most], both.groups[shared][most], counts[most])
    return names, defined.counts[in_defined][most], int(shared.sum())


def _places(names: NameUses, both: NameUses, shared: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the place in `names` of each shared name; both stand by hash and group."""
    order = np.lexsort(
        (np.concatenate([names.groups, both.groups[shared]]), np.concatenate([names.keys, both.keys[shared]]))
    )
    is_shared = order >= len(names.keys)
    before = np.cumsum(~is_shared)[is_shared] - 1
    return before.astype(np.int64)


def importance_of(parts: Sequence[Graph], definitions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the importance of one definition of each name, int64[names], in millionths of what a chunk has by itself.

    definitions: number of definitions of each name, over which its importance is spread, [names].

    The algorithm is PageRank (Page, Brin, Motwani and Winograd 1999) with a fixed number of rounds: a chunk gives what
    it has to the names that it uses, in equal shares, and gets a share of what the names have that it defines.
    """
    given = sum((part.given for part in parts), np.zeros(len(definitions), np.int64))
    offsets = np.cumsum([0, *(len(part.bases) for part in parts)])
    using = np.concatenate([part.using + offset for part, offset in zip(parts, offsets, strict=False)])
    defining = np.concatenate([part.defining + offset for part, offset in zip(parts, offsets, strict=False)])
    used, defined = (np.concatenate([getattr(part, name) for part in parts]) for name in ("used", "defined"))
    bases = np.concatenate([part.bases for part in parts])
    shares = np.maximum(np.bincount(using, minlength=len(bases)), 1)
    spread = np.maximum(definitions, 1)
    found = given
    for _ in range(ROUNDS):
        owned = bases.copy()
        np.add.at(owned, defining, (found * HANDED_ON // 100 // spread)[defined])
        following = given.copy()
        np.add.at(following, used, (owned // shares)[using])
        found = following
    return found * 1_000_000 // BASE // spread
