"""Mark of the process that fills a folder, in the name of the folder, so that others see when it is gone."""

from __future__ import annotations

import os
import platform
from contextlib import suppress

import xxhash

__all__ = ["has_ended", "own_mark"]

HUNDREDTHS = 100
"""Clock ticks of a second in which the start of a process is written down."""


def own_mark() -> str:
    """Return the mark of this process: its machine, its number and the time of its start."""
    return f"{_machine()}-{os.getpid()}-{_started(os.getpid())}"


def has_ended(mark: str) -> bool:
    """Return whether a mark is that of a process of this machine that has ended. False where nobody can tell."""
    machine, _, process = mark.partition("-")
    number, _, started = process.partition("-")
    return machine == _machine() and number.isdigit() and _started(int(number)) != started


def _machine() -> str:
    """Return a name of this machine, of its boot and of the processes that can be seen from here, as 8 characters."""
    facts = [platform.node()]
    for path in ("/proc/sys/kernel/random/boot_id", "/etc/machine-id"):
        with suppress(OSError), open(path) as file:  # noqa: PTH123 - these are no files of ours
            facts.append(file.read().strip())
    with suppress(OSError):
        facts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - it is no path
    return xxhash.xxh3_64_hexdigest("\0".join(facts).encode(errors="surrogateescape"))[:8]


def _started(number: int) -> str:
    """Return when a process began; "" where there is none of this number."""
    import psutil  # loaded here, since it is needed only where something is fetched

    try:
        return str(round(psutil.Process(number).create_time() * HUNDREDTHS))
    except psutil.Error:
        return ""
