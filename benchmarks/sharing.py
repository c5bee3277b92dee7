"""Costs of a second worktree, of a clone that pulls, of a burst of edits and of a switch of branches.

    python benchmarks/sharing.py FOLDER [--json FILE]

The folder is copied twice, so that it can be edited. All figures are of one run on the same machine: the first index
and that of the second copy, beside a walk that hashes all files; a clone with a root of its own, which pulls what the
first copy has published; fifteen edits at once, each with a call of its own, beside one call with the fifteen paths,
medians of several rounds in turn; and 500 changed files, taken back, and changed again. Everything runs in this
process, so that its CPU time is all of it. Answers of both copies are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import record

import raycontext
from raycontext.actors.coordinator import Coordinator
from raycontext.discover.scan import scan
from raycontext.index.work.stages import hash_files
from raycontext.models import IndexOptions, IndexReport

Result = TypeVar("Result")

BURST = 15
BURST_ROUNDS = 7
SWITCHED = 500
LARGEST_EDITED = 1 << 20
"""Size in bytes of the largest file that is edited."""
QUERIES = ("where is memory freed", "parse the configuration file", "retry after an error", "main")


async def timed(work: Awaitable[Result]) -> tuple[Result, float, float]:
    """Return a result with the seconds and the CPU seconds of this process that it took."""
    begun, cpu = time.perf_counter(), time.process_time()
    result = await work
    return result, time.perf_counter() - begun, time.process_time() - cpu


def walked(source: Path) -> int:
    """Walk and hash all files; returns their number."""
    options = IndexOptions()
    found = scan(source, options, None)
    return len(hash_files(str(source), found.to_hash, options.max_file_bytes))


async def settled(context: raycontext.Context) -> None:
    """Wait until compaction and garbage collection have ended."""
    await (await context._coordinator()).call(Coordinator.settle)


def edited(source: Path, count: int, mark: str) -> dict[Path, bytes]:
    """Put a line at the end of that many text files, spread over the tree; returns their former contents."""
    options = IndexOptions()
    files = [file for file in scan(source, options, None).to_hash if 0 < file.size < LARGEST_EDITED]
    former: dict[Path, bytes] = {}
    for file in files[:: max(len(files) // (2 * count), 1)]:
        place = source / file.path
        content = place.read_bytes()
        if b"\0" in content or len(former) == count:
            continue
        former[place] = content
        place.write_bytes(content + f"\n{mark}\n".encode())
    return former


async def indexed(context: raycontext.Context, source: Path) -> dict[str, Any]:
    report, seconds, cpu = await timed(context.index(source))
    await settled(context)
    status = await context.status(report.collection)
    return {
        "files": report.files,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "disk_bytes": status.bytes_on_disk,
        "own_bytes": status.own_bytes,
        "reused_files": report.reused_files,
        "parsed_bytes": report.indexed_bytes,
    }


async def burst(context: raycontext.Context, source: Path) -> dict[str, Any]:
    """Return what calls at once for a file each cost, beside one call for as many files: medians of several rounds."""
    together: list[tuple[int, float, float]] = []
    apart: list[tuple[int, float, float]] = []
    for number in range(BURST_ROUNDS):
        for name, costs in (("one call", together), ("many calls", apart)):
            files = list(edited(source, BURST, f"{name} {number}"))
            base = (await context.status(path=source)).version
            calls = [files] if costs is together else [[file] for file in files]
            runs = asyncio.gather(*(context.index(source, paths=paths) for paths in calls))
            reports, seconds, cpu = await timed(runs)
            costs.append((max(report.version for report in reports) - base, seconds, cpu))
            await settled(context)
    figures: dict[str, Any] = {"calls": BURST, "rounds": BURST_ROUNDS}
    for prefix, costs in (("", apart), ("one_call_", together)):
        commits, seconds, cpus = zip(*costs, strict=True)
        figures[f"{prefix}commits"] = max(commits)
        figures[f"{prefix}seconds"] = round(median(seconds), 3)
        figures[f"{prefix}cpu_seconds"] = round(median(cpus), 3)
    figures["to_one_call_cpu"] = round(median(each[2] for each in apart) / median(each[2] for each in together), 2)
    return figures


async def publications(context: raycontext.Context, source: Path, work: Path) -> dict[str, Any]:
    """Return what it costs to publish an index, and to pull it into a clone on another machine, that is another root:
    with nothing there, with everything there, and after some edits. Ends the program where the clone parses a file or
    fetches another number of bytes than it lacks."""
    target, clone = work / "target", work / "clone"
    shutil.copytree(source, clone, symlinks=True)
    figures: dict[str, Any] = {}
    for name in ("first", "nothing_new", "after_edits"):
        if name == "after_edits":
            for place in edited(source, BURST, "published"):
                shutil.copy2(place, clone / place.relative_to(source))
            await context.index(source)
        published, _, publishing = await timed(context.publish(target, path=source))
        async with raycontext.connect(root=work / "clones", runtime="inline") as other:
            pulled, seconds, cpu = await timed(other.pull(target, clone))
            hits, _, answering = await timed(other.search(QUERIES[0], path=clone, refresh=False))
            await settled(other)
        if _parsed(pulled.index) or pulled.fetched_bytes != published.written_bytes or not len(hits):
            raise SystemExit(
                f"{name}: files were parsed, bytes fetched that were there, or nothing was found: {pulled}"
            )
        figures[name] = {
            "publish_cpu_seconds": round(publishing, 3),
            "pull_seconds": round(seconds, 3),
            "pull_cpu_seconds": round(cpu, 3),
            "answer_cpu_seconds": round(answering, 3),
            "parsed_files": _parsed(pulled.index),
            "pulled_files": pulled.pulled_files,
            "missing_bytes": published.written_bytes,
            "fetched_bytes": pulled.fetched_bytes,
            "published_bytes": pulled.bytes,
        }
    return figures


async def switches(context: raycontext.Context, source: Path) -> dict[str, Any]:
    """Return what it costs to change many files, to take that back, and to change them again."""
    former = edited(source, SWITCHED, "another branch")
    other = {place: place.read_bytes() for place in former}
    found: dict[str, Any] = {"changed_files": len(former)}
    for name, contents in (("there", None), ("back", former), ("there_again", other), ("back_again", former)):
        for place, content in (contents or {}).items():
            place.write_bytes(content)
        report, seconds, cpu = await timed(context.index(source))
        await settled(context)
        found[name] = {
            "parsed_files": _parsed(report),
            "seconds": round(seconds, 3),
            "cpu_seconds": round(cpu, 3),
        }
    return found


def _parsed(report: IndexReport) -> int:
    return report.added + report.modified - report.reused_files


async def measured(folder: Path, work: Path) -> dict[str, Any]:
    first, second = work / "first", work / "second"
    for place in (first, second):
        shutil.copytree(folder, place, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    (work / "warm").mkdir()
    (work / "warm" / "one.py").write_text("def one():\n    return 1\n")
    figures: dict[str, Any] = {"folder": folder.name}
    async with raycontext.connect(root=work / "root", runtime="inline") as context:
        await context.index(work / "warm")  # loads grammars and kernels
        files, seconds, cpu = await timed(asyncio.to_thread(walked, first))
        figures["walk_with_hashing"] = {"files": files, "seconds": round(seconds, 3), "cpu_seconds": round(cpu, 3)}
        figures["first"] = await indexed(context, first)
        figures["second"] = await indexed(context, second)
        figures["second_to_first_cpu"] = round(figures["second"]["cpu_seconds"] / figures["first"]["cpu_seconds"], 4)
        figures["second_to_first_disk"] = round(figures["second"]["own_bytes"] / figures["first"]["disk_bytes"], 4)
        figures["second_to_walk_seconds"] = round(
            figures["second"]["seconds"] / figures["walk_with_hashing"]["seconds"], 2
        )
        for query in QUERIES:
            one, two = [
                [
                    (hit.path, hit.start_line, hit.score)
                    for hit in await context.search(query, collection=name, refresh=False)
                ]
                for name in ("first", "second")
            ]
            if one != two:
                raise SystemExit(f"answers differ: {query}")
        figures["publication"] = await publications(context, first, work)
        figures["burst"] = await burst(context, second)
        figures["switches"] = await switches(context, second)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        figures = asyncio.run(measured(arguments.folder.resolve(), Path(work)))
    record.show(figures, None)
    if arguments.json:
        record.write(arguments.json, "sharing", figures)


if __name__ == "__main__":
    main()
