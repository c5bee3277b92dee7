"""Command of the fuzzer: `python -m tests.fuzz BORDER --seconds N` tries inputs and prints their number by kind."""

from __future__ import annotations

import argparse
import secrets
import sys

from .borders import BORDERS
from .runner import fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("border", choices=[*BORDERS, "all"], help="what to try; `all` takes each in turn")
    parser.add_argument("--seconds", type=float, default=0.0, help="time for each border")
    parser.add_argument("--inputs", type=int, default=0, help="number of inputs, where it takes longer than that")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="where inputs come from")
    asked = parser.parse_args()
    failed = False
    for name in BORDERS if asked.border == "all" else (asked.border,):
        outcome = fuzz(name, asked.seed, seconds=asked.seconds, inputs=asked.inputs, first=asked.first)
        print(outcome.table(), flush=True)
        failed = failed or bool(outcome.failures) or not outcome.inputs
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
