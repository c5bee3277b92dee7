"""Measure the compiled functions by group, over the generated corpus of their tests: how long each group takes.

`python benchmarks/kernels.py` measures this checkout. With `--beside FOLDER`, another checkout that is installed in the
same environment or has its kernels compiled, both are measured in turns in one run, and the ratio is printed: above 1
this checkout is faster. `--output FILE` writes the result.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHUNKS = 10_000
ROUNDS = 5

KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
"""Let the C library keep freed memory. Otherwise a large result costs page faults or not by what ran before."""


def best_seconds(work: Callable[[], object], repeats: int = 7) -> float:
    """Return the shortest time of some repeats: what disturbs a measurement makes it longer."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def measure() -> dict[str, float]:
    """Return the seconds of each piece of work in this process, after a first call that loads or compiles."""
    from tests.kernel.corpus import GROUPS, SMALL, corpus_of
    from tests.kernel.work import work_of

    for group in GROUPS.values():
        list(group(corpus_of(SMALL)))
    return {name: best_seconds(work) for name, work in work_of(corpus_of(CHUNKS), corpus_of(60)).items()}


def measure_in(folder: Path) -> dict[str, float]:
    """Return the figures of another process, whose package is the one in `folder`."""
    environment = os.environ | {"PYTHONPATH": str(folder)} | KEPT_MEMORY
    command = [sys.executable, "-P", str(folder / "benchmarks/kernels.py"), "--child"]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, help="another checkout to compare with")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        sys.stdout.write(json.dumps(measure()))
        return
    folders = [ROOT, *([arguments.beside.resolve()] if arguments.beside else [])]
    rounds = []
    for number in range(ROUNDS if arguments.beside else 1):
        measured = {folder: measure_in(folder) for folder in (folders if number % 2 else reversed(folders))}
        rounds.append([measured[folder] for folder in folders])
    figures: dict[str, dict[str, float]] = {}
    for name in rounds[0][0]:
        medians = [statistics.median(run[place][name] for run in rounds) for place in range(len(folders))]
        figures[name] = {"milliseconds": round(medians[0] * 1e3, 4)}
        if arguments.beside:
            figures[name] |= {
                "beside_milliseconds": round(medians[1] * 1e3, 4),
                "ratio": round(statistics.median(run[1][name] / run[0][name] for run in rounds), 2),
            }
    for name, row in figures.items():
        sys.stdout.write(f"{name:34}" + "".join(f"{key} {value:<12} " for key, value in row.items()) + "\n")
    if arguments.output:
        from record import write

        write(arguments.output, "kernels", figures)


if __name__ == "__main__":
    main()
