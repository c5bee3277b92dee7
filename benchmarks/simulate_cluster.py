"""How a first index of a large monorepo would go on 1 to 64 nodes: a discrete event simulation around the
real planner.

    python benchmarks/simulate_cluster.py FOLDER --driver FIGURES [--gigabytes 100] [--cores 16] [--json F] [--svg F]

Recorded in this process from FOLDER, a real repository: CPU seconds of the walk, of hashing and of index tasks by bytes
and by files, with the spread of the tasks around that; sizes of files; commits and comparisons of the real writer by
the size of the tree; what values cost that travel between processes. `--driver`: what `driver.py --ray --json` has
written, for the cost of the driver by file and task.

The simulated tree has files of the recorded sizes. The planner gets one entry for each group of files, with its limits
scaled accordingly, and each group is charged as all of its files. The driver and the writer do one thing after the
other; workers do one task at a time. Not simulated: the storage, which is taken to be fast enough for all, and
Ray's scheduling delay.
"""

from __future__ import annotations

import argparse
import heapq
import json
import pickle
import random
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from record import show

import raycontext
from raycontext.discover.scan import Scan
from raycontext.discover.snapshot import SnapshotEntry
from raycontext.discover.walk import walk
from raycontext.index.planning import batches
from raycontext.index.planning import planner as index_planner
from raycontext.index.work import stages
from raycontext.index.work.stages import IndexedBatch
from raycontext.models import FileDigest, FileStat, IndexOptions
from raycontext.models.options import RunOptions
from raycontext.store.changes import Change, TreeChanges
from raycontext.store.collection import Location
from raycontext.store.manifest import SegmentReference
from raycontext.store.vector_store import VectorStore
from raycontext.ulid import new_ulid

NODES = (1, 2, 4, 8, 16, 32, 64)
RECORDED_FILES = 40
"""Of a recorded index task: few, so that there are many tasks to learn from."""
COMMIT_SIZES = (20_000, 60_000, 120_000)
SIMULATED_ENTRIES = 400_000
SHARD_BYTES = 1.2e9
SEED = 7
DIGEST = b"0123456789abcdef"

Figures = dict[str, Any]


class Cost(NamedTuple):
    """Seconds of a task by what is in it."""

    by_task: float
    by_file: float
    by_byte: float

    def of(self, files: int, size: int) -> float:
        return self.by_task + self.by_file * files + self.by_byte * size


@dataclass(frozen=True)
class Recorded:
    """What a real run has cost, CPU seconds."""

    sizes: list[int]
    index: Cost
    spread: list[float]
    """Of the recorded tasks, each by what `index` says of it."""
    hash: Cost
    walk_by_file: float
    commit: Cost
    """By files of the whole tree."""
    compare_by_file: float
    encode_by_file: float
    decode_by_file: float
    """Of files with their digests, which travel between processes."""


@dataclass(frozen=True)
class Driver:
    """Seconds of the driver by file and step, and by task."""

    scanned: float
    hashed: float
    compared: float
    indexed: float
    task: float
    comparison_by_file: float
    """By stat, in the task that walks."""


def fitted(rows: Sequence[tuple[float, float, float]], seconds: Sequence[float]) -> Cost:
    """Least squares without negative costs."""
    matrix = np.array(rows)
    columns = list(range(matrix.shape[1]))
    while True:
        found, *_ = np.linalg.lstsq(matrix[:, columns], np.array(seconds), rcond=None)
        if (found >= 0).all():
            break
        columns.pop(int(np.argmin(found)))
    costs = [0.0, 0.0, 0.0]
    for column, cost in zip(columns, found, strict=True):
        costs[column] = float(cost)
    return Cost(*costs)


def cpu_seconds(work: Any, *arguments: Any) -> float:
    begun = time.process_time()
    work(*arguments)
    return time.process_time() - begun


