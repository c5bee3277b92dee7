"""What every actor can tell about the process that it lives in."""

from __future__ import annotations

import os
import platform

import psutil

from raycontext.models import ActorStatus

__all__ = ["process_status"]


def process_status(name: str) -> ActorStatus:
    """Measure the calling process."""
    return ActorStatus(name=name, pid=os.getpid(), node=platform.node(), rss_bytes=psutil.Process().memory_info().rss)
