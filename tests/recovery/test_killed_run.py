"""A process that indexes is killed with SIGKILL: the last commit opens, and the next run ends as one from scratch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import UnknownCollection

from ..conftest import write_tree
from ..property.test_incremental_index import answers

pytestmark = pytest.mark.process

FILES = 1500
PROGRAM = """
import sys, raycontext
with raycontext.connect(root=sys.argv[1], runtime="inline", workers=2) as context:
    print("begin", flush=True)
    context.index(sys.argv[2], collection="killed")
"""


def grow(place: Path, generation: int) -> None:
    """A tree of some size, a third of which changes with each generation."""
    for number in range(FILES):
        if generation == 0 or number % 3 == generation % 3:
            body = f"def payment_{number}():\n    return ShoppingCart({generation}, {number})\n\n\n" * 4
            write_tree(place, {f"part{number % 20}/m{number}.py": body})


def open_count(context: raycontext.SyncContext) -> int:
    try:
        return context.status("killed").files
    except UnknownCollection:  # killed before its first commit
        return 0


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_killed_index_run_loses_nothing_and_is_completed(tmp_path: Path, generation: int) -> None:
    place, root = tmp_path / "tree", tmp_path / "root"
    for earlier in range(generation + 1):
        grow(place, earlier)
        if earlier < generation:
            with raycontext.connect(root=root, runtime="inline", workers=2) as context:
                context.index(place, collection="killed")
    for delay in (0.0, 0.05, 0.15, 0.4, 0.8):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(root), str(place)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with raycontext.connect(root=root, runtime="inline", workers=2) as context:
            files = open_count(context)
            assert files in (0, FILES) if generation == 0 else files == FILES
            if files:
                assert context.search("ShoppingCart", collection="killed")
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        context.index(place, collection="killed")
        context.index(place, collection="fresh")
        assert answers(context, "killed") == answers(context, "fresh")
        assert context.status("killed").files == context.status("fresh").files == FILES


@pytest.mark.ray
@pytest.mark.usefixtures("local_ray")
@pytest.mark.parametrize("victim", ["rc", "rc/shop", "rc/shop/0"])
async def test_killed_actor_comes_back_with_the_same_answers(root: Path, source: Path, victim: str) -> None:
    async with raycontext.connect(root=root, runtime="ray") as context:
        await context.index(source)
        before = await context.search("charge a card", collection="shop", limit=50)
        pids = {actor.name: actor.pid for actor in (await context.status("shop")).actors}
        os.kill(pids[victim], signal.SIGKILL)
        assert await context.search("charge a card", collection="shop", limit=50) == before
        write_tree(source, {"later.py": "def afterwards():\n    return 1\n"})
        report = await context.index(source)
        assert (report.added, report.files) == (1, 6)
        assert (await context.search("afterwards", collection="shop", limit=1))[0].path == "later.py"
        after = {actor.name: actor.pid for actor in (await context.status("shop")).actors}
        assert after[victim] != pids[victim]
