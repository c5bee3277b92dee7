"""How fast a server may be asked, and how much a run may cost. No I/O and no clock: the time is an argument."""

from __future__ import annotations

import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import NamedTuple

__all__ = ["Backoff", "Budget", "Limits", "Pace", "retry_after_seconds"]

BURST_SECONDS = 5.0
"""How much of what was not used before may be used at once."""


class Limits(NamedTuple):
    """How a server may be asked."""

    tokens_per_minute: float = 0.0  # 0: no limit of ours
    requests_per_minute: float = 0.0
    seconds: float = 60.0  # that an answer may take


@dataclass(slots=True)
class Pace:
    """Spreads what is asked over time: a leaky bucket in its form as a schedule (the generic cell rate algorithm of
    ATM Forum Traffic Management 4.0). Whoever reserves gets its turn, in the order of asking."""

    per_minute: float
    """Units a minute; 0: as many as you like."""
    free_at: float = 0.0
    """When all that was reserved will have been used."""

    def reserve(self, units: float, now: float) -> float:
        """Seconds to wait before these units may be used; they are counted from now on."""
        if self.per_minute <= 0:
            return 0.0
        begin = max(self.free_at, now - BURST_SECONDS)
        self.free_at = begin + units * 60.0 / self.per_minute
        return max(begin - now, 0.0)

    def give_back(self, units: float) -> None:
        """Count so many less: less was used than reserved."""
        if self.per_minute > 0:
            self.free_at -= units * 60.0 / self.per_minute


@dataclass(slots=True)
class Budget:
    """Tokens of one run: what is under way counts for what it costs at most, so that a run never exceeds it."""

    most: int | None
    spent: int = 0
    """What was answered for."""
    under_way: int = 0

    def allows(self, tokens: int) -> bool:
        return self.most is None or self.spent + self.under_way + tokens <= self.most

    def begin(self, tokens: int) -> None:
        self.under_way += tokens

    def end(self, tokens: int, used: int) -> None:
        """What was begun has ended, and has cost so much."""
        self.under_way -= tokens
        self.spent += used


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between tries: a random share of a growing time (full jitter; M. Brooker, "Exponential Backoff And
    Jitter", AWS Architecture Blog, 2015)."""

    first_seconds: float = 0.5
    most_seconds: float = 30.0
    tries: int = 8

    def pause(self, failures: int, chance: random.Random) -> float:
        """After so many failures, at least one."""
        return chance.uniform(0.0, min(self.first_seconds * 2.0 ** (failures - 1), self.most_seconds))


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """What a header `Retry-After` asks for, seconds from `now` (Unix time) on; None where it says nothing."""
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
