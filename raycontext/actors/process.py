"""What every actor can tell about the process that it lives in."""

from __future__ import annotations

import os
import platform
import time

import psutil

from raycontext.actors.calls import CallTimes
from raycontext.actors.metrics import set_value
from raycontext.models import ActorStatus

__all__ = ["process_status"]


def process_status(name: str, calls: CallTimes, asked_at: float | None = None) -> ActorStatus:
    """Measure the calling process.

    calls: of the actor.
    asked_at: when the question was sent, in seconds since the epoch; None: now.
    """
    memory = psutil.Process().memory_info()  # of one look: both figures are of the same moment
    set_value("raycontext_resident_bytes", memory.rss, actor=name)
    return ActorStatus(
        name=name,
        pid=os.getpid(),
        node=platform.node(),
        rss_bytes=memory.rss,
        mapped_bytes=getattr(memory, "shared", None),  # of Linux alone
        calls=calls.answered,
        calls_waiting=calls.ahead(time.time() if asked_at is None else asked_at),
        call_p50_seconds=calls.quantile(0.5),
        call_p99_seconds=calls.quantile(0.99),
    )
