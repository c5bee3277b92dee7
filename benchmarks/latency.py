"""Query time inside the actor of a shard, by the size of the collection.

    python benchmarks/latency.py FOLDER [FOLDER …] [--rounds 5] [--merge] [--json FILE]

Indexes each folder (in this process), asks the queries below as a search actor does (analysis, candidates, ranking,
texts of 10 hits) and prints chunks, segments, and the median, 90th percentile and maximum in
milliseconds. `--merge` merges the segments into one first. Times of one run on one machine: compare within a run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import raycontext
from raycontext.models import SearchFilters
from raycontext.sdk.context import CANDIDATE_FILES
from raycontext.search.query import SearchRequest
from raycontext.search.shard import ShardSearch
from raycontext.store.changes import Compaction
from raycontext.store.collection import Collection, Location
from raycontext.store.segments.compaction import merge_segments
from raycontext.store.writer import CollectionWriter

QUERIES = (
    "where is the next task scheduled",
    "how are memory pages allocated",
    "retry a failed network request",
    "parse command line arguments",
    "lock contention in the scheduler",
    "timer interrupt handling",
    "read a file from disk",
    "hash table lookup",
    "open_socket",
    "serialize an object to bytes",
    "error message when the connection is refused",
    "device driver registration",
    "convert string to integer",
    "user permission check",
    "cache eviction policy",
    "ActorHandle",
    "thread pool worker",
    "how does the garbage collector find cycles",
    "checksum of a packet",
    "event loop callback",
)
LIMIT = 10


def merge(collection: Collection) -> None:
    manifest = collection.latest()
    assert manifest is not None
    for number, shard in enumerate(manifest.shards):
        merged = merge_segments(
            collection.storage,
            collection.name,
            shard.segments,
            embedder=manifest.embedder,
            chunker=manifest.chunker,
        )
        CollectionWriter(collection).compact(Compaction(f"merge-{number}", number, shard.segments, merged))


def measure(collection: Collection, rounds: int) -> list[float]:
    """Milliseconds of each query of all rounds but the first, which maps the files."""
    search = ShardSearch(collection, 0)
    times = []
    for number in range(rounds + 1):
        for query in QUERIES:
            begun = time.perf_counter()
            search.search(SearchRequest(query, SearchFilters(), CANDIDATE_FILES, LIMIT), LIMIT, 0.0)
            if number:
                times.append((time.perf_counter() - begun) * 1e3)
    return sorted(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("--root", type=Path, help="folder that keeps the indexes for the next run")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = []
    with tempfile.TemporaryDirectory() as temporary:
        root = arguments.root or Path(temporary)
        for folder in arguments.folders:
            with raycontext.connect(root=root, runtime="inline") as context:
                name = context.index(folder).collection
            collection = Location(str(root), name).open()
            if arguments.merge:
                merge(collection)
            manifest = collection.latest()
            assert manifest is not None
            times = measure(collection, arguments.rounds)
            figures.append(
                {
                    "name": name,
                    "chunks": manifest.chunks,
                    "segments": len(manifest.shards[0].segments),
                    "p50_ms": statistics.median(times),
                    "p90_ms": times[int(len(times) * 0.9)],
                    "max_ms": times[-1],
                }
            )
            print(
                "{name}: {chunks} chunks, {segments} segments: p50 {p50_ms:.1f} ms, p90 {p90_ms:.1f} ms, "
                "max {max_ms:.1f} ms".format(**figures[-1]),
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
