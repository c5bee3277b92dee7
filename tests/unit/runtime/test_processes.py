"""Tasks in worker processes of our own: what they see, how they end, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from raycontext.errors import InvalidInput
from raycontext.runtime import worker_pool
from raycontext.runtime.base import ANYWHERE, WorkerDied, WorkerLost
from raycontext.runtime.processes import ProcessRuntime

from ...waiting import WAIT_SECONDS, until, until_async

pytestmark = pytest.mark.process

TASKS = Path(__file__).parent / "tasks"


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of tasks, which workers find as well."""
    monkeypatch.setenv("PYTHONPATH", str(TASKS))
    monkeypatch.syspath_prepend(str(TASKS))
    return import_module("pool_tasks")


@pytest.fixture
async def runtime() -> AsyncIterator[ProcessRuntime]:
    made = ProcessRuntime(2)
    try:
        yield made
    finally:
        await made.close()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_task_runs_apart_from_the_folder_of_its_caller_at_its_priority_and_in_its_context(
    runtime: ProcessRuntime, tasks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('a module of the folder was run')\n")
    monkeypatch.chdir(tmp_path)
    seen = await runtime.run(tasks.surroundings)
    assert seen["pid"] != os.getpid()
    assert (seen["folder"], seen["around"]) == ("/", "inside")
    assert not {"", str(tmp_path)} & set(seen["path"])
    assert seen["nice"] > os.getpriority(os.PRIO_PROCESS, 0) or seen["nice"] == 19
    assert (await runtime.run(tasks.surroundings))["pid"] == seen["pid"]


async def test_what_a_task_prints_or_reads_does_not_come_between_the_messages(
    runtime: ProcessRuntime, tasks: ModuleType
) -> None:
    text = "x" * (1 << 20)
    assert await runtime.run(tasks.printed, text) == text
    assert await runtime.run(tasks.read_stdin) == ""


async def test_death_by_the_task_is_told_apart_from_death_from_outside(
    runtime: ProcessRuntime, tasks: ModuleType
) -> None:
    with pytest.raises(WorkerDied, match="SIGSEGV"):
        await runtime.run(tasks.crash)
    with pytest.raises(WorkerDied, match="exit code 0"):
        await runtime.run(tasks.leave, 0)
    with pytest.raises(WorkerLost, match="SIGKILL"):
        await runtime.run(tasks.struck)
    assert await runtime.run(tasks.printed, "again") == "again"


async def test_task_whose_process_died_runs_again_as_often_as_it_says(
    runtime: ProcessRuntime, tasks: ModuleType, tmp_path: Path
) -> None:
    assert await runtime.run(tasks.crash_for_a_while, str(tmp_path / "once"), 1) == 2
    with pytest.raises(WorkerDied, match="SIGSEGV"):
        await runtime.run(tasks.crash_for_a_while, str(tmp_path / "twice"), 2)


async def test_errors_of_a_task_are_those_of_its_caller_and_end_no_process(
    runtime: ProcessRuntime, tasks: ModuleType
) -> None:
    before = (await runtime.run(tasks.surroundings))["pid"]
    with pytest.raises(InvalidInput, match="the disk is full"):
        await runtime.run(tasks.fail, "ours")
    with pytest.raises(MemoryError):
        await runtime.run(tasks.fail, "memory")
    with pytest.raises(RuntimeError, match="Unsendable: first"):
        await runtime.run(tasks.fail, "unsendable")
    with pytest.raises(RuntimeError, match="SystemExit: 3"):
        await runtime.run(tasks.fail, "exit")
    with pytest.raises(TypeError):
        await runtime.run(os.getpid)
    assert (await runtime.run(tasks.surroundings))["pid"] == before


async def test_worker_that_was_killed_while_idle_is_replaced(runtime: ProcessRuntime, tasks: ModuleType) -> None:
    pid = (await runtime.run(tasks.surroundings))["pid"]
    os.kill(pid, signal.SIGKILL)
    assert (await runtime.run(tasks.surroundings))["pid"] != pid


async def test_no_more_workers_than_parallelism_and_those_without_work_end(
    runtime: ProcessRuntime, tasks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "IDLE_SECONDS", 0.0)
    pids = {seen["pid"] for seen in await asyncio.gather(*(runtime.run(tasks.surroundings) for _ in range(8)))}
    assert len(pids) >= 1
    await until_async(lambda: not any(alive(pid) for pid in pids))
    monkeypatch.setattr(worker_pool, "IDLE_SECONDS", WAIT_SECONDS)
    kept = {seen["pid"] for seen in await asyncio.gather(*(runtime.run(tasks.surroundings) for _ in range(8)))}
    assert 1 <= len(kept) <= runtime.parallelism


async def test_task_whose_caller_is_cancelled_ends_with_its_programs(
    runtime: ProcessRuntime, tasks: ModuleType, tmp_path: Path
) -> None:
    running = [asyncio.ensure_future(runtime.run(tasks.wait, str(tmp_path / name))) for name in ("a", "b", "waiting")]
    await until_async(lambda: sum((tmp_path / name).exists() for name in ("a", "b", "waiting")) == 2)
    pids = [int(pid) for found in tmp_path.iterdir() for pid in found.read_text().split()]
    for task in running:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*running, return_exceptions=True)
    )
    await until_async(lambda: not any(alive(pid) for pid in pids))
    assert await runtime.run(tasks.printed, "free again") == "free again"


async def test_task_calls_an_actor_of_its_parent(runtime: ProcessRuntime, tasks: ModuleType) -> None:
    counter: Any = await runtime.actor("counter", ANYWHERE, tasks.Counter)
    assert await runtime.run(tasks.counted, counter, [1, 2, 3]) == [1, 3, 6]
    with pytest.raises(InvalidInput, match="only grows"):
        await runtime.run(tasks.counted, counter, [1, -1])
    assert await counter.call(tasks.Counter.add, 0) == 7


KILLED = """
import asyncio, sys
from raycontext.runtime.processes import ProcessRuntime
import pool_tasks
async def main():
    runtime = ProcessRuntime(2)
    await runtime.run(pool_tasks.surroundings)
    await asyncio.gather(*(runtime.run(pool_tasks.wait, path) for path in sys.argv[1:]))
asyncio.run(main())
"""


def test_workers_end_with_a_parent_that_is_killed(tasks: ModuleType, tmp_path: Path) -> None:
    place = tmp_path / "busy"
    parent = subprocess.Popen([sys.executable, "-c", KILLED, str(place)])
    try:
        until(place.exists)
    finally:
        parent.kill()
        parent.wait()
    pids = [int(pid) for pid in place.read_text().split()]
    until(lambda: not any(alive(pid) for pid in pids))
