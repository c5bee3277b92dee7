"""Interface of a runtime: how plain code spawns actors, calls them and runs tasks, whatever they run in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Concatenate, Generic, Literal, NamedTuple, ParamSpec, Protocol, TypeVar, overload

from raycontext.runtime.placing import Places

__all__ = ["ANYWHERE", "ActorHandle", "Placement", "Runtime", "WorkerDied", "WorkerLost"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Kind = TypeVar("Kind")
Actor_co = TypeVar("Actor_co", covariant=True)


class ActorHandle(ABC, Generic[Actor_co]):
    """Reference to an actor, through which its methods are called.

    An actor is an object of a plain class. It handles one call at a time, in order of arrival; an actor whose methods
    are coroutines handles many calls at once.

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
        """Call a method of the actor and await its result. A coroutine method is awaited to its end.

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
        """Call a method of the actor and block until its result is there. Tasks use it: they have no event loop.

        Raises the errors of `call`.
        """
        return self.send_and_block(method.__name__, arguments, named)

    @abstractmethod
    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Do what `call` does, with the method given by its name. Each runtime implements it."""

    @abstractmethod
    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Do what `wait` does, with the method given by its name. Each runtime implements it."""


class Placement(NamedTuple):
    """Choice of the node of an actor, and the GPUs that it gets."""

    size: int = 0
    """Bytes of data that the actor maps. Actors go to the node that has least of them."""
    apart: tuple[str, ...] = ()
    """Names of actors that should lie on other nodes than this one."""
    gpus: float = 0.0
    """Number of GPUs, or fraction of one GPU, that the actor has for itself."""


ANYWHERE = Placement()
"""Placement on the node that has least to do for actors, without a GPU."""


class Runtime(Protocol):
    """Place where actors live and tasks run."""

    @property
    def name(self) -> Literal["ray", "processes", "inline"]:
        """Name of the runtime, as settings have it."""
        ...

    @property
    def parallelism(self) -> int:
        """Number of tasks that could run at once when the runtime was started."""
        ...

    @property
    def joined(self) -> bool:
        """Whether actors outlive this connection, since other programs use them too."""
        ...

    async def start(self) -> None:
        """Connect to what the runtime needs, or start it. Raises `RuntimeUnavailable`."""
        ...

    def attached(self) -> Runtime:
        """Return the runtime with the properties of the cluster that it has joined. Call it after `start`."""
        ...

    async def capacity(self) -> int:
        """Return the number of tasks that can run at once now, at least 1. Drained nodes do not count.

        Raises `RuntimeUnavailable`.
        """
        ...

    async def demand(self, tasks: int) -> None:
        """Declare for how many tasks at once there is work, so that a cluster that can grow grows; 0 withdraws it.

        Nothing happens without a cluster that others use too. Raises `RuntimeUnavailable`.
        """
        ...

    async def run(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Run a function that is marked with `task` somewhere, and await its result.

        Raises what the function raises, `WorkerDied` where its process died, `WorkerLost` where its node was lost or
        ran out of memory, and `RuntimeUnavailable` where the runtime itself fails.
        """
        ...

    async def run_apart(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Run a task as `run` does, in a process whose end tells what ended it.

        Raises the errors of `run`. `WorkerDied` then is the fault of the task, on a node that lives.
        """
        ...

    async def without(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the paths that are missing on some node, each with the names of the nodes that lack it.

        Raises `RuntimeUnavailable`.
        """
        ...

    async def installed(self) -> list[tuple[str, str]]:
        """Return the name of each node of a cluster with what is installed there; empty without a cluster.

        Raises `RuntimeUnavailable`.
        """
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
        """Return the actor called `name`. Where there is none, make it with `kind(*arguments, **named)`.

        Raises what `kind` raises, and `RuntimeUnavailable` where the actor cannot be started.
        """
        ...

    async def find(self, name: str, kind: type[Kind]) -> ActorHandle[Kind] | None:
        """Return the actor called `name`, which is of class `kind`; None where there is none."""
        ...

    async def places(self) -> Places:
        """Return the nodes that take actors, and the actors of this root that live. Raises `RuntimeUnavailable`."""
        ...

    async def end(self, name: str) -> None:
        """End the actor called `name`. Nothing happens where there is none."""
        ...

    async def close(self) -> None:
        """End everything that `start` began, and the actors of this runtime unless it is `joined`."""
        ...


class WorkerLost(Exception):
    """Failure of a task for a reason outside of it, such as the loss of its node: `WorkerLost(cause, node)`.

    `node` is the name of the node, "" where it is not known.
    """

    def __init__(self, cause: str, node: str = "") -> None:
        super().__init__(cause, node)
        self.node = node


class WorkerDied(Exception):
    """Failure of a task because its process died: `WorkerDied(cause, node, is_known)`.

    `node` is the name of the node, "" where it is not known. `is_known` is False where nobody knows whether the task or
    something else ended the process; `Runtime.run_apart` tells.
    """

    def __init__(self, cause: str, node: str = "", is_known: bool = True) -> None:
        super().__init__(cause, node, is_known)
        self.node = node
        self.is_known = is_known
