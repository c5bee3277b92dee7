"""The daemon and the processes below it: which of them Ray cannot do without, and their memory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["is_alive", "memory", "ray_processes"]

RAY_PROCESSES = ("gcs_server", "raylet")


def ray_processes() -> dict[int, str]:
    """Those without which Ray does not work, by process id; none where it is another's."""
    return {
        child.pid: child.name()
        for child in psutil.Process().children(recursive=True)
        if child.name().startswith(RAY_PROCESSES) and is_alive(child.pid)
    }


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def memory() -> tuple[int, int]:
    """Proportional set size of this process and all below it, bytes, and how many they are."""
    total = count = 0
    this = psutil.Process()
    for process in (this, *this.children(recursive=True)):
        with suppress(OSError, psutil.Error):
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024
            count += 1
    return total, count
