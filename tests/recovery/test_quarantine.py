"""Files that crash a worker, never end, or eat memory cost their own place in the index and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.store.collection import Location

from ..conftest import CART, LEDGER, PAYMENT, ROUTER, write_tree
from ..property.test_incremental_index import answers

KINDS = ((CART, ".py", "#"), (PAYMENT, ".py", "#"), (LEDGER, ".go", "//"), (ROUTER, ".js", "//"))
BAD = {
    "d3/crashes.py": ("segfault", "worker_died"),
    "d7/loops.go": ("loop", "worker_died"),
    "d11/eats.js": ("memory", "out_of_memory"),
    "d13/raises.py": ("error", "quarantined"),
}
KILLS = 3
FAULTS = ",".join(f"{fault}=POISON {fault}" for fault, _ in BAD.values())

PROGRAM = """
import json, os, random, sys, threading, time
import psutil
import raycontext
from pathlib import Path

root, place, kills, runtime = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[5]

def strike():
    "Kill workers at random moments of the run."
    chance = random.Random(4)
    left = kills
    while left:
        time.sleep(chance.random() / 2)
        workers = []
        progress = context.progress("shop")
        if progress is None or progress.stage != "indexing":
            continue
        for process in psutil.Process().children(recursive=True):
            try:
                command = process.cmdline()
                if command[0].startswith("ray::index_files") or "worker_process" in command[-1]:
                    workers.append(process)
            except (psutil.Error, IndexError):
                pass
        if workers:
            chance.choice(workers).kill()
            left -= 1

def say(report, context):
    status = context.status("shop")
    with open(sys.argv[4], "a") as said:  # Ray itself writes to our output
        print(json.dumps([report.model_dump(), dict(status.skipped_files)]), file=said)

with raycontext.connect(root=root, runtime=runtime, workers=2) as context:
    if kills:
        threading.Thread(target=strike, daemon=True).start()
    say(context.index(place, num_shards=2), context)
    for path in sys.argv[6:]:
        os.utime(place / path)
    say(context.index(place), context)
    (place / "d3/crashes.py").write_text("def mended():\\n    return 1\\n")
    say(context.index(place), context)
"""


def bad(fault: str) -> str:
    return f"POISON {fault}\n"


@pytest.mark.parametrize(
    "runtime", [pytest.param("processes", marks=pytest.mark.process), pytest.param("ray", marks=pytest.mark.ray)]
)
def test_bad_files_are_quarantined_and_all_others_indexed(tmp_path: Path, runtime: str) -> None:
    place, root, said = tmp_path / "shop", tmp_path / "root", tmp_path / "said.json"
    for number in range(600):
        text, suffix, comment = KINDS[number % 4]
        parts = (f"{comment} buyer {number} {part}\n{text}" for part in range(6))
        write_tree(place, {f"d{number % 20}/f{number}{suffix}": "\n".join(parts)})
    write_tree(place, {path: bad(fault) for path, (fault, _) in BAD.items()})
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root), str(place), str(KILLS), str(said), runtime, *BAD],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent / "faulty"),
            "TEST_CHUNKER_FAULTS": FAULTS,
            "RAYCONTEXT_FILE_SECONDS": "2",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    (first, listed), (touched, still), (mended, left) = map(json.loads, said.read_text().splitlines())
    reasons = {path: reason for path, (_, reason) in BAD.items()}
    assert (first["files"], listed) == (600, reasons)
    assert (touched["indexed_bytes"], touched["added"], still) == (0, 0, reasons)
    assert mended["added"] == 1
    assert left == {path: reason for path, reason in reasons.items() if path != "d3/crashes.py"}
    for path in left:
        (place / path).unlink()
    clean = tmp_path / "clean"
    with raycontext.connect(root=clean, runtime="inline", workers=2) as context:
        context.index(place, collection="shop", num_shards=2)
        expected = state(context, clean)
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        assert state(context, root) == expected
        assert not context.verify("shop", deep=True)[0].damage


def state(context: raycontext.SyncContext, root: Path) -> tuple[Any, ...]:
    """Merkle tree, counts, and all answers with their scores."""
    manifest = Location(str(root), "shop").open().latest()
    assert manifest is not None
    return manifest.tree, manifest.files, manifest.chunks, answers(context, "shop")
