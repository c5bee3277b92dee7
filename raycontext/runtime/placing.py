"""Choice of the node of an actor: by what each node has already, and apart from other actors. Plain, without Ray."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

__all__ = ["PROCESS_BYTES", "Places", "Resident", "best_node", "loads", "moves"]

PROCESS_BYTES = 100 << 20
"""Memory of the process of an actor in bytes, beyond what it maps. It counts like data: many small actors are a load,
too."""

LEAST_GAIN = 2 * PROCESS_BYTES
"""Smallest difference between two nodes in bytes for which an actor is moved: a move costs a restart."""


class Resident(NamedTuple):
    """Actor, and the node that it lives on."""

    name: str
    node: str
    size: int
    """Bytes of what it maps."""

    @property
    def load(self) -> int:
        """Bytes that its node spends on it."""
        return PROCESS_BYTES + self.size


class Places(NamedTuple):
    """Nodes that take actors, and the actors of one root that live."""

    nodes: tuple[str, ...]
    """Ids of the nodes; nothing without a cluster."""
    residents: tuple[Resident, ...]


def loads(nodes: Sequence[str], residents: Iterable[Resident]) -> dict[str, int]:
    """Return the load of each node in bytes."""
    found = dict.fromkeys(nodes, 0)
    for resident in residents:
        if resident.node in found:
            found[resident.node] += resident.load
    return found


def best_node(nodes: Sequence[str], residents: Collection[Resident], apart: Collection[str] = ()) -> str | None:
    """Return the node with the least load; of those without the actors named in `apart`, where there are such nodes.

    Equal loads are decided by the order of `nodes`. None where there are no nodes.
    """
    taken = {resident.node for resident in residents if resident.name in apart}
    of_nodes = loads(nodes, residents)
    return min((node for node in nodes if node not in taken), key=of_nodes.__getitem__, default=None) or min(
        nodes, key=of_nodes.__getitem__, default=None
    )


def moves(
    nodes: Sequence[str],
    residents: Sequence[Resident],
    movable: Collection[str],
    groups: Iterable[Collection[str]] = (),
) -> list[Resident]:
    """Return which actors should live on another node than today, each with that node.

    nodes: nodes that take actors. Actors on other nodes, such as drained ones, leave them. movable: names of the actors
    that may be moved. groups: names of actors that lie on different nodes while there are enough nodes. Otherwise an
    actor moves only where its node has more than `LEAST_GAIN` beyond the other one, and the other one gets less than
    it has.
    """
    if not nodes:
        return []
    now = {resident.name: resident for resident in residents}
    found: dict[str, Resident] = {}
    partners = {name: set(group) - {name} for group in groups for name in group}

    def place(resident: Resident, node: str) -> None:
        now[resident.name] = found[resident.name] = resident._replace(node=node)

    for resident in sorted(residents, key=lambda one: (-one.size, one.name)):
        if resident.name in movable and (resident.node not in nodes or _meets(resident, now, partners)):
            others = [one for one in now.values() if one.name != resident.name]
            node = best_node(nodes, others, partners.get(resident.name, ()))
            if node is not None and node != resident.node:
                place(resident, node)
    for resident in sorted(residents, key=lambda one: (-one.size, one.name)):
        of_nodes = loads(nodes, now.values())
        home = now[resident.name].node
        kept_apart = {now[name].node for name in partners.get(resident.name, ()) if name in now}
        free = [node for node in nodes if node not in kept_apart]
        least = min(free, key=of_nodes.__getitem__, default=None)
        if resident.name not in movable or least is None or home not in of_nodes:
            continue
        if of_nodes[home] - of_nodes[least] > LEAST_GAIN and of_nodes[least] + resident.load < of_nodes[home]:
            place(resident, least)
    return list(found.values())


def _meets(resident: Resident, now: dict[str, Resident], partners: dict[str, set[str]]) -> bool:
    """Return whether an actor lies on one node with another one from which it should be apart."""
    return any(now[name].node == resident.node for name in partners.get(resident.name, ()) if name in now)
