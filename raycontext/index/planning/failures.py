"""What follows from a failed task: whether and when it is tried again, and what is noted about its file in the end.

A fault of the machine or of the cluster is no evidence against a file: a node that is lost, memory pressure, an owner
that died, a process that somebody killed. Such work is tried again with growing pauses, then left to the next run.
"""

from __future__ import annotations

import platform

from raycontext import __version__
from raycontext.errors import StorageUnreachable
from raycontext.index.work.limits import TASK_BYTES
from raycontext.models import Failure, SkipReason
from raycontext.retrying import Retries
from raycontext.runtime.base import WorkerDied, WorkerLost

__all__ = ["FAILURES_WITHOUT_SUCCESS", "LOST_SECONDS", "OUTAGE", "attempts", "failure", "pause_after", "reason"]

ATTEMPTS = 2
"""Number of times that a file, alone in its batch, must end its worker or use up its memory to be blamed."""

LOST_SECONDS = 600.0
"""Sum in seconds of the pauses between the tries of work whose worker or node is lost, until it is left to the next
run."""
LONGEST_PAUSE_SECONDS = 60.0
"""Longest pause between two such tries, in seconds. The first one is a second, each further one twice as long."""
FAILURES_WITHOUT_SUCCESS = 16
"""Number of files given up at which the run stops if no batch of its stage has succeeded yet. The files are hardly at
fault then."""
LOSSES_OF_A_BATCH = 2
"""Number of losses after which a batch is cut into pieces, which need less memory."""


def attempts(error: BaseException) -> int:
    """Return how often a file that is alone is tried where an attempt ends with this error."""
    return ATTEMPTS if isinstance(error, WorkerDied | MemoryError) else 1


def pause_after(losses: int) -> float | None:
    """Return the seconds to wait after a worker was lost for the `losses`-th time; None where that is enough."""
    pauses = [min(2.0**number, LONGEST_PAUSE_SECONDS) for number in range(losses)]
    return None if sum(pauses[:-1]) >= LOST_SECONDS else pauses[-1]


OUTAGE = Retries((StorageUnreachable,), seconds=LOST_SECONDS, pause=lambda attempt: pause_after(attempt) or 0.0)
"""Tries of the first step of a run while its storage cannot be reached; the planner plans those of all others."""


def reason(error: BaseException) -> SkipReason:
    """Return why a file is skipped whose last attempt ended with this error."""
    if isinstance(error, WorkerLost):
        return SkipReason.WORKER_LOST
    if isinstance(error, MemoryError):
        return SkipReason.OUT_OF_MEMORY
    return SkipReason.WORKER_DIED if isinstance(error, WorkerDied) else SkipReason.QUARANTINED


def failure(error: BaseException, at_ns: int) -> Failure:
    """Return what is noted about an attempt that ended with this error at a time in nanoseconds since the epoch."""
    here = "" if isinstance(error, WorkerLost | WorkerDied) else platform.node()
    node = getattr(error, "node", "") or getattr(error, "ip", "") or here  # Ray's errors have an IP address
    return Failure(_why(error), str(node), max(at_ns, 0), __version__)  # a clock may stand before 1970


def _why(error: BaseException) -> str:
    """Return the signal, limit or class of an error. Its text is left out, since it may hold content of the file."""
    if isinstance(error, MemoryError):
        return f"more than {TASK_BYTES >> 30} GiB of memory"
    if isinstance(error, WorkerLost | WorkerDied):
        cause = str(error.args[0]) if error.args else ""
        return "more CPU time than a file may take (SIGPROF)" if cause == "SIGPROF" else cause
    return type(getattr(error, "cause", error)).__name__
