"""The seam between plain code and the processes that it runs in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, Protocol, TypeVar, overload

__all__ = ["ANYWHERE", "ActorHandle", "Placement", "Runtime", "WorkerDied"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Kind = TypeVar("Kind")
Actor_co = TypeVar("Actor_co", covariant=True)


class ActorHandle(ABC, Generic[Actor_co]):
    """Reaches an actor. An actor is an object of a plain class that handles one call at a time, in order of arrival;
    one whose methods are coroutines handles many at once.

    A call names the method itself, as in `handle.call(Coordinator.status, name)`, so that a type checker compares
    arguments and result. A layer that may not import the actor's class names a method of a protocol of its own: a
    handle of a class is a handle of every protocol that the class fulfils.
    """

    __slots__ = ()

    @overload
    async def call(
        self,
        method: Callable[Concatenate[Actor_co, Parameters], Coroutine[Any, Any, Result]],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result: ...
    @overload
    async def call(
        self,
        method: Callable[Concatenate[Actor_co, Parameters], Result],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result: ...
    async def call(self, method: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        """Call a method of the actor and await its result, of a coroutine method what it returns in the end.

        Raises what the method raises, and `RuntimeUnavailable` where the actor is dead and does not come back.
        """
        return await self.send(method.__name__, arguments, named)

    @overload
    def wait(
        self,
        method: Callable[Concatenate[Actor_co, Parameters], Coroutine[Any, Any, Result]],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result: ...
    @overload
    def wait(
        self,
        method: Callable[Concatenate[Actor_co, Parameters], Result],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result: ...
    def wait(self, method: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        """Call a method of the actor and block until its result is there; for tasks, which have no event loop.

        Raises the errors of `call`.
        """
        return self.send_and_block(method.__name__, arguments, named)

    @abstractmethod
    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Do what `call` does, by the name of the method; for those who implement a runtime."""

    @abstractmethod
    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Do what `wait` does, by the name of the method; for those who implement a runtime."""


class Placement(NamedTuple):
    """Where an actor lies, and what it has for itself."""

    spread: int | None = None
    """Actors of neighbouring numbers lie on different nodes where there are several; None: wherever there is room."""
    gpus: float = 0.0
    """Number of GPUs, or share of one, that no one else gets."""


ANYWHERE = Placement()


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

        Raises what the function raises, `WorkerDied` where its process died, and `WorkerLost` where
        its node was lost or the memory of the machine was short.
        """
        ...

    async def without(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Which of some paths are missing somewhere, with the names of the nodes where nothing is at them."""
        ...

    async def actor(
        self,
        name: str,
        placement: Placement,
        kind: Callable[Parameters, Kind],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> ActorHandle[Kind]:
        """Return the actor of this name; make it as `kind(*arguments, **named)`, of a class, where there is none.

        Raises `RuntimeUnavailable`.
        """
        ...

    async def find(self, name: str, kind: type[Kind]) -> ActorHandle[Kind] | None:
        """Return the actor of this name, which is of class `kind`; None where there is none."""
        ...

    async def end(self, name: str) -> None:
        """End the actor of this name; nothing happens where there is none."""
        ...

    async def close(self) -> None:
        """End everything that `start` began."""
        ...


class WorkerLost(Exception):
    """The node of a task was lost or ran out of memory, through no fault of the task: `WorkerLost(cause)`."""


class WorkerDied(Exception):
    """The process of a task died: `WorkerDied(cause)`."""
