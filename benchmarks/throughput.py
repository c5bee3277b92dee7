"""Searches a second by the number of replicas of a shard.

    python benchmarks/throughput.py FOLDER [--replicas 1 2] [--clients 8] [--seconds 15] [--json FILE]

Indexes the folder through Ray, then for each number of replicas: some clients ask at once, each its next question as
soon as the last one is answered, through the SDK in one process. Prints searches a second and the times of one search.
Replicas help as far as there are cores for them beside the one that asks; they map the same files.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import raycontext

QUESTIONS = (
    "where are errors retried after a failure?",
    "parse the configuration file",
    "open a connection to the server",
    "how is the cache invalidated",
    "convert bytes to text",
)
WARM_SECONDS = 3.0


async def search_until(context: raycontext.Context, collection: str, ended: float, number: int) -> list[float]:
    """Seconds of each search of one client, until a time of the monotonic clock."""
    times: list[float] = []
    while (begun := time.monotonic()) < ended:
        question = QUESTIONS[(number + len(times)) % len(QUESTIONS)]
        await context.search(question, collection=collection, refresh=False)
        times.append(time.monotonic() - begun)
    return times


async def measured(root: str, folder: Path, replicas: int, clients: int, seconds: float) -> dict[str, float]:
    os.environ["RAYCONTEXT_REPLICAS"] = str(replicas)
    async with raycontext.connect(root=root, runtime="ray") as context:
        collection = (await context.index(folder)).collection
        for length in (WARM_SECONDS, seconds):  # the first is for the actors to start and to map
            ended = time.monotonic() + length
            asked = (search_until(context, collection, ended, number) for number in range(clients))
            times = sorted(one for client in await asyncio.gather(*asked) for one in client)
    return {
        "replicas": replicas,
        "searches_per_second": len(times) / seconds,
        "p50_ms": statistics.median(times) * 1e3,
        "p95_ms": times[int(len(times) * 0.95)] * 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = []
    with tempfile.TemporaryDirectory() as root:
        for replicas in arguments.replicas:
            found = measured(root, arguments.folder, replicas, arguments.clients, arguments.seconds)
            figures.append(asyncio.run(found))
            print(
                "{replicas} replicas: {searches_per_second:.1f} searches/s, p50 {p50_ms:.1f} ms, "
                "p95 {p95_ms:.1f} ms".format(**figures[-1]),
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
