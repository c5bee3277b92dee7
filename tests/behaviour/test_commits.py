"""Searches of commits: they find the history up to the state of the source, however it was read."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.actors.vector_store import VectorStoreActor
from raycontext.cli.queries.direct import answer
from raycontext.discover.commits import log
from raycontext.discover.commits.repository import Opened
from raycontext.errors import DeadlineExceeded, InvalidInput, StorageError
from raycontext.index import history
from raycontext.models import CommitHit
from raycontext.search import commits
from raycontext.search.commits import CommitAnswer, CommitQuestion
from raycontext.search.rows.view import View
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.service import Service
from raycontext.store.changes import HistoryChange
from raycontext.store.collection import Collection
from raycontext.store.garbage import Grace, collect_garbage
from raycontext.store.manifest import CommitHistory, Manifest
from raycontext.store.storage.locations import storage_for
from raycontext.store.writer import CollectionWriter

from ..conftest import CART, LEDGER, PAYMENT
from ..repositories import commit, git

TOKEN = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
MESSAGES = (
    ("shop/cart.py", CART, "Add a shopping cart\n\nA basket holds what the customer wants to buy."),
    ("shop/ledger.py", LEDGER, "Append bookings to the ledger"),
    ("shop/pay.py", PAYMENT, f"Charge cards through the gateway\n\nThe key {TOKEN} was rotated."),
    ("docs/tides.md", "# Tides\n\nHigh water comes twice a day.\n", "Explain the tide table"),
)
QUERIES = ("shopping cart", "rotated key", "when does high water come", "ledger.py", "zebra crossing")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "shop"
    for path, content, message in MESSAGES:
        commit(place, {path: content}, message)
    return place


@pytest.fixture
def context(root: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        yield context


def found(context: raycontext.SyncContext, query: str, collection: str = "shop", **asked: Any) -> tuple[CommitHit, ...]:
    return context.search(query, collection=collection, commits=True, **asked).commits


def subjects(hits: tuple[CommitHit, ...]) -> list[str]:
    return [hit.subject for hit in hits]


def answers(context: raycontext.SyncContext, collection: str) -> dict[str, list[dict[str, Any]]]:
    return {
        query: [hit.model_dump(exclude={"collection"}) for hit in found(context, query, collection, limit=100)]
        for query in QUERIES
    }


def newest(root: Path, collection: str = "shop") -> Manifest:
    manifest = Collection(storage_for(str(root)), collection).latest()
    assert manifest is not None
    return manifest


def history_of(root: Path, collection: str = "shop") -> CommitHistory:
    read = newest(root, collection).history
    assert read is not None
    return read


def test_a_commit_is_found_by_its_message_and_its_files(context: raycontext.SyncContext, repository: Path) -> None:
    context.index(repository)
    assert context.status("shop").history == "unread"
    best = found(context, "shopping cart")[0]
    assert (best.subject, best.body) == ("Add a shopping cart", "A basket holds what the customer wants to buy.")
    assert best.commit == git(repository, "rev-list", "--max-parents=0", "HEAD")
    assert (best.files, best.files_total) == (("shop/cart.py",), 1)
    assert best.date == git(repository, "show", "-s", "--format=%cI", best.commit).replace("Z", "+00:00")
    assert subjects(found(context, "ledger.py"))[0] == "Append bookings to the ledger"
    assert found(context, "zebra crossing") == ()
    status = context.status("shop")
    assert (status.history, status.history_commits) == ("complete", 4)
    assert status.history_head == git(repository, "rev-parse", "HEAD")


def test_paths_filter_what_commits_touch(context: raycontext.SyncContext, repository: Path) -> None:
    context.index(repository)
    every = "cart ledger gateway tide"
    assert subjects(found(context, every, paths=["docs/"])) == ["Explain the tide table"]
    assert "Explain the tide table" not in subjects(found(context, every, paths=["!docs/"]))
    inside = context.search(every, path=repository / "docs", commits=True).commits
    assert subjects(inside) == ["Explain the tide table"]
    given: tuple[dict[str, Any], ...] = ({"languages": ["python"]}, {"context": True}, {"diversity": 0.0})
    for about_code in given:
        with pytest.raises(InvalidInput, match="commits"):
            context.search(every, collection="shop", commits=True, **about_code)


def test_paths_filter_block_by_block_until_the_time_is_over(
    context: raycontext.SyncContext, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.index(repository)
    every, asked = "cart ledger gateway tide", {"paths": ["shop/"], "limit": 9}
    whole = found(context, every, **asked)
    assert len(whole) == 3
    monkeypatch.setattr(commits, "FIRST_BLOCK", 1)
    assert found(context, every, **asked) == whole
    monkeypatch.setattr(CommitQuestion, "until", lambda question, _: replace(question, deadline=0.0))
    hits = context.search(every, collection="shop", commits=True, paths=["shop/"])
    assert hits.commits == ()
    assert "RAYCONTEXT_SEARCH_SECONDS" in hits.notes[0]


def test_a_collection_whose_commits_cannot_be_searched_counts_as_missing(
    context: raycontext.SyncContext, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(question: CommitQuestion, view: View) -> CommitAnswer:
        if question.collection == "docs":
            raise DeadlineExceeded("docs")
        return in_time(question, view)

    in_time = CommitQuestion.answer
    monkeypatch.setattr(CommitQuestion, "answer", late)
    context.index(repository)
    context.index(repository / "docs", collection="docs")
    hits = context.search("tide table", collections=["shop", "docs"], commits=True)
    assert (hits.shards_answered, hits.shards_total, hits.complete) == (1, 2, False)
    assert subjects(hits.commits)[0] == "Explain the tide table"


@pytest.mark.parametrize(
    ("seconds", "date"),
    [
        (-1, "1969-12-31T23:59:59+00:00"),
        (-(10**15), "0001-01-01T00:00:00+00:00"),
        (10**15, "9999-12-31T23:59:59+00:00"),
    ],
)
def test_a_date_is_the_nearest_that_can_be_written(seconds: int, date: str) -> None:
    assert commits._date(seconds) == date


def test_a_folder_of_a_repository_has_the_commits_that_touch_it(
    context: raycontext.SyncContext, repository: Path
) -> None:
    context.index(repository / "docs", collection="docs")
    (only,) = found(context, "tide table", "docs")
    assert only.files == ("tides.md",)
    assert context.status("docs").history_commits == 1


def test_a_commit_that_was_asked_for_has_its_own_history(context: raycontext.SyncContext, repository: Path) -> None:
    context.index(repository)
    asked = context.search("ledger tide table", path=repository, ref="HEAD~2", commits=True)
    assert (subjects(asked.commits), asked.notes) == (["Append bookings to the ledger"], ())


def test_few_commits_are_read_at_once_where_they_are_large(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(opened: Opened, names: Sequence[str]) -> tuple[list[log.LoggedCommit], int]:
        asked.append(len(names))
        return told_by_git(opened, names)

    for number in range(6):
        commit(repository, {f"boats/{number}.md": f"Boat {number}.\n"}, f"Moor boat {number} in the harbour")
    asked: list[int] = []
    told_by_git = log._told
    monkeypatch.setattr(log, "_told", told)
    names = log.list_commits(str(repository)).commits
    whole = log.read_commits(str(repository), names)
    assert [each.name for each in whole] == list(names)
    assert asked == [1, 2, 4, 3]
    asked.clear()
    monkeypatch.setattr(log, "OUTPUT_BYTES", 1)
    assert log.read_commits(str(repository), names) == whole
    assert asked == [1] * 10


def test_an_amended_message_replaces_the_old_one_although_no_file_has_changed(
    context: raycontext.SyncContext, root: Path, repository: Path
) -> None:
    context.index(repository)
    assert subjects(found(context, "tide table")) == ["Explain the tide table"]
    git(repository, "commit", "--quiet", "--amend", "--message=Explain ebb and flood")
    assert subjects(found(context, "ebb flood"))[0] == "Explain ebb and flood"
    assert "Explain the tide table" not in subjects(found(context, "tide table", limit=100))
    context.index(repository, collection="fresh", fork=False)
    assert answers(context, "shop") == answers(context, "fresh")
    assert newest(root).files == newest(root, "fresh").files


def test_branches_and_steps_give_the_answers_of_a_history_that_is_read_at_once(
    context: raycontext.SyncContext, root: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BATCH_COMMITS", 2)
    context.index(repository)
    first = answers(context, "shop")
    git(repository, "switch", "--quiet", "--create", "other", "HEAD~2")
    for number in range(9):
        commit(repository, {f"boats/{number}.md": f"Boat {number}.\n"}, f"Moor boat {number} in the harbour")
    assert len(found(context, "moor boat harbour", limit=100)) == 9
    other = answers(context, "shop")
    git(repository, "switch", "--quiet", "main")
    context.index(repository)
    assert answers(context, "shop") == first
    git(repository, "switch", "--quiet", "other")
    monkeypatch.undo()
    context.index(repository, collection="fresh", num_shards=3, fork=False)
    assert answers(context, "shop") == other == answers(context, "fresh")
    assert len(history_of(root).segments) <= 8
    assert [report.damage for report in context.verify("shop", deep=True)] == [()]


def test_secrets_in_messages_are_not_stored(context: raycontext.SyncContext, root: Path, repository: Path) -> None:
    context.index(repository)
    best = found(context, "charge cards")[0]
    assert best.body == "The key [secret] was rotated."
    assert found(context, TOKEN, min_score=0.5) == ()
    stored = b"".join(file.read_bytes() for file in root.rglob("*") if file.is_file())
    assert TOKEN.encode() not in stored


def test_a_shallow_clone_says_that_it_has_no_history(
    context: raycontext.SyncContext, tmp_path: Path, repository: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "shallow")
    context.index(tmp_path / "shallow")
    assert context.status("shallow").history == "none"
    hits = context.search("shopping cart", collection="shallow", commits=True)
    assert hits.commits == ()
    assert "shallow" in hits.notes[0]
    status = context.status("shallow")
    assert (status.history, status.history_problem) == ("none", "a shallow clone has no history")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "cart.py").write_text(CART)
    context.index(tmp_path / "plain")
    assert "repository" in context.search("cart", collection="plain", commits=True).notes[0]
    assert context.search("shopping cart", collection="shallow")


def test_commits_that_a_shallow_clone_gets_later_are_read(
    context: raycontext.SyncContext, tmp_path: Path, repository: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=3", f"file://{repository}", "shallow")
    context.index(tmp_path / "shallow")
    assert len(found(context, "cart ledger gateway tide", "shallow")) == 2
    git(tmp_path / "shallow", "fetch", "--quiet", "--unshallow")
    assert len(found(context, "cart ledger gateway tide", "shallow")) == 4
    context.index(repository)
    assert answers(context, "shallow") == answers(context, "shop")


def test_an_entry_of_a_batch_gets_as_many_commits_as_it_asks_for(
    context: raycontext.SyncContext, tmp_path: Path, repository: Path
) -> None:
    place = tmp_path / "list.yaml"
    place.write_text(f"sources: [{{git: 'file://{repository}', collection: shop, history: 2}}]\n")
    report = context.batch(raycontext.read_batch_list(place))
    assert [outcome.state for outcome in report.outcomes] == ["indexed"]
    status = context.status("shop")
    assert (status.history, status.history_commits) == ("complete", 2)
    newer = {"Charge cards through the gateway", "Explain the tide table"}
    assert set(subjects(found(context, "cart ledger gateway tide", limit=9))) == newer


def test_a_damaged_history_is_named_dropped_and_read_again(
    context: raycontext.SyncContext, root: Path, repository: Path
) -> None:
    context.index(repository)
    before = answers(context, "shop")
    (segment,) = history_of(root).segments
    (root / "shop" / "segments" / segment.name / "postings.arrow").write_bytes(b"nothing")
    (report,) = context.verify("shop", deep=True)
    assert [damage.object for damage in report.damage] == [f"segments/{segment.name}/postings.arrow"]
    assert context.search("shopping cart", collection="shop")
    (repaired,) = context.repair("shop")
    assert repaired.dropped_files == 0
    assert newest(root).history is None
    assert answers(context, "shop") == before


@pytest.mark.parametrize("lost", ["", "postings.arrow"])
@pytest.mark.parametrize("by_index", [False, True])
def test_a_lost_segment_of_the_history_is_made_up_for(
    context: raycontext.SyncContext, root: Path, repository: Path, lost: str, by_index: bool
) -> None:
    context.index(repository)
    before = answers(context, "shop")
    (segment,) = history_of(root).segments
    place = root / "shop" / "segments" / segment.name / lost
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    if by_index:
        context.index(repository)
        assert [report.damage for report in context.verify("shop")] == [()]
    assert answers(context, "shop") == before


def test_a_reading_that_cannot_be_committed_leaves_a_note_and_is_made_up_for(
    context: raycontext.SyncContext, root: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record_history(self: VectorStoreActor, change: HistoryChange) -> int:
        raise StorageError(str(root), "the disk is full")

    context.index(repository)
    with monkeypatch.context() as patched:
        patched.setattr(VectorStoreActor, "record_history", record_history)
        hits = context.search("shopping cart", collection="shop", commits=True)
    assert hits.commits == ()
    assert "disk is full" in hits.notes[0]
    assert subjects(found(context, "shopping cart"))[0] == "Add a shopping cart"


def test_a_history_is_committed_only_on_what_it_was_made_from(
    context: raycontext.SyncContext, root: Path, repository: Path
) -> None:
    context.index(repository)
    found(context, "shopping cart")
    read = history_of(root)
    writer = CollectionWriter(Collection(storage_for(str(root)), "shop"))
    later = read.model_copy(update={"head": "0" * 40})
    assert writer.record_history(HistoryChange("late", None, later)) is None
    committed = writer.record_history(HistoryChange("next", read, later))
    assert committed is not None
    assert committed.history == later
    assert (committed.files, committed.tree, committed.shards) == tuple(
        getattr(newest(root), name) for name in ("files", "tree", "shards")
    )
    again = writer.record_history(HistoryChange("next", read, later))
    assert again == committed


def test_every_face_searches_commits(root: Path, repository: Path) -> None:
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        context.index(repository)
        best = found(context, "shopping cart")[0]
    asked = {"query": "shopping cart", "path": str(repository), "commits": True, "max_tokens": 4000}
    told = answer("search", asked, root=str(root), address=None)
    assert told["commits"][0] == best.model_dump(mode="json")
    short = answer("search", {**asked, "max_tokens": 1, "limit": 1}, root=str(root), address=None)
    assert (short["cut"], short["commits"][0]["files"]) == (True, [])

    async def through_mcp(**arguments: Any) -> Any:
        async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
            given = {"path": str(repository), "query": "shopping cart", "commits": True, "limit": 5, "maxTokens": 4000}
            return await Calls(Service(context)).call("search_code", {**given, **arguments}, report)

    async def report(*_: Any) -> None:
        return None

    text = asyncio.run(through_mcp()).text
    assert f"{best.commit[:12]} {best.date} Add a shopping cart" in text
    structured = asyncio.run(through_mcp(format="json")).structured
    assert structured["results"][0]["commit"] == best.commit


def test_a_history_stays_when_files_change_and_segments_are_merged(
    context: raycontext.SyncContext, root: Path, repository: Path
) -> None:
    context.index(repository)
    before = answers(context, "shop")
    read = history_of(root)
    for number in range(10):
        (repository / "shop" / f"new{number}.py").write_text(f"def new_{number}():\n    return {number}\n")
        context.index(repository)
    context.index(repository, num_shards=2)
    assert history_of(root) == read
    assert answers(context, "shop") == before


def test_garbage_collection_keeps_the_commits_of_kept_versions_alone(
    context: raycontext.SyncContext, root: Path, repository: Path
) -> None:
    context.index(repository)
    found(context, "shopping cart")
    for number in range(3):  # amended each time: the segment of the last amendment dies with the next one
        git(repository, "commit", "--quiet", "--amend", f"--message=Explain ebb number {number}")
        before = answers(context, "shop")
    collection = Collection(storage_for(str(root)), "shop")
    collect_garbage(collection, Grace(readers=0.0, writers=0.0), now=1e11)
    assert answers(context, "shop") == before
    kept = {name for version in collection.versions() for name in collection.manifest(version).segment_names()}
    assert {path.name for path in (root / "shop" / "segments").iterdir()} == kept
    assert {segment.name for segment in history_of(root).segments} < kept
    assert [report.damage for report in context.verify("shop", deep=True)] == [()]
