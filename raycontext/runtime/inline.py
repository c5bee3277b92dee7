"""Runtime without other processes: actors and tasks run in threads of this process.

Each actor has a thread of its own, so that it handles one call at a time, like an actor in a process. A coroutine
method runs on an event loop instead.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from raycontext.errors import RuntimeUnavailable
from raycontext.runtime.base import ActorHandle, Placement
from raycontext.runtime.mailbox import Mailbox
from raycontext.runtime.placing import Places, Resident
from raycontext.runtime.worker_process import ParentActor

__all__ = ["InlineRuntime"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Kind = TypeVar("Kind")


class _InlineActor(ActorHandle[Kind], Generic[Kind]):
    """Actor in a thread of this process, and its own handle."""

    def __init__(self, name: str, make: Callable[[], Kind]) -> None:
        self._name = name
        self._make = make
        self._instance: Any = None
        self._ended = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._loop = asyncio.get_running_loop()
        self._mailbox = Mailbox(name)

    async def start(self) -> None:
        """Make the object in the actor's thread. Raises what its class raises."""
        loop = self._loop
        self._instance = await loop.run_in_executor(self._thread, self._make)

    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Call a method in the actor's thread, or on this event loop if it is a coroutine method."""
        if self._ended:
            raise RuntimeUnavailable(f"The actor {self._name} has ended", "Run the command again.")
        bound = getattr(self._instance, method)
        with self._mailbox.place(method):
            if inspect.iscoroutinefunction(bound):
                return await bound(*arguments, **named)
            work = functools.partial(bound, *arguments, **named)
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Call a method from another thread than that of the event loop, and block until it ends."""
        return asyncio.run_coroutine_threadsafe(self.send(method, arguments, named), self._loop).result()

    def __reduce__(self) -> tuple[Any, ...]:
        return ParentActor, (self._name,)  # a task in a worker process calls the actor through its parent

    async def end(self) -> None:
        """Close the object if it has a coroutine method `close`, and end the thread. Later calls fail."""
        self._ended = True
        if inspect.iscoroutinefunction(getattr(self._instance, "close", None)):
            await self._instance.close()
        await asyncio.to_thread(self._thread.shutdown)  # earlier calls still get their answers
        self._instance = None


class InlineRuntime:
    """Runtime in this process: for tests, small trees, and reading without Ray."""

    def __init__(self, parallelism: int | None = None) -> None:
        self._parallelism = parallelism or os.cpu_count() or 1
        self._tasks = ThreadPoolExecutor(max_workers=self._parallelism, thread_name_prefix="raycontext-task")
        self._actors: dict[str, asyncio.Task[_InlineActor[Any]]] = {}

    @property
    def name(self) -> Literal["ray", "processes", "inline"]:
        return "inline"

    @property
    def parallelism(self) -> int:
        """Number of tasks that run at once, each in a thread."""
        return self._parallelism

    @property
    def joined(self) -> bool:
        """False: actors end with this process."""
        return False

    async def start(self) -> None:
        """Do nothing: threads are started when they are needed."""

    def attached(self) -> InlineRuntime:
        """Return this runtime: there is no cluster to join."""
        return self

    async def capacity(self) -> int:
        """Return the number of tasks that run at once."""
        return self.parallelism

    async def demand(self, tasks: int) -> None:
        """Do nothing: there is no cluster that could grow."""

    async def run(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Run a function in a thread and await its result. Raises what the function raises."""
        work = functools.partial(function, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._tasks, work)

    run_apart = run  # nothing else can end a thread

    async def without(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return no path: there is no other node that could lack one."""
        return {}  # this process is the only node

    async def installed(self) -> list[tuple[str, str]]:
        """Return nothing: there is no cluster."""
        return []

    async def actor(
        self,
        name: str,
        placement: Placement,
        kind: Callable[Parameters, Kind],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> ActorHandle[Kind]:
        """Return the actor called `name`, made with `kind(*arguments, **named)` where there is none.

        Callers at the same time get the same actor. Raises what `kind` raises.
        """
        if name not in self._actors:
            self._actors[name] = asyncio.create_task(_started(name, functools.partial(kind, *arguments, **named)))
        try:
            return await asyncio.shield(self._actors[name])
        except Exception:
            self._actors.pop(name, None)
            raise

    async def find(self, name: str, kind: type[Kind]) -> ActorHandle[Kind] | None:
        """Return the actor called `name`; None where there is none."""
        return await asyncio.shield(self._actors[name]) if name in self._actors else None

    async def places(self) -> Places:
        """Return the actors of this process, and no node: there is no cluster."""
        return Places((), tuple(Resident(name, "", 0) for name in self._actors))

    async def end(self, name: str) -> None:
        """End the actor called `name` after the calls that it has. Nothing happens where there is none."""
        starting = self._actors.pop(name, None)
        if starting is not None:
            await (await starting).end()

    async def close(self) -> None:
        """End all actors and tasks. Tasks that wait are cancelled; running ones are awaited."""
        for name in list(self._actors):
            await self.end(name)
        await asyncio.to_thread(self._tasks.shutdown, True, cancel_futures=True)


async def _started(name: str, make: Callable[[], Kind]) -> _InlineActor[Kind]:
    """Return a new actor whose object is made. Raises what `make` raises."""
    actor = _InlineActor(name, make)
    try:
        await actor.start()
    except BaseException:
        await actor.end()
        raise
    return actor
