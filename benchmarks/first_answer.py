"""How long the first answers take where nothing runs yet, and what a daemon needs when it is idle.

    python benchmarks/first_answer.py [FOLDER] [--rounds 3] [--semble PYTHON] [--json FILE]

Without a folder, one is made: 26 files, 0.3 MB. Each round begins with an empty root and no daemon. Prints the median
of the rounds beside the target, and how many bare starts of the interpreter it is, in time and in CPU time: that says
more than seconds do on a machine that is busy. Memory is measured in the first round alone, once workers without a task
have ended; with three rounds the command takes less than six minutes. It writes benchmarks/results/first_answer.json.
`--semble`: an interpreter that has semble, which then indexes the same folder (see `index_with_semble.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from record import write

from raycontext.daemon_client import wire

SCRIPT = Path(sys.executable).with_name("raycontext")
QUERY = "where is the price of an order summed up"
FILES, FUNCTIONS = 26, 60
WARM_COMMANDS = 10
WAIT_SECONDS = 300.0
REST_SECONDS = 75.0
"""Time that a daemon rests before its memory is measured: workers without a task end after 60 s, in seconds."""

FUNCTION = '''
def {verb}_{noun}_{number}(orders, limit={number}):
    """Return what comes of the {noun} when each of the orders is {verb}ed."""
    total = 0
    for order in orders:
        if order.{noun} > limit:
            total += order.price * order.quantity
    return total
'''
VERBS = ("collect", "sort", "merge", "reject", "print", "charge", "deliver")
NOUNS = ("price", "address", "customer", "parcel", "invoice", "discount")


class Target(NamedTuple):
    """A figure that the project aims at."""

    name: str
    unit: str
    most: float


TARGETS = (
    Target("index, the very first command", "s", 3.0),
    Target("first search after it", "s", 0.3),
    Target("search of a folder that was never indexed, the very first command", "s", 3.0),
    Target("search without a daemon", "s", 0.6),
    Target("warm search", "s", 0.06),
    Target("first call over MCP, which indexes", "s", 4.0),
    Target("idle daemon without Ray, PSS", "MB", 150.0),
    Target("idle daemon with Ray and one collection, PSS", "MB", 400.0),
)
ON_A_MACHINE_WHERE_NOTHING_RUNS = (TARGETS[0].name, TARGETS[2].name)
"""Figures that semble has as well: the import and the index, and the first search after them, in one new process."""
BARE_START = "bare start of the interpreter"
CPU = "CPU: "
"""Beginning of the name of a figure in seconds of CPU time."""

RESULTS = Path(__file__).resolve().parent / "results" / "first_answer.json"
UNSET = ("RAYCONTEXT_", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Beginnings of variables that no command gets: without bytecode on disk, each would compile what it imports."""


def make_tree(place: Path) -> None:
    """Write a small project."""
    place.mkdir()
    for file in range(FILES):
        functions = (
            FUNCTION.format(verb=VERBS[number % 7], noun=NOUNS[(file + number) % 6], number=number)
            for number in range(FUNCTIONS * (1 + file % 2) // 2)
        )
        (place / f"module_{file}.py").write_text(f'"""Module {file} of a shop."""\n' + "\n".join(functions))


@contextmanager
def fresh_machine() -> Iterator[dict[str, str]]:
    """Yield an environment in which nothing is indexed and no daemon runs; a daemon ends with it."""
    with tempfile.TemporaryDirectory(prefix="rcb-") as folder:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(UNSET)}
        environment = {**inherited, "RAYCONTEXT_ROOT": f"{folder}/root"}
        for name, variable in (("run", "XDG_RUNTIME_DIR"), ("state", "XDG_STATE_HOME")):
            Path(folder, name).mkdir(mode=0o700)
            environment[variable] = str(Path(folder, name))
        try:
            yield environment
        finally:
            subprocess.run([SCRIPT, "down"], env=environment, check=True, stdout=subprocess.DEVNULL)


