"""What serving costs: `python benchmarks/serving.py FOLDER [--rounds 15] [--json FILE]`.

Medians, milliseconds, each of a whole process where the name says so: help; a search by the command with a daemon and
without one (on a committed index, with the code in the page cache); ripgrep for one word of the same folder, where it
is installed; the start of `raycontext mcp` until it has answered `initialize`; a search through MCP, stdio; a search
over HTTP, Unix socket; the start of a daemon until its Ray is up. Memory: proportional set size (PSS) of the daemon,
its Ray and the actors of one collection, idle and after a minute of searches by 4 clients, with how many were answered.

All in a temporary home; nothing of the caller's daemon is touched.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from mcp import Client, StdioServerParameters
from record import show

from raycontext.daemon_client import lifecycle, wire

QUESTION = "where are errors retried after a failure?"
WORD = "error"
CLIENTS = 4
MINUTE = 60.0
COMMAND = str(Path(sys.executable).parent / "raycontext")

Figures = dict[str, Any]


def median_milliseconds(work: Callable[[], object], rounds: int) -> float:
    times = []
    work()
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)


def run(*arguments: str, **variables: str) -> None:
    subprocess.run(arguments, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, check=True)


def proportional_megabytes(root: str) -> dict[str, float]:
    """PSS of the daemon and all that it has started, MB, by the name of the process."""
    found = wire.health(root)
    if found is None:
        raise SystemExit("the daemon has ended")
    daemon = psutil.Process(found["pid"])
    sizes: dict[str, float] = {}
    for process in (daemon, *daemon.children(recursive=True)):
        try:
            name = "daemon" if process == daemon else (process.cmdline() or [process.name()])[0].split("/")[-1]
            if name.startswith("python"):
                name = next((Path(part).stem for part in process.cmdline()[1:] if part.endswith(".py")), name)
            sizes[name] = sizes.get(name, 0.0) + process.memory_full_info().pss / 1e6
        except psutil.Error:
            continue  # it has ended
    return sizes | {"all": sum(sizes.values())}


async def mcp_figures(folder: str, rounds: int) -> Figures:
    starts, searches = [], []
    server = StdioServerParameters(command=COMMAND, args=["mcp"], env=dict(os.environ))
    for _ in range(rounds):
        begun = time.perf_counter()
        async with Client(server, read_timeout_seconds=60) as window:
            starts.append((time.perf_counter() - begun) * 1e3)
            for _ in range(2):
                begun = time.perf_counter()
                answer = await window.call_tool("search_code", {"path": folder, "query": QUESTION})
                searches.append((time.perf_counter() - begun) * 1e3)
                if answer.is_error:
                    raise SystemExit(str(answer.content))
    return {"mcp_start_ms": statistics.median(starts), "mcp_search_ms": statistics.median(searches)}


def search_for_a_minute(root: str, folder: str) -> int:
    """Searches that some clients at once have had answered."""
    ended = time.monotonic() + MINUTE
    counts = []

    def ask() -> None:
        count = 0
        while time.monotonic() < ended:
            wire.checked(wire.ask(root, "POST", "/api/search", {"query": QUESTION, "path": folder}))
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def measured(folder: str, root: str, rounds: int) -> Figures:
    run(COMMAND, "index", folder, RAYCONTEXT_DAEMON="off", RAYCONTEXT_RUNTIME="inline")
    search = (COMMAND, "search", QUESTION, folder)
    figures: Figures = {
        "help_ms": median_milliseconds(lambda: run(COMMAND, "--help"), rounds),
        "search_help_ms": median_milliseconds(lambda: run(COMMAND, "search", "--help"), rounds),
        "cold_command_ms": median_milliseconds(lambda: run(*search, RAYCONTEXT_DAEMON="off"), rounds),
    }
    if shutil.which("rg"):
        figures["ripgrep_ms"] = median_milliseconds(lambda: run("rg", "--count", WORD, folder), rounds)
    begun = time.perf_counter()
    run(*search)  # answers at once, and starts the daemon
    figures["cold_command_that_starts_the_daemon_ms"] = (time.perf_counter() - begun) * 1e3
    lifecycle.ensure_ready(root)
    figures["daemon_ready_ms"] = (time.perf_counter() - begun) * 1e3
    run(*search)
    time.sleep(5.0)
    figures["idle_pss_mb"] = proportional_megabytes(root)
    figures["warm_command_ms"] = median_milliseconds(lambda: run(*search), rounds)
    body = {"query": QUESTION, "path": folder}
    figures["http_search_ms"] = median_milliseconds(
        lambda: wire.checked(wire.ask(root, "POST", "/api/search", body)), rounds * 4
    )
    figures |= asyncio.run(mcp_figures(folder, rounds))
    figures["searches_in_a_minute"] = search_for_a_minute(root, folder)
    figures["used_pss_mb"] = proportional_megabytes(root)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="s") as home:  # short, for it holds a socket
        root = f"{home}/root"
        places = dict.fromkeys(("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TMPDIR"), home)
        for name in [name for name in os.environ if name.startswith("RAYCONTEXT_")]:
            del os.environ[name]
        os.environ.update(places, RAYCONTEXT_ROOT=root, RAYCONTEXT_ALLOWED=str(arguments.folder.resolve()))
        try:
            figures = measured(str(arguments.folder.resolve()), root, arguments.rounds)
        finally:
            if found := wire.health(root):
                wire.ask(root, "POST", "/api/shutdown")
                psutil.Process(found["pid"]).wait(30)
    show(figures, arguments.json)


if __name__ == "__main__":
    main()
