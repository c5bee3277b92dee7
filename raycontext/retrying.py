"""Another try for work that fails for a reason that passes: one form for coroutines, one for tasks and threads."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Retries"]

Failure = TypeVar("Failure", bound=Exception)
Result = TypeVar("Result")


def _always(failure: Exception) -> bool:
    return True


def _at_once(attempt: int) -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Retries(Generic[Failure]):
    """How often, and after what pause, work is tried again that raises one of some errors.

    The error of the last attempt is raised as it is. All other errors are raised at once.
    """

    on: tuple[type[Failure], ...]
    """Errors after which another attempt may succeed."""
    attempts: float = math.inf
    """Number of attempts, the first one counted."""
    seconds: float = math.inf
    """Time after the beginning of the first attempt after which no other attempt begins."""
    pause: Callable[[int], float] = _at_once
    """Seconds to wait after an attempt, by its number from 1 on."""
    when: Callable[[Failure], bool] = _always
    """Return True for an error of the types `on` that is worth another attempt."""

    async def run(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Await `work()` until it succeeds and return its result. A pause leaves the event loop free."""
        attempt, begun = 1, time.monotonic()
        while True:
            try:
                return await work()
            except self.on as failure:
                if self._is_last(failure, attempt, begun):
                    raise
            if (seconds := self.pause(attempt)) > 0:
                await asyncio.sleep(seconds)
            attempt += 1

    def run_blocking(self, work: Callable[[], Result]) -> Result:
        """Call `work()` until it succeeds and return its result. A pause blocks the thread: never use this form on an
        event loop."""
        attempt, begun = 1, time.monotonic()
        while True:
            try:
                return work()
            except self.on as failure:
                if self._is_last(failure, attempt, begun):
                    raise
            if (seconds := self.pause(attempt)) > 0:
                time.sleep(seconds)
            attempt += 1

    def _is_last(self, failure: Failure, attempt: int, begun: float) -> bool:
        return attempt >= self.attempts or time.monotonic() - begun > self.seconds or not self.when(failure)
