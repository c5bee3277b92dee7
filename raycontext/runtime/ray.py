"""Runtime on Ray: it spawns named actors, runs tasks, and translates the errors of Ray."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, cast

import ray
from ray import exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raycontext.errors import RuntimeUnavailable, VersionsDiffer
from raycontext.retrying import Retries
from raycontext.runtime import ray_process
from raycontext.runtime.base import ActorHandle, Placement, WorkerDied, WorkerLost
from raycontext.runtime.child import run_in_child
from raycontext.runtime.installation import Installation
from raycontext.runtime.mailbox import Idleness, with_mailbox
from raycontext.runtime.placing import Places, Resident, best_node
from raycontext.runtime.ray_actor import RayActor, cause_of_call, end_this_actor, unavailable
from raycontext.runtime.ray_head import asked, check_present, while_head_answers
from raycontext.runtime.ray_nodes import (
    declare_demand,
    names_of_nodes,
    nodes_that_leave,
    not_on,
    note_size,
    residents,
    task_capacity,
)
from raycontext.runtime.task import in_worker, options_of, task
from raycontext.runtime.worker_process import Task
from raycontext.settings import ACTOR_IDLE_SECONDS

__all__ = ["RayRuntime", "missing_paths"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Kind = TypeVar("Kind")

ACTOR_TASK_RETRIES = 2
"""Number of times that Ray sends a call again after the death of its actor. So every method of one may run twice."""

LOST: tuple[type[exceptions.RayError], ...] = (
    exceptions.NodeDiedError,
    exceptions.LocalRayletDiedError,
    exceptions.OutOfMemoryError,  # Ray's monitor has ended the worker, since the node was short of memory
    exceptions.OutOfDiskError,
    exceptions.ObjectLostError,  # the result, with the node or the owner that held it
    exceptions.ObjectStoreFullError,
    exceptions.TaskUnschedulableError,
)
"""Errors that a task gets for a reason outside of it. Another try, elsewhere or later, may succeed."""

START_ATTEMPTS = 2
"""Number of tries to make an actor.

