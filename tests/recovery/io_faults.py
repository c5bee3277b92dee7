"""Storage that fails and clocks that are wrong, in real processes: a library that is preloaded, and its control.

    environment = IoFaults.environment(folder)   of a program that is started with the library
    faults = IoFaults(control)                   the control in that program, once it runs
    faults.arm(below, slot)                      from then on the process suffers faults below a folder

The library is compiled from io_faults.c; where there is no compiler, `environment` returns None.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("io_faults.c")
VARIABLE = "TEST_IO_FAULTS"
"""Environment variable with the path of the control file."""

_ERRORS_IN_MILLION, _IS_FULL = 0, 4
_COUNTS = struct.Struct("<QQ")
_COUNTS_AT = 8
_CLOCKS_AT = _COUNTS_AT + _COUNTS.size
SLOTS = 64
_SIZE = _CLOCKS_AT + 8 * SLOTS


class Counts(NamedTuple):
    """Numbers of calls that failed."""

    errors: int
    refusals: int


class IoFaults:
    """Control of the faults of all processes that map the same file."""

    def __init__(self, control: Path) -> None:
        self._path = control
        with control.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _SIZE)

    @staticmethod
    def environment(folder: Path) -> dict[str, str] | None:
        """Compile the library and make a control in `folder`. Return the variables of a program that uses them."""
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if compiler is None:
            return None
        library, control = folder / "io_faults.so", folder / "io_faults.control"
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
        control.write_bytes(bytes(_SIZE))
        return {**os.environ, "LD_PRELOAD": str(library), VARIABLE: str(control)}

    def arm(self, below: Path, slot: int) -> None:
        """Let this process suffer faults in files below a folder, with the clock of a slot."""
        arm = ctypes.CDLL(None).faults_arm
        arm.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint]
        if arm(os.fsencode(self._path), os.fsencode(f"{below}/"), slot) != 0:
            raise OSError("the faults cannot be armed")

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Let all calls that need space fail meanwhile."""
        struct.pack_into("<I", self._memory, _IS_FULL, 1)
        try:
            yield
        finally:
            struct.pack_into("<I", self._memory, _IS_FULL, 0)

    def set_error_rate(self, per_million: int) -> None:
        """Let so many of a million calls fail with an input/output error."""
        struct.pack_into("<I", self._memory, _ERRORS_IN_MILLION, per_million)

    def set_clock(self, slot: int, seconds: int) -> None:
        """Set the clock of the processes of a slot to so many seconds ahead of the true time."""
        struct.pack_into("<q", self._memory, _CLOCKS_AT + 8 * (slot % SLOTS), seconds)

    def counts(self) -> Counts:
        """Return how many calls have failed so far."""
        return Counts(*_COUNTS.unpack_from(self._memory, _COUNTS_AT))
