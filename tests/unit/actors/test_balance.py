"""Actors follow the nodes of a cluster: they leave drained ones, use new ones, and replicas part again."""

from __future__ import annotations

from raycontext.actors.balance import MOST_MOVES, Balance, meetings, replica_groups
from raycontext.runtime.inline import InlineRuntime
from raycontext.runtime.placing import Places, Resident, best_node


class Cluster(InlineRuntime):
    """Nodes with actors, which are made anew at once where they are ended."""

    def __init__(self, nodes: tuple[str, ...], names: list[str]) -> None:
        super().__init__(1)
        self.nodes = nodes
        self.residents: list[Resident] = []
        self.ended: list[str] = []
        for name in names:
            self.make(name)

    def make(self, name: str) -> None:
        groups = replica_groups([*(one.name for one in self.residents), name])
        group = next((group for group in groups if name in group), ())
        self.residents.append(Resident(name, best_node(self.nodes, self.residents, set(group) - {name}) or "", 0))

    async def places(self) -> Places:
        return Places(self.nodes, tuple(self.residents))

    async def end(self, name: str) -> None:
        self.ended.append(name)
        self.residents = [one for one in self.residents if one.name != name]
        self.make(name)

    def on(self, node: str) -> int:
        return sum(one.node == node for one in self.residents)


NAMES = [f"rc/c{number}/0" for number in range(12)]


async def rested(cluster: Cluster, balance: Balance) -> None:
    for _ in range(10):
        await balance.look()


async def test_a_new_node_gets_its_share_and_a_drained_one_is_left_a_few_actors_at_a_time() -> None:
    cluster = Cluster(("a", "b"), NAMES)
    balance = Balance(cluster, lambda name: True)
    await balance.look()
    assert cluster.ended == []
    cluster.nodes = ("a", "b", "c")
    await balance.look()
    assert 0 < len(cluster.ended) <= MOST_MOVES
    await rested(cluster, balance)
    assert min(cluster.on(node) for node in "abc") >= 3
    cluster.nodes = ("b", "c")
    await rested(cluster, balance)
    assert cluster.on("a") == 0
    ended = len(cluster.ended)
    await rested(cluster, balance)
    assert len(cluster.ended) == ended


async def test_replicas_that_met_part_and_what_may_not_move_stays() -> None:
    cluster = Cluster(("a", "b"), ["rc/c/0", "rc/c/0/1", "rc/c", "rc"])
    assert meetings(await cluster.places()) == []
    cluster.residents = [one._replace(node="a") for one in cluster.residents]
    assert meetings(await cluster.places()) == ["rc/c/0"]
    kept = Balance(cluster, lambda name: False)
    await kept.look()
    await kept.look()
    assert cluster.ended == []
    balance = Balance(cluster, lambda name: name.count("/") > 1)
    await rested(cluster, balance)
    assert meetings(await cluster.places()) == []
    assert set(cluster.ended) <= {"rc/c/0", "rc/c/0/1"}
