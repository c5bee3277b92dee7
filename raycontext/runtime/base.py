"""The seam between plain code and the processes that it runs in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar

__all__ = ["ActorHandle", "Runtime"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class ActorHandle(Protocol):
    """Reaches an actor. An actor is an object of a plain class that handles one call at a time, in order of arrival;
    one whose methods are coroutines handles many at once."""

    async def call(self, method: str, *arguments: Any) -> Any:
        """Call a method and await its result. Raises what the method raises, and `RuntimeUnavailable` where the
        actor is dead and does not come back."""
        ...

    def wait(self, method: str, *arguments: Any) -> Any:
        """The blocking form, for tasks."""
        ...


class Runtime(Protocol):
    """Spawns actors and runs tasks."""

    @property
    def parallelism(self) -> int:
        """How many tasks can run at once."""
        ...

    @property
    def joined(self) -> bool:
        """Whether actors outlive the connection: others use them too."""
        ...

    async def start(self) -> None:
        """Make ready. Raises `RuntimeUnavailable`."""
        ...

    def attached(self) -> Runtime:
        """The runtime as it is once started: what it has joined is known."""
        ...

    async def run(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Run a function that is marked with `task` somewhere, and await its result.

        Raises what the function raises, and `WorkerDied` where its process died, again and again.
        """
        ...

    async def without(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Which of some paths are missing somewhere, with the names of the nodes where nothing is at them."""
        ...

    async def actor(
        self, name: str, kind: type, *arguments: Any, spread: int | None = None, gpus: float = 0.0
    ) -> ActorHandle:
        """The actor of this name; made from `kind(*arguments)` if there is none. Actors of neighbouring numbers
        `spread` lie on different nodes where there are several. `gpus`: how many, or what share of one, it has for
        itself. Raises `RuntimeUnavailable`."""
        ...

    async def find(self, name: str) -> ActorHandle | None:
        """The actor of this name, if there is one."""
        ...

    async def end(self, name: str) -> None:
        """End the actor of this name; nothing happens where there is none."""
        ...

    async def close(self) -> None:
        """End everything that `start` began."""
        ...


class WorkerDied(Exception):
    """The process of a task died: `WorkerDied(cause)`."""
