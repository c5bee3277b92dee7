"""Run of the fuzzer over one border, in a process of its own, so that a crash is a finding and not the end."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from .border import Border

__all__ = ["Outcome", "fuzz", "try_inputs"]

MOST_FAILURES = 5
"""Number of failures after which a run ends."""
INPUT_CPU_SECONDS = 30.0
"""CPU time in seconds after which one input counts as a hang. The slowest takes less than one."""
MEMORY_BYTES = 8 << 30
"""Address space in bytes of the process that tries inputs: one that needs more is a finding."""
ROOT = Path(__file__).parents[2]


@dataclass
class Outcome:
    """Inputs that were tried, by kind, and what went wrong."""

    border: str
    seed: int
    kinds: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        """Number of inputs that were tried."""
        return self.kinds.total()

    def table(self) -> str:
        """Return the number of inputs by kind, and all failures."""
        lines = [f"{self.border}: {self.inputs:,} inputs, {len(self.failures)} failures (seed {self.seed})"]
        lines += [f"{count:>12,}  {kind}" for kind, count in sorted(self.kinds.items())]
        text = "\n".join([*lines, *self.failures])
        return text.encode(errors="backslashreplace").decode()


def fuzz(border: str, seed: int, *, seconds: float = 0.0, inputs: int = 0, first: int = 0) -> Outcome:
    """Try inputs of a border in another process, for some seconds or a number of inputs.

    Input number n depends on `seed` and n alone. A process that dies is a failure; another one goes on after it.
    """
    outcome = Outcome(border, seed)
    ends = time.monotonic() + seconds
    last = first + inputs
    with tempfile.TemporaryDirectory() as folder:
        progress = Path(folder, "progress")
        while len(outcome.failures) < MOST_FAILURES and (time.monotonic() < ends or first < last):
            progress.write_bytes(struct.pack("<q", first))
            left = max(0.0, ends - time.monotonic())
            asked = [border, f"--seed={seed}", f"--first={first}", f"--inputs={last - first}", f"--seconds={left}"]
            process = subprocess.run(
                [sys.executable, "-m", "tests.fuzz.runner", *asked, str(progress)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                check=False,
            )
            for line in process.stdout.decode().splitlines():
                told = json.loads(line)
                outcome.kinds.update(told["kinds"])
                outcome.failures += told["failures"]
            if process.returncode == 0:
                break
            (number,) = struct.unpack("<q", progress.read_bytes())
            cause = signal.Signals(-process.returncode).name if process.returncode < 0 else f"exit {process.returncode}"
            outcome.failures.append(f"{_again(border, seed, number)}: the process ended by {cause}")
            first = number + 1
    return outcome


def try_inputs(border: Border, seed: int, first: int, inputs: int, seconds: float, progress: Path) -> dict[str, Any]:
    """Try inputs in this process, and return how many there were by kind, and the failures."""
    kinds: Counter[str] = Counter()
    failures: list[str] = []
    ends = time.monotonic() + seconds
    note = os.open(progress, os.O_WRONLY)
    try:
        with tempfile.TemporaryDirectory() as folder, border.opened(Path(folder)) as attempt:
            number = first
            while (number < first + inputs or time.monotonic() < ends) and len(failures) < MOST_FAILURES:
                os.pwrite(note, struct.pack("<q", number), 0)
                # The default of this signal ends the process, wherever it is.
                signal.setitimer(signal.ITIMER_PROF, INPUT_CPU_SECONDS)
                try:
                    kinds[attempt(Random(f"{seed}/{border.name}/{number}"))] += 1
                except Exception:
                    kinds["broken promise"] += 1
                    failures.append(f"{_again(border.name, seed, number)}:\n{traceback.format_exc()}")
                number += 1
            signal.setitimer(signal.ITIMER_PROF, 0)
    finally:
        os.close(note)
    return {"kinds": kinds, "failures": failures}


def _again(border: str, seed: int, number: int) -> str:
    """Return the command that tries one input again."""
    return f"python -m tests.fuzz {border} --seed {seed} --first {number} --inputs 1"


def _main() -> None:
    from .borders import BORDERS

    faulthandler.enable()
    name, *options, progress = sys.argv[1:]
    given = dict(option.removeprefix("--").split("=") for option in options)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    told = try_inputs(
        BORDERS[name],
        int(given["seed"]),
        int(given["first"]),
        int(given["inputs"]),
        float(given["seconds"]),
        Path(progress),
    )
    print(json.dumps(told))


if __name__ == "__main__":
    _main()
