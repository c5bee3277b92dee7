"""Bound of an actor's mailbox: the actor counts the calls that it has and refuses what is too many, by itself.

Ray's `max_pending_calls` counts the calls of one handle, and an actor of ours has many callers in many processes.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from raycontext.errors import Overloaded
from raycontext.runtime.fair_line import FairLine

__all__ = ["MOST_CALLS", "Idleness", "Mailbox", "with_mailbox"]

Kind = TypeVar("Kind")

MOST_CALLS = 500
"""Largest number of calls that an actor has under way and waiting. It is below the 1,000 calls that Ray hands to an
actor at once, so that the actor sees all of them and none waits uncounted."""

NEVER_REFUSED = frozenset({"process", "status", "hand_over", "cancel", "close"})
"""Methods that look at a busy actor or relieve it. They wait like all others, but they are not refused."""


NO_USE = frozenset({"process"})
"""Methods whose calls do not count as use of an actor: who looks at it must not keep it alive."""


class Mailbox:
    """Count of the calls that an actor has. State of one event loop."""

    def __init__(self, actor: str, most: int = MOST_CALLS) -> None:
        self._actor = actor
        self._most = most
        self.calls = 0
        """Number of calls that are under way or wait."""
        self.used_at = time.monotonic()
        """Time on the monotonic clock at which the last call that counts as use ended."""

    @contextmanager
    def place(self, method: str) -> Iterator[None]:
        """Count the block as a call. Raises `Overloaded` where the mailbox is full."""
        if self.calls >= self._most and method not in NEVER_REFUSED:
            raise Overloaded(self._actor, self._most)
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1
            if method not in NO_USE:
                self.used_at = time.monotonic()

    def rest_seconds(self, idle_seconds: float) -> float:
        """Return the time in seconds after which the actor may have been idle for so long; 0 where it has been."""
        if self.calls:
            return idle_seconds
        return max(self.used_at + idle_seconds - time.monotonic(), 0.0)


class Idleness(NamedTuple):
    """What becomes of an actor that nobody calls."""

    seconds: float
    """Time in seconds without a call after which it ends."""
    end: Callable[[], None]
    """Function that ends the actor in whose process it is called."""


def with_mailbox(
    kind: Callable[..., Kind], name: str, most: int = MOST_CALLS, idleness: Idleness | None = None
) -> type[Any]:
    """Return a class for an actor of Ray: `kind` with a mailbox of `most` calls, for the actor called `name`.

    idleness: when the actor ends by itself. One whose attribute `is_busy` is true stays. None: it never does.

    Methods become coroutines, so that the actor learns of a call when it comes and not when its turn comes. Methods of
    `kind` that are coroutines run at once; others run in one thread of their own, one after the other in the order in
    which they came, as they would in an actor without event loop. A class with a function `_turn_of`, which takes the
    arguments of a call and returns a key, has the keys take turns.
    """

    functions = inspect.getmembers(kind, inspect.isfunction)

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:  # noqa: N807 - becomes the method of a class
        self._mailbox = Mailbox(name, most)
        self._watch = None  # begins with the first call, since only then there is an event loop
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._line = FairLine(self._thread)
        # An object without coroutines is made in the thread that will use it.
        is_asynchronous = any(inspect.iscoroutinefunction(function) for _, function in functions)
        made = functools.partial(kind, *arguments, **named)
        self._actor = made() if is_asynchronous else self._thread.submit(made).result()

    members: dict[str, Any] = {"__init__": __init__, "__module__": kind.__module__, "__doc__": kind.__doc__}
    for method, function in functions:
        if not method.startswith("_"):
            members[method] = _counted(method, function, idleness)
    return type(kind.__name__, (), members)


async def _end_when_idle(actor: Any, idleness: Idleness) -> None:
    """End an actor once nobody has called it for long."""
    while True:
        rest = actor._mailbox.rest_seconds(idleness.seconds)
        if not rest and not getattr(actor._actor, "is_busy", False):
            idleness.end()
            return
        await asyncio.sleep(rest or idleness.seconds)


def _counted(method: str, function: Callable[..., Any], idleness: Idleness | None) -> Callable[..., Any]:
    """Return a coroutine function that calls a method of an actor while it holds a place in its mailbox."""
    is_coroutine = inspect.iscoroutinefunction(function)

    @functools.wraps(function)
    async def call(self: Any, *arguments: Any, **named: Any) -> Any:
        bound = functools.partial(getattr(self._actor, method), *arguments, **named)
        if idleness is not None and self._watch is None:
            self._watch = asyncio.create_task(_end_when_idle(self, idleness))
        with self._mailbox.place(method):
            if is_coroutine:
                return await bound()
            turn_of = getattr(self._actor, "_turn_of", None)
            if turn_of is not None:
                return await self._line.do(turn_of(arguments), bound)
            return await asyncio.get_running_loop().run_in_executor(self._thread, bound)

    return call
