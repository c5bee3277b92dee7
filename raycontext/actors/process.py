"""What every actor can tell about the process that it lives in."""

from __future__ import annotations

import os
import platform

import psutil

from raycontext.actors.metrics import set_value
from raycontext.models import ActorStatus

__all__ = ["process_status"]


def process_status(name: str) -> ActorStatus:
    """Measure the calling process."""
    resident = psutil.Process().memory_info().rss
    set_value("raycontext_resident_bytes", resident, actor=name)
    return ActorStatus(name=name, pid=os.getpid(), node=platform.node(), rss_bytes=resident)
