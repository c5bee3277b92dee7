"""Waiting for other processes and threads, without a limit that a busy machine can miss."""

from __future__ import annotations

import asyncio
import inspect
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["ENDING", "PATIENCE", "WAIT_SECONDS", "ending_signals", "until", "until_async"]

Found = TypeVar("Found")

WAIT_SECONDS = 600.0
"""Limit of every wait. It ends a test that hangs; no test depends on how long something takes."""

PATIENCE = {
    "RAYCONTEXT_SEARCH_SECONDS": f"{WAIT_SECONDS:g}",
    "RAYCONTEXT_START_SECONDS": f"{WAIT_SECONDS:g}",
    "RAYCONTEXT_EMBEDDING_SECONDS": f"{WAIT_SECONDS:g}",
    "RAYCONTEXT_LOOK_SECONDS": f"{WAIT_SECONDS:g}",
}
"""Environment in which the product's own limits are as generous."""


ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end a program."""


def until(condition: Callable[[], Found], pause: float = 0.05) -> Found:
    """Return what `condition` gives as soon as that is true. Raises `AssertionError` after `WAIT_SECONDS`."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never came true: {_described(condition)}"
        time.sleep(pause)
    return found


async def until_async(condition: Callable[[], Found | Awaitable[Found]], pause: float = 0.02) -> Found:
    """Return what `condition` gives, awaited if need be, as soon as that is true; as `until`, on an event loop."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        outcome = condition()
        found = await outcome if inspect.isawaitable(outcome) else outcome
        if found:
            return found
        assert time.monotonic() < deadline, f"never came true: {_described(condition)}"
        await asyncio.sleep(pause)


def _described(condition: Callable[[], object]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)


@contextmanager
def ending_signals() -> Iterator[None]:
    """Give child processes that start in the block the signals that end a program.

    A shell starts background jobs with SIGINT ignored, `nohup` with SIGHUP, and children inherit that.
    """
    is_main = threading.current_thread() is threading.main_thread()  # no other may set them
    ignored = [number for number in ENDING if is_main and signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
