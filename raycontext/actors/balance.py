"""Moves actors when nodes come or go, so that all nodes have their share and replicas lie on different nodes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from itertools import islice

from raycontext.actors.ownership import SHARED
from raycontext.errors import RaycontextError
from raycontext.runtime.base import Runtime
from raycontext.runtime.placing import Places, moves

__all__ = ["Balance", "meetings", "replica_groups"]

_log = logging.getLogger("raycontext")

LOOK_SECONDS = 20.0
"""Time in seconds between two looks at the nodes of a cluster."""

MOST_MOVES = 4
"""Largest number of actors that are moved after one look: each costs those who ask it one start."""


class Balance:
    """Keeper of the balance of one root's actors on a cluster. It does nothing without a cluster that others use too.

    may_move: returns whether the actor of a name may be ended now. An actor moves by its end: the next call makes it
    anew, on the node that has least to do.
    """

    def __init__(self, runtime: Runtime, may_move: Callable[[str], bool], look_seconds: float = LOOK_SECONDS) -> None:
        self._runtime = runtime
        self._may_move = may_move
        self._look_seconds = look_seconds
        self._nodes: tuple[str, ...] | None = None
        self._watching = asyncio.create_task(self._watch()) if runtime.joined else None

    async def close(self) -> None:
        """Stop looking."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except RaycontextError as error:
                _log.warning("actors cannot be balanced: %s", error)
            except Exception:
                _log.exception("actors cannot be balanced")
            await asyncio.sleep(self._look_seconds)

    async def look(self) -> None:
        """Look at the cluster, and move what lies badly where nodes have come or gone or replicas have met."""
        places = await self._runtime.places()
        has_changed = self._nodes is not None and places.nodes != self._nodes
        if self._nodes is not None and not has_changed and not meetings(places):
            return
        movable = [resident.name for resident in places.residents if self._may_move(resident.name)]
        groups = replica_groups(resident.name for resident in places.residents)
        wanted = moves(places.nodes, places.residents, movable, groups) if self._nodes is not None else []
        for moved in islice(wanted, MOST_MOVES):
            _log.info("%s moves to another node", moved.name)
            await self._runtime.end(moved.name)
        if len(wanted) <= MOST_MOVES:  # else the next look goes on
            self._nodes = places.nodes


def replica_groups(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the names of actors that are replicas of one shard, and those of actors that own several shards."""
    found: dict[str, list[str]] = {}
    for name in names:
        if name.startswith("rc/") and name.count("/") >= 2:
            found.setdefault("/".join(name.split("/")[:3]), []).append(name)
        elif name.startswith(SHARED):
            found.setdefault(SHARED, []).append(name)
    return [tuple(group) for group in found.values() if len(group) > 1]


def meetings(places: Places) -> list[str]:
    """Return the shards of which two replicas lie on one node, though there are nodes enough for all of them."""
    on = {resident.name: resident.node for resident in places.residents}
    return [
        group[0]
        for group in replica_groups(on)
        if not group[0].startswith(SHARED) and _distinct(on, group) < min(len(group), len(places.nodes))
    ]


def _distinct(on: dict[str, str], names: Collection[str]) -> int:
    return len({on[name] for name in names})
