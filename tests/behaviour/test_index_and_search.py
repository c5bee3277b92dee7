"""Index real files and search them, on each runtime. Tests that only read share one collection of each runtime."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import CollectionExists, InvalidInput, RootNotFound, UnknownCollection
from raycontext.models import IndexReport, JobProgress
from raycontext.sdk.connection import Connection

from ..conftest import RUNTIMES, settle, write_shop, write_tree

Shop = tuple[raycontext.SyncContext, Path, IndexReport]


@pytest.fixture(scope="module", params=RUNTIMES)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A collection on each runtime for all tests that only read: what answers, what it is of, and how it was made."""
    if request.param == "ray":
        request.getfixturevalue("local_ray")
    place = tmp_path_factory.mktemp("shared")
    source = write_shop(place / "shop")
    write_tree(source, {"calls/a.txt": "zebra.gallop(meadow)\n", "calls/b.txt": "nothing of the kind\n"})
    noise = {f"noise/n{number}.py": f"def route_{number}(router):\n    return router.route()\n" for number in range(60)}
    write_tree(source, noise)
    with raycontext.connect(root=place / "root", runtime=request.param, workers=2) as context:
        yield context, source, context.index(source)


def test_hit_says_where_and_what(shop: Shop) -> None:
    context, source, report = shop
    assert (report.collection, report.files, report.added, report.version) == ("shop", 67, 67, 1)
    hits = context.search("where is a credit card charged?", collection="shop")
    best = hits[0]
    assert (best.path, best.language) == ("shop/payment.py", "python")
    assert "charge_card" in best.symbol.split()
    lines = (source / best.path).read_text().splitlines()
    assert "\n".join(lines[best.start_line - 1 : best.end_line]) == best.text.rstrip("\n")
    assert best.score >= hits[-1].score > 0.0
    assert best.lexical > 0.0
    assert -1.0 <= best.vector <= 1.0


def test_symbols_are_found_whole_and_in_parts(shop: Shop) -> None:
    context, *_ = shop
    for query in ("dispatchRequest", "dispatch request", "DISPATCH_REQUEST"):
        hits = context.search(query, collection="shop", limit=1)
        assert hits[0].path == "web/router.js"
    (hit,) = context.search("AppendBooking", collection="shop", limit=1)
    assert hit.path == "core/ledger.go"


def test_a_call_is_several_terms(shop: Shop) -> None:
    """The original made one token of `foo.bar(x)`."""
    context, *_ = shop
    for word in ("zebra", "gallop", "meadow"):
        hits = context.search(word, collection="shop")
        assert [hit.path for hit in hits] == ["calls/a.txt"]


def test_filters_act_before_ranking(shop: Shop) -> None:
    """The original accepted filters and ignored them."""
    context, *_ = shop
    plain = context.search("router route", collection="shop", limit=5)
    assert "python" in {hit.language for hit in plain}
    hits = context.search("router route", collection="shop", limit=5, languages=["javascript"])
    assert hits
    assert {hit.path for hit in hits} == {"web/router.js"}
    hits = context.search("router route", collection="shop", limit=5, paths=["!noise/"])
    assert hits
    assert not any(hit.path.startswith("noise/") for hit in hits)
    hits = context.search("router route", collection="shop", limit=5, paths=["web/**"])
    assert {hit.path for hit in hits} == {"web/router.js"}
    hits = context.search("cart", collection="shop", limit=50, kinds=["class"])
    assert hits
    assert {hit.kind for hit in hits} == {"class"}
    assert context.search("router", collection="shop", languages=["cobol"]) == []


def test_minimum_score_leaves_hits_out(shop: Shop) -> None:
    context, *_ = shop
    hits = context.search("charge card", collection="shop", limit=50)
    threshold = hits[0].score
    kept = context.search("charge card", collection="shop", limit=50, min_score=threshold)
    assert kept == [hit for hit in hits if hit.score >= threshold]
    assert len(kept) < len(hits)


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_empty_query_is_refused(shop: Shop, query: str) -> None:
    context, *_ = shop
    with pytest.raises(InvalidInput, match="empty"):
        context.search(query, collection="shop")


def test_wrong_arguments_are_refused(shop: Shop, tmp_path: Path) -> None:
    context, source, _ = shop
    with pytest.raises(UnknownCollection, match="nope"):
        context.search("x", collection="nope")
    for limit in (0, -1, 1001, True, 2.5):
        with pytest.raises(InvalidInput, match="limit"):
            context.search("x", collection="shop", limit=limit)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="10000"):
        context.search("x" * 10_001, collection="shop")
    with pytest.raises(InvalidInput, match="min_score"):
        context.search("x", collection="shop", min_score=float("nan"))
    with pytest.raises(InvalidInput, match="kind"):
        context.search("x", collection="shop", kinds=["klass"])
    with pytest.raises(InvalidInput, match="collection"):
        context.search("x", collection="../shop")
    with pytest.raises(InvalidInput, match="num_shards"):
        context.index(source, num_shards=0)
    with pytest.raises(RootNotFound, match="gone"):
        context.index(tmp_path / "gone")
    with pytest.raises(RootNotFound):
        context.index(source / "README.md")
    with pytest.raises(UnknownCollection, match="shop"):
        context.status("nope")


