"""Places for index tasks: never more than there are, shared evenly, none lost."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.index.work.governor import Governor, IndexBudget, Places
from raycontext.index.work.limits import TASK_BYTES

from ...waiting import WAIT_SECONDS


@pytest.mark.parametrize(
    ("budget", "tasks"),
    [
        (IndexBudget(), 8),
        (IndexBudget(cores=3), 3),
        (IndexBudget(cores=30), 8),
        (IndexBudget(memory_bytes=2 * TASK_BYTES), 2),
        (IndexBudget(cores=3, memory_bytes=2 * TASK_BYTES), 2),
        (IndexBudget(memory_bytes=1), 1),
    ],
)
def test_budget_says_how_many_tasks_run_at_once(budget: IndexBudget, tasks: int) -> None:
    assert budget.tasks(parallelism=8) == tasks


async def test_job_that_comes_later_gets_the_next_place() -> None:
    governor = Governor(Places(2))
    order: list[str] = []

    async def task(job: str) -> None:
        async with governor.place(job):
            order.append(job)
            await asyncio.sleep(0)

    await asyncio.gather(*(task("large") for _ in range(6)), task("small"), task("other"))
    assert order[:4] in (["large", "large", "small", "other"], ["large", "large", "other", "small"])
    assert Counter(order) == {"large": 6, "small": 1, "other": 1}


@given(
    places=st.integers(1, 4),
    jobs=st.lists(st.sampled_from("abc"), max_size=30),
    cancelled=st.sets(st.integers(0, 29)),
)
def test_places_are_never_exceeded_and_never_lost(places: int, jobs: list[str], cancelled: set[int]) -> None:
    async def run() -> None:
        governor = Governor(Places(places))
        running = 0

        async def task(job: str) -> None:
            nonlocal running
            async with governor.place(job):
                running += 1
                assert running <= places
                await asyncio.sleep(0)
                running -= 1

        tasks = [asyncio.ensure_future(task(job)) for job in jobs]
        waiting = [asyncio.ensure_future(take_a_place(governor, job)) for job in jobs[::3]]
        await asyncio.sleep(0)
        for number, other in enumerate(waiting):
            if number in cancelled:
                other.cancel()
        await asyncio.gather(*tasks)
        await asyncio.gather(*waiting, return_exceptions=True)
        async with asyncio.timeout(WAIT_SECONDS):
            held = [governor.place("last") for _ in range(places)]
            for place in held:
                await place.__aenter__()
            for place in held:
                await place.__aexit__(None, None, None)

    asyncio.run(run())


def test_a_task_waits_beside_those_that_run_unless_the_budget_holds_it_back() -> None:
    assert IndexBudget().places(8) == Places(8, spare=1)
    assert IndexBudget(cores=3).places(8) == Places(3, spare=0)


@given(jobs=st.lists(st.sampled_from("abc"), min_size=1, max_size=30), sizes=st.lists(st.integers(1, 5), max_size=10))
def test_number_of_places_may_change_at_any_time(jobs: list[str], sizes: list[int]) -> None:
    """No more tasks run than there have been places, and none waits for ever."""

    async def run() -> None:
        governor = Governor(Places(1))
        running: Counter[str] = Counter()
        left = Counter(jobs)
        begun = 0

        async def task(job: str) -> None:
            nonlocal begun
            async with governor.place(job):
                running[job] += 1
                left[job] -= 1
                begun += 1
                for _ in range(3):
                    await asyncio.sleep(0)
                running[job] -= 1

        tasks = [asyncio.ensure_future(task(job)) for job in jobs]
        largest = 1
        for size in sizes:
            governor.resize(Places(size))
            largest = max(largest, size)  # a place that was given stays given
            await asyncio.sleep(0)
            assert running.total() <= largest
        async with asyncio.timeout(WAIT_SECONDS):
            await asyncio.gather(*tasks)
        assert begun == len(jobs)

    asyncio.run(run())


async def test_fairness_stays_when_places_are_added() -> None:
    governor = Governor(Places(1))
    order: list[str] = []

    async def task(job: str) -> None:
        async with governor.place(job):
            order.append(job)
            await asyncio.sleep(0)

    async with governor.place("other"):
        tasks = [asyncio.ensure_future(task(job)) for job in ["large"] * 6 + ["small"] * 2]
        await asyncio.sleep(0)
        assert order == []
        governor.resize(Places(5))
        await asyncio.gather(*tasks)
    assert Counter(order[:4]) == {"large": 2, "small": 2}


async def take_a_place(governor: Governor, job: str) -> None:
    async with governor.place(job):
        await asyncio.sleep(0)
