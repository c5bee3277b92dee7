"""The runtime on Ray: spawns named actors, runs tasks, translates errors."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, cast

import ray
from ray import exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raycontext.errors import RaycontextError, RuntimeUnavailable
from raycontext.retrying import Retries
from raycontext.runtime import ray_process
from raycontext.runtime.base import ActorHandle, Placement, WorkerDied, WorkerLost
from raycontext.runtime.ray_head import asked, while_head_answers
from raycontext.runtime.task import in_worker, options_of, task

__all__ = ["RayRuntime", "missing_paths"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Kind = TypeVar("Kind")

ACTOR_TASK_RETRIES = 2
"""Calls that an actor's death interrupts are sent again: all methods may run twice."""


UNAVAILABLE_SECONDS = 60.0
UNAVAILABLE_PAUSE_SECONDS = 0.5
UNAVAILABLE = Retries(
    (exceptions.ActorUnavailableError,), seconds=UNAVAILABLE_SECONDS, pause=lambda _: UNAVAILABLE_PAUSE_SECONDS
)
"""How long, and how often, an actor is asked that is neither known to be dead nor can be reached. Its node may be lost,
which takes a while to be noticed; then the actor comes back on another one."""

START_ATTEMPTS = 2
"""A dead actor can be handed back under its name (ray issue 44083): the second attempt makes a new one."""

LEAST_MEMORY_BYTES = 1
"""What an actor asks for: Ray places one that asks for nothing wherever it likes."""


