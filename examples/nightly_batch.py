"""Bring the indexes of many sources up to date, and list what failed: for a job that runs each night.

    python examples/nightly_batch.py repos.yaml

Exit code 0: all succeeded, 1: some source failed. `raycontext batch` does the same from a shell.
"""

from __future__ import annotations

import sys

import raycontext


def main(list_path: str) -> int:
    with raycontext.connect(runtime="inline") as context:
        report = context.batch(raycontext.read_batch_list(list_path))
    for outcome in report.outcomes:
        print(f"{outcome.collection}: {outcome.state} {outcome.error}".rstrip())
    return 0 if all(outcome.succeeded for outcome in report.outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
