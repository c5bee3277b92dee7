"""Ray behind a daemon: it starts behind the work, and the daemon answers and indexes without it until it is there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Literal

from raycontext.errors import RaycontextError, RuntimeUnavailable
from raycontext.runtime.without_ray import without_ray
from raycontext.sdk.connection import connect
from raycontext.serve.contexts import Contexts
from raycontext.serve.daemon.files import note_folders
from raycontext.serve.daemon.processes import is_alive, ray_processes
from raycontext.text.safe import safe

__all__ = ["RayBehind"]

_log = logging.getLogger("raycontext.daemon")

LOOK_SECONDS = 0.1
"""Time between two looks whether the daemon works, in seconds."""

QUIET_SECONDS = 1.0
"""Time without work after which Ray starts, in seconds: a search often follows an index run at once."""

MOST_WAIT_SECONDS = 5.0
"""Time after which Ray starts although the daemon works, in seconds."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30.0, 1800.0
"""Pause after a first failed start, which doubles each time, and the longest one."""

State = Literal["off", "starting", "ready", "failed"]


class RayBehind:
    """Starts Ray when an index run, `raycontext up` or an SDK wants it, and ends it when nothing does.

    used: returns when the daemon was last asked for something, as `time.monotonic()`. rest_seconds: time without work
    after which Ray ends; infinite: never.
    """

    def __init__(self, root: str, contexts: Contexts, used: Callable[[], float], rest_seconds: float) -> None:
        self.state: State = "off"
        self.problem = ""
        self._root = root
        self._contexts = contexts
        self._used = used
        self._wanted = asyncio.Event()
        self._at_once = False
        self._processes: dict[int, str] = {}
        self._rest_seconds = rest_seconds
        self.is_launching = False
        """Whether a thread starts Ray just now. Nothing can stop it."""

    def want(self, *, at_once: bool = False) -> None:
        """Start Ray, unless it runs. at_once: somebody waits for it, so it does not wait for a quiet moment."""
        self._at_once = self._at_once or at_once
        self._wanted.set()
        if self.state == "off":
            self.state = "starting"

    def give_up(self, problem: str) -> None:
        """Begin with a Ray that cannot be had, and try it after a pause."""
        self._fail(problem)
        self._wanted.set()

    @property
    def address(self) -> str:
        """Return the address at which others on this machine can join the Ray; empty unless it is ready."""
        if self.state != "ready":
            return ""
        from raycontext.runtime.ray_process import current_address

        return current_address()

    def lost(self) -> list[str]:
        """Return the names of processes without which Ray does not work, and which have died."""
        return [name for pid, name in self._processes.items() if not is_alive(pid)]

    async def has_guests(self) -> bool:
        """Return whether an SDK uses the Ray of this daemon."""
        if self.state != "ready":
            return False
        from raycontext.runtime.ray_process import other_drivers

        return await asyncio.to_thread(other_drivers) > 0

    async def run(self) -> None:
        """Start Ray whenever it is wanted, and end it after a rest. Ends by cancellation, with Ray."""
        pause = FIRST_PAUSE_SECONDS
        noted = False
        while True:
            if self.state == "failed":
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            await self._wanted.wait()
            await self._until_quiet()
            self.state = "starting"
            if not noted:
                await asyncio.to_thread(_note_ray, self._root)
                noted = True
            try:
                await self._serve_once()
            except Exception as error:
                if not isinstance(error, RaycontextError):
                    _log.exception("unforeseen")
                self._fail(error.what if isinstance(error, RuntimeUnavailable) else f"{type(error).__name__}: {error}")
            else:
                pause = FIRST_PAUSE_SECONDS

    async def _serve_once(self) -> None:
        """Start Ray, have the service work on it until it rests, and end it. Raises `RuntimeUnavailable`."""
        begun = time.monotonic()
        self.is_launching = True
        async with AsyncExitStack() as opened:
            try:
                context = await opened.enter_async_context(connect(root=self._root, runtime="ray"))
            finally:
                self.is_launching = False
            self._processes = await asyncio.to_thread(ray_processes)
            self._contexts.join(context)
            self.state, self.problem = "ready", ""
            _log.info("Ray is ready after %.1f s", time.monotonic() - begun)
            try:
                await self._until_idle()
            finally:
                self._wanted.clear()
                self._at_once, self._processes, self.state = False, {}, "off"
                await self._contexts.leave()
            _log.info("Ray had nothing to do for %g s: ending it", self._rest_seconds)

    async def _until_quiet(self) -> None:
        """Wait until nothing has worked for a moment, unless somebody waits for Ray."""
        begun = quiet = time.monotonic()
        while not self._at_once and (now := time.monotonic()) - begun < MOST_WAIT_SECONDS:
            quiet = now if self._contexts.is_indexing else max(quiet, self._used())
            if now - quiet >= QUIET_SECONDS:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _until_idle(self) -> None:
        """Wait until Ray had nothing to do for its time of rest."""
        worked = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            worked = max(worked, self._used())
            if self._contexts.is_indexing:
                worked = time.monotonic()
            if time.monotonic() - worked >= self._rest_seconds:
                if not await self.has_guests():
                    return
                worked = time.monotonic()

    def _fail(self, problem: str) -> None:
        self.state, self.problem = "failed", safe(problem)
        _log.warning("%s", without_ray(self.problem))


def _note_ray(root: str) -> None:
    """Have the folder of each Ray noted before Ray writes into it, since a daemon that is killed leaves it behind."""
    from raycontext.runtime.ray_process import note_with  # imports Ray

    note_with(partial(note_folders, root))
