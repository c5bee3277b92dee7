"""Which actor owns a shard: one of its own while a node's budget lasts, beyond it one that owns several small shards.

Plain, without Ray. State of one event loop: the Coordinator's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

__all__ = ["SHARED", "SHARED_PER_NODE", "SMALL_BYTES", "Key", "Ownership", "shared_name"]

SHARED = "rc-shards/"
"""Beginning of the names of actors that own several shards."""

SHARED_PER_NODE = 2
"""Number of actors on each node that own several shards."""

SMALL_BYTES = 64 << 20
"""Largest shard in bytes that shares an actor with others. A larger one has an actor of its own in any case."""


class Key(NamedTuple):
    """A replica of a shard."""

    collection: str
    shard: int
    replica: int


def shared_name(number: int) -> str:
    """Return the name of an actor that owns several shards."""
    return f"{SHARED}{number}"


class Ownership:
    """Owners of the replicas of shards: each has exactly one.

    most_own: number of search actors on each node that own a single shard.
    """

    def __init__(self, most_own: int) -> None:
        self._most_own = most_own
        self._shared: dict[Key, tuple[int, int]] = {}  # number of the shared actor, and bytes of the shard
        self._coming: set[str] = set()
        self._alone: set[Key] = set()

    def shared_by(self, key: Key) -> int | None:
        """Return the number of the shared actor that owns a replica; None where it has an actor of its own."""
        found = self._shared.get(key)
        return None if found is None else found[0]

    def choose(
        self, key: Key, name: str, size: int, own: Collection[str], nodes: int, *, shares: bool = False
    ) -> int | None:
        """Return the number of the shared actor that is to own a replica; None where it gets an actor of its own.

        name: name that an actor of its own has. size: bytes of the shard. own: names of the actors that own a single
        shard and live. nodes: number of nodes that take actors. shares: True leaves the budget to others.

        A replica that shares an actor stays there, and so does one that has its own.
        """
        if (number := self.shared_by(key)) is not None:
            return number
        self._coming -= set(own)
        living = len({*own, *self._coming} - {name})
        has_room = not shares and living < self._most_own * max(nodes, 1)
        if name in own or key in self._alone or size > SMALL_BYTES or has_room:
            self._coming.add(name)
            return None
        count = SHARED_PER_NODE * max(nodes, 1)
        taken = {self._shared[other][0] for other in self._replicas(key)}
        loads = dict.fromkeys(range(count), 0)
        for number, load in self._shared.values():
            if number in loads:
                loads[number] += load + 1
        free = [number for number in loads if number not in taken] or list(loads)
        number = min(free, key=loads.__getitem__)
        self._shared[key] = number, size
        return number

    def note_shared(self, number: int, keys: Iterable[Key]) -> None:
        """Note that a shared actor owns replicas, as the actor itself has told."""
        for key in keys:
            self._shared.setdefault(key, (number, 0))

    def part(self, key: Key) -> None:
        """Give a replica an actor of its own from now on, whatever the budget: its actor has died of it."""
        self._shared.pop(key, None)
        self._alone.add(key)

    def note_failed(self, name: str) -> None:
        """Note that the start of an actor that was to own a single shard has failed."""
        self._coming.discard(name)

    def of_collection(self, collection: str) -> dict[Key, int]:
        """Return the numbers of the shared actors that own replicas of a collection."""
        return {key: number for key, (number, _) in self._shared.items() if key.collection == collection}

    def forget(self, collection: str) -> None:
        """Forget a collection, whose actors have ended."""
        for key in self.of_collection(collection):
            del self._shared[key]
        self._alone = {key for key in self._alone if key.collection != collection}

    def _replicas(self, key: Key) -> list[Key]:
        """Return the other replicas of the same shard that share an actor."""
        return [other for other in self._shared if other[:2] == key[:2] and other != key]
