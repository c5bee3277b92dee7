"""Line before the one thread of an actor: those who wait are served in turn, however many calls each of them has."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from typing import Any

__all__ = ["FairLine"]


class FairLine:
    """Calls that wait for a thread, each with a key. State of one event loop.

    Keys take turns: a call waits for at most one call of every other key, and calls of one key keep their order.
    """

    def __init__(self, thread: Executor) -> None:
        self._thread = thread
        self._waiting: dict[Hashable, deque[tuple[asyncio.Future[Any], Callable[[], Any]]]] = {}
        self._serving: asyncio.Task[None] | None = None

    async def do(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """Do `work` in the thread when it is the turn of its key, and return its result. Raises what `work` raises.

        Work whose caller is gone before its turn is not done.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.setdefault(key, deque()).append((future, work))
        if self._serving is None:
            self._serving = loop.create_task(self._serve())
        return await future

    async def _serve(self) -> None:
        """Serve until nobody waits."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            key = next(iter(self._waiting))
            queue = self._waiting.pop(key)
            future, work = queue.popleft()
            if queue:
                self._waiting[key] = queue  # behind all others
            if future.cancelled():
                continue
            try:
                result = await loop.run_in_executor(self._thread, work)
            except BaseException as error:  # the caller's, whatever it is
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)
        self._serving = None