def record(folder: Path) -> Recorded:
    options = IndexOptions()
    files = walk(folder, options.max_file_bytes).files
    walk_seconds = cpu_seconds(walk, folder, options.max_file_bytes)
    batches = [files[start : start + RECORDED_FILES] for start in range(0, len(files), RECORDED_FILES)]
    rows = [(1.0, float(len(batch)), float(sum(file.size for file in batch))) for batch in batches]
    with tempfile.TemporaryDirectory() as temporary:
        location = Location(temporary, "recorded")
        stages.index_files(str(folder), location, batches[0], options)  # loads kernels and grammars
        seconds = [cpu_seconds(stages.index_files, str(folder), location, batch, options) for batch in batches]
        hashing = [cpu_seconds(stages.hash_files, str(folder), batch, options.max_file_bytes) for batch in batches]
        commits, compares = zip(*(committed(Path(temporary), number) for number in COMMIT_SIZES), strict=True)
    index = fitted(rows, seconds)
    hashed = [(file, DIGEST) for file in files]
    encoded = pickle.dumps(hashed, pickle.HIGHEST_PROTOCOL)
    return Recorded(
        sizes=[file.size for file in files],
        index=index,
        spread=[second / index.of(int(row[1]), int(row[2])) for row, second in zip(rows, seconds, strict=True)],
        hash=fitted(rows, hashing),
        walk_by_file=walk_seconds / len(files),
        commit=fitted([(1.0, float(number), 0.0) for number in COMMIT_SIZES], commits)._replace(by_byte=0.0),
        compare_by_file=float(np.mean(np.array(compares) / COMMIT_SIZES)),
        encode_by_file=cpu_seconds(pickle.dumps, hashed, pickle.HIGHEST_PROTOCOL) / len(files),
        decode_by_file=cpu_seconds(pickle.loads, encoded) / len(files),
    )


def committed(folder: Path, number: int) -> tuple[float, float]:
    """Seconds of a commit on top of a tree of some files, and of comparing such a tree with nothing."""
    with raycontext.connect(root=folder, runtime="inline") as context:
        source = folder / f"source-{number}"
        source.mkdir()
        store = VectorStore(Location(str(folder), context.prepare(source, f"tree-{number}")).open())
    state = store.begin(RunOptions())
    files = [
        FileStat(f"p{index // 4000}/m{index // 40}/file_{index:07}.py", 8000, index, index) for index in range(number)
    ]
    compare = cpu_seconds(store.compare, [(file, DIGEST) for file in files], (), {})
    entries = {file.path: SnapshotEntry(*file[1:], DIGEST, None) for file in files}

    def commit(some: dict[str, SnapshotEntry]) -> None:
        store.commit(Change(new_ulid(), (), some, {}, frozenset(), frozenset(), 2 * 10**18, state.options))

    commit(entries)
    few = dict(list(entries.items())[:1000])
    return min(cpu_seconds(commit, few) for _ in range(3)), compare


def driver_costs(figures: Figures) -> Driver:
    planning = figures["planning"]["first"]
    small, large = figures["tasks"][0], figures["tasks"][-1]
    files = planning["files"]
    by_file = large["seconds"] / (large["tasks"] * large["files_per_task"])
    planned = sum(seconds for name, seconds in planning.items() if name.startswith("planner_")) / files
    return Driver(
        scanned=planning["planner_to_hash_seconds"] / files,
        hashed=planning["planner_to_compare_seconds"] / files,
        compared=planning["planner_to_index_seconds"] / files,
        indexed=max(by_file - planned, 0.0),
        task=small["seconds"] / small["tasks"] + figures["ray"]["driver_cpu_seconds_per_task"],
        comparison_by_file=planning["scan_comparison_seconds"] / files,
    )


class Tree(NamedTuple):
    groups: list[FileStat]
    group: int  # files of each
    files: int
    size: int


def monorepo(sizes: Sequence[int], wanted: float) -> Tree:
    chance = random.Random(SEED)
    mean = sum(sizes) / len(sizes)
    group = max(round(wanted / mean / SIMULATED_ENTRIES), 1)
    groups = []
    size = 0
    while size < wanted:
        together = sum(chance.choices(sizes, k=group))
        groups.append(FileStat(f"p{len(groups) // 4000:04}/file_{len(groups):07}.py", together, 0, 1))
        size += together
    return Tree(groups, group, len(groups) * group, size)