def test_query_without_any_match_finds_nothing(shop: Shop) -> None:
    context, *_ = shop
    assert context.search("xyzzyplugh", collection="shop") == []


async def test_unchanged_tree_commits_nothing(connection: Connection, source: Path) -> None:
    """The original saved its snapshot before comparing, so that nothing ever looked changed - or all of it did."""
    settle(source)
    async with connection as context:
        first = await context.index(source)
        second = await context.index(source)
        assert (second.changed, second.version, second.indexed_bytes) == (False, first.version, 0)
        (source / "shop/cart.py").write_text("def empty_trolley():\n    return None\n")
        third = await context.index(source)
        assert (third.changed, third.added, third.modified, third.removed) == (True, 0, 1, 0)
        assert third.version == first.version + 1


async def test_touched_file_is_not_indexed_again(connection: Connection, source: Path) -> None:
    settle(source)
    async with connection as context:
        await context.index(source)
        os.utime(source / "README.md", (1_000_000_000, 1_000_000_000))
        report = await context.index(source)
        assert (report.modified, report.indexed_bytes) == (0, 0)
        assert (await context.search("wizard", collection="shop"))[0].path == "README.md"


async def test_deleted_file_disappears_from_results(connection: Connection, source: Path) -> None:
    async with connection as context:
        before = await context.index(source)
        assert await context.search("ShoppingCart", collection="shop", paths=["shop/cart.py"])
        (source / "shop/cart.py").unlink()
        report = await context.index(source)
        assert (report.removed, report.files) == (1, before.files - 1)
        assert report.chunks < before.chunks
        hits = await context.search("ShoppingCart total_price", collection="shop", limit=100)
        assert "shop/cart.py" not in {hit.path for hit in hits}


async def test_chunks_of_an_edited_file_are_replaced(connection: Connection, source: Path) -> None:
    async with connection as context:
        await context.index(source)
        (source / "shop/payment.py").write_text("def wire_transfer(iban):\n    return iban\n")
        await context.index(source)
        assert not await context.search("refund", collection="shop", paths=["shop/payment.py"])
        (hit,) = await context.search("wire_transfer", collection="shop", limit=1)
        assert (hit.path, hit.start_line) == ("shop/payment.py", 1)


async def test_added_folder_counts_each_of_its_files(connection: Connection, source: Path) -> None:
    """The original reported an added folder as one entry."""
    async with connection as context:
        await context.index(source)
        write_tree(source / "new/deep", {"one.py": "def one():\n    pass\n", "two.py": "def two():\n    pass\n"})
        report = await context.index(source)
        assert report.added == 2


async def test_renamed_folder_is_noticed(connection: Connection, source: Path) -> None:
    """The original left folder names out of the Merkle hash."""
    async with connection as context:
        await context.index(source)
        (source / "shop").rename(source / "store")
        report = await context.index(source)
        assert (report.added, report.removed) == (2, 2)
        paths = {hit.path for hit in await context.search("charge_card", collection="shop", limit=50)}
        assert "store/payment.py" in paths
        assert "shop/payment.py" not in paths


async def test_clear_removes_everything(connection: Connection, source: Path, root: Path) -> None:
    """The original's clear deleted nothing."""
    async with connection as context:
        await context.index(source)
        assert await context.search("cart", collection="shop")
        await context.clear("shop")
        assert await context.collections() == []
        assert not (root / "shop").exists()
        with pytest.raises(UnknownCollection):
            await context.search("cart", collection="shop")
        with pytest.raises(UnknownCollection):
            await context.clear("shop")
        again = await context.index(source)
        assert again.version == 1
        assert await context.search("cart", collection="shop")


async def test_recreated_collection_is_not_answered_from_the_old_one(
    connection: Connection, source: Path, root: Path, runtime: str
) -> None:
    """Another process clears and indexes anew: the version number is the same, the content is not."""
    async with connection as context:
        await context.index(source)
        assert await context.search("ShoppingCart", collection="shop")
        async with raycontext.connect(root=root, runtime="inline") as other:
            await other.clear("shop")
            (source / "shop/cart.py").write_text("class Gondola:\n    pass\n")
            await other.index(source)
        hits = await context.search("Gondola", collection="shop", limit=1)
        assert [hit.symbol for hit in hits] == ["Gondola"]


