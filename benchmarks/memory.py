"""Memory of each process, while a folder is indexed and while it is searched.

    python benchmarks/memory.py FOLDER [--workers 2] [--seconds 20] [--json FILE]

Through Ray, in a folder of its own. For each kind of process, by the name that Ray gives it (`driver` is the one that
calls): how many, their resident set size (RSS) and their proportional set size (PSS: what several processes map is
counted in shares), MB, summed over the kind. Looked at twice a second, so a peak of a kind may be a little higher:

- started: Ray runs, nothing was asked yet;
- indexing: the highest of each kind during a cold index, and of all together;
- indexed: a while after it, with workers that Ray keeps for a minute;
- searching: the highest while one client searches as fast as it is answered.

Linux alone: elsewhere PSS is not told.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from questions import QUESTIONS
from sampling import sampling

import raycontext

SAMPLE_SECONDS = 0.5
SETTLE_SECONDS = 5.0

Sizes = dict[str, dict[str, float]]
"""By kind of process: processes, rss_mb, pss_mb."""


def kind_of(process: psutil.Process) -> str:
    """Ray's name for what a process does, else that of its program."""
    first, *others = process.cmdline() or [process.name()]
    if first.startswith("ray::"):
        return first.split(" ")[0].removeprefix("ray::").split(".")[0]
    if Path(first).name.startswith("python"):
        script = next((Path(part).stem for part in others if part.endswith(".py")), "")
        return script or "python"
    return Path(first.split(" ")[0]).name


def sizes() -> Sizes:
    """Of this process and all below it, and of all together."""
    found: Sizes = {}
    driver = psutil.Process()
    for process in (driver, *driver.children(recursive=True)):
        try:
            kind = "driver" if process == driver else kind_of(process)
            memory = process.memory_full_info()
        except psutil.Error:  # it has ended
            continue
        for name in (kind, "all"):
            entry = found.setdefault(name, {"processes": 0, "rss_mb": 0.0, "pss_mb": 0.0})
            entry["processes"] += 1
            entry["rss_mb"] += memory.rss / 1e6
            entry["pss_mb"] += memory.pss / 1e6
    return found


@contextmanager
def highest() -> Iterator[Sizes]:
    """The highest of each kind during the block."""
    found: Sizes = {}

    def look() -> None:
        for kind, entry in sizes().items():
            known = found.setdefault(kind, dict(entry))
            known.update({name: max(value, known[name]) for name, value in entry.items()})

    with sampling(look, SAMPLE_SECONDS):
        yield found


def search_for(context: raycontext.SyncContext, collection: str, seconds: float) -> int:
    """How many searches were answered."""
    ended = time.monotonic() + seconds
    count = 0
    while time.monotonic() < ended:
        context.search(QUESTIONS[count % len(QUESTIONS)], collection=collection, refresh=False)
        count += 1
    return count


def measured(folder: Path, workers: int, seconds: float) -> dict[str, Any]:
    """All figures."""
    with (
        tempfile.TemporaryDirectory() as root,
        raycontext.connect(root=root, runtime="ray", workers=workers) as context,
    ):
        started = sizes()
        with highest() as indexing:
            report = context.index(folder)
        context.search(QUESTIONS[0], collection=report.collection, refresh=False)
        time.sleep(SETTLE_SECONDS)
        indexed = sizes()
        with highest() as searching:
            searches = search_for(context, report.collection, seconds)
        return {
            "files": report.files,
            "chunks": report.chunks,
            "source_mb": report.indexed_bytes / 1e6,
            "workers": workers,
            "started": started,
            "indexing": indexing,
            "indexed": indexed,
            "searching": searching,
            "searches": searches,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("The proportional set size is told by Linux alone.")
    figures = measured(arguments.folder, arguments.workers, arguments.seconds)
    print(f"{figures['files']} files, {figures['chunks']} chunks, {figures['searches']} searches")
    for moment in ("started", "indexing", "indexed", "searching"):
        print(f"{moment}:")
        for kind, entry in sorted(figures[moment].items(), key=lambda item: -item[1]["pss_mb"]):
            print(f"  {kind:<24}{entry['processes']:>3.0f} processes", end="")
            print(f"{entry['rss_mb']:>8.0f} MB RSS{entry['pss_mb']:>8.0f} MB PSS")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
