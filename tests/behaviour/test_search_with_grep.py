"""Searches by meaning among the chunks that match a regular expression."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import InvalidInput
from raycontext.models import SearchFilters
from raycontext.search.query import SearchRequest
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Location

from ..conftest import write_tree

TREE = {
    "store/session.py": '''def remove_expired(sessions):
    """Remove the sessions that are over."""
    for key in sessions.expired():
        del sessions[key]  # FIXME: one by one


def load(path):
    """Read the sessions of a file."""
    return open(path).read()
''',
    "net/retry.py": '''def retry(call, times):
    """Call again until it succeeds, with a longer pause each time."""
    # FIXME: no jitter
    for _ in range(times):
        call()
''',
    "web/page.ts": "// FIXME\nexport function draw(page: Page) { return page.html }\n",
    "docs/how.md": "# Sessions\n\nSessions that are expired are removed each night.\n",
    "zoo.c": "/* nothing of the question */\nint giraffe(void) { return 4711; }\n",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search_with_grep")
    write_tree(folder / "tree", TREE)
    return folder


@pytest.fixture(scope="module")
def context(place: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=place / "root", runtime="inline", workers=1) as opened:
        opened.index(place / "tree", collection="one", num_shards=1)
        opened.index(place / "tree", collection="many", num_shards=3)
        yield opened


def test_only_chunks_with_a_matching_line_are_hits_and_meaning_orders_them(context: raycontext.SyncContext) -> None:
    found = context.search("where are expired sessions removed?", collection="one", grep="FIXME")
    assert found[0].path == "store/session.py"
    assert sorted(hit.path for hit in found) == ["net/retry.py", "store/session.py", "web/page.ts"]
    assert all("FIXME" in hit.text for hit in found)
    other = context.search("call again after a failure with a longer pause", collection="one", grep="FIXME")
    assert other[0].path == "net/retry.py"
    assert {hit.path for hit in other} == {hit.path for hit in found}


def test_what_matches_is_found_although_the_question_is_about_something_else(context: raycontext.SyncContext) -> None:
    found = context.search("where are expired sessions removed?", collection="one", grep=r"\b4711\b")
    assert [hit.path for hit in found] == ["zoo.c"]


@pytest.mark.parametrize("pattern", ["FIXME", "(?i)fixme|giraffe", r"^\s+return", "e", r"\d{4}", "^$"])
def test_hits_are_those_that_grep_finds_for_any_number_of_shards(context: raycontext.SyncContext, pattern: str) -> None:
    one = context.search("sessions", collection="one", grep=pattern, limit=100, diversity=0.0)
    many = context.search("sessions", collection="many", grep=pattern, limit=100, diversity=0.0)
    told = [(hit.path, hit.start_line, hit.end_line, round(hit.score, 6)) for hit in one]
    assert told == [(hit.path, hit.start_line, hit.end_line, round(hit.score, 6)) for hit in many]
    lines = context.grep(pattern, collection="one", limit=1000).lines
    for line in lines:  # a blank line between two chunks is in neither
        assert not line.text or any(_holds(hit, line.path, line.line) for hit in one)
    for hit in one:
        assert any(_holds(hit, line.path, line.line) for line in lines)


def _holds(hit: raycontext.Hit, path: str, number: int) -> bool:
    return hit.path == path and hit.start_line <= number <= hit.end_line


def test_filters_hold_beside_the_pattern(context: raycontext.SyncContext) -> None:
    found = context.search("sessions", collection="one", grep="FIXME", languages=["typescript"])
    assert [hit.path for hit in found] == ["web/page.ts"]
    assert not context.search("sessions", collection="one", grep="FIXME", paths=["*.c"])
    assert not context.search("sessions", collection="one", grep="no such text")


def test_pattern_without_trigrams_says_that_all_was_read(context: raycontext.SyncContext) -> None:
    assert "all files" in context.search("sessions", collection="one", grep="e").notes[-1]
    assert context.search("sessions", collection="one", grep="FIXME").notes == ()


def test_pattern_that_is_none_is_refused(context: raycontext.SyncContext) -> None:
    with pytest.raises(InvalidInput, match="pattern"):
        context.search("sessions", collection="one", grep="(")


def test_shard_that_has_no_time_left_for_the_pattern_says_so(place: Path, context: raycontext.SyncContext) -> None:
    shard = ShardSearch(Location(str(place / "root"), "one").open(), 0)
    view = shard.look(lambda view: view)[1]
    with pytest.raises(raycontext.errors.DeadlineExceeded):
        view.eligible(SearchFilters(grep="FIXME"), time.time() - 1)
    request = SearchRequest("sessions", SearchFilters(grep="FIXME"), 10, 10)
    assert len(shard.search(request, 10, 0.0)) == 3