async def test_commit_of_another_process_is_seen_by_the_next_search(
    connection: Connection, source: Path, root: Path
) -> None:
    async with connection as context:
        await context.index(source)
        assert not await context.search("velocipede", collection="shop")
        (source / "bike.py").write_text("def velocipede():\n    return 2\n")
        async with raycontext.connect(root=root, runtime="inline") as other:
            await other.index(source)
        assert (await context.search("velocipede", collection="shop"))[0].path == "bike.py"
        (source / "bike.py").write_text("def pennyfarthing():\n    return 1\n")
        report = await context.index(source)  # the first writer takes the collection back
        assert report.modified == 1
        assert (await context.search("pennyfarthing", collection="shop"))[0].path == "bike.py"


async def test_restart_changes_no_answer(connection: Connection, source: Path, root: Path, runtime: str) -> None:
    """The original lost its lexical index on restart."""
    async with connection as context:
        await context.index(source)
        before = await context.search("card payment", collection="shop", limit=50)
    async with raycontext.connect(root=root, runtime=runtime) as context:  # type: ignore[arg-type]
        assert await context.search("card payment", collection="shop", limit=50) == before


async def test_all_chunks_of_a_large_file_are_indexed(connection: Connection, tmp_path: Path) -> None:
    """The original silently capped the chunks of a file."""
    functions = [f"def handler_{number}(event):\n    return event.field_{number}\n\n\n" * 3 for number in range(1500)]
    write_tree(tmp_path / "large", {"all.py": "".join(functions)})
    async with connection as context:
        report = await context.index(tmp_path / "large")
        assert report.chunks > 100
        (hit,) = await context.search("field_1499", collection="large", limit=1)
        assert "field_1499" in hit.text


async def test_status_is_measured(connection: Connection, source: Path, root: Path) -> None:
    """The original printed an invented health and a wrong unit of memory."""
    write_tree(source, {"logo.png": b"\x89PNG\x00\x01", "latin.txt": b"caf\xe9 cr\xe8me\n"})
    async with connection as context:
        report = await context.index(source)
        await context.search("cart", collection="shop")
        status = await context.status("shop")
        assert (status.files, status.chunks, status.version) == (report.files, report.chunks, report.version)
        assert status.languages == {"python": 2, "javascript": 1, "go": 1, "markdown": 1, "text": 1}
        assert status.skipped == report.skipped == {"binary": 1}
        assert dict(status.skipped_files) == {"logo.png": "binary"}
        on_disk = sum(path.stat().st_size for path in (root / "shop").rglob("*") if path.is_file())
        assert status.bytes_on_disk == on_disk
        assert status.progress is not None
        assert status.progress.stage == "done"
        names = {actor.name for actor in status.actors}
        assert names == {"rc", "rc/shop", "rc/shop/0"}
        left_out = dict(status.skipped_files)
        assert status.source_bytes == sum(
            path.stat().st_size for path in source.rglob("*.*") if path.name not in left_out
        )
        for actor in status.actors:
            told = Path(f"/proc/{actor.pid}/status").read_text()
            memory = {name: int(kilobytes) << 10 for name, kilobytes in re.findall(r"(\w+):\s+(\d+) kB", told)}
            assert abs(actor.rss_bytes - memory["VmRSS"]) < 16 << 20
            assert actor.mapped_bytes is not None
            assert abs(actor.mapped_bytes - memory["RssFile"] - memory["RssShmem"]) < 16 << 20
        (before,) = [actor for actor in status.actors if actor.name == "rc/shop/0"]
        for _ in range(7):
            await context.search("cart", collection="shop", refresh=False)
        (after,) = [actor for actor in (await context.status("shop")).actors if actor.name == "rc/shop/0"]
        assert (after.calls - before.calls, after.calls_waiting) == (7, 0)
        assert after.call_p50_seconds is not None
        assert after.call_p99_seconds is not None
        assert 0.0 < after.call_p50_seconds <= after.call_p99_seconds


async def test_progress_is_reported(connection: Connection, tmp_path: Path) -> None:
    files = {f"m{number}.py": f"def f{number}():\n    return {number}\n" * 200 for number in range(300)}
    write_tree(tmp_path / "many", files)
    seen: list[JobProgress] = []
    async with connection as context:
        report = await context.index(tmp_path / "many", on_progress=seen.append)
        last = await context.progress("many")
    assert last is not None
    assert (last.stage, last.files_indexed) == ("done", report.files)
    assert all(step.collection == "many" for step in seen)
    indexed = [step.files_indexed for step in seen]
    assert indexed == sorted(indexed)


