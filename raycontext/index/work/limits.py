"""Limits of an index task: CPU time for each file, and memory for the whole task.

The operating system enforces both, since no Python thread runs while a grammar loops. SIGPROF ends a task that exceeds
its time. A task that exceeds its memory gets no more, which is a `MemoryError` or the end of the process. So limits are
set only in processes that run nothing but tasks. In other processes, and on Windows, `allow` does nothing.
"""

from __future__ import annotations

import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raycontext.settings import FILE_SECONDS

__all__ = ["TASK_BYTES", "allow", "limited"]

TASK_BYTES = 1 << 30
"""Memory in bytes that a task may use, beyond what its process had before the first task."""


SECONDS_PER_BYTE = 10.0 / (1 << 20)
"""CPU time in seconds that a step gets for each byte of source, beside the time of a file.

It is generous: parsing, the slowest part, does 10 MB/s and more, and ends itself after `PARSE_CPU_SECONDS`.
"""

SHORTEST_SECONDS = 0.1
"""Shortest CPU time in seconds that a file gets. A timer of 0 would never end a task."""

_STATUS = Path("/proc/self/status")
_DATA = re.compile(r"^VmData:\s*(\d+) kB$", re.MULTILINE)


class _Process:
    """State of the limits of this process."""

    is_limited = False
    """Whether the code of a task runs under limits now."""
    file_seconds = FILE_SECONDS
    """CPU time in seconds that a step gets beside the time for its size."""
    data_bytes: int | None = None
    """Private writable memory in bytes before the first task, plus what tasks without a memory limit have added.

    None before the first task, and where the system does not tell.
    """


@contextmanager
def limited(*, memory: bool, file_seconds: float = FILE_SECONDS) -> Iterator[None]:
    """Limit the code inside the context, which must be the only work of this process.

    With `memory`, both memory and time are limited; without it, only time. `file_seconds` is the CPU time in seconds
    that a step may take beside the time for its size.
    """
    if sys.platform == "win32":
        yield
        return
    import resource

    before = _data_bytes()
    if _Process.data_bytes is None:
        _Process.data_bytes = before
        _die_at_once()
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if memory and _Process.data_bytes is not None:
        most = _Process.data_bytes + TASK_BYTES
        resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    _Process.is_limited, _Process.file_seconds = True, max(file_seconds, SHORTEST_SECONDS)
    try:
        yield
    finally:
        _Process.is_limited = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        after = None if memory else _data_bytes()
        if after is not None and before is not None and _Process.data_bytes is not None:
            _Process.data_bytes += max(after - before, 0)  # models and the buffers of their libraries stay in memory


def allow(size: int | None) -> None:
    """Limit the CPU time of the step that begins now and works on `size` bytes of source. None removes the limit."""
    if sys.platform != "win32" and _Process.is_limited:
        seconds = 0.0 if size is None else _Process.file_seconds + size * SECONDS_PER_BYTE
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _die_at_once() -> None:
    """Restore the default action of SIGABRT, with which native code ends the process when memory is exhausted.

    Ray's handler for it needs memory itself, aborts in turn, and so never ends.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGABRT, signal.SIG_DFL)


def _data_bytes() -> int | None:
    """Return the private writable memory of this process in bytes, counted like RLIMIT_DATA. None where unknown."""
    try:
        found = _DATA.search(_STATUS.read_text())
    except OSError:
        return None
    return int(found[1]) << 10 if found else None
