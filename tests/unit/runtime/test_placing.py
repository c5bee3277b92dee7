"""Nodes of actors: by load, apart where there are enough nodes, moved only where it pays."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from raycontext.runtime.placing import LEAST_GAIN, PROCESS_BYTES, Resident, best_node, loads, moves

NODES = ("a", "b", "c")
MIB = 1 << 20


def placed(count: int, nodes: tuple[str, ...] = NODES, size: int = 0) -> list[Resident]:
    """Actors that were started one after the other."""
    there: list[Resident] = []
    for number in range(count):
        node = best_node(nodes, there)
        assert node is not None
        there.append(Resident(f"rc/c{number}", node, size))
    return there


def test_actors_of_one_size_are_spread_evenly() -> None:
    assert Counter(one.node for one in placed(48)) == {"a": 16, "b": 16, "c": 16}


def test_large_shards_count_by_their_size() -> None:
    there = [Resident("rc/large/0", "a", 1000 * MIB)]
    for number in range(6):
        node = best_node(NODES, there)
        assert node in ("b", "c")
        there.append(Resident(f"rc/small/{number}", node, 10 * MIB))


def test_replicas_lie_apart_where_there_are_enough_nodes() -> None:
    there = [Resident("rc/c/0", "a", 0), *(Resident(f"rc/d/{number}", "b", 0) for number in range(5))]
    assert best_node(("a", "b"), there, ["rc/c/0"]) == "b"
    assert best_node(("a",), there, ["rc/c/0"]) == "a"
    assert best_node((), there) is None


def test_nodes_that_leave_are_left_and_nodes_that_come_are_used() -> None:
    there = placed(12, ("a", "b"))
    names = [one.name for one in there]
    drained = moves(("b", "c"), there, names)
    assert {one.name for one in drained} >= {one.name for one in there if one.node == "a"}
    after = {one.name: one for one in there} | {one.name: one for one in drained}
    of_nodes = loads(("b", "c"), after.values())
    assert abs(of_nodes["b"] - of_nodes["c"]) <= LEAST_GAIN
    grown = {one.name: one for one in there} | {one.name: one for one in moves(NODES, there, names)}
    assert max(loads(NODES, grown.values()).values()) - min(loads(NODES, grown.values()).values()) <= LEAST_GAIN


def test_replicas_that_met_after_a_loss_are_parted_and_nothing_else_moves() -> None:
    there = [Resident("rc/c/0", "a", 0), Resident("rc/c/0/1", "a", 0), Resident("rc/d/0", "b", 0)]
    (moved,) = moves(("a", "b"), there, ["rc/c/0", "rc/c/0/1", "rc/d/0"], [("rc/c/0", "rc/c/0/1")])
    assert moved.node == "b"
    assert moved.name.startswith("rc/c/0")
    assert moves(("a",), there, ["rc/c/0", "rc/c/0/1"], [("rc/c/0", "rc/c/0/1")]) == []
    assert moves((), there, ["rc/c/0"]) == []


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2000)), max_size=30), st.sampled_from(["abc", "ab", "c"])
)
def test_moves_come_to_rest(actors: list[tuple[str, int]], nodes: str) -> None:
    there = [Resident(f"rc/{number}", node, size * MIB) for number, (node, size) in enumerate(actors)]
    names = [one.name for one in there]
    before = max(loads(nodes, there).values())
    for _ in range(len(there) + 2):
        changes = moves(nodes, there, names)
        if not changes:
            break
        there = list(({one.name: one for one in there} | {one.name: one for one in changes}).values())
    assert not moves(nodes, there, names)
    assert all(one.node in nodes for one in there)
    if all(node in nodes for node, _ in actors):
        assert max(loads(nodes, there).values()) <= before + PROCESS_BYTES
