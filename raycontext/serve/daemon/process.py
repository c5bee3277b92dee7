"""Process of the daemon: its state, its servers, and the watch over them. `daemon.__main__` is the entry point."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Literal

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from raycontext import __version__
from raycontext.daemon_client import lifecycle, paths, wire
from raycontext.daemon_client.addresses import tcp_address
from raycontext.errors import RaycontextError, RuntimeUnavailable
from raycontext.files.paths import remove_tree
from raycontext.sdk.connection import connect
from raycontext.serve.daemon.claim import Claim
from raycontext.serve.daemon.files import read_token, read_watches, remove_left_folders, remove_token, write_watches
from raycontext.serve.daemon.processes import end_children, memory
from raycontext.serve.daemon.ray_behind import RayBehind
from raycontext.serve.daemon.tcp import TcpServer
from raycontext.serve.daemon_messages import Health
from raycontext.serve.http.access import Access
from raycontext.serve.http.api import Daemon, http_application
from raycontext.serve.http.guard import Guard
from raycontext.serve.http.server import server_for
from raycontext.serve.mcp.mount import McpMount
from raycontext.serve.savings import Savings
from raycontext.serve.service import Service
from raycontext.settings import Settings

__all__ = ["serve"]

_log = logging.getLogger("raycontext.daemon")

WATCH_SECONDS = 1.0
"""Pause between two looks of the daemon at its Ray, its socket and the time, in seconds."""

IDLE_COLLECTION_SECONDS = 600.0
"""Time without a question after which the actors of a collection end, in seconds."""

RESTARTS = "RAYCONTEXT_DAEMON_RESTARTS"
"""Environment variable in which a daemon that restarts itself notes when it did so, in Unix seconds."""

MAX_RESTARTS, RESTART_WINDOW_SECONDS = 3, 120.0
"""Number of restarts within a time, in seconds, beyond which the daemon gives up: they are a crash loop."""

FAILED_SECONDS = 30.0
"""Time for which a daemon that cannot serve says so before it ends, in seconds."""

MEASURE_SECONDS = 5.0
"""Age up to which a measurement of memory is used again, in seconds: a measurement takes a while itself."""

END_SECONDS = 10.0


class DaemonProcess(Daemon):
    """State of the process: starting, ready, failed."""

    def __init__(self, root: str, settings: Settings, claimed: Claim, tcp: str | None) -> None:
        self.root = root
        self._claim = claimed
        self.tcp = tcp or ""
        self.settings = settings
        self.ending = asyncio.Event()
        self.used = self._begun = time.monotonic()
        self._ready: asyncio.Future[Service] = asyncio.get_running_loop().create_future()
        self._problem = ""
        self._failed = 0.0
        self._retires = False
        self.leaves_ray = False
        """Whether the daemon ends while a thread still starts Ray, which only the end of the process can stop."""
        self._opened = AsyncExitStack()
        self._service: Service | None = None
        self._ray: RayBehind | None = None
        self._running: asyncio.Task[None] | None = None
        self._memory = (0, 0)
        self._measured = -math.inf

    async def service(self) -> Service:
        self.used = time.monotonic()
        if self._problem:
            raise RuntimeUnavailable(f"The daemon cannot serve: {self._problem}", f"See its log: {self._log_path}")
        return await asyncio.shield(self._ready)

    @property
    def _cluster(self) -> str:
        """Address of the cluster that the daemon works on; "" where it has a Ray of its own, or none."""
        return self.settings.address or ""

    @property
    def starting(self) -> bool:
        return not self._problem and self._service is None

    async def health(self) -> Health:
        state = "failed" if self._problem else "starting" if self._service is None else "ready"
        if self._service is not None and time.monotonic() - self._measured > MEASURE_SECONDS:
            self._measured = time.monotonic()
            self._memory = await asyncio.to_thread(memory)
        pss, processes = self._memory
        return Health(
            state=state,  # type: ignore[arg-type]
            version=__version__,
            pid=os.getpid(),
            root=self.root,
            seconds=time.monotonic() - self._begun,
            problem=self._problem,
            log=self._log_path,
            tcp=self.tcp,
            ray=self._ray.state if self._ray is not None else "ready" if state == "ready" and self._cluster else "off",
            ray_problem=self._ray.problem if self._ray is not None else "",
            ray_address=self._ray.address if self._ray is not None else self._cluster,
            ray_token_path=os.environ.get("RAY_AUTH_TOKEN_PATH", ""),
            pss_bytes=pss,
            processes=processes,
        )

    async def open(self) -> None:
        """Begin to serve: on the cluster that the settings name, else without Ray, which starts behind the work."""
        is_behind = self.settings.address is None and self.settings.runtime == "ray"
        try:
            own: Literal["processes"] | None = "processes" if is_behind else None
            context = await self._opened.enter_async_context(connect(root=self.root, runtime=own))
            kept = Path(paths.savings_path(self.root)) if self.settings.savings else None
            savings = await asyncio.to_thread(Savings, kept)
            note_watches = partial(write_watches, self.root)
            service = Service(context, note_watches=note_watches, on_job=self.want_ray, savings=savings)
            if is_behind:
                is_asked_for = "runtime" in self.settings.model_fields_set  # RAYCONTEXT_RUNTIME=ray
                rest_seconds = math.inf if is_asked_for else self.settings.ray_idle_seconds
                self._ray = RayBehind(self.root, service.contexts, lambda: self.used, rest_seconds)
                if is_asked_for:
                    self._ray.want(at_once=True)
                if len(_restarts()) > MAX_RESTARTS:
                    self._ray.give_up(f"Ray died {len(_restarts())} times within {RESTART_WINDOW_SECONDS:g} s")
                self._running = asyncio.create_task(self._ray.run())
            self._service = service
            self._ready.set_result(service)
            with suppress(RaycontextError):  # what is wrong with a collection is told to those who ask for it
                await service.resume(await asyncio.to_thread(read_watches, self.root))
            _log.info("ready after %.1f s", time.monotonic() - self._begun)
        except Exception as error:
            if not isinstance(error, RaycontextError):
                _log.exception("unforeseen")
            self.fail(str(error) if isinstance(error, RaycontextError) else f"{type(error).__name__}: {error}")

    def want_ray(self, *, at_once: bool = False) -> None:
        """Have Ray start behind the work, unless it runs; see `RayBehind.want`."""
        if self._ray is not None:
            self._ray.want(at_once=at_once)

    def fail(self, problem: str) -> None:
        """Tell every request from now on what is wrong."""
        _log.error("failed: %s", problem)
        self._problem = problem
        self._failed = time.monotonic()
        if not self._ready.done():
            self._ready.set_exception(RuntimeUnavailable(problem, f"See its log: {self._log_path}"))
            self._ready.exception()  # it may be that no one asks

    def retire(self) -> None:
        """Take no more jobs, and end after those that run: another daemon takes over."""
        _log.info("another daemon is to take over: ending after the jobs that run")
        self._retires = True
        if self._service is not None:
            self._service.retires.set()

    async def watch(self) -> None:
        """Look after Ray, the socket, idle collections and the idle time until the daemon ends."""
        while not self.ending.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), WATCH_SECONDS)
            if self._ray is not None and (lost := self._ray.lost()):
                _log.error("%s died: starting anew", " and ".join(lost))
                restart()
            if self._cluster and self._service is not None and has_left_cluster():
                _log.error("the cluster at %s is lost: starting anew", self._cluster)
                restart()
            if not await asyncio.to_thread(self._claim.holds):
                _log.warning("the socket is gone: ending")
                self.ending.set()
            service = self._service
            if self._retires and (service is None or not service.has_jobs):
                self.ending.set()
            if service is None:
                if self._problem and time.monotonic() - self._failed > FAILED_SECONDS:
                    _log.info("failed for %g s: ending, so that the next command tries anew", FAILED_SECONDS)
                    self.ending.set()
                continue
            for name in service.idle_collections(IDLE_COLLECTION_SECONDS):
                with suppress(RaycontextError):
                    await service.release(name)
            if service.busy or time.monotonic() - self.used <= self.settings.idle_seconds:
                continue
            if self._ray is not None and await self._ray.has_guests():
                self.used = time.monotonic()
            else:
                _log.info("idle: ending")
                self.ending.set()

    async def close(self) -> None:
        """Stop the jobs and end Ray."""
        if self._service is not None:
            await self._service.close()
        if self._running is not None:
            self._running.cancel()
            if self._ray is not None and self._ray.is_launching:
                self.leaves_ray = True
                await asyncio.to_thread(end_children)
            else:
                await asyncio.wait([self._running])
        with suppress(RaycontextError):
            await self._opened.aclose()
        await asyncio.to_thread(partial(remove_left_folders, self.root, last=True))

    @property
    def _log_path(self) -> str:
        return paths.log_path(self.root)


async def serve(
    root: str, claimed: Claim, tcp: str | None, listening: socket.socket | None, accesses: Sequence[Access] = ()
) -> None:
    """Serve until the daemon is told to end, or nobody asks it any more.

    tcp: address to listen at as well, as the user wrote it; listening: the socket there; accesses: tokens of others.
    """
    process = DaemonProcess(root, Settings(), claimed, tcp)
    token = read_token(root)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.ending.set)
    mounts = [McpMount(process.service)]
    shutdown = Route("/api/shutdown", _shutdown(process), methods=["POST"])
    ray = Route("/api/ray", _ray(process), methods=["POST"])
    routes = [shutdown, ray, Route("/mcp", mounts[0])]
    servers = list[tuple[uvicorn.Server, socket.socket]]()
    if tcp is not None and listening is not None:
        outside = TcpServer(
            process,
            listening,
            token=token,
            accesses=accesses,
            allowed=process.settings.allowed_folders(),
            hosts=(tcp_address(tcp)[0], *process.settings.host_names()),
        )
        mounts.extend(outside.mounts)
        routes.append(outside.page_route())
        servers.append((outside.server, listening))
    inside = http_application(process, extra=tuple(routes))
    servers.append((server_for(Guard(inside, protocol=wire.PROTOCOL)), claimed.listening))
    working = [asyncio.create_task(server.serve([listening])) for server, listening in servers]
    working.append(asyncio.create_task(process.open()))
    working.append(asyncio.create_task(process.watch()))
    await process.ending.wait()
    for server, _ in servers:
        server.should_exit = True
    await asyncio.to_thread(claimed.release)
    await asyncio.to_thread(remove_token, root, token)  # before what can fail, or take long
    await asyncio.gather(*(mount.close() for mount in mounts))
    await process.close()
    await asyncio.wait(working, timeout=END_SECONDS)
    _log.info("ended")
    if process.leaves_ray:
        logging.shutdown()
        os._exit(0)


def _shutdown(process: DaemonProcess) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if request.query_params.get("when") == "idle":
            process.retire()
        else:
            process.ending.set()
        return JSONResponse({"pid": os.getpid()})

    return endpoint


def _ray(process: DaemonProcess) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        await process.service()
        process.want_ray(at_once=True)
        return Response((await process.health()).model_dump_json(), media_type="application/json")

    return endpoint


def restart() -> None:
    """Replace this process by a new daemon, since what Ray has left in it cannot be used any more."""
    end_children()
    from raycontext.runtime import ray_process as runtime

    for folder in runtime.own_folders():
        remove_tree(folder)
    times = [*_restarts(), time.time()]
    os.environ[RESTARTS] = ",".join(f"{moment:.0f}" for moment in times)
    if not paths.cluster_address():  # whose token is the user's
        for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
            os.environ.pop(name, None)
    os.environ.pop(lifecycle.DAEMON_SWITCH, None)
    os.execv(sys.executable, [sys.executable, "-m", "raycontext.serve.daemon", *sys.argv[1:]])


def has_left_cluster() -> bool:
    """Return whether this process has left the cluster that it had joined, since that no longer answers."""
    from raycontext.runtime.ray_head import is_present  # imports Ray, which a daemon on a cluster has loaded

    return not is_present()


def _restarts() -> list[float]:
    """Return when this daemon has restarted itself lately, in Unix seconds."""
    limit = time.time() - RESTART_WINDOW_SECONDS
    return [moment for text in os.environ.get(RESTARTS, "").split(",") if text and (moment := float(text)) > limit]
