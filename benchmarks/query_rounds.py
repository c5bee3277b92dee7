"""What a query over several shards costs beside one over a single shard: actor calls, CPU time, and wall time.

    python benchmarks/query_rounds.py FOLDER [--shards 1 4] [--rounds 10] [--runtime inline] [--json FILE]

Indexes the folder once for each number of shards, asks the queries of `latency.py` in turn of each collection, and
prints for each the medians over all queries: actor calls, CPU seconds of all processes (with `inline`, of this one),
and seconds. The collections are asked one after the other in each round, so that they share whatever else the machine
does. Compares the hits, too: they must not depend on the number of shards.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import record
from latency import LIMIT, QUERIES

import raycontext
from raycontext.models import CollectionStatus


def cpu_seconds(statuses: list[CollectionStatus]) -> float:
    """Return the CPU time in seconds that this process and those of the actors have used so far."""
    pids = {actor.pid for status in statuses for actor in status.actors} | {psutil.Process().pid}
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


async def calls(context: raycontext.Context, name: str) -> int:
    """Return how many calls the search actors of a collection have answered."""
    found = (await context.status(name)).actors
    return sum(actor.calls for actor in found if actor.name.count("/") > 1)


async def measured(folder: Path, shards: list[int], rounds: int, runtime: Any) -> dict[str, Any]:
    """Measure all collections, interleaved."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="raycontext-rounds-") as root:
        async with raycontext.connect(root=root, runtime=runtime) as context:
            names = {number: f"shards-{number}" for number in shards}
            for number, name in names.items():
                await context.index(folder, collection=name, num_shards=number)
            first = {name: await hits(context, name) for name in names.values()}  # opens the segments, too
            assert all(found == first[names[shards[0]]] for found in first.values()), "hits depend on shards"
            statuses = [await context.status(name) for name in names.values()]
            before = {name: await calls(context, name) for name in names.values()}
            cpu: dict[str, list[float]] = {name: [] for name in names.values()}
            wall: dict[str, list[float]] = {name: [] for name in names.values()}
            for _ in range(rounds):
                for name in names.values():
                    used, begun = cpu_seconds(statuses), time.perf_counter()
                    await hits(context, name)
                    wall[name].append((time.perf_counter() - begun) / len(QUERIES))
                    cpu[name].append((cpu_seconds(statuses) - used) / len(QUERIES))
            for number, name in names.items():
                asked = rounds * len(QUERIES)
                figures[f"{number} shards"] = {
                    "calls": round((await calls(context, name) - before[name]) / asked, 2),
                    "cpu_milliseconds": round(statistics.median(cpu[name]) * 1e3, 2),
                    "milliseconds": round(statistics.median(wall[name]) * 1e3, 2),
                }
    return figures


async def hits(context: raycontext.Context, name: str) -> list[list[tuple[Any, ...]]]:
    """Ask all queries and return what identifies their hits."""
    found = [await context.search(query, collection=name, limit=LIMIT, refresh=False) for query in QUERIES]
    return [[(hit.path, hit.start_line, hit.score, hit.text, hit.more) for hit in each] for each in found]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--shards", type=int, nargs="+", default=[1, 4])
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--runtime", default="inline", choices=["inline", "ray"])
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    figures = asyncio.run(measured(given.folder, given.shards, given.rounds, given.runtime))
    record.show(figures, None)
    if given.json:
        record.write(given.json, "query_rounds", figures)


if __name__ == "__main__":
    main()
