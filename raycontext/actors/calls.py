"""What an actor counts of the calls that it is sent: how many, how many at once, how long they take."""

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
"""Up to 45 minutes; longer calls count as that long."""

KEPT_ENDS = 1024
"""The last calls of which it is known when they ended: no longer queue is told."""

UNCOUNTED = frozenset({"process", "status"})
"""What is asked for the status itself."""

_ATTRIBUTE = "_counted_calls"
_inside: ContextVar[int] = ContextVar("inside", default=0)
"""The actor whose call is under way, by its identity: what it calls of itself is no call of its own. Tasks keep the
context that they began in, which must not keep the actor."""


class CallFigures(NamedTuple):
    """What is told of the calls of an actor; see `ActorStatus`."""

    answered: int
    waiting: int
    p50_seconds: float | None
    p99_seconds: float | None


class CallTimes:
    """Counts of the calls of one actor since its process began, of a fixed size. For one thread: that of the calls."""

    def __init__(self) -> None:
        self.answered = 0
        """Calls that have ended, also those that raised."""
        self.under_way = 0
        self._histogram = [0] * BUCKETS
        self._ends: deque[float] = deque(maxlen=KEPT_ENDS)  # seconds since the epoch

    def begin(self) -> float:
        """A call begins: its time, for `end`."""
        self.under_way += 1
        return time.perf_counter()

    def end(self, begun: float) -> None:
        """The call that began then has ended."""
        seconds = time.perf_counter() - begun
        self.under_way -= 1
        self.answered += 1
        self._ends.append(time.time())
        self._histogram[_bucket(seconds)] += 1

    def figures(self, asked_at: float | None = None) -> CallFigures:
        """The counts now; `asked_at` is when they were asked for, in seconds since the epoch, None: now."""
        waiting = self.ahead(time.time() if asked_at is None else asked_at)
        return CallFigures(self.answered, waiting, self.quantile(0.5), self.quantile(0.99))

    def quantile(self, share: float) -> float | None:
        """Seconds within which this share of the calls has ended, right to 9 %; None before the first."""
        if not self.answered:
            return None
        wanted = math.ceil(share * self.answered)
        return _middle(bisect_left(list(accumulate(self._histogram)), wanted))

    def ahead(self, asked_at: float) -> int:
        """Calls that were under way or waiting when a question was sent (seconds since the epoch).

        An actor that handles one call at a time has answered them by the time that it answers the question.
        """
        return self.under_way + sum(end > asked_at for end in self._ends)


def counted(kind: type[Kind]) -> type[Kind]:
    """Class decorator of an actor: its public methods, the inherited ones too, are counted as calls."""
    for name in dir(kind):
        function = inspect.getattr_static(kind, name)
        if not name.startswith("_") and name not in UNCOUNTED and inspect.isfunction(function):
            setattr(kind, name, _counted(function))
    return kind


def calls_of(actor: object) -> CallTimes:
    """The counts of an actor of a `counted` class."""
    calls: CallTimes = vars(actor).setdefault(_ATTRIBUTE, CallTimes())
    return calls


@contextmanager
def _under_way(actor: object) -> Iterator[None]:
    """A call of an actor, unless the actor makes it itself."""
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
    # These go to other processes by value: what they use must be found there by its name.
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
    doublings = math.log2(max(seconds, LEAST_SECONDS) / LEAST_SECONDS)
    return min(int(doublings * BUCKETS_PER_DOUBLING), BUCKETS - 1)


def _middle(bucket: int) -> float:
    """Geometric middle of a bucket, in seconds."""
    return LEAST_SECONDS * math.exp2((bucket + 0.5) / BUCKETS_PER_DOUBLING)
