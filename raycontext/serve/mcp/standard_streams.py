"""Threads between the standard streams of a process and its event loop.

A client that is gone is noticed in three ways: stdin ends, stdout can no longer be written, or the parent process has
ended. Each is enough, since a child of the client can keep the other ends open.
"""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
from collections.abc import Callable

__all__ = ["Outbox", "read_lines", "watch_client"]

MAX_LINE_BYTES = 4 << 20
"""Largest size of a message from the client, in bytes."""
READ_BYTES = 1 << 16
WATCH_SECONDS = 1.0
"""Pause between two looks at whether the client is still there, in seconds."""
FLUSH_SECONDS = 1.0
"""Longest wait at the end for a client that reads slowly, in seconds."""


class Outbox:
    """Queue of lines for the client, which a thread writes."""

    def __init__(self, descriptor: int, gone: Callable[[], None]) -> None:
        """Start to write to a file descriptor. `gone` is called when it has no reader any more."""
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, args=(descriptor, gone), daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Queue a line. It never waits."""
        self._lines.put(line)

    def close(self) -> None:
        """Wait a moment until all lines are written, and end the thread."""
        self._lines.put(None)
        self._thread.join(timeout=FLUSH_SECONDS)

    def _write(self, descriptor: int, gone: Callable[[], None]) -> None:
        while (line := self._lines.get()) is not None:
            view = memoryview(line)
            try:
                while view:
                    view = view[os.write(descriptor, view) :]
            except OSError:
                print("raycontext mcp: the client has closed its end", file=sys.stderr)  # noqa: T201
                gone()
                return


def read_lines(
    descriptor: int, receive: Callable[[bytes], None], refuse: Callable[[], None], ended: Callable[[], None]
) -> None:
    """Read lines until the end of a stream. Runs in a thread. The last line may lack its end.

    receive: takes a line that is not blank. refuse: called for a line that is too long. ended: called at the end.
    """
    rest = bytearray()
    skipping = False  # inside of a line that is too long
    while data := os.read(descriptor, READ_BYTES):
        rest += data
        *lines, rest = rest.split(b"\n")
        for line in lines:
            if not skipping and line.strip():
                receive(bytes(line))
            skipping = False
        if len(rest) > MAX_LINE_BYTES:
            if not skipping:
                refuse()
            skipping = True
            rest.clear()
    if rest.strip() and not skipping:
        receive(bytes(rest))
    ended()


def watch_client(descriptor: int, parent: int, gone: Callable[[], None]) -> None:
    """Wait until a descriptor has no reader any more, or `parent` is no longer the parent of this process.

    Then it calls `gone`. It runs in a thread.
    """
    if not hasattr(select, "poll"):
        return
    poller = select.poll()
    poller.register(descriptor, 0)  # errors and hang-ups are always reported
    while os.getppid() == parent:
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in poller.poll(1000 * WATCH_SECONDS)):
            break
    gone()
