"""Lexical scores of an index that was edited, and which terms find candidates in a large one."""

from __future__ import annotations

from pathlib import Path

import pytest

import raycontext
from raycontext.models import Hit, SearchFilters
from raycontext.search.query import FEATURES, PROPOSERS, SearchRequest
from raycontext.search.query_terms import search_terms
from raycontext.search.shard import ShardSearch
from raycontext.search.signals import lexical
from raycontext.store.collection import Location
from raycontext.store.segments import compaction

from ...conftest import CART, LEDGER, PAYMENT, README, ROUTER, write_tree
from .segments import NaiveIndex, three_best

QUERIES = ("charge a card", "ledger balance", "ShoppingCart total price", "refund refund", "router shop", "zebra")


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Location:
    """A collection of several segments, some of whose files were edited, renamed and deleted since."""
    root = tmp_path_factory.mktemp("edited")
    place = root / "shop"
    write_tree(place, {f"prices/{number}.py": f"def price():\n    return {number}\n" for number in range(20)})
    write_tree(place, {"cart.py": CART, "shop/payment.py": PAYMENT, "web/router.js": ROUTER, "README.md": README})
    with (
        pytest.MonkeyPatch.context() as patch,
        raycontext.connect(root=root / "root", runtime="inline") as context,
    ):
        patch.setattr(compaction, "MAX_SEGMENTS", 1000)
        context.index(place)
        write_tree(place, {"cart.py": CART + "\n\ndef refund_all(cart):\n    cart.clear()\n", "core/ledger.go": LEDGER})
        (place / "web/router.js").unlink()
        context.index(place)
        (place / "shop/payment.py").rename(place / "card.py")
        context.index(place)
    return Location(str(root / "root"), "shop")


@pytest.mark.parametrize("query", QUERIES)
def test_edited_index_is_scored_by_its_live_chunks(edited: Location, query: str) -> None:
    collection = edited.open()
    manifest = collection.latest()
    assert manifest is not None
    segments = collection.segments(manifest, 0)
    assert len(segments) == 3
    assert any(segment.reference.tombstones for segment in segments)
    naive = NaiveIndex(segments)
    weights = naive.weights(search_terms(query))
    request = SearchRequest(query, SearchFilters(), files=100, rows=100)
    shard = ShardSearch(collection, 0)
    found = shard.candidates(request, shard.statistics(request))
    names = {shard.path(found.version, int(file)): place for place, file in enumerate(found.files)}
    matching = {file.name for file, chunk in naive.chunks if naive.chunk(file, chunk, weights) > 0.0}
    assert matching <= set(names)
    assert bool(matching) == (query != "zebra")
    for file in naive.files:
        if file.name not in names:
            continue
        place = names[file.name]
        scores = [naive.chunk(file, chunk, weights) for chunk in file.chunks]
        assert found.lexical[found.row_offsets[place] : found.row_offsets[place + 1]] == pytest.approx(scores)
        assert found.features[place, FEATURES.index("chunks")] == pytest.approx(three_best(scores))
        proposed = dict(zip(PROPOSERS, found.proposals[:, place].tolist(), strict=True))
        assert proposed["chunks"] == pytest.approx(three_best(scores))
        assert proposed["definitions"] == pytest.approx(naive.symbols(file, weights))
        assert proposed["path"] == pytest.approx(naive.path(file, weights))


def test_word_that_only_the_path_has_finds_the_file(tmp_path: Path) -> None:
    write_tree(
        tmp_path / "tree",
        {"billing/first.py": "def total():\n    return 1\n", "other/second.py": "def total():\n    return 2\n"},
    )
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "tree")
        (hit,) = context.search("billing", collection="tree")
        assert (hit.path, "billing" in hit.text, hit.lexical > 0.0) == ("billing/first.py", False, True)


def test_candidates_that_rare_terms_propose_are_ranked_by_all_terms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`wombat` is rare, `parcel` and `courier` are in all files but one."""
    common = "def parcel_{0}(courier):\n    parcel = courier.parcel\n    return parcel\n"
    files = {f"common_{number}.py": common.format(number) for number in range(30)}
    files["both.py"] = "def parcel_of(courier):\n    wombat = courier.parcel\n    return wombat\n"
    files["rare.py"] = "def animals(zoo):\n    wombat = zoo.wombat\n    return wombat\n"
    write_tree(tmp_path / "tree", files)
    query = "parcel of the courier for a wombat"

    def hits() -> list[Hit]:
        with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
            context.index(tmp_path / "tree")
            return context.search(query, collection="tree", limit=100)

    by_all = {hit.path: hit for hit in hits()}
    assert len(by_all) == len(files)
    with monkeypatch.context() as patch:
        patch.setattr(lexical, "PROPOSING_POSTINGS", 2)
        by_rare = hits()
    paths = [hit.path for hit in by_rare]
    assert paths.index("both.py") < paths.index("rare.py")
    assert by_rare[0].path == "both.py"
    for hit in by_rare:
        assert hit.lexical == by_all[hit.path].lexical


def test_file_is_proposed_by_its_chunks_through_rare_terms_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"common_{number}.txt": "parcel parcel\n" for number in range(9)}
    write_tree(tmp_path / "tree", {**files, "rare.txt": "wombat parcel\n"})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "tree")
    shard = ShardSearch(Location(str(tmp_path / "root"), "tree").open(), 0)
    request = SearchRequest("wombat parcel", SearchFilters(), files=100, rows=10)

    def proposed() -> list[str]:
        """Files with a score of their chunks among the proposals."""
        found = shard.candidates(request, shard.statistics(request))
        return sorted(
            shard.path(found.version, int(file))
            for file, score in zip(found.files, found.proposals[0], strict=True)
            if score > 0.0
        )

    assert len(proposed()) == 10
    monkeypatch.setattr(lexical, "PROPOSING_POSTINGS", 10)  # 1 posting of `wombat` and 10 of `parcel` are 11
    assert proposed() == ["rare.txt"]
    monkeypatch.setattr(lexical, "PROPOSING_POSTINGS", 11)
    assert len(proposed()) == 10
