"""What every actor reports about the process that it runs in."""

from __future__ import annotations

import os
import platform

from raycontext.actors.calls import CallFigures
from raycontext.actors.metrics import set_value
from raycontext.models import ActorStatus

__all__ = ["process_status"]


def process_status(name: str, calls: CallFigures) -> ActorStatus:
    """Return the status of the calling process, in which the actor `name` runs, with the figures of its calls."""
    import psutil  # loaded here, since few processes are asked for their status

    memory = psutil.Process().memory_info()  # one call, so that both figures are from the same moment
    set_value("raycontext_resident_bytes", memory.rss, actor=name)
    return ActorStatus(
        name=name,
        pid=os.getpid(),
        node=platform.node(),
        rss_bytes=memory.rss,
        mapped_bytes=getattr(memory, "shared", None),  # only Linux reports it
        calls=calls.answered,
        calls_waiting=calls.waiting,
        call_p50_seconds=calls.p50_seconds,
        call_p99_seconds=calls.p99_seconds,
    )
