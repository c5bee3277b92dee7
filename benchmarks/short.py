"""The short form of the benchmarks, in under ten minutes on two cores: `python benchmarks/short.py [--json FILE]`.

On the Python packages of this environment, so that nothing has to be fetched: index and re-index of ray's files,
query time inside the search actor at three sizes, what serving costs, memory by process. Each is a command of its
own in this folder and runs in a process of its own; what it prints goes to stderr. Writes the figures with the machine
and the versions as JSON (build/benchmarks.json) and prints a table.

Times are of this machine as busy as it is now: compare within a run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import record

HERE = Path(__file__).resolve().parent
LARGE = "ray"
SIZES = ("pydantic", "numpy", LARGE)
"""Packages that raycontext cannot do without, the smallest first."""


def folder_of(package: str) -> Path:
    found = find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is not installed: pip install .")
    return Path(found.origin).parent


def figures_of(command: str, *arguments: str | Path) -> tuple[Any, float]:
    """What a command of this folder writes as JSON, and the seconds that it took."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        written = Path(place) / "figures.json"
        line = [sys.executable, HERE / f"{command}.py", *arguments, "--json", written]
        subprocess.run(line, stdout=sys.stderr, check=True)
        return json.loads(written.read_text()), time.perf_counter() - begun


def rows(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The table: what, and how much."""
    indexing, serving, memory = figures["indexing"], figures["serving"], figures["memory"]
    rate = indexing["source_mb"] / indexing["cold_seconds"]
    yield "cold index", f"{indexing['files']} files, {indexing['chunks']} chunks in {indexing['cold_seconds']:.1f} s"
    yield "", f"{rate:.1f} MB/s; {indexing['cold_to_parse']:.2f} times the bare parse"
    yield "bytes on disk per byte of source", f"{indexing['disk_to_source']:.2f}"
    yield "index of the unchanged tree", f"{indexing['unchanged_seconds'] * 1e3:.0f} ms"
    yield "edit of a file until it is found", f"{indexing['edit_p50_seconds'] * 1e3:.0f} ms"
    yield "search through the SDK", _times(indexing["search_idle_ms"])
    yield "the same while another tree is indexed", _times(indexing["search_indexing_ms"])
    for size in figures["latency"]:
        yield (
            f"query in the actor, {size['chunks']} chunks",
            f"p50 {size['p50_ms']:.1f} ms, p90 {size['p90_ms']:.1f} ms",
        )
    for name, title in (
        ("warm_command_ms", "search by the command, with a daemon"),
        ("cold_command_ms", "the same without a daemon"),
        ("http_search_ms", "search over HTTP, Unix socket"),
        ("mcp_search_ms", "search through MCP, stdio"),
        ("daemon_ready_ms", "start of a daemon until its Ray is up"),
    ):
        yield title, f"{serving[name]:.0f} ms"
    yield "searches in a minute, 4 clients", f"{serving['searches_in_a_minute']}"
    for moment in ("indexing", "indexed", "searching"):
        whole = memory[moment]["all"]
        yield f"memory, {moment}", f"{whole['pss_mb']:.0f} MB PSS in {whole['processes']:.0f} processes"


def _times(found: dict[str, float]) -> str:
    return f"p50 {found['p50']:.1f} ms, p95 {found['p95']:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks.json"))
    arguments = parser.parse_args()
    large = folder_of(LARGE)
    commands = {
        "latency": (*map(folder_of, SIZES), "--merge"),
        "indexing": (large,),
        "memory": (large,),
        "serving": (folder_of(SIZES[0]), "--rounds", "5"),
    }
    figures: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for name, given in commands.items():
        print(f"{name} …", file=sys.stderr, flush=True)
        figures[name], seconds[name] = figures_of(name, *given)
    figures["seconds"] = seconds
    record.write(arguments.json, "short", figures)
    print(", ".join(f"{key} {value}" for key, value in record.machine().items()))
    for title, value in rows(figures):
        print(f"{title:<42}{value}")
    print(f"\n{sum(seconds.values()):.0f} s; all figures in {arguments.json}")


if __name__ == "__main__":
    main()
