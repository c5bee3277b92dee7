"""Note of what an actor works on, which outlives its process: after a crash it tells what the process died of."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from raycontext.runtime.scratch import scratch_folder

__all__ = ["CrashNote"]

NOTE_BYTES = 512
"""Size of the file of a note in bytes. A longer text is cut."""


class CrashNote:
    """File on this machine with one line: what is worked on now; empty between two works.

    name: name of the file in the folder of Ray's session. It must be random, so that nobody can have made it before.
    A file that is not this user's own is not used, and then a crash tells nothing.
    """

    def __init__(self, name: str) -> None:
        self.before = ""
        """What the process before this one was working on when it died; "" for nothing."""
        self._file = -1
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(Path(scratch_folder(), name), flags, 0o600)
            found = os.fstat(self._file)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
                os.close(self._file)
                self._file = -1
                return
            self.before = os.pread(self._file, NOTE_BYTES, 0).rstrip(b"\0").decode(errors="replace")
            self.write("")
        except OSError:
            return

    def write(self, text: str) -> None:
        """Note what is worked on from now on; "" for nothing. It costs microseconds: nothing waits for the disk."""
        if self._file >= 0:
            os.pwrite(self._file, text.encode(errors="replace")[:NOTE_BYTES].ljust(NOTE_BYTES, b"\0"), 0)
