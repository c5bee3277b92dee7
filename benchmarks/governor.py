"""Searches while many collections are indexed: `python benchmarks/governor.py FOLDER [--collections 20] [--json FILE]`.

One collection is searched, first alone, then while copies of the folder are indexed as so many other collections, all
at once, on Ray. Prints the median and the 95th percentile of a search in both cases, and how evenly the jobs went on:
files indexed of the job that was behind and of the one ahead, half way through.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from indexing import linked_copy
from questions import QUESTIONS
from record import show

import raycontext

SEARCHES = 100
Figures = dict[str, Any]


def search_milliseconds(context: raycontext.SyncContext, count: int) -> list[float]:
    times = []
    for number in range(count):
        begun = time.perf_counter()
        context.search(QUESTIONS[number % len(QUESTIONS)], collection="searched", refresh=False)
        times.append((time.perf_counter() - begun) * 1e3)
    return sorted(times)


def shape(times: list[float]) -> Figures:
    return {"p50": statistics.median(times), "p95": times[int(len(times) * 0.95)], "count": len(times)}


def measured(folder: Path, temporary: Path, collections: int) -> Figures:
    trees = [linked_copy(folder, temporary / f"tree-{number}") for number in range(collections)]
    with raycontext.connect(root=temporary / "root", runtime="ray") as context:
        context.index(folder, collection="searched")
        search_milliseconds(context, len(QUESTIONS))
        idle = search_milliseconds(context, SEARCHES)
        names = [f"other-{number}" for number in range(collections)]
        with ThreadPoolExecutor(collections) as threads:
            begun = time.perf_counter()
            runs = [
                threads.submit(context.index, tree, collection=name) for tree, name in zip(trees, names, strict=True)
            ]
            busy: list[float] = []
            spread: list[tuple[int, int]] = []
            while not all(run.done() for run in runs):
                busy += search_milliseconds(context, len(QUESTIONS))
                indexed = [progress.files_indexed for name in names if (progress := context.progress(name))]
                spread.append((min(indexed, default=0), max(indexed, default=0)))
            reports = [run.result() for run in runs]
            seconds = time.perf_counter() - begun
    middle = spread[len(spread) // 2]
    return {
        "collections": collections,
        "files_each": reports[0].files,
        "seconds": seconds,
        "search_idle_ms": shape(idle),
        "search_busy_ms": shape(sorted(busy)),
        "p95_busy_to_idle": shape(sorted(busy))["p95"] / shape(idle)["p95"],
        "files_indexed_half_way": {"least": middle[0], "most": middle[1]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--collections", type=int, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = measured(arguments.folder.resolve(), Path(temporary), arguments.collections)
    show(figures, arguments.json)


if __name__ == "__main__":
    main()
