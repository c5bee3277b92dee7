"""Searches with context: definitions come whole, with the signatures around them, and nothing comes twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import raycontext

from ..conftest import write_tree

STEPS = "".join(f"    total = total + steps[{number}].weight * {number}  # step {number}\n\n" for number in range(64))
LONG = f'''"""Ledger."""

LIMIT = 3


def weigh_ledger(steps):
    """Weigh the whole ledger."""
    total = first_entry(steps)
{STEPS}    return total


def first_entry(steps):
    return steps[0].amount
'''
TREE = {
    "shop/ledger.py": LONG,
    "shop/report.py": "from shop.ledger import weigh_ledger\n\n\ndef monthly(steps, *,\n            deep=False):\n"
    "    return weigh_ledger(steps)\n",
    "shop/other.py": "def unrelated():\n    return 'nothing of it'\n",
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[raycontext.SyncContext]:
    place = tmp_path_factory.mktemp("context") / "tree"
    write_tree(place, TREE)
    with raycontext.connect(root=place.parent / "root", runtime="inline", workers=1) as opened:
        opened.index(place, collection="tree", num_shards=3)
        yield opened


def test_a_definition_that_is_a_little_longer_comes_whole(context: raycontext.SyncContext) -> None:
    piece = context.search("weigh_ledger", collection="tree")[0]
    hits = context.search("weigh_ledger", collection="tree", context=True)
    hit = next(hit for hit in hits if "def weigh_ledger" in hit.text)
    assert "    return total" in hit.text and len(hit.text) > len(piece.text)
    lines = LONG.splitlines()
    assert hit.text.splitlines() == lines[hit.start_line - 1 : hit.end_line]  # blank lines are where they were


def test_signatures_and_outlines_stand_around_and_nothing_comes_twice(context: raycontext.SyncContext) -> None:
    hits = context.search("weigh_ledger", collection="tree", context=True, paths=["shop/ledger.py"], limit=1)
    (hit,) = hits
    around = [(one.relation, one.of, one.name, one.signature) for one in hits.surroundings]
    assert ("caller", "weigh_ledger", "monthly", "def monthly(steps, *, deep=False)") in around
    if not hit.start_line <= LONG.splitlines().index("def first_entry(steps):") + 1 <= hit.end_line:
        assert ("callee", "weigh_ledger", "first_entry", "def first_entry(steps)") in around
    places = [(one.path, one.line, one.name) for one in hits.surroundings]
    assert len(set(places)) == len(places)
    assert not [one for one in hits.surroundings if one.path == hit.path and hit.start_line <= one.line <= hit.end_line]


def test_hits_within_a_whole_definition_are_left_out(context: raycontext.SyncContext) -> None:
    hits = context.search("total steps weight", collection="tree", context=True, diversity=0.0)
    ranges = [(hit.path, hit.start_line, hit.end_line) for hit in hits]
    assert not [
        (one, other) for one in ranges for other in ranges
        if one != other and one[0] == other[0] and other[1] <= one[1] and one[2] <= other[2]
    ]  # fmt: skip
    assert context.search("total", collection="tree").surroundings == ()
