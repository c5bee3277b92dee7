"""Counts of the calls that an actor gets: how many, how many at once, how long they take."""

from __future__ import annotations

import functools
import inspect
import math
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

__all__ = ["CallFigures", "CallTimes", "calls_of", "counted"]

Kind = TypeVar("Kind")

LEAST_SECONDS = 1e-5
BUCKETS_PER_DOUBLING = 4
BUCKETS = 112
"""Number of buckets of the histogram. They reach up to 45 minutes; a longer call counts as that long."""

KEPT_ENDS = 1024
"""Number of recent calls whose end times are kept. A longer queue than that cannot be reported."""

UNCOUNTED = frozenset({"process", "status"})
"""Methods whose calls are not counted, since they serve the status itself."""

_ATTRIBUTE = "_counted_calls"
_inside: ContextVar[int] = ContextVar("inside", default=0)
"""Identity (`id`) of the actor whose call is under way. A method that the actor calls on itself then counts as no call.

Tasks keep the context that they began in, which must not keep the actor alive.
"""


class CallFigures(NamedTuple):
    """Figures about the calls of an actor, as `ActorStatus` reports them."""

    answered: int
    waiting: int
    p50_seconds: float | None
    p99_seconds: float | None


class CallTimes:
    """Counts and times of the calls of one actor since its process began, in memory of a fixed size.

    Only the thread that runs the calls may use it.
    """

    def __init__(self) -> None:
        self.answered = 0
        """Number of calls that have ended, also those that raised."""
        self.under_way = 0
        self._histogram = [0] * BUCKETS
        self._ends: deque[float] = deque(maxlen=KEPT_ENDS)  # seconds since the epoch

    def begin(self) -> float:
        """Count a call as begun, and return a time for `end`."""
        self.under_way += 1
        return time.perf_counter()

    def end(self, begun: float) -> None:
        """Count a call as ended. `begun` is what `begin` returned for it."""
        seconds = time.perf_counter() - begun
        self.under_way -= 1
        self.answered += 1
        self._ends.append(time.time())
        self._histogram[_bucket(seconds)] += 1

    def figures(self, asked_at: float | None = None) -> CallFigures:
        """Return the figures at this moment.

        asked_at: time at which the figures were asked for, in seconds since the epoch; None means now.
        """
        waiting = self.ahead(time.time() if asked_at is None else asked_at)
        return CallFigures(self.answered, waiting, self.quantile(0.5), self.quantile(0.99))

    def quantile(self, share: float) -> float | None:
        """Return the seconds within which this share of the calls has ended, exact to 9 %; None before the first."""
        if not self.answered:
            return None
        wanted = math.ceil(share * self.answered)
        return _middle(bisect_left(list(accumulate(self._histogram)), wanted))

    def ahead(self, asked_at: float) -> int:
        """Return the number of calls that were under way or waiting at a time, in seconds since the epoch.

        An actor that handles one call at a time has answered them before it answers the question about them.
        """
        return self.under_way + sum(end > asked_at for end in self._ends)


def counted(kind: type[Kind]) -> type[Kind]:
    """Decorate an actor's class so that the calls of its public methods, also of inherited ones, are counted."""
    for name in dir(kind):
        function = inspect.getattr_static(kind, name)
        if not name.startswith("_") and name not in UNCOUNTED and inspect.isfunction(function):
            setattr(kind, name, _counted(function))
    return kind


def calls_of(actor: object) -> CallTimes:
    """Return the counts of an actor whose class is `counted`."""
    calls: CallTimes = vars(actor).setdefault(_ATTRIBUTE, CallTimes())
    return calls


@contextmanager
def _under_way(actor: object) -> Iterator[None]:
    """Count the block as a call of the actor, unless the actor calls itself."""
    if _inside.get() == id(actor):
        yield
        return
    calls = calls_of(actor)
    token = _inside.set(id(actor))
    begun = calls.begin()
    try:
        yield
    finally:
        calls.end(begun)
        _inside.reset(token)


def _counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function, or a coroutine function, that counts each call of `function`."""

    # Actor classes travel to other processes by value, so this must work with what can be found there by name.
    @functools.wraps(function)
    def call(self: object, *arguments: Any, **options: Any) -> Any:
        with _under_way(self):
            return function(self, *arguments, **options)

    @functools.wraps(function)
    async def call_async(self: object, *arguments: Any, **options: Any) -> Any:
        with _under_way(self):
            return await function(self, *arguments, **options)

    return call_async if inspect.iscoroutinefunction(function) else call


def _bucket(seconds: float) -> int:
    """Return the number of the histogram's bucket for a duration."""
    doublings = math.log2(max(seconds, LEAST_SECONDS) / LEAST_SECONDS)
    return min(int(doublings * BUCKETS_PER_DOUBLING), BUCKETS - 1)


def _middle(bucket: int) -> float:
    """Return the geometric middle of a bucket, in seconds."""
    return LEAST_SECONDS * math.exp2((bucket + 0.5) / BUCKETS_PER_DOUBLING)
