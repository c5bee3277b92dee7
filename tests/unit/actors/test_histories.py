"""Readings of histories: calls that wait share one, stopping one is told, and only own sources are read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from raycontext.actors.histories import Histories
from raycontext.errors import JobCancelled, NotIndexedYet
from raycontext.index.history import HistoryStep
from raycontext.index.reuse.own_sources import note_own_source
from raycontext.runtime.base import Runtime
from raycontext.store.collection import Location
from raycontext.store.manifest import CommitHistory

from ...waiting import WAIT_SECONDS

READ = CommitHistory(head="0" * 40, embedder="", chunker="", complete=True)


class Readings:
    """Runtime whose readings end when they are told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def run(self, *_: Any) -> HistoryStep:
        self.begun += 1
        await self.may_end.wait()
        return HistoryStep(READ, READ)


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.fixture
def location(tmp_path: Path) -> Location:
    (tmp_path / "shop").mkdir()
    location = Location(str(tmp_path / "root"), "shop")
    location.open().create(str(tmp_path / "shop"))
    assert note_own_source(location.root, str(tmp_path / "shop"))
    return location


async def test_calls_that_come_while_one_reads_share_the_next_reading(location: Location) -> None:
    runtime = Readings()
    histories = Histories(location.root, cast(Runtime, runtime))
    calls = [asyncio.create_task(histories.read(location))]
    await settled(lambda: runtime.begun == 1)
    calls += [asyncio.create_task(histories.read(location)) for _ in range(9)]
    await asyncio.sleep(0)
    assert histories.is_under_way("shop")
    runtime.may_end.set()
    assert await asyncio.gather(*calls) == [READ] * 10
    assert runtime.begun == 2
    assert not histories.is_under_way("shop")


async def test_stopping_tells_those_who_wait_that_the_reading_was_cancelled(location: Location) -> None:
    runtime = Readings()
    histories = Histories(location.root, cast(Runtime, runtime))
    calls = [asyncio.create_task(histories.read(location))]
    await settled(lambda: runtime.begun == 1)
    calls.append(asyncio.create_task(histories.read(location)))
    await asyncio.sleep(0)
    await histories.stop("shop")
    assert [type(each) for each in await asyncio.gather(*calls, return_exceptions=True)] == [JobCancelled] * 2
    assert not histories.is_under_way("shop")


@pytest.mark.parametrize("named", ["{folder}", "git:{folder}@" + "1" * 40])
async def test_a_source_that_only_the_root_names_is_not_read(tmp_path: Path, named: str) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    location = Location(str(tmp_path / "root"), "docs")
    location.open().create(named.format(folder=folder))
    note_own_source(location.root, f"git:{folder}@{'2' * 40}")
    runtime = Readings()
    runtime.may_end.set()
    histories = Histories(location.root, cast(Runtime, runtime))
    with pytest.raises(NotIndexedYet):
        await histories.read(location)
    assert runtime.begun == 0
    note_own_source(location.root, named.format(folder=folder))
    assert await histories.read(location) == READ