@dataclass(frozen=True, slots=True)
class _RayActor(ActorHandle[Kind], Generic[Kind]):
    name: str
    handle: Any
    known: dict[str, _RayActor[Any]] = field(compare=False, repr=False)

    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        with self._errors_translated():
            return await UNAVAILABLE.run(
                lambda: while_head_answers(lambda: getattr(self.handle, method).remote(*arguments, **named))
            )

    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        with self._errors_translated():
            return UNAVAILABLE.run_blocking(
                lambda: cast(Any, ray).get(getattr(self.handle, method).remote(*arguments, **named))
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # What this process knows of other actors is not for another one.
        return _RayActor, (self.name, self.handle, {})

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        """Raise what the actor's method raised, or `RuntimeUnavailable` where the actor is lost."""
        try:
            yield
        except exceptions.RayTaskError as error:
            raise _cause(error) from error
        except exceptions.ActorUnavailableError as error:
            self.known.pop(self.name, None)
            raise RuntimeUnavailable(
                f"The actor {self.name} cannot be reached", "Look whether its node is up, and try again."
            ) from error
        except exceptions.RayActorError as error:
            self.known.pop(self.name, None)
            raise RuntimeUnavailable(
                f"The actor {self.name} died and did not come back ({type(error).__name__})",
                "Run the command again; if it persists, look into Ray's logs.",
            ) from error


@dataclass(frozen=True, slots=True)
class RayRuntime:
    """Actors and tasks on Ray. A value: an actor that is given one uses the Ray that it runs on.

    address: of the cluster to join; None starts a Ray of our own, which ends with `close`. A Ray that this process
    has already initialised is used as it is.
    namespace: keeps the actors of one storage root apart from those of others.
    workers: tasks at once on a Ray of our own.
    """

    address: str | None
    namespace: str
    workers: int
    object_store_bytes: int
    start_seconds: float
    joined: bool = False
    """Actors outlive their creator: the cluster is there for other clients too."""
    known: dict[str, _RayActor[Any]] = field(default_factory=dict, compare=False, repr=False)
    """Actors that this process has asked for; they end with `close` unless the runtime is `joined`."""
    starting: dict[str, asyncio.Task[_RayActor[Any]]] = field(default_factory=dict, compare=False, repr=False)
    """Tasks of this process that are making an actor, by the name of the actor."""
    uses: list[Path] = field(default_factory=list, compare=False, repr=False)
    """The folder of the Ray of our own that this runtime uses, between `start` and `close`."""

    @property
    def parallelism(self) -> int:
        return self.workers

    async def start(self) -> None:
        starting = asyncio.ensure_future(asyncio.to_thread(self._initialise))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])  # its thread goes on: only then is there something for `close` to end
            raise

    def attached(self) -> RayRuntime:
        """This runtime as it is after `start`: for the workers of a cluster, its CPUs."""
        if self.address is None:
            return self
        resources: dict[str, float] = cast(Any, ray).cluster_resources()
        return replace(self, workers=max(int(resources.get("CPU", 1)), 1), joined=True)

    def __reduce__(self) -> tuple[Any, ...]:
        # What this process knows of actors is not for another one.
        settings = (
            self.address,
            self.namespace,
            self.workers,
            self.object_store_bytes,
            self.start_seconds,
            self.joined,
        )
        return RayRuntime, settings

    async def run(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        try:
            return cast(Result, await _remote(function).remote(*arguments, **named))
        except exceptions.RayTaskError as error:
            raise _cause(error) from error
        except exceptions.WorkerCrashedError as error:
            raise WorkerDied(type(error).__name__) from error
        except (exceptions.OutOfMemoryError, exceptions.NodeDiedError) as error:
            raise WorkerLost(type(error).__name__) from error
        except exceptions.RayError as error:
            raise _unavailable(error) from error

    async def without(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        nodes = await asked(_alive_nodes)
        if len(nodes) < 2:
            return {}
        missing = await asyncio.gather(
            *(
                _remote(missing_paths)
                .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=True))
                .remote(tuple(paths))
                for node in nodes
            )
        )
        found = {
            path: tuple(name for name, lacks in zip(nodes.values(), missing, strict=True) if path in lacks)
            for path in paths
        }
        return {path: names for path, names in found.items() if names}

    async def actor(
        self,
        name: str,
        placement: Placement,
        kind: Callable[Parameters, Kind],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> ActorHandle[Kind]:
        if name in self.known:
            return self.known[name]
        # Of callers that come at once one makes it and all get the same handle: an actor ends with the handle of its
        # maker, and one that was merely found does not keep it.
        starting = self.starting.get(name)
        if starting is None:
            starting = self.starting[name] = asyncio.ensure_future(self._made(name, placement, kind, arguments, named))
            starting.add_done_callback(lambda _: self.starting.pop(name, None))
        return await while_head_answers(lambda: asyncio.shield(starting))

    async def _made(
        self,
        name: str,
        placement: Placement,
        kind: Callable[..., Kind],
        arguments: tuple[Any, ...],
        named: Mapping[str, Any],
    ) -> _RayActor[Kind]:
        remote: Any = cast(Any, ray.remote(kind)).options(
            name=name,
            namespace=self.namespace,
            get_if_exists=True,
            lifetime="detached" if self.joined else None,
            num_cpus=0,
            num_gpus=placement.gpus,
            memory=LEAST_MEMORY_BYTES,
            max_restarts=-1,
            max_task_retries=ACTOR_TASK_RETRIES,
            scheduling_strategy=await asked(lambda: _placed(placement.spread)),
        )
        attempt = itertools.count(1)

        async def start() -> Any:
            if next(attempt) > 1:
                await self.end(name)
            handle = await asked(lambda: remote.remote(*arguments, **named))
            await asyncio.wait_for(handle.__ray_ready__.remote(), self.start_seconds)
            return handle

        retries = Retries(
            (exceptions.RayError, TimeoutError),
            attempts=START_ATTEMPTS,
            when=lambda error: not isinstance(error, exceptions.RayTaskError),
        )
        try:
            made: _RayActor[Kind] = _RayActor(name, await retries.run(start), self.known)
        except exceptions.RayTaskError as error:
            raise _cause(error) from error
        except (exceptions.RayError, TimeoutError) as error:
            raise RuntimeUnavailable(
                f"The actor {name} did not start within {self.start_seconds:g} s ({type(error).__name__})",
                "Look for free memory and into Ray's logs, then try again.",
            ) from error
        self.known[name] = made
        return made

    async def find(self, name: str, kind: type[Kind]) -> ActorHandle[Kind] | None:
        handle = await self._found(name)
        return None if handle is None else _RayActor(name, handle, self.known)

    async def end(self, name: str) -> None:
        self.known.pop(name, None)
        handle = await self._found(name)
        if handle is not None:
            await asked(lambda: ray.kill(handle))

    async def close(self) -> None:
        if not self.joined:
            with suppress(RuntimeUnavailable):  # all of them are lost with their head
                for name in list(self.known):
                    await self.end(name)
        used = self.uses.copy()
        self.uses.clear()
        await asyncio.to_thread(ray_process.give_up, used)

    async def _found(self, name: str) -> Any:
        """Return Ray's own handle of the actor of this name; None where there is none."""
        try:
            return await asked(lambda: ray.get_actor(name, self.namespace))
        except ValueError:
            return None

    def _initialise(self) -> None:
        if not ray.is_initialized():
            self._start_or_join()
        self.uses.extend(ray_process.use())

    def _start_or_join(self) -> None:
        try:
            if self.address is None:
                ray_process.start_local(self.namespace, self.workers, self.object_store_bytes)
            else:
                ray_process.check_reachable(self.address)
                ray_process.join(self.address, self.namespace, self.start_seconds)
        except RuntimeUnavailable:
            raise
        except Exception as error:
            raise _unavailable(error) from error


@cache
def _remote(function: Callable[..., Any]) -> Any:
    """Return the remote form of a task, made once in a process."""
    options = options_of(function)
    resources: dict[str, Any] = {"num_cpus": options.cpus, "max_retries": options.retries}
    if options.memory_bytes:
        resources["memory"] = options.memory_bytes
    return ray.remote(**resources)(in_worker(function))


def _alive_nodes() -> dict[str, str]:
    """Names of the nodes of the cluster, by id."""
    return {node["NodeID"]: node["NodeName"] for node in cast(Any, ray).nodes() if node["Alive"]}


def _placed(spread: int | None) -> Any:
    """On the node of this number, or elsewhere where that one is lost or full."""
    nodes = sorted(_alive_nodes()) if spread is not None else []
    if spread is None or len(nodes) < 2:
        return "DEFAULT"
    return NodeAffinitySchedulingStrategy(nodes[spread % len(nodes)], soft=True)


def _cause(error: exceptions.RayTaskError) -> BaseException:
    """What the remote code raised: ours unchanged, others as Ray wraps them, with the remote traceback."""
    cause = error.cause
    return cause if isinstance(cause, RaycontextError) else error


def _unavailable(error: BaseException) -> RuntimeUnavailable:
    first_line = next(iter(str(error).strip().splitlines()), "")[:200]
    return RuntimeUnavailable(
        f"Ray cannot be started or reached ({type(error).__name__}: {first_line})",
        "Check the address, or use the inline runtime: runtime='inline', or RAYCONTEXT_RUNTIME=inline.",
    )


@task(cpus=0, memory_bytes=LEAST_MEMORY_BYTES)
def missing_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """Return those of `paths` that do not exist on this machine."""
    return tuple(path for path in paths if not Path(path).exists())