Ray may return a dead actor of this name (ray issue 44083); the second try ends it.
"""

LEAST_MEMORY_BYTES = 1
"""Memory in bytes that an actor asks for. Ray would place an actor that asks for nothing on a random node."""


@dataclass(frozen=True)
class RayRuntime:
    """Runtime on Ray. An actor that receives one uses the Ray that the actor runs on.

    describe: function that returns what is installed where it is called. Tasks and actors are refused on nodes where
    that differs.
    address: address of the cluster to join. None starts a local Ray, which ends with `close`. A Ray that this process
    has already initialised is used as it is.
    namespace: Ray namespace, which keeps the actors of one storage root apart from those of others.
    workers: number of tasks at once.
    object_store_bytes: size of the object store of a local Ray, in bytes.
    start_seconds: time in seconds that joining a cluster, and the start of each actor, may take.
    """

    address: str | None
    namespace: str
    workers: int
    object_store_bytes: int
    start_seconds: float
    describe: Callable[[], str]
    idle_seconds: float = ACTOR_IDLE_SECONDS
    """Time in seconds without a call after which an actor ends."""
    joined: bool = False
    """Whether actors outlive the process that made them: the Ray is not ours, and other programs use them too."""
    tracing_hook: str = ""
    """Function "MODULE:NAME" that sets up OpenTelemetry in each process of a local Ray; "": no traces."""
    known: dict[str, RayActor[Any]] = field(default_factory=dict, compare=False, repr=False)
    """Handles of the actors that this process has asked for, by name.

    These end with `close` unless `joined` is true.
    """
    placed: dict[str, Resident] = field(default_factory=dict, compare=False, repr=False)
    """Nodes that were chosen for actors that no look at the cluster has seen there yet, by the name of the actor."""
    starting: dict[str, asyncio.Task[RayActor[Any]]] = field(default_factory=dict, compare=False, repr=False)
    """Tasks of this process that are making an actor, by the name of the actor."""
    leaving: list[str] = field(default_factory=list, compare=False, repr=False)
    """Ids of the nodes that were drained when `capacity` was last asked for. They get no tasks."""
    uses: list[Path] = field(default_factory=list, compare=False, repr=False)
    """Folder of the local Ray that this runtime uses between `start` and `close`. Empty for a cluster."""

    @property
    def name(self) -> Literal["ray", "processes", "inline"]:
        return "ray"

    @property
    def parallelism(self) -> int:
        """Number of tasks that can run at once."""
        return self.workers

    async def start(self) -> None:
        """Start a local Ray or join the cluster. Raises `RuntimeUnavailable`."""
        starting = asyncio.ensure_future(asyncio.to_thread(self._initialise))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])  # its thread cannot stop; `close` can end only what it has started
            raise

    def attached(self) -> RayRuntime:
        """Return this runtime with the number of CPUs of the cluster as its workers, and `joined`.

        A local Ray that this process has started stays as is. Raises `RuntimeUnavailable`.
        """
        if ray_process.own_folders():
            return self
        check_present()
        return replace(self, workers=task_capacity(), joined=True)

    async def capacity(self) -> int:
        """Return the number of tasks that can run at once now. Raises `RuntimeUnavailable`."""
        if not self.joined:
            return self.workers
        self.leaving[:] = await asked(nodes_that_leave)
        return await asked(task_capacity)

    async def demand(self, tasks: int) -> None:
        """Tell the autoscaler of a cluster how many tasks at once there is work for. Raises `RuntimeUnavailable`."""
        if self.joined:
            await asked(lambda: declare_demand(self.namespace, tasks))

    def __reduce__(self) -> tuple[Any, ...]:
        # The copy in another process starts without the handles that this process knows.
        settings = (
            self.address,
            self.namespace,
            self.workers,
            self.object_store_bytes,
            self.start_seconds,
            self.describe,
            self.idle_seconds,
            self.joined,
        )
        return RayRuntime, settings

    async def run(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Run a task on a worker of Ray, and await its result. Raises the errors of `Runtime.run`."""
        try:
            remote = _remote(function, self._installation)
            if self.leaving:
                remote = remote.options(**not_on(self.leaving))
            return cast(Result, await while_head_answers(lambda: remote.remote(*arguments, **named)))
        except exceptions.RayTaskError as error:
            raise cause_of_call(error) from error
        except exceptions.WorkerCrashedError as error:  # Ray does not tell why: its node may be lost, too
            raise WorkerDied(type(error).__name__, is_known=False) from error
        except LOST as error:
            raise WorkerLost(type(error).__name__) from error
        except exceptions.RayError as error:
            raise unavailable(error) from error

    async def run_apart(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Run a task in a process of its own below a worker of Ray, which tells how that process ended.

        Raises the errors of `Runtime.run_apart`.
        """
        try:
            return await self.run(_apart(function), *arguments, **named)
        except WorkerDied as error:
            if error.is_known:
                raise
            raise WorkerLost(*error.args[:2]) from error

    async def without(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the paths that some node lacks, with the names of these nodes. None are missing on a single node."""
        lacking = await self._on_each_node(_remote(missing_paths, self._installation), tuple(paths))
        if len(lacking) < 2:
            return {}
        found = {path: tuple(name for name, lacks in lacking if path in lacks) for path in paths}
        return {path: names for path, names in found.items() if names}

    async def installed(self) -> list[tuple[str, str]]:
        """Return the name of each node with what is installed there. Raises `RuntimeUnavailable`."""
        remote = ray.remote(num_cpus=0, memory=LEAST_MEMORY_BYTES, max_retries=1)(_describe)
        return await self._on_each_node(remote, None, self.describe)

    async def _on_each_node(self, remote: Any, *arguments: Any) -> list[tuple[str, Any]]:
        """Run a function of Ray on each living node, and return the name of each node with the result there.

        Raises what the function raises, and `RuntimeUnavailable`.
        """

        async def result(node: str) -> Any:
            placed = remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=True))
            return await while_head_answers(lambda: placed.remote(*arguments))

        nodes = await asked(names_of_nodes)
        try:
            found = await asyncio.gather(*map(result, nodes))
        except exceptions.RayTaskError as error:
            raise cause_of_call(error) from error
        except exceptions.RayError as error:
            raise unavailable(error) from error
        return list(zip(nodes.values(), found, strict=True))  # several nodes may have one name

    @cached_property
    def _installation(self) -> Installation:
        return Installation.of(self.describe)

    async def actor(
        self,
        name: str,
        placement: Placement,
        kind: Callable[Parameters, Kind],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> ActorHandle[Kind]:
        """Return the actor called `name`; make it where there is none. Raises the errors of `Runtime.actor`."""
        if name in self.known:
            return self.known[name]
        # All callers at the same time get the handle of one maker: an actor ends with the handle that made it, and a
        # handle that was looked up does not keep it alive.
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
    ) -> RayActor[Kind]:
        """Make the actor called `name`, or find it, and wait until it is ready. Raises the errors of `actor`."""
        checked = self._installation.checking_class(kind)
        remote: Any = cast(
            Any, ray.remote(with_mailbox(checked, name, idleness=Idleness(self.idle_seconds, end_this_actor)))
        ).options(
            name=name,
            namespace=self.namespace,
            get_if_exists=True,
            lifetime="detached" if self.joined else None,
            num_cpus=0,
            num_gpus=placement.gpus,
            memory=LEAST_MEMORY_BYTES,
            max_restarts=-1,
            max_task_retries=ACTOR_TASK_RETRIES,
            scheduling_strategy=await self._place(name, placement),
        )
        attempt = itertools.count(1)

        async def start() -> Any:
            if next(attempt) > 1:
                await self.end(name)
            handle = await asked(lambda: remote.remote(*arguments, **named))
            ready = while_head_answers(lambda: handle.__ray_call__.remote(_describe, self.describe))
            there = await asyncio.wait_for(ready, self.start_seconds)
            if there != self._installation.here:  # another client, of another version, has made it
                raise VersionsDiffer(f"of the actor {name}", there, self._installation.here)
            return handle

        retries = Retries(
            (exceptions.RayError, TimeoutError),
            attempts=START_ATTEMPTS,
            when=lambda error: not isinstance(error, exceptions.RayTaskError),
        )
        try:
            handle = await retries.run(start)
        except exceptions.RayTaskError as error:
            raise cause_of_call(error) from error
        except (exceptions.RayError, TimeoutError) as error:
            self.placed.pop(name, None)
            raise RuntimeUnavailable(
                f"The actor {name} did not start within {self.start_seconds:g} s ({type(error).__name__})",
                "Look for free memory and into Ray's logs, then try again.",
            ) from error

        async def again() -> RayActor[Kind]:  # callers that find it dead at the same time have one maker, too
            return cast("RayActor[Kind]", await self.actor(name, placement, kind, *arguments, **named))

        self.known[name] = made = RayActor(name, handle, self.known, again)
        return made

    async def _place(self, name: str, placement: Placement) -> Any:
        """Return Ray's scheduling strategy for an actor: the node that has least to do for actors, and note it.

        Another node is taken where that node is lost, drained or full. Where there is one node, or a GPU is asked for,
        the choice is Ray's.
        """
        if not self.joined or placement.gpus:
            return "DEFAULT"
        nodes, there = await asked(lambda: (list(names_of_nodes()), residents()))
        # Nothing is awaited until the choice is noted: actors made at the same time see each other.
        for resident in there:
            self.placed.pop(resident.name, None)
        node = best_node(nodes, [*there, *self.placed.values()], placement.apart)
        if node is None or len(nodes) < 2:
            return "DEFAULT"
        self.placed[name] = Resident(name, node, placement.size)
        await asked(lambda: note_size(self.namespace, name, placement.size))
        return NodeAffinitySchedulingStrategy(node, soft=True)

    async def find(self, name: str, kind: type[Kind]) -> ActorHandle[Kind] | None:
        """Return the actor called `name`; None where there is none. Raises `RuntimeUnavailable`."""
        handle = await self._found(name)
        return None if handle is None else RayActor(name, handle, self.known)

    async def places(self) -> Places:
        """Return the nodes that take actors, and the actors of this root that live. Raises `RuntimeUnavailable`."""
        return await asked(lambda: Places(tuple(names_of_nodes()), tuple(residents(self.namespace))))

    async def end(self, name: str) -> None:
        """Kill the actor called `name`. Nothing happens where there is none. Raises `RuntimeUnavailable`."""
        self.known.pop(name, None)
        handle = await self._found(name)
        if handle is not None:
            await asked(lambda: ray.kill(handle))

    async def close(self) -> None:
        """End the actors of this process unless `joined` is true, and the local Ray if no other runtime uses it."""
        if not self.joined:
            with suppress(RuntimeUnavailable):  # the actors are lost with the head
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
        """Start or join a Ray where this process has none, and count this runtime as its user."""
        if not ray.is_initialized():
            self._start_or_join()
        self.uses.extend(ray_process.use())

    def _start_local(self) -> None:
        """Start a local Ray. On a busy machine Ray gives up after 30 s; it is started again within `start_seconds`."""
        Retries(on=(Exception,), seconds=self.start_seconds, when=lambda error: "timed out" in str(error)).run_blocking(
            lambda: ray_process.start_local(self.namespace, self.workers, self.object_store_bytes, self.tracing_hook)
        )

    def _start_or_join(self) -> None:
        """Start a local Ray or join the cluster, and translate errors to `RuntimeUnavailable`."""
        try:
            if self.address is None:
                self._start_local()
            else:
                ray_process.check_reachable(self.address)
                ray_process.join(self.address, self.namespace, self.start_seconds)
        except RuntimeUnavailable:
            raise
        except Exception as error:
            raise unavailable(error) from error


@cache
def _apart(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Return a task that runs another task in a process of its own; see `run_in_child`."""
    options = options_of(function)

    @task(cpus=options.cpus, memory_bytes=options.memory_bytes, retries=0)
    @wraps(function)
    def apart(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        return cast(Result, run_in_child(Task(function, arguments, named)))

    return apart


def _describe(actor: object, describe: Callable[[], str]) -> str:
    """Return what is installed where this runs: in the process of an actor, or of a task that has none."""
    return describe()


@cache
def _remote(function: Callable[..., Any], installation: Installation) -> Any:
    """Return the remote form of a task, made once in a process. Its workers check that their installation is ours."""
    options = options_of(function)
    resources: dict[str, Any] = {"num_cpus": options.cpus, "max_retries": options.retries}
    if options.memory_bytes:
        resources["memory"] = options.memory_bytes
    return ray.remote(**resources)(installation.checking(in_worker(function)))


@task(cpus=0, memory_bytes=LEAST_MEMORY_BYTES)
def missing_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the paths that do not exist on the machine that runs this task."""
    return tuple(path for path in paths if not Path(path).exists())
