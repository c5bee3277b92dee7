"""Runtime without Ray that keeps tasks apart: actors run in this process, tasks in worker processes.

A task that crashes, loops or takes too much memory ends only its worker, as it does on Ray.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, ParamSpec, TypeVar, cast

from raycontext.errors import RuntimeUnavailable
from raycontext.retrying import Retries
from raycontext.runtime.base import WorkerDied, WorkerLost
from raycontext.runtime.inline import InlineRuntime
from raycontext.runtime.task import options_of
from raycontext.runtime.worker_pool import WorkerPool
from raycontext.runtime.worker_process import Task

__all__ = ["ProcessRuntime"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class ProcessRuntime(InlineRuntime):
    """Runtime with actors in this process and tasks in worker processes. It belongs to one event loop."""

    def __init__(self, parallelism: int | None = None) -> None:
        super().__init__(parallelism)
        self._pool = WorkerPool(self.parallelism, self._ask)

    @property
    def name(self) -> Literal["ray", "processes", "inline"]:
        return "processes"

    async def run(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Run a task in a worker process, again if its worker is lost. Raises the errors of `Runtime.run`."""
        retries = Retries(on=(WorkerDied, WorkerLost), attempts=1 + options_of(function).retries)
        return cast(Result, await retries.run(lambda: self._pool.run(Task(function, arguments, named))))

    run_apart = run  # each worker has one task at a time, and its exit status is known

    async def close(self) -> None:
        """End all actors and all worker processes."""
        await super().close()
        await self._pool.close()

    async def _ask(self, name: str, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Call an actor for a task. Raises what the actor raises, and `RuntimeUnavailable` where it has ended."""
        actor = await self.find(name, object)
        if actor is None:
            raise RuntimeUnavailable(f"The actor {name} has ended", "Run the command again.")
        return await actor.send(method, arguments, named)
