"""A watched folder: whatever happens to its files, its index ends as one that is made anew."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import watchfiles

import raycontext
from raycontext.models import IndexReport
from raycontext.sdk.watching.tree_watcher import TreeWatcher
from raycontext.serve.messages import CollectionQuery, IndexQuery
from raycontext.serve.service import Service

from ..conftest import CART, LEDGER, PAYMENT, write_tree
from ..waiting import until_async


class Watched:
    """A folder that is watched in the test's own process."""

    def __init__(self, context: raycontext.Context, source: Path, walk_seconds: float) -> None:
        self.context = context
        self.source = source
        self.reports: list[IndexReport] = []
        self.hints: list[tuple[str, ...]] = []
        self.watcher = TreeWatcher(str(source), self._index, walk_seconds=walk_seconds)

    async def _index(self, paths: tuple[str, ...]) -> None:
        self.hints.append(paths)
        self.reports.append(await self.context.index(self.source, collection="shop", paths=paths or None))

    async def files(self) -> dict[str, str]:
        """What the index holds: the digest of each file that a search finds."""
        hits = await self.context.search("cart card ledger", collection="shop", limit=1000, refresh=False)
        return {hit.path: hit.digest for hit in hits}

    async def until_listening(self) -> None:
        """Wait until changes are reported: the whole folder is looked through before, and once more from then on."""
        await until_async(lambda: self.hints[: len(self.reports)].count(()) >= 2)

    async def until_has(self, *paths: str) -> None:
        async def has() -> bool:
            return set(await self.files()) == set(paths)

        await until_async(has)


@asynccontextmanager
async def watched(root: Path, source: Path, walk_seconds: float = 3600.0) -> AsyncIterator[Watched]:
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        found = Watched(context, source, walk_seconds)
        running = asyncio.create_task(found.watcher.run())
        try:
            await until_async(lambda: bool(found.reports))
            yield found
        finally:
            running.cancel()
            await asyncio.wait([running])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = tmp_path / "shop"
    write_tree(place, {"cart.py": CART, "pay/payment.py": PAYMENT, ".gitignore": "*.log\n"})
    return place


async def test_edits_deletions_and_renames_are_followed(root: Path, shop: Path) -> None:
    async with watched(root, shop) as found:
        assert found.reports[-1].files == 3
        before = await found.files()
        write_tree(shop, {"core/ledger.go": LEDGER, "cart.py": CART + PAYMENT})

        async def edited() -> bool:
            now = await found.files()
            return "core/ledger.go" in now and now["cart.py"] != before["cart.py"]

        await until_async(edited)
        (shop / "core/ledger.go").rename(shop / "core/book.go")
        shutil.rmtree(shop / "pay")

        async def moved() -> bool:
            now = set(await found.files())
            return "core/book.go" in now and not now & {"core/ledger.go", "pay/payment.py"}

        await until_async(moved)


async def test_only_what_has_changed_is_looked_at(root: Path, shop: Path) -> None:
    async with watched(root, shop) as found:
        await found.until_listening()
        before = len(found.hints)
        write_tree(shop, {"core/ledger.go": LEDGER})
        await until_async(lambda: found.reports[-1].files == 4)
        assert all(found.hints[before:])  # no run looked at everything
        told = {path for paths in found.hints[before:] for path in paths}
        assert all(path.startswith(str(shop)) for path in told)
        assert told & {str(shop / "core"), str(shop / "core/ledger.go")}


async def test_storm_ends_as_from_scratch(root: Path, shop: Path) -> None:
    random = Random(7)
    async with watched(root, shop) as found:
        for number in range(300):
            write_tree(shop, {f"d{number % 9}/f{number}.py": f"# {number}\n{random.choice((CART, PAYMENT))}"})
        for number in random.sample(range(300), 100):
            (shop / f"d{number % 9}/f{number}.py").unlink()

        async def settled() -> bool:
            return found.reports[-1].files == 203

        await until_async(settled)
        assert len(found.reports) < 300  # not one run for each file
        fresh = await found.context.index(shop, collection="fresh")
        assert fresh.files == 203
        hits = await found.context.search("cart card", collection="fresh", limit=1000, refresh=False)
        assert await found.files() == {hit.path: hit.digest for hit in hits}


async def test_ignored_files_wake_nobody(root: Path, shop: Path) -> None:
    (shop / ".git").mkdir()
    (shop / "node_modules").mkdir()
    async with watched(root, shop) as found:
        await found.until_listening()
        ignored = {"debug.log": "x", ".git/index": "y", "node_modules/a/b.js": "z"}
        write_tree(shop, ignored)
        write_tree(shop, {"last.py": CART})  # changes are told of in their order
        await until_async(lambda: found.reports[-1].files == 4)
        told = {path.removeprefix(f"{shop}/") for paths in found.hints for path in paths}
        assert "last.py" in told
        assert not told & {*ignored, "node_modules", "node_modules/a"}
        write_tree(shop, {".gitignore": ""})  # now the log counts
        await until_async(lambda: found.reports[-1].files == 5)


async def test_folder_that_goes_away_and_comes_back_is_watched_again(root: Path, shop: Path) -> None:
    async with watched(root, shop) as found:
        shop.rename(shop.with_name("away"))

        async def told() -> bool:
            return str(shop) in found.watcher.problem

        await until_async(told)
        assert "cart.py" in await found.files()  # nothing is dropped for a folder that is away
        write_tree(shop, {"ledger.go": LEDGER})
        await found.until_has("ledger.go")
        await until_async(lambda: not found.watcher.problem)
        write_tree(shop, {"cart.py": CART})
        await found.until_has("ledger.go", "cart.py")


async def test_folder_is_looked_through_where_no_watch_is_left(
    root: Path, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watchfiles.watch

    def exhausted(*places: str, **options: object) -> object:
        if not options["force_polling"]:
            raise OSError(28, "OS file watch limit reached")
        return watch(*places, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(watchfiles, "watch", exhausted)
    async with watched(root, shop) as found:
        write_tree(shop, {"core/ledger.go": LEDGER})

        async def seen() -> bool:
            return "core/ledger.go" in await found.files()

        await until_async(seen)
        assert found.watcher.polls


async def test_missed_changes_are_found_by_a_walk(root: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watchfiles.watch

    def deaf(*places: str, **options: object) -> Iterator[set[object]]:
        for _ in watch(*places, **options):  # type: ignore[arg-type]
            yield set()

    monkeypatch.setattr(watchfiles, "watch", deaf)
    async with watched(root, shop, walk_seconds=0.3) as found:
        write_tree(shop, {"core/ledger.go": LEDGER})

        async def seen() -> bool:
            return "core/ledger.go" in await found.files()

        await until_async(seen)


async def test_service_watches_until_it_is_told_not_to(root: Path, shop: Path) -> None:
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        service = Service(context)
        state = await service.watch(IndexQuery(path=str(shop)))
        assert (state.collection, state.source) == ("shop", str(shop))
        assert (await service.watch(IndexQuery(path=f"{shop}/"))).collection == "shop"
        assert [found.collection for found in service.watches()] == ["shop"]
        assert service.busy
        assert await service.unwatch(CollectionQuery(path=str(shop))) == ("shop", True)
        assert await service.unwatch(CollectionQuery(collection="shop")) == ("shop", False)
        assert not service.watches()
        await service.close()
