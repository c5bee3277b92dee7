"""Several actors that answer the same: a call goes to one of them, and to the next where that one is late or dead.

Requests are hedged as in Dean and Barroso, "The Tail at Scale" (2013): a second replica is asked once the first has
taken longer than nearly all calls do, and the first answer counts.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from raycontext.errors import RuntimeUnavailable
from raycontext.retrying import Retries
from raycontext.runtime.base import ActorHandle

__all__ = ["Replicas"]

Actor = TypeVar("Actor")
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

ATTEMPTS = 2
"""An actor that is gone for good is made anew at the second."""

KEPT_LATENCIES = 64
"""The last calls, from which it is judged what is late."""

LATE_SHARE = 0.95
"""Share of the calls that are quicker than a late one."""

LEAST_DELAY_SECONDS = 0.05
MOST_DELAY_SECONDS = 0.5
"""Also before there is an experience: an actor that has just started maps its files first."""

AVOIDED_SECONDS = 5.0
"""How long a replica that was late or dead is asked last."""


class Replicas(Generic[Actor]):
    """The actors of one shard.

    connect: gives the actor of a number from 0 on, making it where there is none.
    """

    def __init__(self, connect: Callable[[int], Awaitable[ActorHandle[Actor]]], count: int) -> None:
        self._connect = connect
        self._count = count
        self._turn = itertools.count()
        self._avoided = [-AVOIDED_SECONDS] * count  # when each was late
        self._latencies: deque[float] = deque(maxlen=KEPT_LATENCIES)
        self._warming: set[asyncio.Task[Any]] = set()

    def warm(self) -> None:
        """Start all in the background."""
        for number in range(1, self._count):
            task = asyncio.ensure_future(self._connect(number))
            self._warming.add(task)
            task.add_done_callback(self._warmed)

    def close(self) -> None:
        """Wait for nothing any more."""
        for task in self._warming:
            task.cancel()

    async def call(
        self,
        method: Callable[Concatenate[Actor, Parameters], Result],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result:
        """Call a method of one of them and await the first answer.

        Raises what the method raises, and `RuntimeUnavailable` where none of them can be reached, twice.
        """

        async def ask(actor: ActorHandle[Actor]) -> Result:
            return await actor.call(method, *arguments, **named)

        asked_once = partial(self._ask, 0) if self._count == 1 else self._hedged
        return await Retries((RuntimeUnavailable,), attempts=ATTEMPTS).run(lambda: asked_once(ask))

    async def _hedged(self, ask: Callable[[ActorHandle[Actor]], Awaitable[Result]]) -> Result:
        waiting = deque(self._order())
        running: dict[asyncio.Future[Result], int] = {}
        try:
            while True:
                if waiting:
                    number = waiting.popleft()
                    running[asyncio.ensure_future(self._ask(number, ask))] = number
                timeout = self._delay() if waiting else None
                done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                late = [running.pop(task) for task in done] or [number]
                problems = {task: task.exception() for task in done}
                for task, problem in problems.items():
                    if not isinstance(problem, RuntimeUnavailable):
                        return task.result()
                for number in late:
                    self._avoided[number] = asyncio.get_running_loop().time()
                if not running and not waiting:
                    raise next(filter(None, problems.values()))
        finally:
            for task in running:
                task.cancel()

    def _order(self) -> list[int]:
        """They take turns, but those that were late or dead a moment ago come last."""
        first = next(self._turn)
        moment = asyncio.get_running_loop().time() - AVOIDED_SECONDS
        turns = ((first + step) % self._count for step in range(self._count))
        return sorted(turns, key=lambda number: self._avoided[number] > moment)

    async def _ask(self, number: int, ask: Callable[[ActorHandle[Actor]], Awaitable[Result]]) -> Result:
        begun = asyncio.get_running_loop().time()
        answer = await ask(await self._connect(number))
        self._latencies.append(asyncio.get_running_loop().time() - begun)
        return answer

    def _delay(self) -> float:
        """Seconds after which a call is late."""
        if not self._latencies:
            return MOST_DELAY_SECONDS
        ranked = sorted(self._latencies)
        return min(max(ranked[int(LATE_SHARE * (len(ranked) - 1))], LEAST_DELAY_SECONDS), MOST_DELAY_SECONDS)

    def _warmed(self, task: asyncio.Task[Any]) -> None:
        self._warming.discard(task)
        with suppress(asyncio.CancelledError, RuntimeUnavailable):
            task.result()
