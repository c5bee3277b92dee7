"""How much the driver of an index run sustains by itself: no file is read, no task does anything.

    python benchmarks/driver.py [--files 1000000] [--tasks 8000] [--ray] [--json FILE]

Planning: files/s of a synthetic tree through the comparison by stat, the planner (from the scan to the instructions to
index), and the comparison of Merkle trees, which the VectorStoreActor does; for a first run and for one in which
one file of a hundred has changed. Tasks: a whole `Job` over a runtime whose tasks return at once what a real one has
returned, as bytes that are decoded anew for each task, as they are where it comes from another process; by
files per task. `--ray`: also empty tasks through a real Ray on this machine, with as many in flight as a cluster of 64
workers has.

CPU seconds of this process, which is what a busy machine does not change much.
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from record import show

import raycontext
from raycontext.actors.job import Job
from raycontext.actors.vector_store import VectorStoreActor
from raycontext.discover.scan import Scan, compared
from raycontext.discover.snapshot import Snapshot, SnapshotEntry
from raycontext.discover.walk import walk
from raycontext.index.planning import batches
from raycontext.index.planning import planner as index_planner
from raycontext.index.work import stages
from raycontext.index.work.stages import IndexedBatch
from raycontext.models import FileDigest, FileStat, IndexOptions, TreeListing
from raycontext.models.options import RunOptions
from raycontext.runtime.base import ActorHandle
from raycontext.runtime.ray import RayRuntime
from raycontext.store.changes import TreeChanges
from raycontext.store.collection import CollectionIdentity, Location
from raycontext.store.fingerprint import installation
from raycontext.store.manifest import SegmentReference
from raycontext.store.vector_store import CollectionState, VectorStore
from raycontext.ulid import new_ulid

FILES_PER_FOLDER = 40
CHANGED_SHARE = 100
"""One file of so many has changed in the second run."""
FILES_PER_TASK = (1, 20, 200, 2000)
MOST_FILES = 1_000_000
"""Of the runs by files per task."""
WORKERS = 64
SCANNED_AT_NS = 2_000_000_000_000_000_000
DIGEST = b"0123456789abcdef"

Figures = dict[str, Any]


def synthetic_tree(files: int, size: int) -> list[FileStat]:
    """Paths as deep as those of a monorepo, in order."""
    paths = sorted(
        f"projects/p{number // 4000:03}/src/m{number // FILES_PER_FOLDER:05}/file_{number:07}.py"
        for number in range(files)
    )
    return [FileStat(path, size, 1_700_000_000_000_000_001, number + 1) for number, path in enumerate(paths)]


@contextmanager
def cpu(figures: Figures, name: str) -> Iterator[None]:
    begun = time.process_time()
    yield
    figures[name] = time.process_time() - begun


def planned(figures: Figures, files: Sequence[FileStat], previous: Snapshot | None, store: VectorStore) -> None:
    """From a walk to the instructions to index, with the CPU seconds of each step."""
    options = IndexOptions(num_shards=16)
    planner = index_planner.ReindexPlanner(
        options, owed=previous is None, replace=False, parallelism=WORKERS, new_txn=new_ulid
    )
    listing = TreeListing(SCANNED_AT_NS, list(files), [], [])
    with cpu(figures, "scan_comparison_seconds"):
        found = compared(listing, options, previous)
    with cpu(figures, "planner_to_hash_seconds"):
        instructions = planner.handle(index_planner.Scanned(found))
    results = [
        index_planner.Hashed(instruction, [FileDigest(file.path, DIGEST, None) for file in instruction.files])
        for instruction in instructions
        if isinstance(instruction, index_planner.HashFiles)
    ]
    with cpu(figures, "planner_to_compare_seconds"):
        (compare,) = (following for result in results for following in planner.handle(result))
    assert isinstance(compare, index_planner.CompareTrees)
    with cpu(figures, "merkle_comparison_seconds"):
        changes = store.compare(compare.hashed, compare.removed, compare.skips)
    with cpu(figures, "planner_to_index_seconds"):
        instructions = planner.handle(index_planner.Compared(changes))
    figures["index_tasks"] = len(instructions)
    driver = sum(seconds for name, seconds in figures.items() if name.startswith(("scan_", "planner_")))
    figures["files"] = len(files)
    figures["driver_files_per_second"] = len(files) / driver
    figures["with_merkle_files_per_second"] = len(files) / (driver + figures["merkle_comparison_seconds"])


def planning(count: int) -> Figures:
    """Of a first run, and of one after it."""
    files = synthetic_tree(count, 8_000)
    entries = {file.path: SnapshotEntry(*file[1:], DIGEST, None) for file in files}
    first: Figures = {}
    second: Figures = {}
    with tempfile.TemporaryDirectory() as folder, raycontext.connect(root=folder, runtime="inline") as context:
        Path(folder, "source").mkdir()
        name = context.prepare(Path(folder, "source"), "tree")
        planned(first, files, None, VectorStore(Location(folder, name).open()))
        changed = [
            file._replace(mtime_ns=file.mtime_ns + 1) if number % CHANGED_SHARE == 0 else file
            for number, file in enumerate(files)
        ]
        store = VectorStore(Location(folder, name).open())
        state = store.begin(RunOptions())
        store.commit(
            index_planner.Change(new_ulid(), (), entries, {}, frozenset(), frozenset(), SCANNED_AT_NS, state.options)
        )
        planned(second, changed, Snapshot(SCANNED_AT_NS, entries), store)
    return {"first": first, "one_in_a_hundred_changed": second}


class RecordedActor(ActorHandle[VectorStoreActor]):
    """A VectorStoreActor that says at once what a job needs to go on."""

    def __init__(self, options: IndexOptions) -> None:
        self._state = CollectionState(0, options, False, True, 0, 0, {})
        self.commits = 0

    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        await asyncio.sleep(0)
        if method == "compare":
            return TreeChanges([file.path for file, _ in arguments[0]], [], [], {}, [], {})
        if method == "commit":
            self.commits += 1
            self._state = self._state._replace(version=self.commits, unrecorded=False)
        return self._state

    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        return asyncio.run(self.send(method, arguments, named))


class RecordedRuntime:
    """Tasks return at once what was recorded, decoded anew as if it came from another process."""

    parallelism = WORKERS
    joined = False

    def __init__(self, files: Sequence[FileStat], segment: SegmentReference) -> None:
        self.store = RecordedActor(IndexOptions())
        self.tasks = 0
        self.recording_seconds = 0.0
        self._scan = Scan(SCANNED_AT_NS, len(files), list(files), {}, [], [], ())
        self._segment = segment

    async def actor(self, *_: Any, **__: Any) -> RecordedActor:
        return self.store

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        await asyncio.sleep(0)
        if function is stages.scan_tree:
            return self._scan
        begun = time.process_time()
        pickled = pickle.dumps(self._result(function, arguments), pickle.HIGHEST_PROTOCOL)
        self.recording_seconds += time.process_time() - begun  # what a worker does
        return pickle.loads(pickled)

    def _result(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        if function is stages.hash_files:
            return [FileDigest(file.path, DIGEST, None) for file in arguments[1]]
        self.tasks += 1
        files = arguments[2]
        entries = {file.path: SnapshotEntry(*file[1:], DIGEST, None) for file in files}
        return IndexedBatch(self._segment, entries, sum(file.size for file in files))


def recorded_segment() -> SegmentReference:
    """What a real task returns."""
    source = Path(raycontext.__file__).parent / "store"
    files = walk(source, IndexOptions().max_file_bytes).files
    with tempfile.TemporaryDirectory() as folder:
        batch = stages.index_files(str(source), Location(folder, "recorded"), files, IndexOptions())
    assert batch.segment is not None
    return batch.segment


def tasks(count: int, files_per_task: int, segment: SegmentReference) -> Figures:
    """A whole job of `count` index tasks, CPU seconds of the driver alone."""
    # Of a large tree the planner makes tasks as large as it may.
    size = batches.LARGEST_INDEX_BATCH_BYTES // files_per_task
    files = synthetic_tree(min(count * files_per_task, MOST_FILES), size)
    runtime: Any = RecordedRuntime(files, segment)
    job = Job(Location("/nowhere", "tree"), runtime, CollectionIdentity("tree", "/nowhere", new_ulid()))
    begun = time.process_time()
    report = asyncio.run(job.run(RunOptions()))
    seconds = time.process_time() - begun - runtime.recording_seconds
    assert report.added == len(files)
    return {
        "files_per_task": files_per_task,
        "tasks": runtime.tasks,
        "commits": runtime.store.commits,
        "seconds": seconds,
        "tasks_per_second": runtime.tasks / seconds,
        "files_per_second": len(files) / seconds,
    }


async def ray_tasks(count: int, workers: int) -> Figures:
    """Tasks that do nothing through a real Ray, `WORKERS` in flight."""
    runtime = RayRuntime(None, "driver", workers, 100 << 20, 60.0, installation)
    await runtime.start()
    try:
        with tempfile.TemporaryDirectory() as folder:

            async def some(number: int) -> None:
                for _ in range(number):
                    await runtime.run(stages.hash_files, folder, (), 1)

            await asyncio.gather(*(some(1) for _ in range(WORKERS)))  # workers start
            begun, cpu_begun = time.perf_counter(), time.process_time()
            await asyncio.gather(*(some(count // WORKERS) for _ in range(WORKERS)))
            seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - cpu_begun
    finally:
        await runtime.close()
    done = count // WORKERS * WORKERS
    return {
        "tasks": done,
        "wall_seconds": seconds,
        "tasks_per_second": done / seconds,
        "driver_cpu_seconds_per_task": cpu_seconds / done,
        "workers": workers,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--tasks", type=int, default=8_000)
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    segment = recorded_segment()
    figures: Figures = {"tasks": [tasks(arguments.tasks, number, segment) for number in FILES_PER_TASK]}
    figures["planning"] = planning(arguments.files)
    if arguments.ray:
        figures["ray"] = asyncio.run(ray_tasks(4_000, workers=2))
    show(figures, arguments.json)


if __name__ == "__main__":
    main()
