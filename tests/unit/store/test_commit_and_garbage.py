"""A commit, and a collection of garbage that takes its objects for old, in each order: nothing committed is lost.

The clock of the storage is taken to have jumped by a day, so that everything that no version names is old.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from raycontext.errors import CommitConflict
from raycontext.store.changes import Change
from raycontext.store.collection import Collection
from raycontext.store.condemned import condemned_names
from raycontext.store.garbage import Grace, collect_garbage
from raycontext.store.storage.local import LocalStorage
from raycontext.store.writer import SEGMENTS_COLLECTED, CollectionWriter

from ...recovery.soak import NAME, prepared
from .test_collection import commit

HOUR = Grace(readers=3600.0, writers=3600.0)


class Interrupted(LocalStorage):
    """A storage on which something else happens just before or after an object is created."""

    before: tuple[str, Callable[[], object]] | None = None
    after: tuple[str, Callable[[], object]] | None = None

    def create(self, name: str, data: bytes) -> bool:
        if self.before is not None and self.before[0] in name:
            (_, act), self.before = self.before, None
            act()
        done = super().create(name, data)
        if self.after is not None and self.after[0] in name:
            (_, act), self.after = self.after, None
            act()
        return done


def collect(collection: Collection) -> int:
    return collect_garbage(collection, HOUR, time.time() + 86_400).segments


def assert_whole(collection: Collection) -> None:
    """Everything that any version names is there, and no mark is left."""
    for version in collection.versions():
        manifest = collection.manifest(version)
        collection.snapshot(manifest)
        for reference in manifest.segments:
            assert collection.storage.exists(f"{NAME}/segments/{reference.name}"), version
    assert condemned_names(collection) == set()


def stored(collection: Collection, txn: str) -> Change:
    """A change of one file, whose segment is there."""
    return replace(prepared(collection, f"{txn}.py", f"text of {txn}"), txn=txn)


@pytest.fixture
def storage(tmp_path: Path) -> Interrupted:
    return Interrupted(tmp_path / "root")


@pytest.fixture
def collection(storage: Interrupted) -> Collection:
    made = Collection(storage, NAME)
    made.create("/source/shop")
    commit(CollectionWriter(made), stored(made, "first"))
    return made


@pytest.mark.parametrize("moment", ["before", "after"])
def test_commit_whose_objects_are_collected_meanwhile_is_withdrawn(
    collection: Collection, storage: Interrupted, moment: str
) -> None:
    """Before its manifest is there, everything of it goes; after that, only the writer's own look comes too late."""
    writer, reader = CollectionWriter(collection), CollectionWriter(collection)
    planned = stored(collection, "second")
    if moment == "before":
        storage.before = ("/manifests/", lambda: collect(collection))
        with pytest.raises(CommitConflict, match=SEGMENTS_COLLECTED):
            commit(writer, planned)
        newest = collection.latest()
        assert newest is not None
        assert (collection.versions(), newest.recent_txns) == ([1, 3], ("first",))
    else:
        storage.after = ("/manifests/", lambda: collect(collection))
        assert commit(writer, planned).version == 2
    assert_whole(collection)
    reader.reload()
    commit(reader, stored(collection, "third"))
    commit(CollectionWriter(collection), stored(collection, "fourth"))
    assert_whole(collection)
    latest = collection.latest()
    assert latest is not None
    assert latest.recent_txns[-2:] == ("third", "fourth")
    assert ("second" in latest.recent_txns) == (moment == "after")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_either_the_mark_or_the_commit_is_first(collection: Collection, storage: Interrupted, moment: str) -> None:
    """A writer commits between the look of garbage collection at the manifests and its mark, or after the mark."""
    writer = CollectionWriter(collection)
    planned = stored(collection, "second")
    outcome: list[str] = []

    def commit_now() -> None:
        try:
            outcome.append(f"version {commit(writer, planned).version}")
        except CommitConflict as error:
            outcome.append(error.what)

    setattr(storage, moment, ("/condemned/", commit_now))
    collect(collection)
    assert outcome == ["version 2" if moment == "before" else SEGMENTS_COLLECTED]
    assert_whole(collection)


def test_version_that_is_created_after_the_first_look_keeps_its_objects(
    collection: Collection, storage: Interrupted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Garbage collection looks at manifests and times while a writer is about to create its manifest."""
    writer = CollectionWriter(collection)
    planned = stored(collection, "second")
    create = LocalStorage.create

    def create_during_collection(name: str, data: bytes) -> bool:
        if "/manifests/" not in name:
            return create(storage, name, data)
        storage.before = ("/condemned/", lambda: create(storage, name, data))
        monkeypatch.undo()
        assert collect(collection) == 0
        return create(storage, name, data)

    monkeypatch.setattr(storage, "create", create_during_collection)
    assert commit(writer, planned).version == 2
    assert storage.before is None
    assert_whole(collection)


def test_mark_of_an_interrupted_collection_is_kept_until_its_objects_are_gone(
    collection: Collection, storage: Interrupted
) -> None:
    loose = stored(collection, "loose").segments[0][1].name

    def killed() -> None:
        raise KeyboardInterrupt

    storage.after = ("/condemned/", killed)
    with pytest.raises(KeyboardInterrupt):
        collect(collection)
    assert condemned_names(collection) == {loose}
    assert collect(collection) == 1
    collect(collection)
    assert_whole(collection)
    assert not storage.exists(f"{NAME}/segments/{loose}")


def test_damaged_mark_stops_no_one(collection: Collection, tmp_path: Path) -> None:
    collection.storage.create(f"{NAME}/condemned/mark", b"{}")
    assert commit(CollectionWriter(collection), stored(collection, "second")).version == 2
    collect(collection)
    assert collection.storage.list(f"{NAME}/condemned") == []
