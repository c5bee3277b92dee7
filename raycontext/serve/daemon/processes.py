"""Processes below the daemon: the ones that Ray cannot do without, and the memory of all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["end_children", "is_alive", "memory", "ray_processes"]

END_SECONDS = 10.0
"""Time in which processes that were killed are gone, in seconds."""

RAY_PROCESSES = ("gcs_server", "raylet")


def ray_processes() -> dict[int, str]:
    """Return the names of the processes that Ray cannot do without, by process id; empty where Ray is another's."""
    return {
        child.pid: child.name()
        for child in psutil.Process().children(recursive=True)
        if child.name().startswith(RAY_PROCESSES) and is_alive(child.pid)
    }


def end_children() -> None:
    """Kill all processes below this one, and wait until they are gone: a program that takes the place of this one would
    inherit them as zombies."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, END_SECONDS)


def is_alive(pid: int) -> bool:
    """Return whether a process exists and has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def memory() -> tuple[int, int]:
    """Return the proportional set size of this process and all below it, in bytes, and how many they are."""
    total = count = 0
    this = psutil.Process()
    for process in (this, *this.children(recursive=True)):
        with suppress(OSError, psutil.Error):
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024
            count += 1
    return total, count
