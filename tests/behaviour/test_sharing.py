"""What is indexed once is not parsed again: other worktrees, other branches, edits that are taken back."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.actors.coordinator import Coordinator
from raycontext.errors import InvalidInput, UnknownCollection
from raycontext.index.languages import LanguageChoice
from raycontext.index.reuse import reuse
from raycontext.models import Hit
from raycontext.store import garbage
from raycontext.store.collection import Collection
from raycontext.store.segments import compaction

from ..conftest import CART, LEDGER, PAYMENT, ROUTER, write_tree

SHOP = {
    "cart.py": CART,
    "pay/payment.py": PAYMENT,
    "pay/ledger.go": LEDGER,
    "web/router.js": ROUTER,
    "README.md": "# Shop\n",
}
QUERIES = ("charge a card", "ShoppingCart", "append booking to the ledger", "shop")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=2) as context:
        yield context


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_tree(tmp_path / "shop", SHOP)
    return tmp_path / "shop"


def shown(hit: Hit) -> dict[str, Any]:
    return hit.model_dump(exclude={"collection", "source", "absolute_path", "freshness"}, exclude_unset=True)


def answers(context: raycontext.SyncContext, collection: str) -> dict[str, list[dict[str, Any]]]:
    return {
        query: [shown(hit) for hit in context.search(query, collection=collection, limit=100, refresh=False)]
        for query in QUERIES
    }


def assert_as_fresh(context: raycontext.SyncContext, collection: str, source: Path, root: Path) -> None:
    """The same answers and scores as an index of the same tree that shares nothing, and nothing damaged."""
    with raycontext.connect(root=root, runtime="inline", workers=2) as other:
        other.index(source, collection="fresh")
        expected, status = answers(other, "fresh"), other.status("fresh")
    found = context.status(collection)
    assert (found.files, found.chunks, found.languages) == (status.files, status.chunks, status.languages)
    assert answers(context, collection) == expected
    assert all(expected.values())
    (report,) = context.verify(collection, deep=True)
    assert not report.damage


def segment_files(root: Path, collection: str) -> set[int]:
    return {file.stat().st_ino for file in (root / collection / "segments").glob("*/*")}


def test_second_worktree_takes_over_what_is_the_same_and_survives_the_first(
    context: raycontext.SyncContext, shop: Path, tmp_path: Path
) -> None:
    context.index(shop)
    twin = tmp_path / "twin"
    shutil.copytree(shop, twin)
    (twin / "pay" / "payment.py").write_text(PAYMENT.replace("charge", "bill"))
    (twin / "new.py").write_text("def shop_window():\n    return 1\n")
    report = context.index(twin)
    assert (report.added, report.reused_files, report.reused_from) == (6, 4, ("shop",))
    assert report.indexed_bytes == sum((twin / name).stat().st_size for name in ("new.py", "pay/payment.py"))
    root = tmp_path / "root"
    assert segment_files(root, "shop") <= segment_files(root, "twin"), "the bytes are there once"
    first, second = context.status("shop"), context.status("twin")
    assert 0 < second.shared_bytes == first.shared_bytes < second.bytes_on_disk
    assert_as_fresh(context, "twin", twin, tmp_path / "other")

    context.clear("shop")
    assert context.status("twin").shared_bytes == 0, "what was shared is its own now"
    assert_as_fresh(context, "twin", twin, tmp_path / "other")


def test_damage_in_a_shared_file_is_found_in_both_and_repaired_in_one(
    context: raycontext.SyncContext, shop: Path, tmp_path: Path
) -> None:
    context.index(shop)
    twin = tmp_path / "twin"
    shutil.copytree(shop, twin)
    context.index(twin)
    (victim,) = (tmp_path / "root" / "twin" / "segments").glob("*/text.arrow")
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0xFF
    victim.chmod(0o600)
    victim.write_bytes(data)
    assert all(report.damage for report in context.verify(deep=True))
    context.repair("twin")
    damaged = {report.collection: bool(report.damage) for report in context.verify(deep=True)}
    assert damaged == {"shop": True, "twin": False}, "a repair never writes into a file"
    assert_as_fresh(context, "twin", twin, tmp_path / "other")


def test_nothing_is_taken_over_where_it_is_forbidden_or_the_index_is_forced(
    context: raycontext.SyncContext, shop: Path, tmp_path: Path
) -> None:
    context.index(shop)
    for name, options in {"apart": {"fork": False}, "forced": {"force": True}}.items():
        shutil.copytree(shop, tmp_path / name)
        report = context.index(tmp_path / name, **options)
        assert (report.reused_files if name == "apart" else 0) == 0
        if name == "apart":
            assert context.status(name).shared_bytes == 0
    assert context.index(shop, force=True).reused_files == 0


def test_fork_begins_with_the_options_of_the_named_collection_and_says_what_does_not_fit(
    context: raycontext.SyncContext, shop: Path, tmp_path: Path
) -> None:
    context.index(shop, num_shards=3, exclude=["README.md"])
    shutil.copytree(shop, tmp_path / "twin")
    shutil.copytree(shop, tmp_path / "third")
    report = context.index(tmp_path / "twin", fork_from="shop")
    assert (report.reused_files, report.files) == (4, 4)
    assert context.status("twin").num_shards == 3
    assert context.index(tmp_path / "third").reused_files == 0, "it has another number of shards"
    with pytest.raises(InvalidInput, match="'shop' was built with another num_shards"):
        context.index(tmp_path / "third", collection="fourth", fork_from="shop", num_shards=2)
    with pytest.raises(UnknownCollection):
        context.index(tmp_path / "third", collection="fifth", fork_from="nothing")


def test_file_that_is_read_in_another_way_now_is_indexed_anew(
    context: raycontext.SyncContext, shop: Path, tmp_path: Path
) -> None:
    """Path and content alone do not decide: the tree may say something else about a file."""
    context.index(shop)
    twin = tmp_path / "twin"
    shutil.copytree(shop, twin)
    write_tree(twin, {".gitattributes": "*.py linguist-language=JavaScript\nrouter.js linguist-generated\n"})
    report = context.index(twin)
    assert report.reused_files == 2
    assert_as_fresh(context, "twin", twin, tmp_path / "other")


@pytest.mark.parametrize("compacted", [False, True])
async def test_branch_that_is_switched_to_again_is_not_parsed_again(
    compacted: bool, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From A to B, back to A, to B, also where each run is followed by a merge that drops what is dead."""
    branches = [
        SHOP,
        SHOP | {"cart.py": CART.replace("total", "sum"), "pay/ledger.go": LEDGER.replace("Append", "Put")},
    ]
    monkeypatch.setattr(garbage, "LOCAL_GRACE", garbage.Grace(readers=0.0, writers=3600.0))
    monkeypatch.setattr(garbage, "KEPT_MANIFESTS", 1)
    monkeypatch.setattr(compaction, "DEAD_SHARE", 0.0 if compacted else 1.0)
    async with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=2) as context:
        coordinator = await context._coordinator()
        for number in range(7):
            write_tree(shop, branches[number % 2])
            report = await context.index(shop)
            if number > 1:
                assert (report.modified, report.reused_files, report.indexed_bytes) == (2, 2, 0)
                assert report.reused_from == ("shop",)
            await coordinator.call(Coordinator.settle)
        segments = await asyncio.to_thread(list, (tmp_path / "root" / "shop" / "segments").iterdir())
        assert len(segments) <= 5, "what comes again and again is kept once"
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=2) as again:
        assert_as_fresh(again, "shop", shop, tmp_path / "other")