def seconds(environment: dict[str, str], *command: str | Path) -> float:
    """Run a command and return how long it took. Raises `subprocess.CalledProcessError`."""
    begun = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def cpu_seconds(environment: dict[str, str], *command: str | Path) -> float:
    """Run a command and return its CPU time. Raises `subprocess.CalledProcessError`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds(environment, *command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def health(environment: dict[str, str]) -> dict[str, Any]:
    """Return what the daemon says of itself."""
    os.environ["XDG_RUNTIME_DIR"] = environment["XDG_RUNTIME_DIR"]
    found = wire.health(environment["RAYCONTEXT_ROOT"], WAIT_SECONDS)
    assert found is not None
    return found


def daemon_bytes(environment: dict[str, str]) -> int:
    """Return the memory of the daemon and its processes once they are at rest, in bytes."""
    time.sleep(REST_SECONDS)
    return int(health(environment)["pss_bytes"])


def wait_for_ray(environment: dict[str, str]) -> None:
    """Wait until the daemon works on Ray."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := health(environment))["ray"] != "ready":
        assert found["ray"] != "failed", found["ray_problem"]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def first_call(environment: dict[str, str], folder: Path) -> float:
    """Return how long an MCP client waits for its first call, which indexes a folder."""
    begun = time.perf_counter()
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}}
    call = {"name": "search_code", "arguments": {"query": QUERY, "path": str(folder)}}
    messages = (
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call},
    )
    with subprocess.Popen(
        [SCRIPT, "mcp"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
        server.stdin.flush()
        for line in server.stdout:
            answer = json.loads(line)
            if answer.get("id") == 2:
                break
        took = time.perf_counter() - begun
        server.stdin.close()
    assert not answer["result"].get("isError"), answer
    return took


def measured(folder: Path, *, with_memory: bool) -> dict[str, float]:
    """Return the figures of one round, by the names of the targets."""
    names = [target.name for target in TARGETS]
    search = (SCRIPT, "search", QUERY, folder)
    found: dict[str, float] = {}
    with fresh_machine() as environment:
        found[names[0]] = seconds(environment, SCRIPT, "index", folder)
        found[names[1]] = seconds(environment, *search)
        wait_for_ray(environment)
        for _ in range(3):
            seconds(environment, *search)
        found[names[4]] = statistics.median(seconds(environment, *search) for _ in range(WARM_COMMANDS))
        found[CPU + names[4]] = statistics.median(cpu_seconds(environment, *search) for _ in range(WARM_COMMANDS))
        if with_memory:
            found[names[7]] = daemon_bytes(environment) / 1e6
        alone = {**environment, "RAYCONTEXT_DAEMON": "off"}
        found[names[3]] = seconds(alone, *search)
        found[CPU + names[3]] = cpu_seconds(alone, *search)
    with fresh_machine() as environment:
        found[names[2]] = seconds(environment, *search)
    with fresh_machine() as environment:
        found[names[5]] = first_call(environment, folder)
    if with_memory:
        with fresh_machine() as environment:
            seconds({**environment, "RAYCONTEXT_RUNTIME": "processes"}, SCRIPT, "index", folder)
            seconds({**environment, "RAYCONTEXT_RUNTIME": "processes"}, *search)
            found[names[6]] = daemon_bytes(environment) / 1e6
    bare = (dict(os.environ), sys.executable, "-I", "-c", "pass")
    found[BARE_START] = statistics.median(seconds(*bare) for _ in range(WARM_COMMANDS))
    found[CPU + BARE_START] = statistics.median(cpu_seconds(*bare) for _ in range(WARM_COMMANDS))
    return found


def with_semble(python: str, folder: Path) -> dict[str, Any]:
    """Return what semble needs for the same folder."""
    script = Path(__file__).with_name("index_with_semble.py")
    done = subprocess.run([python, str(script), str(folder)], check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def semble_seconds(figures: dict[str, Any], name: str) -> float | None:
    """Return what semble needs for what a figure is of; None where it has nothing like it."""
    if name not in ON_A_MACHINE_WHERE_NOTHING_RUNS:
        return None
    searched = figures["first_search_ms"] / 1e3 if name == ON_A_MACHINE_WHERE_NOTHING_RUNS[1] else 0.0
    return float(figures["import_seconds"] + figures["seconds"] + searched)


def table(figures: dict[str, Any]) -> list[str]:
    """Return the lines of the table of a result: the medians, beside the targets and semble where it was measured."""
    middle, semble = figures["median"], figures["semble"]
    start, cpu_start = middle[BARE_START], middle[CPU + BARE_START]
    lines = ["| what | measured | target | semble | bare starts | bare starts, CPU time |", "|---|---|---|---|---|---|"]
    for target in TARGETS:
        value = middle[target.name]
        beside = semble_seconds(semble, target.name) if semble else None
        cells = (
            target.name,
            f"{value:.3g} {target.unit}",
            f"{target.most:g} {target.unit}",
            "" if beside is None else f"{beside:.3g} s",
            f"{value / start:.1f}" if target.unit == "s" else "",
            f"{middle[CPU + target.name] / cpu_start:.1f}" if CPU + target.name in middle else "",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--semble", metavar="PYTHON")
    parser.add_argument("--json", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rcb-") as made:
        folder = arguments.folder.resolve() if arguments.folder else Path(made) / "shop"
        if arguments.folder is None:
            make_tree(folder)
        rounds = [measured(folder, with_memory=number == 0) for number in range(arguments.rounds)]
        semble = with_semble(arguments.semble, folder) if arguments.semble else None
    middle = {name: statistics.median(each[name] for each in rounds if name in each) for name in rounds[0]}
    start, cpu_start = middle[BARE_START], middle[CPU + BARE_START]
    print(f"A bare start of the interpreter takes {start * 1e3:.1f} ms, {cpu_start * 1e3:.1f} ms of CPU time.")
    figures = {"rounds": rounds, "median": middle, "semble": semble}
    print("\n".join(table(figures)))
    write(arguments.json, "first_answer", figures)


if __name__ == "__main__":
    main()
