"""Work on one collection is done in order, and calls that wait for the same share one run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from raycontext.actors.turns import SharedRun, Turns
from raycontext.index.request import EmbedderPlan, IndexRequest, together
from raycontext.models.options import RunOptions

from ...waiting import WAIT_SECONDS


def request(*places: str, **others: object) -> IndexRequest:
    return IndexRequest("/source", "name", RunOptions(), places)._replace(**others)  # type: ignore[arg-type]


class Runs:
    """Runs that end when they are told to."""

    def __init__(self) -> None:
        self.begun: list[IndexRequest] = []
        self.may_end = asyncio.Event()

    async def run(self, shared: SharedRun[IndexRequest]) -> int:
        self.begun.append(shared.close())
        number = len(self.begun)
        await self.may_end.wait()
        return number


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0)


async def test_calls_that_come_while_one_runs_share_the_next_run() -> None:
    turns, runs = Turns(), Runs()
    calls = [asyncio.create_task(turns.share("a", request("f0"), together, runs.run))]
    await settled(lambda: len(runs.begun) == 1)
    calls += [asyncio.create_task(turns.share("a", request(f"f{n}"), together, runs.run)) for n in range(1, 15)]
    await asyncio.sleep(0)
    assert [run.places for run in runs.begun] == [("f0",)], "the next run waits for the one under way"
    runs.may_end.set()
    assert await asyncio.gather(*calls) == [1] + [2] * 14
    assert [set(run.places) for run in runs.begun] == [{"f0"}, {f"f{n}" for n in range(1, 15)}]
    assert not turns.is_busy("a")


async def test_a_call_never_joins_a_run_that_has_begun_or_that_other_work_follows() -> None:
    turns, runs = Turns(), Runs()
    order: list[str] = []

    async def clear() -> None:
        order.append("clear")

    first = asyncio.create_task(turns.share("a", request("f0"), together, runs.run))
    await settled(lambda: len(runs.begun) == 1)
    second = asyncio.create_task(turns.share("a", request("f1"), together, runs.run))
    await asyncio.sleep(0)
    cleared = asyncio.create_task(turns.take("a", clear))
    await asyncio.sleep(0)
    third = asyncio.create_task(turns.share("a", request("f2"), together, runs.run))
    await asyncio.sleep(0)
    runs.may_end.set()
    assert await asyncio.gather(first, second, third) == [1, 2, 3]
    await cleared
    assert order == ["clear"]
    assert [run.places for run in runs.begun] == [("f0",), ("f1",), ("f2",)]


async def test_a_run_that_makes_ready_takes_further_calls_until_it_reads() -> None:
    turns, is_ready = Turns(), asyncio.Event()
    read: list[tuple[str, ...]] = []

    async def run(shared: SharedRun[IndexRequest]) -> int:
        await is_ready.wait()
        read.append(shared.close().places)
        number = len(read)
        await asyncio.sleep(0)
        return number

    calls = [asyncio.create_task(turns.share("a", request(f"f{n}"), together, run)) for n in range(15)]
    await asyncio.sleep(0)
    is_ready.set()
    await settled(lambda: len(read) == 1)
    calls.append(asyncio.create_task(turns.share("a", request("late"), together, run)))
    assert await asyncio.gather(*calls) == [1] * 15 + [2], "what has read the source takes no further call"
    assert [set(places) for places in read] == [{f"f{n}" for n in range(15)}, {"late"}]


async def test_calls_that_prepare_the_same_go_on_together_and_share_a_run() -> None:
    turns, runs, prepared = Turns(), Runs(), []

    async def prepare() -> str:
        prepared.append(1)
        await asyncio.sleep(0)
        return "a"

    async def call(number: int) -> int:
        return await turns.share(await turns.once("source", prepare), request(f"f{number}"), together, runs.run)

    runs.may_end.set()
    assert await asyncio.gather(*(call(number) for number in range(15))) == [1] * 15
    assert len(prepared) == len(runs.begun) == 1
    assert await call(15) == 2
    assert len(prepared) == 2, "what has ended is done again"


async def test_all_callers_get_the_error_of_the_run_that_they_share_and_later_work_goes_on() -> None:
    turns, runs = Turns(), Runs()

    async def fail(shared: SharedRun[IndexRequest]) -> int:
        raise ValueError(shared.wanted.places)

    first = asyncio.create_task(turns.share("a", request("f0"), together, runs.run))
    await settled(lambda: len(runs.begun) == 1)
    calls = [asyncio.create_task(turns.share("a", request(f"f{n}"), together, fail)) for n in (1, 2)]
    await asyncio.sleep(0)
    runs.may_end.set()
    assert await first == 1
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert found[0] is found[1]
    assert str(found[0]) == "('f1', 'f2')"
    assert await turns.share("a", request("f3"), together, runs.run) == 2


async def test_a_caller_that_leaves_takes_nobodys_edit_with_it() -> None:
    turns, runs = Turns(), Runs()
    first = asyncio.create_task(turns.share("a", request("f0"), together, runs.run))
    await settled(lambda: len(runs.begun) == 1)
    leaving = asyncio.create_task(turns.share("a", request("f1"), together, runs.run))
    staying = asyncio.create_task(turns.share("a", request("f2"), together, runs.run))
    await asyncio.sleep(0)
    leaving.cancel()
    runs.may_end.set()
    assert await staying == 2
    assert runs.begun[1].places == ("f1", "f2")
    await first
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await settled(lambda: not turns.is_busy("a"))


async def test_collections_do_not_wait_for_each_other_and_close_ends_all() -> None:
    turns, runs = Turns(), Runs()
    calls = [asyncio.create_task(turns.share(name, request("f"), together, runs.run)) for name in "abab"]
    await settled(lambda: len(runs.begun) == 2)
    await turns.close()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in found)
    assert not any(map(turns.is_busy, "ab"))


def test_requests_share_a_run_only_where_it_does_the_work_of_both() -> None:
    assert together(request("b"), request("a")) == request("a", "b")
    assert together(request(), request("a")) == request()
    assert together(request(), request()) == request()
    assert together(request("a"), request()) is None, "callers of a place do not wait for the whole source"
    assert together(request("a"), request("b", options=RunOptions(num_shards=2))) is None
    assert together(request("a"), request("b", force=True)) is None
    assert together(request("a"), request("b", plan=EmbedderPlan(most_tokens=5))) is None