def test_worktrees_and_clones_are_looked_into_first(shop: Path, tmp_path: Path) -> None:
    from raycontext.index.reuse.own_sources import note_own_source
    from raycontext.index.reuse.relatives import relatives_first
    from raycontext.store.storage.memory import MemoryStorage

    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True, capture_output=True
        )

    git("init", str(shop))
    git("-C", str(shop), "remote", "add", "origin", "https://example.org/shop.git")
    git("-C", str(shop), "add", ".")
    git("-C", str(shop), "commit", "-m", "one")
    git("-C", str(shop), "worktree", "add", str(tmp_path / "worktree"))
    git("clone", str(shop), str(tmp_path / "clone"))
    git("-C", str(tmp_path / "clone"), "remote", "set-url", "origin", "https://example.org/shop.git")
    (tmp_path / "stranger").mkdir()
    storage, root = MemoryStorage(), str(tmp_path / "root")
    for name in ("stranger", "clone", "worktree", "foreign"):
        source = tmp_path / ("worktree" if name == "foreign" else name)
        Collection(storage, name).create(str(source) + ("/" if name == "foreign" else ""))
        if name != "foreign":
            note_own_source(root, str(source))
    found = relatives_first(root, str(shop), storage, ["foreign", "clone", "stranger", "worktree"])
    assert found[:2] == ["worktree", "clone"]
    assert set(found[2:]) == {"foreign", "stranger"}


def test_objects_of_a_store_are_copied_and_count_as_own(shop: Path, tmp_path: Path) -> None:
    with raycontext.connect(root=f"memory://{tmp_path.name}", runtime="inline", workers=2) as context:
        context.index(shop)
        shutil.copytree(shop, tmp_path / "twin")
        report = context.index(tmp_path / "twin")
        assert (report.reused_files, report.indexed_bytes) == (5, 0)
        status = context.status("twin")
        assert (status.shared_bytes, status.own_bytes) == (0, status.bytes_on_disk)
        context.clear("shop")
        assert_as_fresh(context, "twin", tmp_path / "twin", tmp_path / "other")


def test_rows_of_other_rules_are_taken_only_where_todays_rules_say_the_same(
    context: raycontext.SyncContext, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an upgrade that tells languages in another way."""
    context.index(shop)
    monkeypatch.setattr(reuse, "rules_fingerprint", lambda: "of another version")
    told = LanguageChoice.language
    monkeypatch.setattr(
        LanguageChoice,
        "language",
        lambda self, path, *facts: "php" if path == "cart.py" else told(self, path, *facts),
    )
    shutil.copytree(shop, tmp_path / "twin")
    assert context.index(tmp_path / "twin").reused_files == 4
    assert context.status("twin").languages["php"] == 1