class Simulation:
    """One run. Times are seconds since its begin."""

    def __init__(self, tree: Tree, recorded: Recorded, driver: Driver, workers: int) -> None:
        self._tree, self._recorded, self._driver = tree, recorded, driver
        self._workers = [0.0] * workers
        self._parallelism = workers
        self._driver_free = self._writer_free = 0.0
        self._events: list[tuple[float, int, index_planner.Event]] = []
        self._order = count()
        self._chance = random.Random(SEED)
        self._committed = 0
        self.busy = {"driver": 0.0, "writer": 0.0, "workers": 0.0}
        self.ended: dict[str, float] = {}
        self.commits = self.tasks = 0
        self.longest_commit = 0.0

    def run(self) -> float:
        names = count()
        planner = index_planner.ReindexPlanner(
            IndexOptions(num_shards=max(round(self._tree.size / SHARD_BYTES), 1)),
            owed=True,
            replace=False,
            parallelism=self._parallelism,
            new_txn=lambda: str(next(names)),
        )
        waiting = deque(planner.start())
        running = 0
        while True:
            while waiting and running <= self._parallelism:
                instruction = waiting.popleft()
                if isinstance(instruction, index_planner.Finish):
                    return self._driver_free
                self._send(instruction)
                running += 1
            now, _, event = heapq.heappop(self._events)
            running -= 1
            self._use_driver(now, self._cost_of(event))
            waiting.extendleft(reversed(planner.handle(event)))
            self.ended[type(event).__name__] = self._driver_free

    def _send(self, instruction: index_planner.Instruction) -> None:
        tree, recorded = self._tree, self._recorded
        match instruction:
            case index_planner.ScanTree():
                by_file = recorded.walk_by_file + self._driver.comparison_by_file + recorded.encode_by_file
                event: index_planner.Event = index_planner.Scanned(
                    Scan(1, len(tree.groups), tree.groups, {}, [], [], ())
                )
                ended = self._use_worker(by_file * tree.files)
            case index_planner.HashFiles(files):
                event = index_planner.Hashed(instruction, [FileDigest(file.path, DIGEST, None) for file in files])
                ended = self._use_worker(recorded.hash.of(len(files) * tree.group, sum(file.size for file in files)))
            case index_planner.CompareTrees(hashed, _, _):
                event = index_planner.Compared(TreeChanges([file.path for file, _ in hashed], [], [], {}, [], {}))
                self._use_driver(self._driver_free, recorded.encode_by_file * tree.files)
                by_file = recorded.decode_by_file + recorded.compare_by_file
                ended = self._use_writer(by_file * tree.files)
            case index_planner.IndexFiles(_, files):
                size = sum(file.size for file in files)
                entries = {file.path: SnapshotEntry(*file[1:], DIGEST, None) for file in files}
                segment = SegmentReference(name="s", checksum="", files=len(files), rows=1, bytes=size)
                event = index_planner.Indexed(instruction, IndexedBatch(segment, entries, size))
                seconds = recorded.index.of(len(files) * tree.group, size) * self._chance.choice(recorded.spread)
                ended = self._use_worker(seconds)
                self.tasks += 1
            case index_planner.Commit(change):
                self._committed += len(change.entries) * tree.group
                seconds = recorded.commit.of(self._committed, 0)
                self.commits, self.longest_commit = self.commits + 1, max(self.longest_commit, seconds)
                event = index_planner.Committed(instruction)
                ended = self._use_writer(seconds)
            case _:
                raise AssertionError(instruction)
        heapq.heappush(self._events, (ended, next(self._order), event))

    def _cost_of(self, event: index_planner.Event) -> float:
        driver, group = self._driver, self._tree.group
        match event:
            case index_planner.Scanned():
                return self._tree.files * (driver.scanned + self._recorded.decode_by_file)
            case index_planner.Hashed(_, digests):
                return driver.task + driver.hashed * len(digests) * group
            case index_planner.Compared(changes):
                return driver.compared * len(changes.added) * group
            case index_planner.Indexed(_, batch):
                return driver.task + driver.indexed * len(batch.entries) * group
            case _:
                return driver.task

    def _use_driver(self, now: float, seconds: float) -> None:
        self._driver_free = max(now, self._driver_free) + seconds
        self.busy["driver"] += seconds

    def _use_writer(self, seconds: float) -> float:
        self._writer_free = max(self._driver_free, self._writer_free) + seconds
        self.busy["writer"] += seconds
        return self._writer_free

    def _use_worker(self, seconds: float) -> float:
        ended = max(heapq.heappop(self._workers), self._driver_free) + seconds
        heapq.heappush(self._workers, ended)
        self.busy["workers"] += seconds
        return ended


def simulated(tree: Tree, recorded: Recorded, driver: Driver, nodes: int, cores: int) -> Figures:
    simulation = Simulation(tree, recorded, driver, nodes * cores)
    wall = simulation.run()
    ends = simulation.ended
    return {
        "nodes": nodes,
        "workers": nodes * cores,
        "wall_seconds": wall,
        "phases_seconds": {
            "walk": ends["Scanned"],
            "hash": ends["Hashed"] - ends["Scanned"],
            "compare": ends["Compared"] - ends["Hashed"],
            "index": ends["Indexed"] - ends["Compared"],
            "last commits": max(wall - ends["Indexed"], 0.0),
        },
        "index_tasks": simulation.tasks,
        "commits": simulation.commits,
        "longest_commit_seconds": simulation.longest_commit,
        "busy_share": {
            "driver": simulation.busy["driver"] / wall,
            "writer": simulation.busy["writer"] / wall,
            "workers": simulation.busy["workers"] / wall / (nodes * cores),
        },
    }


COLOURS = {"walk": "#4e79a7", "hash": "#76b7b2", "compare": "#e15759", "index": "#59a14f", "last commits": "#f28e2b"}
LEFT, TOP, WIDTH, HEIGHT, GAP = 60, 50, 300, 240, 90


