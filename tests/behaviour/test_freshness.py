"""Answers are about the tree as it is: a search takes in few changes, and a hit tells if its file has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

import raycontext
from raycontext.actors import looks
from raycontext.models import Freshness
from raycontext.sdk.connection import Connection, SyncContext

from ..conftest import write_tree
from ..waiting import until

NEW = '''
def cancel_subscription(customer):
    """End the subscription of a customer."""
    customer.subscription = None
'''


@pytest.mark.parametrize("runtime", ["inline"])
def test_search_takes_in_few_changes(connection: Connection, source: Path) -> None:
    with connection as context:
        context.index(source, collection="shop")
        assert not any("subscription" in hit.symbol for hit in context.search("cancel_subscription", collection="shop"))
        write_tree(source, {"shop/subscription.py": NEW})
        (first, *_) = context.search("cancel_subscription", collection="shop")
        assert (first.path, first.symbol) == ("shop/subscription.py", "cancel_subscription")
        assert first.freshness is Freshness.UNCHANGED
        (source / "shop/subscription.py").unlink()
        assert not any(
            hit.path == "shop/subscription.py" for hit in context.search("cancel_subscription", collection="shop")
        )


def test_hit_tells_if_its_file_is_as_it_was_indexed(connection: Connection, source: Path) -> None:
    with connection as context:
        context.index(source, collection="shop")
        cart, payment = source / "shop/cart.py", source / "shop/payment.py"
        cart.write_text(cart.read_text() + "\n# more\n")
        payment.unlink()
        hits = [
            hit
            for query in ("check_out", "charge_card", "AppendBooking")
            for hit in context.search(query, collection="shop", refresh=False, limit=1)
        ]
        assert [(hit.path, hit.freshness) for hit in hits] == [
            ("shop/cart.py", Freshness.CHANGED),
            ("shop/payment.py", Freshness.DELETED),
            ("core/ledger.go", Freshness.UNCHANGED),
        ]
        assert {hit.source for hit in hits} == {str(source)}
        (similar, *_) = context.related("core/ledger.go", 12, collection="shop")
        assert similar.freshness in (Freshness.CHANGED, Freshness.UNCHANGED, Freshness.DELETED)


def finds(context: SyncContext, symbol: str) -> bool:
    return any(hit.symbol == symbol for hit in context.search(symbol, collection="shop"))


def test_folder_that_was_moved_or_deleted_marks_its_hits(connection: Connection, source: Path) -> None:
    with connection as context:
        context.index(source, collection="shop")
        source.rename(source.with_name("elsewhere"))
        hits = context.search("check_out", collection="shop", limit=1)
        assert hits[0].freshness is Freshness.DELETED
        assert hits.may_miss_files
        assert hits.notes == (f"The folder {source} is gone: hits show what was indexed of it.",)
        (similar, *_) = context.related("core/ledger.go", 12, collection="shop")
        assert similar.freshness is Freshness.DELETED


def test_each_of_many_edits_is_seen_by_the_next_search(connection: Connection, source: Path) -> None:
    with connection as context:
        version = context.index(source, collection="shop").version
        for number in range(8):
            name = f"shipment_{number}"
            (source / "shop/cart.py").write_text(f"def {name}(order):\n    return order\n")
            hits = context.search(name, collection="shop", limit=1)
            assert hits[0].symbol == name
            assert (hits[0].freshness, hits.may_miss_files) == (Freshness.UNCHANGED, False)
            assert hits.version is not None
            assert hits.version > version
            version = hits.version


def test_tree_that_is_looked_at_slowly_is_looked_at_seldom_and_the_answer_says_so(
    root: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYCONTEXT_LOOK_SECONDS", "0")
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(source, collection="shop")
        assert not context.search("check_out", collection="shop").may_miss_files
        write_tree(source, {"shop/subscription.py": NEW})
        hits = context.search("cancel_subscription", collection="shop")
        assert hits.may_miss_files
        assert hits.age_seconds is not None
        assert not any(hit.symbol == "cancel_subscription" for hit in hits)


def test_large_tree_is_left_to_a_watch_which_says_how_old_its_view_is(
    root: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYCONTEXT_LOOK_FILES", "2")
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(source, collection="shop")
        hits = context.search("check_out", collection="shop")
        assert hits.may_miss_files
        assert hits.age_seconds is not None
        state = context.watch(source)
        assert (state.collection, state.source) == ("shop", str(source))
        assert [found.collection for found in context.watches()] == ["shop"]
        until(lambda: not context.search("check_out", collection="shop").may_miss_files)
        write_tree(source, {"shop/subscription.py": NEW})
        until(lambda: finds(context, "cancel_subscription"))
        assert context.unwatch("shop")
        assert not context.unwatch(path=source)
        assert not context.watches()


@pytest.mark.parametrize("runtime", ["inline"])
def test_answer_of_several_collections_is_as_old_as_the_oldest(
    connection: Connection, source: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write_tree(other, {"subscription.py": NEW})
    with connection as context:
        context.index(source, collection="shop")
        context.index(other, collection="other")
        other.rename(tmp_path / "away")
        hits = context.search("subscription", collections=["shop", "other"])
        assert {found.collection: found.may_miss_files for found in hits.searched} == {"shop": False, "other": True}
        assert hits.version is None
        assert hits.may_miss_files
        without_look = context.search("subscription", collection="shop", refresh=False)
        assert (without_look.age_seconds, without_look.may_miss_files) == (None, True)


@pytest.mark.parametrize("runtime", ["inline"])
def test_touched_file_with_equal_content_is_unchanged(connection: Connection, source: Path) -> None:
    with connection as context:
        context.index(source, collection="shop")
        (source / "shop/cart.py").touch()
        (hit, *_) = context.search("check_out", collection="shop", limit=1, refresh=False)
        assert hit.freshness is Freshness.UNCHANGED


@pytest.mark.parametrize("runtime", ["inline"])
def test_search_does_not_wait_for_many_changes(
    connection: Connection, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "FEW_CHANGES", 2)
    with connection as context:
        version = context.index(source, collection="shop").version
        write_tree(source, {f"new{number}.py": NEW for number in range(3)})
        hits = context.search("cancel_subscription", collection="shop")
        assert hits.may_miss_files
        assert "3 files of 'shop' have changed" in hits.notes[0]
        assert context.status("shop").version == version


@pytest.mark.process
@pytest.mark.parametrize("runtime", ["processes"])
def test_many_changes_are_indexed_behind_the_answer(
    connection: Connection, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "FEW_CHANGES", 2)
    with connection as context:
        context.index(source, collection="shop")
        write_tree(source, {f"new{number}.py": NEW for number in range(3)})
        assert context.search("cancel_subscription", collection="shop").may_miss_files
        until(lambda: finds(context, "cancel_subscription"))


def test_several_collections_answer_together(connection: Connection, source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_tree(other, {"subscription.py": NEW})
    with connection as context:
        context.index(source, collection="shop")
        context.index(other, collection="other")
        hits = context.search("subscription of a customer, card", collections=["shop", "other"])
        assert (hits[0].collection, hits[0].source) == ("other", str(other))
        assert {hit.collection for hit in hits} == {"shop", "other"}
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert (hits.shards_answered, hits.shards_total) == (2, 2)
        assert list(context.search("subscription of a customer, card", collections="*")) == list(hits)
        assert len(context.search("subscription of a customer, card", collections="*", limit=1)) == 1
