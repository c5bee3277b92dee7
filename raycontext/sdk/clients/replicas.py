"""Replicas of an actor. A call goes to one of them, and to the next when that one is late or dead.

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
"""Number of tries of a call. At the second, an actor that is gone for good is started anew."""

KEPT_LATENCIES = 64
"""Number of recent calls whose durations decide when a call is late."""

LATE_SHARE = 0.95
"""Share of recent calls that are faster than a call that counts as late."""

LEAST_DELAY_SECONDS = 0.05
"""Shortest time after which a call counts as late, in seconds."""
MOST_DELAY_SECONDS = 0.5
"""Longest time after which a call counts as late, in seconds. It holds before the first call has ended, too: an actor
that has just started maps its files first.
"""

AVOIDED_SECONDS = 5.0
"""Time during which a replica that was late or dead is asked last, in seconds."""


class Replicas(Generic[Actor]):
    """Actors that all serve the same shard.

    connect: returns the actor of a number from 0 to `count - 1`, and starts it when it does not run. Its second
    argument tells whether the actor that it returned before could not be reached. It is asked once for each number as
    long as calls succeed.
    """

    def __init__(self, connect: Callable[[int, bool], Awaitable[ActorHandle[Actor]]], count: int) -> None:
        self._connect = connect
        self._count = count
        self._known: dict[int, ActorHandle[Actor]] = {}
        self._lost: set[int] = set()
        self._turn = itertools.count()
        self._avoided = [-AVOIDED_SECONDS] * count  # time of the loop at which each was late or dead, in seconds
        self._latencies: deque[float] = deque(maxlen=KEPT_LATENCIES)
        self._warming: set[asyncio.Task[Any]] = set()

    def warm(self) -> None:
        """Start the replicas other than the first in the background."""
        for number in range(1, self._count):
            task = asyncio.ensure_future(self._connected(number))
            self._warming.add(task)
            task.add_done_callback(self._warmed)

    def close(self) -> None:
        """Cancel the starts that `warm` began."""
        for task in self._warming:
            task.cancel()

    async def call(
        self,
        method: Callable[Concatenate[Actor, Parameters], Result],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result:
        """Call a method of one replica and return the first answer.

        Raises what the method raises, and `RuntimeUnavailable` when no replica can be reached in two tries.
        """

        async def ask(actor: ActorHandle[Actor]) -> Result:
            return await actor.call(method, *arguments, **named)

        asked_once = partial(self._ask, 0) if self._count == 1 else self._hedged
        return await Retries((RuntimeUnavailable,), attempts=ATTEMPTS).run(lambda: asked_once(ask))

    async def _hedged(self, ask: Callable[[ActorHandle[Actor]], Awaitable[Result]]) -> Result:
        """Ask the replicas one after the other, each once the one before it is late or dead, and return the first
        answer.
        """
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
        """Return the numbers of all replicas in the order to ask. Replicas that were late or dead a moment ago come
        last.
        """
        first = next(self._turn)
        moment = asyncio.get_running_loop().time() - AVOIDED_SECONDS
        turns = ((first + step) % self._count for step in range(self._count))
        return sorted(turns, key=lambda number: self._avoided[number] > moment)

    async def _ask(self, number: int, ask: Callable[[ActorHandle[Actor]], Awaitable[Result]]) -> Result:
        """Ask one replica and record how long it took."""
        begun = asyncio.get_running_loop().time()
        actor = await self._connected(number)
        try:
            answer = await ask(actor)
        except RuntimeUnavailable:
            self._lost.add(number)
            if self._known.get(number) is actor:
                del self._known[number]
            raise
        self._latencies.append(asyncio.get_running_loop().time() - begun)
        return answer

    async def _connected(self, number: int) -> ActorHandle[Actor]:
        """Return the actor of a number."""
        if number not in self._known:
            again = number in self._lost
            self._lost.discard(number)
            self._known[number] = await self._connect(number, again)
        return self._known[number]

    def _delay(self) -> float:
        """Return the seconds after which a call counts as late."""
        if not self._latencies:
            return MOST_DELAY_SECONDS
        ranked = sorted(self._latencies)
        return min(max(ranked[int(LATE_SHARE * (len(ranked) - 1))], LEAST_DELAY_SECONDS), MOST_DELAY_SECONDS)

    def _warmed(self, task: asyncio.Task[Any]) -> None:
        """Forget a start that has ended. A replica that could not be started is started by the call that needs it."""
        self._warming.discard(task)
        with suppress(asyncio.CancelledError, RuntimeUnavailable):
            task.result()
