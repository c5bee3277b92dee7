"""Bound of an actor's mailbox: the actor counts the calls that it has and refuses what is too many, by itself.

Ray's `max_pending_calls` counts the calls of one handle, and an actor of ours has many callers in many processes.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from raycontext.errors import Overloaded

__all__ = ["MOST_CALLS", "Mailbox", "with_mailbox"]

Kind = TypeVar("Kind")

MOST_CALLS = 500
"""Largest number of calls that an actor has under way and waiting. It is below the 1,000 calls that Ray hands to an
actor at once, so that the actor sees all of them and none waits uncounted."""

NEVER_REFUSED = frozenset({"process", "status", "hand_over", "cancel", "close"})
"""Methods that look at a busy actor or relieve it. They wait like all others, but they are not refused."""


class Mailbox:
    """Count of the calls that an actor has. State of one event loop."""

    def __init__(self, actor: str, most: int = MOST_CALLS) -> None:
        self._actor = actor
        self._most = most
        self.calls = 0
        """Number of calls that are under way or wait."""

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


def with_mailbox(kind: Callable[..., Kind], name: str, most: int = MOST_CALLS) -> type[Any]:
    """Return a class for an actor of Ray: `kind` with a mailbox of `most` calls, for the actor called `name`.

    Methods become coroutines, so that the actor learns of a call when it comes and not when its turn comes. Methods of
    `kind` that are coroutines run at once; others run in one thread of their own, one after the other in the order in
    which they came, as they would in an actor without event loop.
    """

    functions = inspect.getmembers(kind, inspect.isfunction)

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:  # noqa: N807 - becomes the method of a class
        self._mailbox = Mailbox(name, most)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        # An object without coroutines is made in the thread that will use it.
        is_asynchronous = any(inspect.iscoroutinefunction(function) for _, function in functions)
        made = functools.partial(kind, *arguments, **named)
        self._actor = made() if is_asynchronous else self._thread.submit(made).result()

    members: dict[str, Any] = {"__init__": __init__, "__module__": kind.__module__, "__doc__": kind.__doc__}
    for method, function in functions:
        if not method.startswith("_"):
            members[method] = _counted(method, function)
    return type(kind.__name__, (), members)


def _counted(method: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a coroutine function that calls a method of an actor while it holds a place in its mailbox."""
    is_coroutine = inspect.iscoroutinefunction(function)

    @functools.wraps(function)
    async def call(self: Any, *arguments: Any, **named: Any) -> Any:
        bound = functools.partial(getattr(self._actor, method), *arguments, **named)
        with self._mailbox.place(method):
            if is_coroutine:
                return await bound()
            return await asyncio.get_running_loop().run_in_executor(self._thread, bound)

    return call
