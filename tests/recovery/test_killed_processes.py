"""SIGKILL of any process, at any moment: the run completes, at once or at the next call, and ends as from scratch."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event

import psutil
import pytest

import raycontext
from raycontext.models import IndexReport
from raycontext.store.segments.compaction import MAX_SEGMENTS

from ..conftest import CART, LEDGER, PAYMENT, ROUTER, write_tree
from ..property.test_incremental_index import answers
from ..serve.conftest import Command
from ..waiting import WAIT_SECONDS, until

pytestmark = pytest.mark.process

KINDS = ((CART, ".py", "#"), (PAYMENT, ".py", "#"), (LEDGER, ".go", "//"), (ROUTER, ".js", "//"))


def name_of(number: int) -> str:
    return f"d{number % 20}/f{number}{KINDS[number % 4][1]}"


def generate(place: Path, numbers: range, flavour: str, repeat: int) -> None:
    """Small files in three languages, each different; `flavour` sets apart the states of an edited tree."""
    for number in numbers:
        text, _, comment = KINDS[number % 4]
        parts = (f"{comment} {flavour} {number} {part}\n{text}" for part in range(repeat))
        write_tree(place, {name_of(number): "\n".join(parts)})


def assert_as_from_scratch(context: raycontext.SyncContext, collection: str, source: Path, root: Path) -> None:
    """The same chunks, answers and scores as an index of the same tree that nothing ever happened to."""
    with raycontext.connect(root=root, runtime="inline", workers=2) as other:
        other.index(source, collection="fresh")
        expected, status = answers(other, "fresh"), other.status("fresh")
    found = context.status(collection)
    assert (found.files, found.chunks, found.languages) == (status.files, status.chunks, status.languages)
    assert found.skipped_files == status.skipped_files
    assert answers(context, collection) == expected
    assert all(expected.values())


def pid_of(context: raycontext.SyncContext, actor: str) -> int:
    (pid,) = [found.pid for found in context.status("shop").actors if found.name == actor]
    assert pid != os.getpid()
    return pid


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    with suppress(psutil.NoSuchProcess):
        process.wait(WAIT_SECONDS)


def index_workers(task: str = "index_files") -> list[int]:
    """Processes of our Ray that run such a task right now."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.cmdline()[0].startswith(f"ray::{task}"):
                found.append(process.pid)
    return found


@pytest.fixture
def context(local_ray: None, root: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=root, runtime="ray", workers=2) as connected:
        yield connected


@pytest.fixture
def source(tmp_path: Path) -> Path:
    generate(tmp_path / "shop", range(100), "buyer", repeat=1)
    return tmp_path / "shop"


@pytest.mark.ray
def test_actors_killed_between_runs_come_back(context: raycontext.SyncContext, source: Path, tmp_path: Path) -> None:
    context.index(source, num_shards=2)
    for number, actor in enumerate(("rc/shop", "rc/shop/1", "rc")):
        assert context.search("charge a card", collection="shop")
        kill(pid_of(context, actor))
        assert context.search("charge a card", collection="shop")
        kill(pid_of(context, actor))
        generate(source, range(10 * number, 10 * number + 15), f"client{number}", repeat=2)
        (source / name_of(number + 60)).unlink()
        report = context.index(source)
        assert (report.modified, report.removed) == (15, 1)
        assert context.search(f"client{number}", collection="shop")
    assert_as_from_scratch(context, "shop", source, tmp_path / "other")


