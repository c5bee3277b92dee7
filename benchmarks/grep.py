"""Measure `grep` beside ripgrep: whether files and lines are the same, and how long a search takes in the shard.

    python benchmarks/grep.py equality CORPUS [--patterns 200] [--write FILE]
    python benchmarks/grep.py speed FOLDER [--write FILE]

CORPUS is a folder of repositories. Each pattern is made of what a file of theirs holds: literals, words, classes,
alternations, anchors, case folding.
What ripgrep finds in files that are not indexed, or whose text is decoded (as the cells of notebooks are) or redacted,
is counted apart. Times of ripgrep include its start, as a user waits for it; those of the shard do not include the way
there. Both are medians, warm.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import record

import raycontext
from raycontext.grep.pattern import GrepPattern
from raycontext.search.grep.shard import GrepOf, Grepped
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Location

RIPGREP = shutil.which("rg", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "rg"
MOST_LINES = 1_000_000
SEED = 7
WORD = re.compile(r"[A-Za-z_]\w{3,}")
FIXED = (
    *("^$", r"\s+$", r"^\s*$", r"[^\x00-\x7F]", r"\p{Greek}", r"\p{Han}", r"\bTODO\b", r"(?i)fixme|todo"),
    *(r"^#", r";$", r"\t", r"0x[0-9a-fA-F]+", r"\.$", r"https?://[^\s\"']+", r"[A-Z]{4,}_[A-Z]+", r"\(\)$", r"^\S"),
    *(r"\w+@\w+\.\w+", r"(?i)kelvin", r"(?i:ss)$", r"\bß", r"[\w&&[^\d_]]{12,}", r"\r$", r"x{3}", "==", "!="),
    *("->", "::", "é", "(?i)É", r"\d{4}-\d{2}-\d{2}"),
)


def found_by_ripgrep(folder: Path, pattern: str, flags: list[str]) -> Counter[str]:
    """Return the number of matching lines by file."""
    command = [
        RIPGREP,
        "--no-config",
        "--count",
        "--null",
        "--no-messages",
        "--color=never",
        *flags,
        "-e",
        pattern,
        ".",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    counts: Counter[str] = Counter()
    for line in done.stdout.split(b"\n"):
        path, _, count = line.partition(b"\0")
        if count:
            counts[os.fsdecode(path.removeprefix(b"./"))] = int(count)
    return counts


def patterns_of(files: list[Path], count: int, seed: int) -> list[tuple[str, dict[str, bool]]]:
    """Return patterns made of what files hold, with flags. The same seed gives the same ones."""
    chosen = random.Random(seed)
    made: list[tuple[str, dict[str, bool]]] = [(pattern, {}) for pattern in FIXED]
    while len(made) < count:
        lines = chosen.choice(files).read_text(errors="ignore").split("\n")
        words = WORD.findall(chosen.choice(lines))
        if not words:
            continue
        word = chosen.choice(words)
        other = chosen.choice(words)
        forms = (
            (word, {}), (word, {"word": True}), (word, {"ignore_case": True}), (rf"\b{word}\b", {}),
            (rf"{word}|{other}", {}), (rf"{word[:3]}\w+", {}), (rf"^\s*{word}", {}), (rf"{word}.*{other}", {}),
            (rf"{word}\s*\(", {}), (rf"[{word[0]}{word[0].swapcase()}]{word[1:]}", {}), (word[:2], {}),
            (rf"\w*{word[-4:]}$", {}), (f"{word}(", {"fixed_string": True}), (rf"(?i:{word[:4]}){word[4:]}", {}),
        )  # fmt: skip
        made.append(chosen.choice(forms))
    return made[:count]


def flags_of(options: dict[str, bool]) -> list[str]:
    """Return ripgrep's flags for some options."""
    return [{"word": "-w", "ignore_case": "-i", "fixed_string": "-F"}[name] for name in options]


def equality(corpus: Path, count: int) -> dict[str, Any]:
    """Compare the counts of lines by file over all repositories, and return what differs."""
    folders = sorted(path for path in corpus.iterdir() if path.is_dir())
    totals: Counter[str] = Counter()
    differing: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as root, raycontext.connect(root=root, runtime="inline", workers=2) as context:
        for number, folder in enumerate(folders):
            context.index(folder, collection=f"c{number}")
            status = context.status(f"c{number}")
            shard = ShardSearch(Location(str(root), f"c{number}").open(), 0)
            listed = subprocess.run([RIPGREP, "--files", "--null", "."], cwd=folder, capture_output=True, check=True)
            seen = {os.fsdecode(path.removeprefix(b"./")) for path in listed.stdout.split(b"\0")}
            apart = {path for path, _ in status.skipped_files} | set(status.redacted)
            apart |= set(_decoded(shard))
            files = [folder / path for path in sorted(seen - apart) if path and (folder / path).stat().st_size > 50]
            indexed = set(_paths(shard))
            totals["files that ripgrep sees"] += len(seen)
            totals["of these not indexed, decoded or redacted"] += len(seen - indexed | seen & apart)
            for pattern, options in patterns_of(files, count, SEED + number):
                theirs = found_by_ripgrep(folder, pattern, flags_of(options))
                ours = _counts(shard, pattern, options)
                totals["searches"] += 1
                totals["lines of ripgrep"] += theirs.total()
                both = (set(theirs) | set(ours)) & seen & indexed - apart
                wrong = {path: (theirs[path], ours[path]) for path in sorted(both) if theirs[path] != ours[path]}
                totals["lines in files that are compared"] += sum(theirs[path] for path in both)
                totals["searches that differ"] += bool(wrong)
                if wrong:
                    differing.append({"folder": folder.name, "pattern": pattern, **options, "files": wrong})
            print(f"{folder.name}: {dict(totals)}", flush=True)
    return {"totals": dict(totals), "differing": differing[:50]}