async def test_path_inside_an_indexed_tree_finds_its_collection(connection: Connection, source: Path) -> None:
    async with connection as context:
        await context.index(source, collection="tagged")
        hits = await context.search("charge card", path=source / "shop")
        assert {hit.collection for hit in hits} == {"tagged"}
        assert (await context.status(path=source / "web/router.js")).name == "tagged"
        with pytest.raises(UnknownCollection):
            await context.search("charge card", path=source.parent)


async def test_equal_folder_names_get_collections_of_their_own(connection: Connection, tmp_path: Path) -> None:
    write_tree(tmp_path / "a/site", {"x.py": "def alpha():\n    pass\n"})
    write_tree(tmp_path / "b/site", {"x.py": "def beta():\n    pass\n"})
    async with connection as context:
        first = await context.index(tmp_path / "a/site")
        second = await context.index(tmp_path / "b/site")
        assert first.collection == "site"
        assert second.collection == "b-site"
        assert (await context.index(tmp_path / "b/site")).collection == second.collection
        with pytest.raises(CollectionExists, match="site"):
            await context.index(tmp_path / "b/site", collection="site")
        assert [found.name for found in await context.collections()] == ["b-site", "site"]


async def test_other_number_of_shards_rebuilds(connection: Connection, source: Path) -> None:
    async with connection as context:
        await context.index(source, num_shards=1)
        before = await context.search("card", collection="shop", limit=50)
        report = await context.index(source, num_shards=3)
        assert report.changed
        assert (await context.status("shop")).num_shards == 3
        assert await context.search("card", collection="shop", limit=50) == before
        assert (await context.index(source)).changed is False


async def test_empty_folder_is_an_empty_collection(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "void").mkdir()
    async with connection as context:
        report = await context.index(tmp_path / "void")
        assert (report.files, report.chunks) == (0, 0)
        assert await context.search("anything", collection="void") == []


def test_blocking_form_has_the_same_methods(connection: Connection, source: Path) -> None:
    with connection as context:
        report = context.index(source)
        hits = context.search("charge card", collection="shop", limit=3)
        assert hits[0].path == "shop/payment.py"
        assert context.status("shop").files == report.files
        assert [summary.name for summary in context.collections()] == ["shop"]
        context.clear("shop")
        assert context.collections() == []
    asynchronous = {name for name in dir(raycontext.Context) if not name.startswith("_")}
    assert asynchronous == {name for name in dir(raycontext.SyncContext) if not name.startswith("_")}


def test_globs_choose_the_files_and_stay_with_the_collection(root: Path, source: Path) -> None:
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:

        def indexed() -> set[str]:
            return {hit.path for hit in context.search("card cart route ledger shop", collection="shop", limit=100)}

        report = context.index(source, include=["*.py", "core/"], exclude="payment.py")
        assert (report.files, indexed()) == (2, {"shop/cart.py", "core/ledger.go"})
        write_tree(
            source, {"web/more.js": "export const cart = 1;\n", "core/more.go": "package core\n\nvar cart = 1\n"}
        )
        assert context.index(source).added == 1  # globs that are not given stay
        changed = context.index(source, exclude=["*.go"], include=())
        assert (changed.removed, changed.added) == (2, 4)
        assert indexed() == {"shop/cart.py", "shop/payment.py", "web/router.js", "web/more.js", "README.md"}
        assert context.index(source, exclude=["*.go"]).changed is False
        with pytest.raises(InvalidInput, match="exclude"):
            context.index(source, exclude=[""])


async def test_only_the_given_paths_are_looked_at(connection: Connection, source: Path) -> None:
    async with connection as context:
        first = await context.index(source, paths=["shop"])  # nothing was indexed: all of it is
        assert first.files == len([file for file in source.rglob("*") if file.is_file()])
        settle(source)
        (source / "shop/cart.py").unlink()
        write_tree(source, {"new/one.py": "def one_more():\n    return 1\n", "two.py": "def second():\n    return 2\n"})
        report = await context.index(source, paths=[source / "new", "shop/cart.py"])
        assert (report.added, report.removed, report.files) == (1, 1, first.files)
        assert (await context.search("one_more", collection="shop", refresh=False))[0].path == "new/one.py"
        assert not [
            hit for hit in await context.search("second", collection="shop", refresh=False) if hit.path == "two.py"
        ]
        assert (await context.index(source, paths=["."])).added == 1
        assert (await context.index(source, paths=["new/one.py"])).changed is False
        for outside in ("..", "../x", source.parent / "x", "a/../../x"):
            with pytest.raises(InvalidInput, match="not within"):
                await context.index(source, paths=[outside])
        with pytest.raises(InvalidInput, match="paths is empty"):
            await context.index(source, paths=[])
