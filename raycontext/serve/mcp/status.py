"""State of an index in the form for agents: version, memory, and what was left out."""

from __future__ import annotations

import os
from typing import Any

import psutil

from raycontext.models import CollectionStatus
from raycontext.text.safe import safe

__all__ = ["status_lines", "status_structured"]


def status_structured(status: CollectionStatus) -> dict[str, Any]:
    """Return the state as structured content. It measures the memory of this process, which can take milliseconds."""
    memory = {actor.pid: actor.rss_bytes for actor in status.actors}
    memory.setdefault(os.getpid(), psutil.Process().memory_info().rss)  # the daemon searches what has no actors
    return {
        "version": status.version,
        "embedder": safe(status.embedder),
        "memoryBytes": sum(memory.values()),
        "bytesOnDisk": status.bytes_on_disk,
        "history": status.history,
        "historyCommits": status.history_commits,
        "skipped": {safe(reason): count for reason, count in status.skipped.items()},
    }


def status_lines(facts: dict[str, Any]) -> list[str]:
    """Return the same facts as sentences."""
    skipped = ", ".join(f"{reason} {count}" for reason, count in facts["skipped"].items())
    return [
        f"Version {facts['version']} of the index, {facts['bytesOnDisk'] / 1e6:.1f} MB on disk; "
        f"{facts['memoryBytes'] / 1e6:.0f} MB of memory, mapped files included.",
        f"Left out: {skipped}." if skipped else "No file was left out.",
    ]
