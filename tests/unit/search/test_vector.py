"""What a large collection is searched by: sign bits instead of all cosines, a sample for their mean, threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.models import Hit, SearchFilters
from raycontext.search import part_search, shard
from raycontext.search.query import SearchRequest
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Location

from ...conftest import CART, LEDGER, PAYMENT, README, ROUTER, write_tree

QUERIES = (
    "where is a credit card charged",
    "add an article to the shopping cart",
    "write a booking at the end of the ledger",
    "map urls to handlers",
    "multiply a number",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same tree as `shards-1` and `shards-3`."""
    folder = tmp_path_factory.mktemp("vectors")
    named = {"cart.py": CART, "payment.py": PAYMENT, "router.js": ROUTER, "ledger.go": LEDGER, "README.md": README}
    more = {
        f"numbers/n{number}.py": f"def multiply_{number}(value):\n    return value * {number}\n" for number in range(20)
    }
    write_tree(folder / "tree", {**named, **more})
    with raycontext.connect(root=folder / "root", runtime="inline") as context:
        for shards in (1, 3):
            context.index(folder / "tree", collection=f"shards-{shards}", num_shards=shards)
    return folder / "root"


def answers(root: Path, shards: int) -> list[list[Hit]]:
    with raycontext.connect(root=root, runtime="inline") as context:
        found = [context.search(query, collection=f"shards-{shards}", limit=50) for query in QUERIES]
    return [[hit.model_copy(update={"collection": ""}) for hit in hits] for hits in found]


def counted(patch: pytest.MonkeyPatch, name: str) -> list[None]:
    """One entry for each call of a function of the module that searches a part from now on."""
    calls: list[None] = []
    original: Callable[..., Any] = getattr(part_search, name)

    def call(*arguments: Any) -> Any:
        calls.append(None)
        return original(*arguments)

    patch.setattr(part_search, name, call)
    return calls


def test_scan_by_sign_bits_finds_the_same_first_hits(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scans = counted(monkeypatch, "estimates_by_file")
    exact = answers(root, 1)
    assert not scans
    monkeypatch.setattr(part_search, "SCANNED_ROWS", 0)
    estimated = answers(root, 1)
    assert len(scans) == len(QUERIES)
    assert [hits[0] for hits in estimated] == [hits[0] for hits in exact]
    assert {hits[0].path for hits in exact} >= {"payment.py", "cart.py", "ledger.go", "router.js"}


def test_scan_by_sign_bits_finds_the_same_for_any_number_of_shards(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_search, "SCANNED_ROWS", 0)
    assert answers(root, 1) == answers(root, 3)


def test_sample_of_cosines_is_the_same_for_any_number_of_shards(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_search, "SAMPLED_ROWS", 8)
    request = SearchRequest(QUERIES[0], SearchFilters(), files=60, rows=10)
    sums = []
    for shards in (1, 3):
        collection = Location(str(root), f"shards-{shards}").open()
        searches = [ShardSearch(collection, number) for number in range(shards)]
        statistics = sum((search.statistics(request) for search in searches[1:]), searches[0].statistics(request))
        found = [search.candidates(request, statistics).cosine_sums for search in searches]
        sums.append(tuple(map(sum, zip(*found, strict=True))))
        assert 0 < sums[-1][0] < statistics.rows
    assert sums[0] == sums[1]
    assert answers(root, 1) == answers(root, 3)


def test_threads_change_no_answer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = answers(root, 1)
    monkeypatch.setattr(shard, "THREADED_ROWS", 0)
    assert answers(root, 1) == alone
