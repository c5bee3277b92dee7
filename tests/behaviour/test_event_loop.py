"""Nothing blocks the event loop: no blocking call is made on it, and no step of it computes for long."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockingError, blockbuster_ctx

import raycontext
import raycontext.sdk.connection
from raycontext.actors.coordinator import Coordinator
from raycontext.models import JobProgress

from ..conftest import CART, LEDGER, PAYMENT, ROUTER, write_tree

LONG_STEP_SECONDS = 0.5
"""CPU time of a step, which does not depend on what else the machine does."""

FILES: dict[str, str | bytes] = {
    f"part{number % 20}/{name}{number}{suffix}": text.replace("Article", f"Article{number}")
    for number in range(80)
    for name, suffix, text in (
        ("cart", ".py", CART),
        ("payment", ".py", PAYMENT),
        ("router", ".js", ROUTER),
        ("ledger", ".go", LEDGER),
    )
}


@contextmanager
def watched(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Raise `BlockingError` from blocking calls of the package on a running loop.

    The list that it yields holds, at the end of the block, what asyncio had to complain of and each step that computed
    for long, without the time that other threads and processes had the processor.
    """
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = math.inf  # asyncio goes by the time on the wall
    found: list[str] = []
    run = asyncio.Handle._run

    def measured(handle: asyncio.Handle) -> None:
        step = getattr(handle._callback, "__self__", handle)  # a task, where it is one's step
        begun = time.thread_time()
        run(handle)
        took = time.thread_time() - begun
        if took >= LONG_STEP_SECONDS:
            found.append(f"{step!r} computed for {took:.3f} s")

    with (
        pytest.MonkeyPatch.context() as patch,
        caplog.at_level(logging.WARNING, logger="asyncio"),
        blockbuster_ctx("raycontext"),
    ):
        patch.setattr(asyncio.Handle, "_run", measured)
        yield found
        found += [record.getMessage() for record in caplog.records if record.name == "asyncio"]


async def use_everything(root: Path, source: Path) -> None:
    """What a program does, with an edit and all kinds of questions."""
    seen: list[JobProgress] = []
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        report = await context.index(source, num_shards=3, on_progress=seen.append)
        assert report.files == len(FILES)
        os.unlink(source / "part0/cart0.py")  # noqa: PTH108 - the package is watched, not the test
        assert (await context.index(source)).removed == 1
        for query in ("where is a credit card charged?", "dispatchRequest", "ledger"):
            assert await context.search(query, limit=100, paths=["!part1/"], path=source)
        assert (await context.status(path=source)).files == len(FILES) - 1
        assert await context.progress("many") is not None
        assert len(await context.collections()) == 1
        await context.clear("many")
        with pytest.raises(raycontext.UnknownCollection):
            await context.search("cart", collection="many")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    write_tree(tmp_path / "many", FILES)
    return tmp_path / "many"


async def test_event_loop_is_never_blocked(
    tmp_path: Path, many: Path, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # What is imported and compiled only once holds the interpreter, whichever thread does it.
    async with raycontext.connect(root=tmp_path / "warm", runtime="inline") as context:
        await context.index(source)
        await context.search("cart", collection="shop")
    with watched(caplog) as blocking:
        await use_everything(tmp_path / "root", many)
    assert blocking == []


async def test_ray_is_imported_off_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import takes a second or more."""
    make_runtime, on_loop = raycontext.sdk.connection.runtime_for, []

    def recorded(*arguments: Any) -> Any:
        on_loop.append(threading.current_thread() is threading.main_thread())
        return make_runtime(*arguments)

    monkeypatch.setattr(raycontext.sdk.connection, "runtime_for", recorded)
    async with raycontext.connect(root=tmp_path, runtime="inline"):
        assert on_loop == [False]


async def test_blocking_call_would_be_noticed(
    tmp_path: Path, source: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def progress(self: Coordinator, collection: str) -> None:
        time.sleep(0.001)  # noqa: ASYNC251 - the mistake that is to be found

    async def collections(self: Coordinator) -> list[str]:
        return os.listdir(self._root)  # noqa: PTH208

    monkeypatch.setattr(Coordinator, "progress", progress)
    monkeypatch.setattr(Coordinator, "collections", collections)
    async with raycontext.connect(root=tmp_path, runtime="inline") as context:
        with watched(caplog):
            with pytest.raises(BlockingError):
                await context.progress("shop")
            with pytest.raises(BlockingError):
                await context.collections()


async def test_long_step_would_be_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def progress(self: Coordinator, collection: str) -> None:
        end = time.thread_time() + 2 * LONG_STEP_SECONDS
        while time.thread_time() < end:
            pass

    monkeypatch.setattr(Coordinator, "progress", progress)
    async with raycontext.connect(root=tmp_path, runtime="inline") as context:
        with watched(caplog) as blocking:
            await asyncio.create_task(context.progress("shop"))
            await asyncio.sleep(0)
    (step,) = blocking
    assert "progress" in step
    assert "computed for" in step
