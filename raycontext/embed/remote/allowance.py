"""Limits on requests to an embedding server: pace, cost of a run, and pauses between retries.

Nothing here does I/O or reads a clock. The time is an argument.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import NamedTuple

__all__ = ["Backoff", "Budget", "Limits", "Pace", "retry_after_seconds"]

BURST_SECONDS = 5.0
"""Time in seconds whose unused allowance may be used at once later."""


class Limits(NamedTuple):
    """Limits on what the whole cluster asks an embedding server for."""

    tokens_per_minute: float = 0.0  # 0: no limit of ours
    requests_per_minute: float = 0.0  # 0: no limit of ours
    seconds: float = 60.0  # time that one answer may take


@dataclass(slots=True)
class Pace:
    """Limiter that spreads requests over time, in the order in which they reserve units.

    It is a leaky bucket in the form of a schedule (the generic cell rate algorithm of ATM Forum Traffic Management
    4.0).
    """

    per_minute: float
    """Number of units a minute. 0: no limit."""
    free_at: float = 0.0
    """Time in seconds, on the clock of `now`, at which all reserved units will have been used."""

    def reserve(self, units: float, now: float) -> float:
        """Reserve `units` at time `now` (seconds). Return the seconds to wait before they may be used."""
        if self.per_minute <= 0:
            return 0.0
        begin = max(self.free_at, now - BURST_SECONDS)
        self.free_at = begin + units * 60.0 / self.per_minute
        return max(begin - now, 0.0)

    def give_back(self, units: float) -> None:
        """Return reserved units that were not used."""
        if self.per_minute > 0:
            self.free_at -= units * 60.0 / self.per_minute


@dataclass(slots=True)
class Budget:
    """Budget of one run in tokens. A running request counts with its largest possible cost, so that a run never exceeds
    the budget."""

    most: int | None
    """Largest number of tokens that the run may use. None: no limit."""
    spent: int = 0
    """Tokens of the requests that have ended."""
    under_way: int = 0
    """Largest number of tokens that the running requests may use."""

    def allows(self, tokens: int) -> bool:
        """Return whether a request of at most `tokens` tokens fits into the budget."""
        return self.most is None or self.spent + self.under_way + tokens <= self.most

    def begin(self, tokens: int) -> None:
        """Count a request that begins and uses at most `tokens` tokens."""
        self.under_way += tokens

    def end(self, tokens: int, used: int) -> None:
        """Count the end of a request that was begun with `tokens` and has used `used` tokens."""
        self.under_way -= tokens
        self.spent += used


@dataclass(frozen=True, slots=True)
class Backoff:
    """Rule for the pauses between tries: a random share of a growing time (full jitter; M. Brooker, "Exponential
    Backoff And Jitter", AWS Architecture Blog, 2015)."""

    first_seconds: float = 0.5
    """Longest pause after the first failure."""
    most_seconds: float = 30.0
    """Longest pause of all."""
    tries: int = 8
    """Number of tries after which a request has failed."""

    def pause(self, failures: int, chance: random.Random) -> float:
        """Return the seconds to wait after `failures` failures, at least one."""
        return chance.uniform(0.0, min(self.first_seconds * 2.0 ** (failures - 1), self.most_seconds))


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Return the pause in seconds that a `Retry-After` header asks for, or None where it cannot be read.

    `now` is the time in Unix seconds.
    """
    if not value:
        return None
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (TypeError, ValueError):
        return None
