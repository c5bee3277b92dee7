"""How fast a folder is indexed, what that costs, and how that compares, all in one run.

    python benchmarks/indexing.py FOLDER [--workers 2] [--one-worker] [--without-ray] [--semble PYTHON] [--json FILE]

Cold: wall time through Ray beside the bare tree-sitter parse of the same files on as many processes; the highest
resident memory of index tasks and of each actor; bytes on disk per byte of source. Unchanged: a second run beside a
walk with stat. One file edited: from the edit to an answer with it, by `index(paths=…)`. Searches: their times while
nothing else happens and while another collection is indexed. `--one-worker`: the cold run again with one task at a
time. `--without-ray`: the same batches in a pool of processes. `--semble`: the same folder by semble, with an
interpreter that has it (see `index_with_semble.py`).

The folder is left as it is: what is edited is a copy of links to its files.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path, PurePath
from typing import Any

import psutil
from questions import QUESTIONS
from record import show
from sampling import sampling

import raycontext
from raycontext.batching import cut_into_runs
from raycontext.chunk.languages.detect import detect_language
from raycontext.chunk.languages.grammars import parser_for
from raycontext.discover.read import read_content
from raycontext.discover.walk import walk
from raycontext.index.planning.batches import INDEX_BATCH_FILES, LARGEST_INDEX_BATCH_BYTES
from raycontext.index.work import stages
from raycontext.models import FileStat, IndexOptions, SkipReason
from raycontext.store.collection import Location

EDITS = 15
FUNCTIONS = {".c": "\nint {}(void) {{ return 1; }}\n", ".py": "\n\ndef {}():\n    return 1\n"}
SEARCHES = 100
HEAD_BYTES = 4096
SAMPLE_SECONDS = 0.1

Figures = dict[str, Any]


def parse_batch(arguments: tuple[str, Sequence[FileStat]]) -> int:
    """Read and parse some files, those that have a grammar; returns how many bytes."""
    folder, files = arguments
    parsed = 0
    for file in files:
        content = read_content(Path(folder), file.path, IndexOptions().max_file_bytes)
        if isinstance(content, SkipReason):
            continue
        parser = parser_for(detect_language(file.path, content.data[:HEAD_BYTES]))
        if parser is not None:
            parser.parse(content.data)
            parsed += len(content.data)
    return parsed


def index_batch(arguments: tuple[str, Location, Sequence[FileStat]]) -> int:
    """What an index task does."""
    return stages.index_files(*arguments, IndexOptions()).source_bytes


def batches_of(folder: Path) -> list[list[FileStat]]:
    files = walk(folder, IndexOptions().max_file_bytes).files
    return cut_into_runs(
        files, lambda file: file.size, most_size=LARGEST_INDEX_BATCH_BYTES, most_items=INDEX_BATCH_FILES
    )


def in_pool(workers: int, work: Callable[[Any], int], arguments: Sequence[Any]) -> tuple[float, int]:
    """Seconds, and the sum of what the work returned, without the start of the processes."""
    with get_context("spawn").Pool(workers) as pool:
        pool.map(work, arguments[:1] * workers)
        begun = time.perf_counter()
        total = sum(pool.imap_unordered(work, arguments))
        return time.perf_counter() - begun, total


@contextmanager
def peaks() -> Iterator[dict[str, float]]:
    """Highest resident memory of each kind of process below this one, MB, by the name that Ray gives it."""
    found: dict[str, float] = {}

    def look() -> None:
        for process in psutil.Process().children(recursive=True):
            try:
                name = (process.cmdline() or [""])[0].split(" ")[0]
                resident = process.memory_info().rss / 1e6
            except psutil.Error:
                continue
            if name.startswith("ray::") and name != "ray::IDLE":
                name = name.removeprefix("ray::").split(".")[0]
                found[name] = max(found.get(name, 0.0), resident)

    with sampling(look, SAMPLE_SECONDS):
        yield found


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def walk_and_stat(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            os.lstat(f"{place}/{name}")


def linked_copy(folder: Path, into: Path) -> Path:
    """The tree with links to its files; who writes a file anew breaks the link."""

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError:  # another file system
            shutil.copy2(source, target, follow_symlinks=False)

    shutil.copytree(folder, into, symlinks=True, copy_function=link)
    return into


def edit_seconds(context: raycontext.SyncContext, folder: Path, collection: str) -> list[float]:
    """From the edit of a file until a search finds what was written, once for each of some edits."""
    found = []
    editable = [file.path for file in walk(folder, 100_000).files if PurePath(file.path).suffix in FUNCTIONS]
    for number in range(EDITS):
        place = folder / editable[len(editable) * number // EDITS]
        word = f"edited_{number}_marker"
        content = place.read_bytes() + FUNCTIONS[place.suffix].format(word).encode()
        place.unlink()
        begun = time.perf_counter()
        place.write_bytes(content)
        context.index(folder, collection=collection, paths=[place])
        hits = context.search(word, collection=collection, refresh=False)
        found.append(time.perf_counter() - begun)
        if not any(word in hit.text for hit in hits):
            raise SystemExit(f"{place} was edited, and the search does not find it")
    return found


def search_milliseconds(context: raycontext.SyncContext, collection: str, until: Callable[[], bool]) -> list[float]:
    """Of searches one after the other, `SEARCHES` of them or until something has ended."""
    for question in QUESTIONS:
        context.search(question, collection=collection, refresh=False)
    times: list[float] = []
    while len(times) < SEARCHES and not until():
        question = QUESTIONS[len(times) % len(QUESTIONS)]
        times.append(
            seconds_of(lambda question=question: context.search(question, collection=collection, refresh=False))
        )
    return sorted(second * 1e3 for second in times)


def index_until_cancelled(context: raycontext.SyncContext, folder: Path, collection: str) -> None:
    with suppress(raycontext.JobCancelled):
        context.index(folder, collection=collection)


def cold(folder: Path, root: str, workers: int) -> tuple[raycontext.IndexReport, dict[str, float]]:
    with raycontext.connect(root=root, runtime="ray", workers=workers) as context, peaks() as memory:
        return context.index(folder), memory


def measured(arguments: argparse.Namespace, temporary: Path) -> Figures:
    """All figures but those of peers."""
    workers = arguments.workers
    folder = linked_copy(arguments.folder.resolve(), temporary / "tree")
    batches = batches_of(folder)
    parse_seconds, parsed = in_pool(workers, parse_batch, [(str(folder), batch) for batch in batches])
    root = str(temporary / "root")
    report, memory = cold(folder, root, workers)
    figures: Figures = {
        "files": report.files,
        "chunks": report.chunks,
        "source_mb": report.indexed_bytes / 1e6,
        "parsed_mb": parsed / 1e6,
        "parse_seconds": parse_seconds,
        "cold_seconds": report.seconds,
        "cold_to_parse": report.seconds / parse_seconds,
        "peak_mb": memory,
    }
    if arguments.without_ray:
        location = Location(str(temporary / "pool"), "pool")
        seconds, _ = in_pool(workers, index_batch, [(str(folder), location, batch) for batch in batches])
        figures |= {"pool_seconds": seconds, "ray_share": 1.0 - seconds / report.seconds}
        shutil.rmtree(temporary / "pool")
    if arguments.one_worker:
        one, _ = cold(folder, str(temporary / "one"), 1)
        figures |= {"one_worker_seconds": one.seconds, "two_to_one": one.seconds / report.seconds}
        shutil.rmtree(temporary / "one")
    with raycontext.connect(root=root, runtime="ray", workers=workers) as context:
        name = report.collection
        context.index(folder)
        time.sleep(5.0)  # compaction and garbage collection of the first run
        manifest = Location(root, name).open().latest()
        if manifest is None:
            raise SystemExit("the index is not there")
        stored = sum(segment.bytes for segment in manifest.segments)
        unchanged = statistics.median(seconds_of(lambda: context.index(folder)) for _ in range(5))
        walked = statistics.median(seconds_of(lambda: walk_and_stat(folder)) for _ in range(5))
        edits = edit_seconds(context, folder, name)
        idle = search_milliseconds(context, name, lambda: False)
        running = threading.Thread(target=index_until_cancelled, args=(context, folder, "other"))
        running.start()
        time.sleep(2.0)
        busy = search_milliseconds(context, name, lambda: not running.is_alive())
        context.cancel("other")
        running.join()
    return figures | {
        "disk_to_source": stored / report.indexed_bytes,
        "unchanged_seconds": unchanged,
        "unchanged_to_walk": unchanged / walked,
        "edit_p50_seconds": statistics.median(edits),
        "edit_max_seconds": max(edits),
        "search_idle_ms": {"p50": statistics.median(idle), "p95": idle[int(len(idle) * 0.95)]},
        "search_indexing_ms": {"p50": statistics.median(busy), "p95": busy[int(len(busy) * 0.95)], "count": len(busy)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--one-worker", action="store_true")
    parser.add_argument("--without-ray", action="store_true")
    parser.add_argument("--semble", metavar="PYTHON")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as temporary:
        figures = measured(arguments, Path(temporary))
    sys.stderr.write(json.dumps(figures) + "\n")
    if arguments.semble:
        script = Path(__file__).with_name("index_with_semble.py")
        done = subprocess.run(
            [arguments.semble, str(script), str(arguments.folder)],
            env={**os.environ, "SEMBLE_INDEX_WORKERS": str(arguments.workers)},
            stdout=subprocess.PIPE,
            check=True,
        )
        figures["semble"] = json.loads(done.stdout)
        figures["semble_to_cold"] = figures["semble"]["seconds"] / figures["cold_seconds"]
    show(figures, arguments.json)


if __name__ == "__main__":
    main()