def _asked(pattern: str, options: dict[str, bool], **more: Any) -> GrepOf:
    return GrepOf(GrepPattern(pattern, **options), **more)


def _counts(shard: ShardSearch, pattern: str, options: dict[str, bool]) -> Counter[str]:
    _, found = shard.look(_asked(pattern, options, output="counts", most=MOST_LINES).answer)
    return Counter({file.path: file.lines for file in found.files})


def _paths(shard: ShardSearch) -> list[str]:
    _, paths = shard.look(
        lambda view: [part.segment.path(n) for part in view.parts for n in range(len(part.alive_files))]
    )
    return paths


def _decoded(shard: ShardSearch) -> list[str]:
    _, paths = shard.look(
        lambda view: [
            part.segment.path(number)
            for part in view.parts
            for number in range(len(part.alive_files))
            if part.segment.encoding(number) != "utf-8" or part.segment.path(number).endswith(".ipynb")
        ]
    )
    return paths


def timed(work: Callable[[], object], tries: int) -> tuple[float, float]:
    """Return the median time and CPU time of some tries after a first one, in milliseconds."""
    work()
    times, cpu_times = [], []
    for _ in range(tries):
        begun, cpu_begun = time.perf_counter(), _cpu_seconds()
        work()
        times.append(time.perf_counter() - begun)
        cpu_times.append(_cpu_seconds() - cpu_begun)
    return 1000 * statistics.median(times), 1000 * statistics.median(cpu_times)


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of the children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def speed(folder: Path, root: Path, collection: str, patterns: list[str], tries: int) -> dict[str, Any]:
    """Measure searches in the shard beside ripgrep with two threads, by pattern."""
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        begun = time.perf_counter()
        report = context.index(folder, collection=collection, num_shards=1)
        print(f"indexed {report.files} files in {time.perf_counter() - begun:.0f} s", flush=True)
        status = context.status(collection)
    shard = ShardSearch(Location(str(root), collection).open(), 0)
    shard.look(_asked("^$", {}, most=1, totals=False).answer)
    rows = []
    for pattern in patterns:
        command = [RIPGREP, "--no-config", "-j2", "-n", "--no-heading", "-e", pattern, "."]

        def peer(command: list[str] = command) -> None:
            with Path(os.devnull).open("wb") as nowhere:
                subprocess.run(command, cwd=folder, stdout=nowhere, check=False)

        def whole(pattern: str = pattern) -> Grepped:
            return shard.look(_asked(pattern, {}, most=100).answer)[1]

        def first(pattern: str = pattern) -> Grepped:
            return shard.look(_asked(pattern, {}, most=100, totals=False).answer)[1]

        found = whole()
        share = found.matching_files / max(found.searched_files, 1)
        kind = "rare" if found.matching_files <= 20 else "typical" if share <= 0.01 else "frequent"
        (theirs, their_cpu), (all_ms, all_cpu), (first_ms, first_cpu) = (
            timed(work, tries) for work in (peer, whole, first)
        )
        row = {
            "pattern": pattern, "kind": kind, "lines": found.matching_lines, "files": found.matching_files,
            "read": found.read_files, "ripgrep_ms": round(theirs, 1), "all_ms": round(all_ms, 1),
            "first_100_ms": round(first_ms, 1), "times_faster": round(theirs / all_ms, 2),
            "ripgrep_cpu_ms": round(their_cpu, 1), "all_cpu_ms": round(all_cpu, 1),
            "first_100_cpu_ms": round(first_cpu, 1), "times_less_cpu": round(their_cpu / all_cpu, 2),
        }  # fmt: skip
        print(json.dumps(row), flush=True)
        rows.append(row)
    return {"files": status.files, "source_bytes": status.source_bytes, "rows": rows}


SPEED_PATTERNS = [
    *("netdev_alloc_pcpu_stats", "ext4_mb_mark_bb", r"\bkfree_sensitive\b", "tcp_v4_do_rcv|udp_sendpage"),
    *("dma_map_single", r"mutex_lock_interruptible\(", "(?i)out of memory", r"struct \w+_ops \w+ = \{", "spin_lock_bh"),
    *("return", r"\bif \(", "static", "^#include", r"\w+_init\(", "e", "^$"),
]
"""Patterns for `speed`: rare, typical and frequent ones in the source of Linux."""


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["equality", "speed"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patterns", type=int, default=200, help="number of patterns for each repository")
    parser.add_argument("--root", type=Path, help="where the index is kept between runs")
    parser.add_argument("--collection", default="speed", help="name of the index that is kept")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--pattern", action="append", help="pattern for speed; may be given again")
    parser.add_argument("--write", type=Path, help="file for the figures, as JSON")
    given = parser.parse_args()
    if given.what == "equality":
        figures = equality(given.folder, given.patterns)
    else:
        root = given.root or Path(tempfile.mkdtemp())
        figures = speed(given.folder, root, given.collection, given.pattern or SPEED_PATTERNS, given.tries)
    print(json.dumps(figures, indent=1)[:4000])
    if given.write:
        record.write(given.write, f"grep {given.what}", figures, "rurex", "ripgrep")


if __name__ == "__main__":
    main()
