"""What a failed task says about the file that was alone in it: how often it is tried, and why it is skipped then."""

from __future__ import annotations

from raycontext.models import SkipReason
from raycontext.runtime.base import WorkerDied, WorkerLost

__all__ = ["LOST_ATTEMPTS", "attempts", "reason"]

ATTEMPTS = 2
"""Number of times that a file, alone in its batch, must end its worker or use up its memory to be blamed."""

LOST_ATTEMPTS = 5
"""Number of times that a worker is lost without a fault of its file until the file is left to the next run."""


def attempts(error: BaseException) -> int:
    """Return how often a file that is alone is tried where an attempt ends with this error."""
    if isinstance(error, WorkerLost):
        return LOST_ATTEMPTS
    return ATTEMPTS if isinstance(error, WorkerDied | MemoryError) else 1


def reason(error: BaseException) -> SkipReason:
    """Return why a file is skipped whose last attempt ended with this error."""
    if isinstance(error, WorkerLost):
        return SkipReason.WORKER_LOST
    if isinstance(error, MemoryError):
        return SkipReason.OUT_OF_MEMORY
    return SkipReason.WORKER_DIED if isinstance(error, WorkerDied) else SkipReason.QUARANTINED
