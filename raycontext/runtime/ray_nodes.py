"""Nodes of a Ray cluster that take work, and what all roots together ask its autoscaler for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

import ray
from ray.autoscaler.sdk import request_resources
from ray.core.generated import gcs_pb2
from ray.experimental import internal_kv

from raycontext.runtime.placing import Resident

__all__ = [
    "declare_demand",
    "names_of_nodes",
    "nodes_that_leave",
    "not_on",
    "note_size",
    "residents",
    "task_capacity",
    "usable_nodes",
]

NODE_ID_LABEL = "ray.io/node-id"
"""Label that Ray gives each node, with its id."""

MOST_ASKED = 1_000
"""Largest number of tasks at once that the autoscaler is asked for, for all roots together."""

DEMANDS = b"raycontext-demand/"
"""Beginning of the keys under which the global control service keeps the demand of each root, by its Ray namespace."""

ASKED = b"raycontext-demand-asked"
"""Key under which the global control service keeps what the autoscaler was last asked for."""


SIZES = "raycontext-size/"
"""Beginning of the keys under which the global control service keeps the size of each actor: Ray namespace, size in
bytes, name. The size is a part of the key, so that one listing tells all of them."""

NAMESPACES = "raycontext-"
"""Beginning of the Ray namespace of every root."""


def usable_nodes() -> list[dict[str, Any]]:
    """Return Ray's descriptions of the living nodes that are not drained, in the order of their ids."""
    leaving = nodes_that_leave()
    nodes: list[dict[str, Any]] = cast(Any, ray).nodes()
    found = (node for node in nodes if node["Alive"] and node["NodeID"] not in leaving)
    return sorted(found, key=lambda node: node["NodeID"])


def nodes_that_leave() -> tuple[str, ...]:
    """Return the ids of the nodes that are drained, in their order."""
    return tuple(sorted(cast(Any, ray)._private.state.state.get_draining_nodes()))


def not_on(nodes: Collection[str]) -> dict[str, Any]:
    """Return the options of a task that keep it away from some nodes, given by their ids.

    Ray places nothing anew on a node that is drained. But a task whose options are those of the last one takes over its
    worker, on whatever node that is, for as long as there are tasks.
    """
    return {"label_selector": {NODE_ID_LABEL: f"!in({', '.join(nodes)})"}}


def names_of_nodes() -> dict[str, str]:
    """Return the names of the usable nodes of the cluster by node id."""
    return {node["NodeID"]: node["NodeName"] for node in usable_nodes()}


def task_capacity() -> int:
    """Return the number of tasks of one core that the usable nodes can run at once, at least 1."""
    return max(int(sum(node["Resources"].get("CPU", 0.0) for node in usable_nodes())), 1)


def declare_demand(namespace: str, tasks: int) -> None:
    """Note that a root has work for so many tasks at once, and ask the autoscaler for what all roots want together.

    namespace: Ray namespace of the root. tasks: 0 withdraws what was noted. Ray keeps a single request for the whole
    cluster, so that the roots have to add up theirs; one that another program has made is replaced once a root has
    work, and is left alone where none had.
    """
    key = DEMANDS + namespace.encode()
    if tasks:
        _put(key, tasks)
    elif _get(key) is None:
        return
    else:
        internal_kv._internal_kv_del(key)
    wanted = min(sum(_get(each) or 0 for each in internal_kv._internal_kv_list(DEMANDS)), MOST_ASKED)
    if _get(ASKED) != wanted:
        request_resources(bundles=[{"CPU": 1}] * wanted)
        _put(ASKED, wanted)


def residents(namespace: str = "") -> list[Resident]:
    """Return the living actors of a Ray namespace, or those of all roots, with their nodes and sizes."""
    sizes: dict[tuple[str, str], int] = {}
    for key in internal_kv._internal_kv_list(SIZES):
        of, _, rest = key.decode().removeprefix(SIZES).partition("/")
        size, _, name = rest.partition("/")
        sizes[of, name] = int(size)
    accessor: Any = cast(Any, ray)._private.state.state._connect_and_get_accessor()
    found: list[Resident] = []
    for raw in accessor.get_actor_table(None, "ALIVE"):
        actor = cast(Any, gcs_pb2).ActorTableData.FromString(raw)
        of, name = actor.ray_namespace, actor.name
        if name and (of == namespace or (not namespace and of.startswith(NAMESPACES))):
            found.append(Resident(name, actor.address.node_id.hex(), sizes.get((of, name), 0)))
    return found


def note_size(namespace: str, name: str, size: int) -> None:
    """Note the size of an actor in bytes, for whoever places the next ones."""
    for key in internal_kv._internal_kv_list(f"{SIZES}{namespace}/"):
        if key.decode().removeprefix(f"{SIZES}{namespace}/").partition("/")[2] == name:
            internal_kv._internal_kv_del(key)
    if size:
        internal_kv._internal_kv_put(f"{SIZES}{namespace}/{size}/{name}".encode(), b"", overwrite=True)


def _put(key: bytes, number: int) -> None:
    internal_kv._internal_kv_put(key, str(number).encode(), overwrite=True)


def _get(key: bytes) -> int | None:
    value = internal_kv._internal_kv_get(key)
    return None if value is None else int(value)