def run_and_kill(
    context: raycontext.SyncContext, source: Path, strike: Callable[[Future[IndexReport]], None]
) -> IndexReport:
    """Index with an accident in the middle: the run completes, or else the next one does."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(context.index, source)
        try:
            strike(running)
            return running.result()
        except raycontext.RaycontextError:
            return context.index(source)


@pytest.mark.ray
@pytest.mark.parametrize("actor", ["rc/shop", "rc/shop/0", "rc"])
def test_actor_killed_during_a_run(context: raycontext.SyncContext, source: Path, tmp_path: Path, actor: str) -> None:
    context.index(source)
    assert context.search("charge a card", collection="shop")
    pid = pid_of(context, actor)
    generate(source, range(1000), "patron", repeat=8)

    def strike(running: Future[IndexReport]) -> None:
        until(lambda: bool(index_workers()) or running.done(), pause=0.0)
        kill(pid)
        assert context.search("charge a card", collection="shop")

    report = run_and_kill(context, source, strike)
    assert report.files == 1000
    assert pid_of(context, actor) != pid
    assert_as_from_scratch(context, "shop", source, tmp_path / "other")


@pytest.mark.ray
def test_workers_killed_during_a_run(context: raycontext.SyncContext, source: Path, tmp_path: Path) -> None:
    """More often than Ray itself retries: the planner tries again in smaller batches."""
    generate(source, range(1000), "patron", repeat=8)
    killed: set[int] = set()

    def strike(running: Future[IndexReport]) -> None:
        while len(killed) < 3 and not running.done():
            for pid in index_workers()[:1]:
                with suppress(psutil.NoSuchProcess):
                    kill(pid)
                    killed.add(pid)
        assert len(killed) >= 2

    report = run_and_kill(context, source, strike)
    assert (report.files, report.skipped) == (1000, {})
    assert_as_from_scratch(context, "shop", source, tmp_path / "other")


@pytest.mark.ray
def test_workers_killed_during_compaction(context: raycontext.SyncContext, source: Path, tmp_path: Path) -> None:
    """Each small edit adds a segment; merges are killed, and made up for by later ones."""
    generate(source, range(400), "patron", repeat=10)
    context.index(source)
    killed: set[int] = set()
    done = Event()

    def strike() -> None:
        while not done.is_set():
            for pid in index_workers("compact_segments"):
                with suppress(psutil.NoSuchProcess):
                    kill(pid)
                    killed.add(pid)

    deadline = time.monotonic() + WAIT_SECONDS
    edits = 0
    with ThreadPoolExecutor(1) as thread:
        striking = thread.submit(strike)
        try:
            while len(killed) < 2:
                assert time.monotonic() < deadline, "no merge was met"
                generate(source, range(10 * (edits % 30), 10 * (edits % 30) + 5), f"client{edits}", repeat=2)
                context.index(source)
                edits += 1
        finally:
            done.set()
            striking.result()
    assert edits > MAX_SEGMENTS - 4
    for number in range(2):
        generate(source, range(number, number + 5), f"last{number}", repeat=2)
        context.index(source)
        until(lambda: context.status("shop").segments <= MAX_SEGMENTS)
    assert_as_from_scratch(context, "shop", source, tmp_path / "other")


DYING = """
import os, signal, sys
from raycontext.index.planning import batches
from raycontext.index.planning import planner
from raycontext.cli.main import main

# Many commits, each of several small segments.
batches.SMALLEST_INDEX_BATCH_BYTES = batches.LARGEST_INDEX_BATCH_BYTES = 8_000
planner.COMMIT_BYTES = 30_000
left = int(os.environ["WRITES_BEFORE_DEATH"])

def deadly(write):
    def call(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return write(*arguments, **named)
    return call

os.fsync, os.link = deadly(os.fsync), deadly(os.link)
main()
"""


def test_process_killed_at_its_writes_loses_nothing(root: Path, source: Path, tmp_path: Path) -> None:
    """Before any fsync or link, again and again on the same collection, with edits in between."""
    command = Command(root)
    version = 0
    for number, writes in enumerate((0, 2, 12, 30, 55, 75, 100, 60, 57, 130)):
        generate(source, range(number, 100 + number), f"client{number}", repeat=2)
        (source / name_of(number + 60)).unlink()
        process = command.start(
            "index",
            source,
            "--runtime",
            "inline",
            program=(sys.executable, "-c", DYING),
            WRITES_BEFORE_DEATH=str(writes),
        )
        assert (process.communicate()[0], process.returncode) == ("", -signal.SIGKILL)
        with raycontext.connect(root=root, runtime="inline") as context:
            found = {summary.name: summary.version for summary in context.collections()}
            assert found.get("shop", 0) >= version
            version = found.get("shop", 0)
            if version:
                assert context.search("charge a card", collection="shop")
    assert version > 1
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(source)
        assert_as_from_scratch(context, "shop", source, tmp_path / "other")


def test_process_killed_at_any_moment_loses_nothing(root: Path, source: Path, tmp_path: Path) -> None:
    generate(source, range(600), "patron", repeat=4)
    command = Command(root)
    for seconds in (0.0, 0.2, 0.5, 0.9):
        process = command.start("index", source, "--runtime", "inline", "--shards", "3")
        assert process.stderr is not None
        process.stderr.readline()  # the first word of progress: the run has begun
        time.sleep(seconds)
        process.kill()
        process.communicate()
        generate(source, range(200), f"client{seconds}", repeat=4)
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(source)
        assert_as_from_scratch(context, "shop", source, tmp_path / "other")
