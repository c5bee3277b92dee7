"""A call to one of several actors: late and dead ones are passed over, and the first answer counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from raycontext.errors import RuntimeUnavailable, UnknownCollection
from raycontext.runtime.base import ActorHandle
from raycontext.sdk.clients.replicas import Replicas

from ...waiting import WAIT_SECONDS

Behaviour = Callable[[], Any]


class Shard:
    """An actor as its callers see it."""

    def search(self, number: int = 0) -> Any:
        """Answer with what the test asks for."""


class Actor(ActorHandle[Shard]):
    """Answers as its behaviour says; a coroutine is awaited."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.behaviour = behaviour

    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        self.calls.append((method, arguments))
        answer = self.behaviour()
        return await answer if asyncio.iscoroutine(answer) else answer

    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        raise AssertionError("replicas are called from an event loop")


def replicas_of(*actors: Actor) -> tuple[Replicas[Shard], list[int]]:
    """The actors as replicas, and the numbers that were connected to."""
    connected: list[int] = []

    async def connect(number: int, again: bool) -> ActorHandle[Shard]:
        connected.append(number)
        return actors[number]

    return Replicas(connect, len(actors)), connected


def dead() -> Any:
    raise RuntimeUnavailable("The actor died", "Run the command again.")


async def never() -> None:
    await asyncio.Event().wait()


async def test_queries_take_turns() -> None:
    actors = [Actor(lambda: "a"), Actor(lambda: "b"), Actor(lambda: "c")]
    replicas, _ = replicas_of(*actors)
    answers = [await replicas.call(Shard.search, 1) for _ in range(6)]
    assert answers == ["a", "b", "c"] * 2
    assert [len(actor.calls) for actor in actors] == [2, 2, 2]
    assert actors[0].calls[0] == ("search", (1,))


async def test_late_replica_is_passed_over() -> None:
    replicas, _ = replicas_of(Actor(never), Actor(lambda: "other"))
    assert await asyncio.wait_for(replicas.call(Shard.search), WAIT_SECONDS) == "other"


async def test_first_answer_counts_where_both_are_late() -> None:
    def after(seconds: float, answer: str) -> Behaviour:
        return lambda: asyncio.sleep(seconds, answer)

    replicas, connected = replicas_of(Actor(after(WAIT_SECONDS, "first")), Actor(after(0.01, "second")))
    assert await replicas.call(Shard.search) == "second"
    assert connected == [0, 1]


async def test_dead_replica_is_passed_over_at_once_and_the_last_one_tells() -> None:
    replicas, connected = replicas_of(Actor(dead), Actor(lambda: "other"))
    assert await replicas.call(Shard.search) == "other"
    assert connected == [0, 1]
    alone, _ = replicas_of(Actor(dead), Actor(dead))
    with pytest.raises(RuntimeUnavailable):
        await alone.call(Shard.search)


async def test_only_replica_is_made_anew_once() -> None:
    actor = Actor(dead)
    replicas, connected = replicas_of(actor)
    with pytest.raises(RuntimeUnavailable):
        await replicas.call(Shard.search)
    assert connected == [0, 0]

    def comes_back() -> str:
        if len(actor.calls) % 2:
            dead()
        return "back"

    actor.calls.clear()
    actor.behaviour = comes_back
    assert await replicas.call(Shard.search) == "back"


async def test_what_the_method_raises_is_not_asked_again() -> None:
    def unknown() -> Any:
        raise UnknownCollection("shop", ())

    actors = [Actor(unknown), Actor(lambda: "other")]
    replicas, _ = replicas_of(*actors)
    with pytest.raises(UnknownCollection):
        await replicas.call(Shard.search)
    assert not actors[1].calls


async def test_late_calls_end_with_the_answer() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await never()
        finally:
            ended.set()

    replicas, _ = replicas_of(Actor(waits), Actor(lambda: "other"))
    await replicas.call(Shard.search)
    await asyncio.wait_for(ended.wait(), WAIT_SECONDS)


async def test_all_replicas_are_started_ahead() -> None:
    replicas, connected = replicas_of(Actor(lambda: 1), Actor(lambda: 2), Actor(lambda: 3))
    replicas.warm()
    await asyncio.sleep(0)  # all of them begin before this test goes on
    assert sorted(connected) == [1, 2]
    replicas.close()
