"""Answers are about the tree as it is: a search takes in few changes, and a hit tells if its file has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycontext.actors import looks
from raycontext.models import Freshness
from raycontext.sdk.connection import Connection

from ..conftest import write_tree

NEW = '''
def cancel_subscription(customer):
    """End the subscription of a customer."""
    customer.subscription = None
'''


@pytest.fixture(autouse=True)
def looking_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a pause between two looks; the Coordinator of the inline runtime lives in this process."""
    monkeypatch.setattr(looks, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(looks, "SLOW_LOOK_SECONDS", 0.0)


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
        source.rename(source.with_name("elsewhere"))
        (hit, *_) = context.search("check_out", collection="shop", limit=1)
        assert hit.freshness is Freshness.UNKNOWN


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
        context.search("cancel_subscription", collection="shop")
        assert context.status("shop").version == version


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
