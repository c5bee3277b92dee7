"""Calls that are cancelled, fail half-way or run beside the end of what they use: nothing is left half done."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.models import JobProgress
from raycontext.sdk.connection import Connection

from ..conftest import CART, write_tree


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """asyncio logs exceptions that no one has looked at, and tasks that are destroyed before their end."""
    with caplog.at_level(logging.WARNING, logger="asyncio"):
        yield
        gc.collect()
        assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A tree that takes a while to index."""
    write_tree(
        tmp_path / "shop",
        {f"d{number % 9}/m{number}.py": CART.replace("cart", f"cart{number}") * 5 for number in range(400)},
    )
    return tmp_path / "shop"


class Interruption(Exception):
    pass


async def test_error_of_the_progress_callback_reaches_the_caller(connection: Connection, source: Path) -> None:
    def interrupt(progress: JobProgress) -> None:
        raise Interruption(progress.stage)

    async with connection as context:
        with pytest.raises(Interruption):
            await context.index(source, on_progress=interrupt)
        report = await context.index(source)  # after the run that went on
        assert report.files == 400


async def test_cancelled_run_leaves_a_collection_that_can_be_indexed(connection: Connection, source: Path) -> None:
    begun = asyncio.Event()
    async with connection as context:
        running = asyncio.create_task(context.index(source, on_progress=lambda _: begun.set()))
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await context.index(source)).files == 400
        assert await context.search("shopping cart", collection="shop")


async def test_connection_that_ends_during_a_run_ends_the_run(connection: Connection, source: Path, root: Path) -> None:
    begun = asyncio.Event()
    async with connection as context:
        running = asyncio.create_task(context.index(source, on_progress=lambda _: begun.set()))
        await begun.wait()
        running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with raycontext.connect(root=root, runtime="inline") as context:
        assert (await context.index(source)).files == 400


async def test_search_beside_clear_finds_hits_or_no_collection(connection: Connection, tmp_path: Path) -> None:
    write_tree(tmp_path / "shop", {"cart.py": CART})
    async with connection as context:
        for _ in range(3):
            await context.index(tmp_path / "shop")
            searches = [asyncio.create_task(context.search("cart", collection="shop")) for _ in range(4)]
            await asyncio.sleep(0)
            await context.clear("shop")
            for outcome in await asyncio.gather(*searches, return_exceptions=True):
                assert isinstance(outcome, (list, raycontext.UnknownCollection)), outcome
        assert await context.collections() == []


@pytest.mark.ray
async def test_end_of_one_connection_leaves_the_others_alone(local_ray: None, tmp_path: Path) -> None:
    write_tree(tmp_path / "shop", {"cart.py": CART})
    async with raycontext.connect(root=tmp_path / "one", runtime="ray") as first:
        await first.index(tmp_path / "shop")
        async with raycontext.connect(root=tmp_path / "two", runtime="ray") as second:
            await second.index(tmp_path / "shop")
        assert await first.search("cart", collection="shop")


async def test_closed_connection_answers_no_more(connection: Connection, tmp_path: Path) -> None:
    """A call on a Ray that has ended would start another one, unguarded and never ended."""
    write_tree(tmp_path / "shop", {"cart.py": CART})
    async with connection as context:
        await context.index(tmp_path / "shop")
        assert await context.search("cart", collection="shop")
    for call in (context.search("cart", collection="shop"), context.index(tmp_path / "shop"), context.collections()):
        with pytest.raises(raycontext.RuntimeUnavailable, match="closed"):
            await call


def test_closed_blocking_connection_answers_no_more(root: Path) -> None:
    with raycontext.connect(root=root, runtime="inline") as context:
        assert context.collections() == []
    with pytest.raises(raycontext.RuntimeUnavailable, match="closed"):
        context.collections()
