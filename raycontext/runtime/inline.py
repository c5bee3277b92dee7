"""The runtime without other processes: actors and tasks run in threads of this one.

Each actor has a thread of its own, so that it handles one call at a time as it would in a process; an actor with
coroutine methods runs on the caller's event loop.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, ParamSpec, TypeVar

from raycontext.errors import RuntimeUnavailable
from raycontext.runtime.base import ActorHandle, Placement

__all__ = ["InlineRuntime"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Kind = TypeVar("Kind")


class _InlineActor(ActorHandle[Kind], Generic[Kind]):
    def __init__(self, name: str, make: Callable[[], Kind]) -> None:
        self._name = name
        self._make = make
        self._instance: Any = None
        self._ended = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        loop = self._loop
        self._instance = await loop.run_in_executor(self._thread, self._make)

    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        if self._ended:
            raise RuntimeUnavailable(f"The actor {self._name} has ended", "Run the command again.")
        bound = getattr(self._instance, method)
        if inspect.iscoroutinefunction(bound):
            return await bound(*arguments, **named)
        work = functools.partial(bound, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(self.send(method, arguments, named), self._loop).result()

    async def end(self) -> None:
        self._ended = True
        if inspect.iscoroutinefunction(getattr(self._instance, "close", None)):
            await self._instance.close()
        await asyncio.to_thread(self._thread.shutdown)  # calls that arrived before are still answered
        self._instance = None


class InlineRuntime:
    """Runs everything in this process. For tests, small trees, and reading without Ray."""

    def __init__(self, parallelism: int | None = None) -> None:
        self._parallelism = parallelism or os.cpu_count() or 1
        self._tasks = ThreadPoolExecutor(max_workers=self._parallelism, thread_name_prefix="raycontext-task")
        self._actors: dict[str, asyncio.Task[_InlineActor[Any]]] = {}

    @property
    def parallelism(self) -> int:
        return self._parallelism

    @property
    def joined(self) -> bool:
        return False

    async def start(self) -> None:
        return None

    def attached(self) -> InlineRuntime:
        return self

    async def run(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        work = functools.partial(function, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._tasks, work)

    async def without(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        return {}  # we are the only node

    async def actor(
        self,
        name: str,
        placement: Placement,
        kind: Callable[Parameters, Kind],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> ActorHandle[Kind]:
        if name not in self._actors:
            self._actors[name] = asyncio.create_task(_started(name, functools.partial(kind, *arguments, **named)))
        try:
            return await asyncio.shield(self._actors[name])
        except Exception:
            self._actors.pop(name, None)
            raise

    async def find(self, name: str, kind: type[Kind]) -> ActorHandle[Kind] | None:
        return await asyncio.shield(self._actors[name]) if name in self._actors else None

    async def end(self, name: str) -> None:
        starting = self._actors.pop(name, None)
        if starting is not None:
            await (await starting).end()

    async def close(self) -> None:
        for name in list(self._actors):
            await self.end(name)
        await asyncio.to_thread(self._tasks.shutdown, True, cancel_futures=True)


async def _started(name: str, make: Callable[[], Kind]) -> _InlineActor[Kind]:
    actor = _InlineActor(name, make)
    try:
        await actor.start()
    except BaseException:
        await actor.end()
        raise
    return actor
