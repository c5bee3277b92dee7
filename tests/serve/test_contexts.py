"""Two contexts of one root, as a daemon has them while Ray starts: collections move, jobs go on from their last commit.

The second context stands for the one on Ray; which runtime it has does not matter here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.index.planning import batches
from raycontext.models import IndexReport, JobProgress
from raycontext.sdk.context import Context
from raycontext.serve.contexts import Contexts
from raycontext.store.collection import Location

from ..conftest import CART, write_tree
from ..property.test_incremental_index import comparable
from ..waiting import until_async

ASKED: dict[str, Any] = {"collections": (), "path": None, "refresh": None}
QUESTION = "where is the price summed up?"


@pytest.fixture
async def two(root: Path) -> AsyncIterator[tuple[Context, Context]]:
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(raycontext.connect(root=root, runtime="inline", workers=1))
            for _ in range(2)
        ]
        yield opened[0], opened[1]


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree that takes many batches."""
    for limit in ("SMALLEST_INDEX_BATCH_BYTES", "LARGEST_INDEX_BATCH_BYTES"):
        monkeypatch.setattr(batches, limit, 30_000)
    write_tree(tmp_path / "large", {f"d{number % 9}/f{number}.py": f"# {number}\n{CART * 6}" for number in range(160)})
    return tmp_path / "large"


async def index_and_join(contexts: Contexts, ray: Context, source: Path, **options: Any) -> IndexReport:
    """Index a tree; the second context joins as soon as the run indexes."""
    joined = False

    def show(progress: JobProgress) -> None:
        nonlocal joined
        if progress.stage == "indexing" and not joined:
            joined = True
            contexts.join(ray)

    name = await contexts.catalog.prepare(str(source), "large")
    report = await contexts.index(str(source), collection=name, on_progress=show, **options)
    assert joined
    return report


async def test_run_goes_on_elsewhere_from_its_last_commit(
    two: tuple[Context, Context], root: Path, large: Path, tmp_path: Path
) -> None:
    own, ray = two
    contexts = Contexts(own)
    source = large
    report = await index_and_join(contexts, ray, source)
    assert (report.files, report.added, report.modified) == (160, 160, 0)
    manifest = Location(str(root), "large").open().latest()
    assert manifest is not None
    assert (manifest.epoch, manifest.version >= 2) == (2, True)
    assert report.indexed_bytes == sum(path.stat().st_size for path in source.rglob("*.py"))
    assert not (await own.verify("large", deep=True))[0].damage
    async with raycontext.connect(root=tmp_path / "other", runtime="inline", workers=1) as fresh:
        await fresh.index(source, collection="large")
        expected = await fresh.search(QUESTION, collection="large", limit=1000)
    found = await contexts.search(QUESTION, collection="large", limit=1000, **ASKED)
    assert [comparable(hit) for hit in found] == [comparable(hit) for hit in expected]
    assert not (await contexts.index(str(source), collection="large")).changed


async def test_run_that_builds_anew_is_completed_where_it_began(
    two: tuple[Context, Context], root: Path, large: Path, tmp_path: Path
) -> None:
    own, ray = two
    contexts = Contexts(own)
    source = large
    await contexts.index(str(source), collection=await own.prepare(source, "large"))
    report = await index_and_join(contexts, ray, source, num_shards=2)
    manifest = Location(str(root), "large").open().latest()
    assert manifest is not None
    assert (report.files, len(manifest.shards), manifest.epoch) == (160, 2, 1)


async def test_collection_moves_and_comes_back_and_every_search_is_answered(
    two: tuple[Context, Context], source: Path
) -> None:
    own, ray = two
    contexts = Contexts(own)
    name = await own.prepare(source)
    await contexts.index(str(source), collection=name, num_shards=2)

    async def paths() -> set[str]:
        """What searches find that are asked at the same time."""
        searches = (contexts.search(QUESTION, collection=name, limit=20, **ASKED) for _ in range(3))
        first, *others = [{hit.path for hit in hits} for hits in await asyncio.gather(*searches)]
        assert all(found == first for found in others)
        return first

    async def actors() -> set[str]:
        return {actor.name for actor in (await ray.status(name)).actors}

    before = await paths()
    assert "shop/cart.py" in before
    assert contexts.runtime_of(name) == "inline"
    contexts.join(ray)
    while contexts.runtime_of(name) == "inline":
        assert await paths() == before
    await until_async(lambda: not contexts.is_moving)
    assert await paths() == before
    assert f"rc/{name}/0" in await actors()
    (source / "new.py").write_text("def price_sum():\n    return 1\n")
    assert (await contexts.index(str(source), collection=name)).added == 1
    assert "new.py" in await paths()
    await contexts.leave()
    (source / "new.py").unlink()
    assert (await contexts.index(str(source), collection=name)).removed == 1
    assert await paths() == before
    assert (await contexts.status(name)).epoch == 3


async def test_collection_is_cleared_and_cancelled_wherever_it_is(two: tuple[Context, Context], large: Path) -> None:
    own, ray = two
    contexts = Contexts(own)
    source = large
    name = await own.prepare(source, "large")
    contexts.join(ray)
    running = asyncio.ensure_future(contexts.index(str(source), collection=name))

    async def indexes() -> bool:
        progress = await ray.progress(name)
        return progress is not None and progress.stage == "indexing"

    await until_async(indexes)
    assert contexts.runtime_of(name) == "ray"
    assert await contexts.cancel(name)
    with pytest.raises(raycontext.JobCancelled):
        await running
    await contexts.index(str(source), collection=name)
    await contexts.clear(name)
    with pytest.raises(raycontext.UnknownCollection):
        await contexts.search(QUESTION, collection=name, **ASKED)
    assert await own.collections() == []
