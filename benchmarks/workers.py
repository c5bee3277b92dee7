"""Throughput on this machine by the number of index workers, and of searches by replicas.

    python benchmarks/workers.py FOLDER [--workers 1 2 4] [--replicas 1 2] [--rounds 3] [--json FILE]

Index: the folder anew through Ray with so many tasks at once; median of the rounds, with the CPU seconds of the machine
meanwhile. Search: `CLIENTS` callers at once ask a collection with so many replicas of its shard for `SEARCH_SECONDS`.
Rounds go through all settings in turn, so that what disturbs the machine disturbs all of them. More workers or replicas
than cores cannot be faster.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from questions import QUESTIONS
from record import show

import raycontext

CLIENTS = 8
SEARCH_SECONDS = 3.0
WARM_UP_SEARCHES = 20

Figures = dict[str, Any]


def cpu_seconds() -> float:
    """Of the whole machine."""
    times = psutil.cpu_times()
    return float(times.user + times.system)


def indexed(folder: Path, workers: int) -> Figures:
    with (
        tempfile.TemporaryDirectory() as root,
        raycontext.connect(root=root, runtime="ray", workers=workers) as context,
    ):
        begun = cpu_seconds()
        report = context.index(folder)
        return {
            "seconds": report.seconds,
            "megabytes_per_second": report.indexed_bytes / 1e6 / report.seconds,
            "files_per_second": report.added / report.seconds,
            "machine_cpu_seconds": cpu_seconds() - begun,
        }


async def searched(root: str, collection: str, replicas: int) -> Figures:
    os.environ["RAYCONTEXT_REPLICAS"] = str(replicas)
    times: list[float] = []
    async with raycontext.connect(root=root, runtime="ray", workers=2) as context:

        async def ask(until: float, most: int | None = None) -> None:
            number = 0
            while time.perf_counter() < until and (most is None or number < most):
                begun = time.perf_counter()
                question = QUESTIONS[number % len(QUESTIONS)]
                await context.search(question, collection=collection, refresh=False)
                times.append(time.perf_counter() - begun)
                number += 1

        await ask(time.perf_counter() + 120.0, WARM_UP_SEARCHES)
        await asyncio.sleep(5.0)  # the other replicas start
        await asyncio.gather(*(ask(time.perf_counter() + SEARCH_SECONDS) for _ in range(CLIENTS)))
        times.clear()
        await asyncio.gather(*(ask(time.perf_counter() + SEARCH_SECONDS) for _ in range(CLIENTS)))
    ordered = sorted(times)
    return {
        "searches_per_second": len(times) / SEARCH_SECONDS,
        "p50_ms": statistics.median(ordered) * 1e3,
        "p95_ms": ordered[int(len(ordered) * 0.95)] * 1e3,
    }


def medians(rounds: list[Figures]) -> Figures:
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    indexing: dict[int, list[Figures]] = {workers: [] for workers in arguments.workers}
    searching: dict[int, list[Figures]] = {replicas: [] for replicas in arguments.replicas}
    with tempfile.TemporaryDirectory() as root:
        with raycontext.connect(root=root, runtime="inline") as context:
            collection = context.index(folder).collection
        for _ in range(arguments.rounds):
            for workers, rounds in indexing.items():
                rounds.append(indexed(folder, workers))
            for replicas, rounds in searching.items():
                rounds.append(asyncio.run(searched(root, collection, replicas)))
    figures = {
        "cores": os.cpu_count(),
        "index_by_workers": {workers: medians(rounds) for workers, rounds in indexing.items()},
        "search_by_replicas": {replicas: medians(rounds) for replicas, rounds in searching.items()},
    }
    show(figures, arguments.json)


if __name__ == "__main__":
    main()
