"""Time to search a commit without a checkout, the first and the second time.

    python benchmarks/refs.py [FOLDER] [--files 9000] [--changed 300] [--rounds 5] [--json FILE]

A repository is made of the first files of a folder (default: the packages of this Python), and tagged; then a line is
put at the end of some of its Python files, which is committed. The working tree is indexed. Then a daemon is asked for
the tag over its socket: for the first time, with a root that has never seen a commit, and again. Beside it stands the
time that `git` takes to list the tag and to read all of its files.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

import record

from raycontext.daemon_client import lifecycle, wire

QUERY = "where is a response decoded"
LARGEST_FILE_BYTES = 1 << 19
"""Size in bytes of the largest file that is taken."""


def git(place: Path, *arguments: str) -> bytes:
    settings = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "gc.auto=0")
    return subprocess.run(["git", *settings, *arguments], cwd=place, capture_output=True, check=True).stdout


def made(folder: Path, place: Path, files: int, changed: int) -> int:
    """Make the repository; returns its number of files."""
    place.mkdir()
    count = 0
    for path in sorted(folder.rglob("*")):
        if count == files:
            break
        if "__pycache__" in path.parts or not path.is_file() or path.stat().st_size > LARGEST_FILE_BYTES:
            continue
        target = place / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        count += 1
    git(place, "init", "--quiet", "--initial-branch=main")
    git(place, "add", "--all", "--force")
    git(place, "commit", "--quiet", "--message=tree")
    git(place, "tag", "v1")
    sources = sorted(place.rglob("*.py"))
    for source in sources[:: max(len(sources) // changed, 1)][:changed]:
        source.write_bytes(source.read_bytes() + b"\nLATER = True\n")
    git(place, "commit", "--quiet", "--all", "--message=change")
    git(place, "repack", "-a", "-d", "--quiet")
    return count


def asked(root: str, path: Path, ref: str | None) -> float:
    """Return the seconds of one search over the socket of the daemon."""
    body: dict[str, Any] = {"query": QUERY, "path": str(path)} | ({"ref": ref} if ref else {})
    begun = time.perf_counter()
    answer = wire.checked(wire.ask(root, "POST", "/api/search", body))
    seconds = time.perf_counter() - begun
    if not answer["hits"]:
        raise SystemExit("nothing was found")
    return seconds


def measured(folder: Path, work: Path, files: int, changed: int, rounds: int) -> dict[str, Any]:
    place, root = work / "work", str(work / "root")
    figures: dict[str, Any] = {"files": made(folder, place, files, changed)}
    git(place, "status", "--short")
    names = [line.split()[2] for line in git(place, "ls-tree", "-r", "v1").splitlines()]
    begun = time.perf_counter()
    subprocess.run(["git", "cat-file", "--batch"], cwd=place, input=b"\n".join(names), capture_output=True, check=True)
    figures["git_reads_all_seconds"] = round(time.perf_counter() - begun, 3)
    os.environ["RAYCONTEXT_ROOT"] = root
    command = [sys.executable, "-m", "raycontext"]
    subprocess.run([*command, "index", str(place)], check=True, stdout=subprocess.DEVNULL)
    try:
        lifecycle.ensure_ready(root)
        asked(root, place, None)
        first = asked(root, place, "v1")
        again = [asked(root, place, "v1") for _ in range(rounds)]
        plain = [asked(root, place, None) for _ in range(rounds)]
    finally:
        subprocess.run([*command, "down"], check=False, stdout=subprocess.DEVNULL)
    figures["changed"] = len(git(place, "diff", "--name-only", "v1", "main").splitlines())
    figures["first_seconds"] = round(first, 3)
    figures["again_seconds"] = round(statistics.median(again), 4)
    figures["working_tree_seconds"] = round(statistics.median(plain), 4)
    figures["load"] = [round(load, 1) for load in os.getloadavg()]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(sysconfig.get_paths()["purelib"]))
    parser.add_argument("--files", type=int, default=9000)
    parser.add_argument("--changed", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        figures = measured(
            arguments.folder.resolve(), Path(work).resolve(), arguments.files, arguments.changed, arguments.rounds
        )
    record.show(figures, None)
    if arguments.json:
        record.write(arguments.json, "refs", figures)


if __name__ == "__main__":
    main()
