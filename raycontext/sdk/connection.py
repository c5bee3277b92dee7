"""`connect()`, the entry point of the SDK. It gives a `Context` or, for code without an event loop, a `SyncContext`."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import xxhash
from pydantic import ValidationError

from raycontext.actors.coordinator import COORDINATOR, Coordinator
from raycontext.embed.permission import permit
from raycontext.errors import InvalidInput, RuntimeUnavailable
from raycontext.models import first_problem
from raycontext.runtime.base import Runtime
from raycontext.runtime.inline import InlineRuntime
from raycontext.runtime.processes import ProcessRuntime
from raycontext.runtime.without_ray import without_ray
from raycontext.sdk.access.collection import closed
from raycontext.sdk.arguments import root_of
from raycontext.sdk.context import Context
from raycontext.settings import Settings
from raycontext.store.fingerprint import installation
from raycontext.store.storage.locations import MEMORY
from raycontext.store.storage.memory import end_use_of_memory, use_memory
from raycontext.text.safe import safe

__all__ = [
    "Connection",
    "SyncContext",
    "connect",
    "runtime_for",
    "settings_of",
]

_log = logging.getLogger("raycontext")
_waits = logging.getLogger("raycontext.waits")  # commands show what is waited for

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def _synchronous(
    method: Callable[Concatenate[Context, Parameters], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate[SyncContext, Parameters], Result]:
    """Return the blocking form of a method of `Context`, with the same parameters and documentation."""

    def call(self: SyncContext, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        return self._loop.wait(method(self._context, *arguments, **options))

    functools.update_wrapper(call, method)
    return call


class SyncContext:
    """Blocking form of `Context` for code without an event loop. Made by `with raycontext.connect() as context`."""

    def __init__(self, context: Context, loop: LoopThread) -> None:
        self._context = context
        self._loop = loop

    index = _synchronous(Context.index)
    batch = _synchronous(Context.batch)
    watch = _synchronous(Context.watch)
    unwatch = _synchronous(Context.unwatch)
    watches = _synchronous(Context.watches)
    search = _synchronous(Context.search)
    related = _synchronous(Context.related)
    outline = _synchronous(Context.outline)
    map = _synchronous(Context.map)
    diff = _synchronous(Context.diff)
    grep = _synchronous(Context.grep)
    usages = _synchronous(Context.usages)
    callers = _synchronous(Context.callers)
    callees = _synchronous(Context.callees)
    impact = _synchronous(Context.impact)
    path = _synchronous(Context.path)
    status = _synchronous(Context.status)
    progress = _synchronous(Context.progress)
    estimate = _synchronous(Context.estimate)
    evaluate = _synchronous(Context.evaluate)
    tune = _synchronous(Context.tune)
    untune = _synchronous(Context.untune)
    prepare = _synchronous(Context.prepare)
    resolve = _synchronous(Context.resolve)
    of_source = _synchronous(Context.of_source)
    release = _synchronous(Context.release)
    cancel = _synchronous(Context.cancel)
    clear = _synchronous(Context.clear)
    verify = _synchronous(Context.verify)
    repair = _synchronous(Context.repair)
    publish = _synchronous(Context.publish)
    pull = _synchronous(Context.pull)
    collections = _synchronous(Context.collections)


class LoopThread:
    """Event loop in a thread of its own. It also serves callers that run an event loop of their own (notebooks)."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="raycontext", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the loop, block until it ends, and return its result.

        Raises what the coroutine raises, and `RuntimeUnavailable` when the loop is closed. An interrupt cancels the
        coroutine.
        """
        if self._loop.is_closed():
            work.close()
            raise closed()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Wait for cancelled tasks to clean up, then stop the loop and end its thread."""
        self.wait(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _finish(self) -> None:
        """Wait until cancelled tasks have cleaned up, so that none is left half done in a closed loop."""
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        await self._loop.shutdown_default_executor()


class Connection:
    """Result of `connect()`. Enter it with `async with` for a `Context`, or with `with` for a `SyncContext`."""

    def __init__(self, settings: Settings) -> None:
        self._root = root_of(settings)
        self._settings = settings
        self._runtime: Runtime | None = None
        self._context: Context | None = None
        self._loop: LoopThread | None = None

    async def __aenter__(self) -> Context:
        if self._settings.embedder is not None:
            with suppress(InvalidInput):  # an index run reports a wrong name
                await asyncio.to_thread(permit, self._settings.embedder)
        try:
            self._runtime = await _started(await asyncio.to_thread(runtime_for, self._settings, self._root))
        except RuntimeUnavailable as error:
            if not _may_go_without_ray(self._settings):
                raise
            _log.warning("%s", without_ray(safe(error.what)))
            self._runtime = await _started(ProcessRuntime(self._settings.workers))
        if self._root.startswith(MEMORY):
            use_memory(self._root.removeprefix(MEMORY))
        self._context = Context(self._root, self._runtime, self._settings)
        return self._context

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._context is not None:
            await self._context._close()
            self._context = None
        if self._runtime is not None and not self._runtime.joined and error is None:
            coordinator = await self._runtime.find(COORDINATOR, Coordinator)
            if coordinator is not None:  # background work cannot outlive a runtime that is only ours
                with suppress(RuntimeUnavailable):
                    await coordinator.call(Coordinator.settle)
        if self._runtime is not None:
            await self._runtime.close()
            self._runtime = None
        if self._root.startswith(MEMORY):
            end_use_of_memory(self._root.removeprefix(MEMORY))

    def __enter__(self) -> SyncContext:
        loop = LoopThread()
        try:
            context = loop.wait(self.__aenter__())
        except BaseException:
            loop.close()
            raise
        self._loop = loop
        return SyncContext(context, loop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._loop is not None:
            self._loop.wait(self.__aexit__(kind, error, traceback))
            self._loop.close()
            self._loop = None


def connect(
    *,
    root: str | Path | None = None,
    address: str | None = None,
    runtime: Literal["ray", "processes", "inline"] | None = None,
    workers: int | None = None,
) -> Connection:
    """Connect to the collections of a root. Enter the result with `async with`, or with `with` for blocking calls.

    root: folder of the collections, or a URL `s3://BUCKET/PREFIX`, `gs://…` or `az://…` (needs the extra `cloud`). The
    default is `RAYCONTEXT_ROOT`, else the user data folder of the platform.
    address: address of a Ray cluster to join, "auto" or "HOST:PORT". The default is `RAYCONTEXT_ADDRESS`, else the Ray
    of the daemon of this root when that runs. Otherwise a Ray is started that ends with the connection.
    runtime: "ray" uses Ray. "processes" does without Ray: actors run in this process, index tasks in isolated worker
    processes. "inline" runs everything in this process. The default is `RAYCONTEXT_RUNTIME`, else Ray; when a local Ray
    cannot be started then, a warning says so and "processes" does the work.
    workers: number of index tasks that run at once without a cluster. The default is the number of cores.

    Raises `InvalidInput` when an argument or an environment variable is wrong. Entering the connection raises
    `RuntimeUnavailable` when `runtime` or `address` asks for a Ray that cannot be started or reached.
    """
    return Connection(settings_of(root=root, address=address, runtime=runtime, workers=workers))


def settings_of(**given: Any) -> Settings:
    """Return the settings from the environment. Those in `given` that are not None take precedence.

    Raises `InvalidInput` when a value is wrong.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise InvalidInput(first_problem(error), "Correct the argument or the RAYCONTEXT_… variable.") from error


def runtime_for(settings: Settings, root: str) -> Any:
    """Return the runtime that the settings ask for, not yet started. Ray is imported only when it is needed.

    Raises `InvalidInput` for an address of Ray Client: a client there sees neither the nodes nor the head.
    """
    if settings.runtime == "inline":
        return InlineRuntime(settings.workers)
    if settings.runtime == "processes":
        return ProcessRuntime(settings.workers)
    if (settings.address or "").startswith("ray://"):
        raise InvalidInput(
            f"{safe(settings.address or '')} is for clients that are no node of the cluster",
            "Ask a daemon there over HTTP or MCP (raycontext up --tcp), submit a batch (raycontext batch --submit), or "
            "work on a node with HOST:PORT.",
        )
    # Ray reads these environment variables at import, so they are set first.
    joining = None if settings.address is not None else _address_of_daemon(settings, root)
    from raycontext.runtime.ray import RayRuntime
    from raycontext.runtime.ray_process import is_initialized

    address = settings.address if joining is None or is_initialized() else joining
    if address is None and not is_initialized():
        _waits.info("starting Ray, which takes some seconds; RAYCONTEXT_RUNTIME=processes works without it")
    return RayRuntime(
        address=address,
        namespace=f"raycontext-{xxhash.xxh3_64_hexdigest(root.encode())}",
        workers=settings.workers,
        object_store_bytes=settings.object_store_bytes,
        start_seconds=settings.start_seconds,
        describe=installation,
        idle_seconds=settings.actor_idle_seconds,
        tracing_hook=settings.tracing_hook,
    )


def _may_go_without_ray(settings: Settings) -> bool:
    """Return whether worker processes may do the work where Ray cannot be started: nobody has asked for Ray, nor for a
    cluster."""
    return settings.address is None and "runtime" not in settings.model_fields_set


async def _started(runtime: Runtime) -> Runtime:
    """Start a runtime and return it as it is then. Raises `RuntimeUnavailable`."""
    try:
        await runtime.start()
        return await asyncio.to_thread(runtime.attached)
    except BaseException:
        await runtime.close()
        raise


def _address_of_daemon(settings: Settings, root: str) -> str | None:
    """Return the address of the Ray of this root's daemon; None when no daemon runs or the settings do not want one.

    Sets the environment variables with which Ray authenticates this process there.
    """
    from raycontext.daemon_client import lifecycle, paths

    if not (settings.daemon and lifecycle.is_wanted()):
        return None
    found = lifecycle.ray_of(paths.root_folder(root), settings.start_seconds)
    if found is None:
        return None
    address, os.environ["RAY_AUTH_TOKEN_PATH"] = found
    os.environ.pop("RAY_AUTH_TOKEN", None)
    os.environ["RAY_AUTH_MODE"] = "token"
    return address
