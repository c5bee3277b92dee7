"""What a commit of one edited file costs in a large tree: bytes, time, and memory of the writer.

    python benchmarks/snapshots.py FOLDER [--edits 50]

Walks FOLDER, commits all of its files as a collection without segments, in a process of its own, and then edits one
file after the other, each in a commit of its own. Prints the size of the first snapshot, the bytes that an edit writes,
the time of a commit (p50 and the longest), and the private memory of a new process that has opened the collection and
committed an edit, above one that has opened a collection of a single file. Nothing is read from the files.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import psutil
import xxhash

from raycontext.discover.snapshot import SnapshotEntry
from raycontext.discover.walk import walk
from raycontext.models import IndexOptions
from raycontext.store.changes import Change
from raycontext.store.collection import Location
from raycontext.store.writer import CollectionWriter
from raycontext.ulid import new_ulid

NAME = "tree"
SEED = 7


def change(entries: dict[str, SnapshotEntry], scanned_at_ns: int) -> Change:
    """Return a change that indexes some files, of which there are no chunks."""
    return Change(
        txn=new_ulid(),
        segments=(),
        entries=entries,
        seen={},
        removed=frozenset(),
        unverified=frozenset(),
        scanned_at_ns=scanned_at_ns,
        options=IndexOptions(),
    )


def first(root: str, folder: str, most: int) -> None:
    """Commit all files of a folder, at most so many."""
    listing = walk(Path(folder), 1 << 20)
    entries = {
        file.path: SnapshotEntry(
            file.size,
            file.mtime_ns,
            file.inode,
            xxhash.xxh3_128_digest(file.path.encode(errors="surrogateescape")),
            None,
        )
        for file in listing.files[:most]
    }
    Location(root, NAME).open().create(folder)
    writer = CollectionWriter(Location(root, NAME).open())
    begun = time.perf_counter()
    writer.commit(change(entries, listing.scanned_at_ns), embedder="static", chunker="chunker")
    print(json.dumps({"files": len(entries), "first_commit_seconds": time.perf_counter() - begun}))


def edits(root: str, count: int) -> None:
    """Edit so many files, one after the other, and print what that took."""
    opened = Location(root, NAME).open()
    writer = CollectionWriter(opened)
    assert writer.manifest is not None
    paths = sorted(opened.snapshot(writer.manifest).entries) if count > 1 else ["only"]
    random, seconds, cpu, sizes = Random(SEED), [], [], []
    for number in range(count):
        path = random.choice(paths)
        known = writer.snapshot.get(path) or SnapshotEntry(1, 1, 1, bytes(16), None)
        entry = known._replace(
            digest=xxhash.xxh3_128_digest(f"{path} {number}".encode(errors="surrogateescape")),
            mtime_ns=known.mtime_ns + 1,
        )
        begun, worked = time.perf_counter(), time.process_time()
        manifest = writer.commit(
            change({path: entry}, writer.snapshot.scanned_at_ns), embedder="static", chunker="chunker"
        )
        seconds.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - worked)
        sizes.append(opened.storage.size(f"{NAME}/snapshots/{manifest.snapshot}"))
    memory = psutil.Process().memory_full_info().uss
    print(json.dumps({"seconds": seconds, "cpu": cpu, "sizes": sizes, "uss": memory}))


def in_process(*arguments: str) -> dict[str, object]:
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--edits", type=int, default=50)
    parser.add_argument("--step", choices=["first", "edits"])
    parser.add_argument("--root", default="")
    parser.add_argument("--most", type=int, default=10**9)
    arguments = parser.parse_args()
    if arguments.step == "first":
        first(arguments.root, arguments.folder, arguments.most)
        return
    if arguments.step == "edits":
        edits(arguments.root, arguments.edits)
        return
    with tempfile.TemporaryDirectory() as large, tempfile.TemporaryDirectory() as small:
        made = in_process(arguments.folder, "--step", "first", "--root", large)
        in_process(arguments.folder, "--step", "first", "--root", small, "--most", "1")
        whole = sum(file.stat().st_size for file in Path(large).rglob("snapshots/*/*"))
        found = in_process(arguments.folder, "--step", "edits", "--root", large, "--edits", str(arguments.edits))
        one = in_process(arguments.folder, "--step", "edits", "--root", large, "--edits", "1")
        least = in_process(arguments.folder, "--step", "edits", "--root", small, "--edits", "1")
    seconds, cpu, sizes = found["seconds"], found["cpu"], found["sizes"]
    assert isinstance(seconds, list)
    assert isinstance(cpu, list)
    assert isinstance(sizes, list)
    assert isinstance(one["uss"], int)
    assert isinstance(least["uss"], int)
    figures = {
        **made,
        "first_snapshot_bytes": whole,
        "edit_bytes_median": statistics.median(sizes),
        "edit_bytes_most": max(sizes),
        "edit_commit_ms_p50": 1000 * statistics.median(seconds),
        "edit_commit_ms_most": 1000 * max(seconds),
        "edit_commit_cpu_ms_p50": 1000 * statistics.median(cpu),
        "private_bytes_above_a_small_collection": one["uss"] - least["uss"],
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
