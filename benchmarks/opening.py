"""How long a collection takes to open, and how much room it takes.

    python benchmarks/opening.py ROOT COLLECTION [COLLECTION …] [--rounds 5]

For each collection a new process opens it and asks one question, as a search actor does: once with its files in the
page cache, once after the system was asked to drop them (`posix_fadvise`). Prints the median time from opening to the
answer, that from the start of the process (imports and compiled kernels included), how much was read from the disk
(which tells whether the files were dropped), the time of a second question, and bytes on disk per byte of source.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from raycontext.store.collection import Location

QUERY = "where is the next task scheduled"
SECOND = "how are memory pages allocated"
LIMIT = 10


def ask(root: str, name: str, begun: float) -> None:
    """In a process of its own: print what it took as JSON."""
    from raycontext.models import SearchFilters
    from raycontext.sdk.context import CANDIDATE_FILES
    from raycontext.search.query import SearchRequest
    from raycontext.search.shard import ShardSearch

    times = [time.time()]
    manifest = Location(root, name).open().latest()
    assert manifest is not None
    searches = [ShardSearch(Location(root, name).open(), shard) for shard in range(manifest.options.num_shards)]
    for query in (QUERY, SECOND):
        request = SearchRequest(query, SearchFilters(), CANDIDATE_FILES, LIMIT)
        if len(searches) == 1:
            assert searches[0].search(request, LIMIT, 0.0)
        else:
            for search in searches:
                assert len(search.candidates(request, search.statistics(request)).files)
        times.append(time.time())
    read = next(int(line.split()[1]) for line in Path("/proc/self/io").read_text().splitlines() if "read_bytes" in line)
    took = {"opening": times[1] - times[0], "process": times[1] - begun, "second": times[2] - times[1], "read": read}
    print(json.dumps(took))


def measured(root: str, name: str) -> dict[str, float]:
    command = [sys.executable, __file__, root, name, "--begun", str(time.time())]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def drop(folder: Path) -> None:
    """Ask the system to forget the files of a folder."""
    for place, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(Path(place) / name, os.O_RDONLY)
            try:
                os.fsync(descriptor)  # what is not written yet cannot be dropped
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("collections", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--begun", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.begun is not None:
        ask(arguments.root, arguments.collections[0], arguments.begun)
        return
    for name in arguments.collections:
        collection = Location(arguments.root, name).open()
        manifest = collection.latest()
        assert manifest is not None
        source = sum(entry.size for entry in collection.snapshot(manifest).entries.values() if entry.reason is None)
        size = sum(segment.bytes for segment in manifest.segments)
        segments = len(manifest.segments)
        print(
            f"{name}: {manifest.files} files, {manifest.chunks} chunks, {segments} segments; {size / 1e6:.1f} MB for "
            f"{source / 1e6:.1f} MB of source, {size / source:.2f} bytes on disk per byte",
            flush=True,
        )
        measured(arguments.root, name)  # fills the page cache
        for state in ("in the page cache", "dropped"):
            rounds = []
            for _ in range(arguments.rounds):
                if state == "dropped":
                    drop(Path(arguments.root) / name)
                rounds.append(measured(arguments.root, name))
            middle = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
            print(
                f"  {state}: first answer {middle['opening']:.2f} s after opening, {middle['process']:.2f} s after the "
                f"start of the process, {middle['read'] / 1e6:.0f} MB read from the disk; second "
                f"{middle['second'] * 1e3:.0f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