def picture(runs: Sequence[Figures], title: str) -> str:
    """Speed-up beside the ideal on the left, where the wall time goes on the right."""
    base = runs[0]["wall_seconds"]
    step = WIDTH / (len(runs) - 1)
    highest = np.log2(runs[-1]["nodes"])

    def height(value: float) -> float:
        return float(TOP + HEIGHT * (1 - np.log2(value) / highest))

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 380" font-family="sans-serif" font-size="12">',
        '<rect width="820" height="380" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{title}</text>',
    ]
    for number, run in enumerate(runs):
        x, y = LEFT + step * number, height(run["nodes"])
        parts.append(f'<path d="M{LEFT} {y:.1f}h{WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{run["nodes"]}</text>')
        parts.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{run["nodes"]}</text>')
    for name, colour, values in (
        ("ideal", "#aaa", [run["nodes"] for run in runs]),
        ("whole run", "#e15759", [base / run["wall_seconds"] for run in runs]),
        (
            "index tasks alone",
            "#59a14f",
            [runs[0]["phases_seconds"]["index"] / run["phases_seconds"]["index"] for run in runs],
        ),
    ):
        points = [(LEFT + step * number, height(value)) for number, value in enumerate(values)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = points[-1]
        parts.append(f'<text x="{x - 6:.1f}" y="{y - 7:.1f}" text-anchor="end" fill="{colour}">{name}</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP - 10}">Speed-up</text>')
    parts.append(f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 36}" text-anchor="middle">nodes</text>')
    right = LEFT + WIDTH + GAP
    bar = WIDTH / len(runs)
    parts.append(f'<text x="{right}" y="{TOP - 10}">Wall time, minutes</text>')
    for number, run in enumerate(runs):
        bottom = float(TOP + HEIGHT)
        x = right + bar * number
        for phase, seconds in run["phases_seconds"].items():
            tall = 0.92 * HEIGHT * seconds / base
            bottom -= tall
            shape = f'x="{x + 4:.1f}" y="{bottom:.1f}" width="{bar - 8:.1f}" height="{tall:.1f}"'
            parts.append(f'<rect {shape} fill="{COLOURS[phase]}"/>')
        middle = x + bar / 2
        parts.append(
            f'<text x="{middle:.1f}" y="{bottom - 5:.1f}" text-anchor="middle">{run["wall_seconds"] / 60:.1f}</text>'
        )
        parts.append(f'<text x="{middle:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{run["nodes"]}</text>')
    for number, (phase, colour) in enumerate(COLOURS.items()):
        x = right + 72 * number - 30
        parts.append(f'<rect x="{x}" y="{TOP + HEIGHT + 42}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 14}" y="{TOP + HEIGHT + 51}">{phase}</text>')
    parts.append(f'<text x="{right + WIDTH / 2}" y="{TOP + HEIGHT + 36}" text-anchor="middle">nodes</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--driver", type=Path, required=True)
    parser.add_argument("--gigabytes", type=float, default=100.0)
    parser.add_argument("--cores", type=int, default=16)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    arguments = parser.parse_args()
    recorded = record(arguments.folder.resolve())
    driver = driver_costs(json.loads(arguments.driver.read_text()))
    tree = monorepo(recorded.sizes, arguments.gigabytes * 1e9)
    batches.INDEX_BATCH_FILES = max(batches.INDEX_BATCH_FILES // tree.group, 1)
    batches.HASH_BATCH_FILES = max(batches.HASH_BATCH_FILES // tree.group, 1)
    runs = []
    for nodes in NODES:
        runs.append(simulated(tree, recorded, driver, nodes, arguments.cores))
        sys.stderr.write(f"{nodes} nodes: {runs[-1]['wall_seconds']:.0f} s\n")
    kept = {name: value for name, value in asdict(recorded).items() if name not in ("sizes", "spread")}
    spread = np.quantile(recorded.spread, (0.05, 0.5, 0.95, 1.0)).tolist()
    figures = {
        "recorded": kept | {"files": len(recorded.sizes), "bytes": sum(recorded.sizes), "spread_quantiles": spread},
        "driver": asdict(driver),
        "tree": {"files": tree.files, "bytes": tree.size, "files_of_an_entry": tree.group},
        "runs": runs,
    }
    show(figures, arguments.json)
    if arguments.svg:
        title = f"A first index of {arguments.gigabytes:g} GB, {tree.files / 1e6:.1f} million files, simulated"
        arguments.svg.write_text(picture(runs, f"{title}; {arguments.cores} cores a node"))


if __name__ == "__main__":
    main()
