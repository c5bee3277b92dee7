"""Places for index tasks follow a cluster that grows and shrinks, and the cluster is told of the work while there is
some."""

from __future__ import annotations

import asyncio

from raycontext.actors.growth import Growth
from raycontext.errors import RuntimeUnavailable
from raycontext.index.work.governor import Governor, IndexBudget
from raycontext.runtime.inline import InlineRuntime

from ...waiting import WAIT_SECONDS


class Cluster(InlineRuntime):
    """Cluster of `cores` cores, which notes what is asked of it."""

    def __init__(self, cores: int) -> None:
        super().__init__(cores)
        self.cores = cores
        self.demands: list[int] = []
        self.looks = 0
        self.is_lost = False

    @property
    def joined(self) -> bool:
        return True

    async def capacity(self) -> int:
        self.looks += 1
        if self.is_lost:
            raise RuntimeUnavailable("lost", "Start it again.")
        return self.cores

    async def demand(self, tasks: int) -> None:
        self.demands.append(tasks)


class Run:
    """Job with work for so many tasks."""

    def __init__(self, tasks_wanted: int) -> None:
        self.tasks_wanted = tasks_wanted


async def looked_again(cluster: Cluster) -> None:
    """Return after a look that began after this call."""
    seen = cluster.looks
    async with asyncio.timeout(WAIT_SECONDS):
        while cluster.looks < seen + 2:
            await asyncio.sleep(0)


def following(cluster: Cluster, budget: IndexBudget) -> tuple[Governor, Growth]:
    governor = Governor(budget.places(cluster.parallelism))
    return governor, Growth(cluster, governor, budget, look_seconds=0.001)


async def test_places_follow_the_cluster() -> None:
    cluster = Cluster(1)
    governor, growth = following(cluster, IndexBudget())
    async with growth.follows(Run(40)):
        assert governor.tasks == 1
        for cores in (12, 3):
            cluster.cores = cores
            await looked_again(cluster)
            assert governor.tasks == cores


async def test_nodes_that_came_between_two_jobs_are_used_at_once() -> None:
    cluster = Cluster(1)
    governor, growth = following(cluster, IndexBudget())
    async with growth.follows(Run(1)):
        pass
    cluster.cores = 5
    async with growth.follows(Run(1)):
        assert governor.tasks == 5


async def test_demand_is_declared_within_the_budget_and_withdrawn_with_the_last_job() -> None:
    cluster = Cluster(2)
    governor, growth = following(cluster, IndexBudget(cores=8))
    first = Run(3)
    async with growth.follows(first):
        await looked_again(cluster)
        assert cluster.demands[-1] == 3
        async with growth.follows(Run(2)):
            await looked_again(cluster)
            assert cluster.demands[-1] == 5
            first.tasks_wanted = 1_000
            await looked_again(cluster)
            assert cluster.demands[-1] == 8
        await looked_again(cluster)
        assert cluster.demands[-1] == 8
        assert 0 not in cluster.demands[1:]
    assert cluster.demands[-1] == 0
    assert governor.tasks == 2


async def test_demand_of_a_killed_coordinator_is_withdrawn_by_the_next_one() -> None:
    cluster = Cluster(2)
    _, growth = following(cluster, IndexBudget())
    async with asyncio.timeout(WAIT_SECONDS):
        while not cluster.demands:
            await asyncio.sleep(0)
    assert cluster.demands == [0]
    await growth.close()


async def test_cluster_that_does_not_answer_stops_no_job() -> None:
    cluster = Cluster(2)
    governor, growth = following(cluster, IndexBudget())
    async with growth.follows(Run(3)):
        cluster.is_lost = True
        await looked_again(cluster)
        assert governor.tasks == 2
        cluster.is_lost, cluster.cores = False, 4
        await looked_again(cluster)
        assert governor.tasks == 4


async def test_runtime_of_this_process_is_not_followed() -> None:
    class Alone(Cluster):
        @property
        def joined(self) -> bool:
            return False

    alone = Alone(2)
    governor, growth = following(alone, IndexBudget())
    async with growth.follows(Run(9)):
        alone.cores = 7
    await growth.close()
    assert (governor.tasks, alone.looks, alone.demands) == (2, 0, [])
