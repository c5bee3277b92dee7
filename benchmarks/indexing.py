"""Cold index, unchanged index and query latency of one folder, through Ray or inline.

    python benchmarks/indexing.py FOLDER [--runtime ray|inline] [--shards N] [--queries N]

Prints files/s and MB/s of a cold index, the time of a second index of the unchanged folder beside a bare walk with
stat, the median and the 95th percentile of searches through the SDK, and the resident memory of each actor.
"""

from __future__ import annotations

import argparse
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


def walk_and_stat(folder: Path) -> float:
    begun = time.perf_counter()
    for place, _, names in os.walk(folder):
        for name in names:
            os.lstat(f"{place}/{name}")
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runtime", choices=("ray", "inline"), default="ray")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        begun = time.perf_counter()
        with raycontext.connect(root=root, runtime=arguments.runtime) as context:
            print(f"connect: {time.perf_counter() - begun:.2f} s")
            cold = context.index(arguments.folder, num_shards=arguments.shards)
            megabytes = cold.indexed_bytes / 1e6
            print(
                f"cold: {cold.files} files, {cold.chunks} chunks, {megabytes:.1f} MB in {cold.seconds:.2f} s: "
                f"{cold.files / cold.seconds:.0f} files/s, {megabytes / cold.seconds:.2f} MB/s; skipped {cold.skipped}"
            )
            warm = [context.index(arguments.folder).seconds for _ in range(5)]
            walks = [walk_and_stat(arguments.folder) for _ in range(5)]
            ratio = statistics.median(warm) / statistics.median(walks)
            print(
                f"unchanged: {statistics.median(warm):.3f} s, walk and stat {statistics.median(walks):.3f} s, "
                f"ratio {ratio:.1f}"
            )
            times = []
            for number in range(arguments.queries):
                begun = time.perf_counter()
                context.search(QUESTIONS[number % len(QUESTIONS)], collection=cold.collection)
                times.append((time.perf_counter() - begun) * 1e3)
            times = sorted(times[len(QUESTIONS) :])
            print(f"search: p50 {statistics.median(times):.1f} ms, p95 {times[int(len(times) * 0.95)]:.1f} ms")
            status = context.status(cold.collection)
            share = status.bytes_on_disk / cold.indexed_bytes
            print(f"on disk: {status.bytes_on_disk / 1e6:.1f} MB, {share:.2f} of source")
            for actor in status.actors:
                print(f"  {actor.name}: {actor.rss_bytes / 2**20:.0f} MiB resident")


if __name__ == "__main__":
    main()
