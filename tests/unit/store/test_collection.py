"""Manifests, commits and ownership, without processes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from raycontext.discover.snapshot import SnapshotEntry
from raycontext.errors import (
    CollectionExists,
    CommitConflict,
    CorruptManifest,
    Fenced,
    InvalidInput,
    StorageError,
    UnknownCollection,
    UnsupportedFormat,
    VersionsDiffer,
)
from raycontext.index.work.stages import index_files, scan_tree
from raycontext.models import IndexOptions
from raycontext.store.changes import Change
from raycontext.store.collection import Collection, Location
from raycontext.store.manifest import Manifest, manifest_name, manifest_version
from raycontext.store.storage.local import LocalStorage
from raycontext.store.writer import CollectionWriter

from ...conftest import write_tree

OPTIONS = IndexOptions()


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    opened = Location(str(tmp_path / "root"), "shop").open()
    opened.create(str(tmp_path / "shop"))
    return opened


def change(txn: str, *paths: str, removed: tuple[str, ...] = ()) -> Change:
    """A change that only touches the snapshot."""
    return Change(
        txn=txn,
        segments=(),
        entries={path: SnapshotEntry(1, 1, 1, txn.encode().ljust(16)[:16], None) for path in paths},
        seen={},
        removed=frozenset(removed),
        unverified=frozenset(),
        scanned_at_ns=10**18,
        options=OPTIONS,
    )


def commit(writer: CollectionWriter, what: Change) -> Manifest:
    return writer.commit(what, embedder="e", chunker="c")


def test_versions_follow_each_other_and_name_their_parent(collection: Collection) -> None:
    writer = CollectionWriter(collection)
    first = commit(writer, change("a", "x.py"))
    second = commit(writer, change("b", "y.py"))
    assert (first.version, second.version) == (1, 2)
    assert (first.parent, second.parent) == ("", first.checksum)
    assert (first.epoch, second.epoch) == (1, 1)
    assert collection.latest() == second
    assert set(collection.snapshot(second).entries) == {"x.py", "y.py"}
    assert second.tree == collection.snapshot(second).tree().root_digest.hex()


def test_repeated_transaction_is_applied_once(collection: Collection) -> None:
    writer = CollectionWriter(collection)
    first = commit(writer, change("a", "x.py"))
    assert commit(writer, change("a", "x.py")) == first
    assert collection.versions() == [1]


def test_segment_of_another_chunker_is_refused(collection: Collection) -> None:
    writer = CollectionWriter(collection)
    commit(writer, replace(change("a", "x.py"), chunkers=frozenset(["c"])))
    with pytest.raises(VersionsDiffer, match="has c of old; here is c"):
        commit(writer, replace(change("b", "y.py"), chunkers=frozenset(["c", "c of old"])))
    assert writer.manifest is not None
    assert (writer.manifest.version, collection.versions()) == (1, [1])


def test_lost_reply_is_found_by_its_transaction(collection: Collection) -> None:
    """The commit was made, its answer was lost, and the retry runs in a writer that does not know of it."""
    writer = CollectionWriter(collection)
    retry = CollectionWriter(collection)
    made = commit(writer, change("a", "x.py"))
    assert commit(retry, change("a", "x.py")) == made
    assert collection.versions() == [1]


def test_older_owner_is_fenced(collection: Collection) -> None:
    old, new = CollectionWriter(collection), CollectionWriter(collection)
    commit(old, change("a", "x.py"))
    new.reload()
    taken = commit(new, change("b", "y.py"))
    assert taken.epoch == 2
    with pytest.raises(Fenced, match="epoch 2"):
        commit(old, change("c", "z.py"))
    with pytest.raises(Fenced):
        commit(old, change("c", "z.py"))
    assert collection.latest() == taken
    old.reload()  # a later run may take the ownership back
    assert commit(old, change("d", "z.py")).epoch == 3


def test_writer_without_ownership_plans_again_when_it_is_overtaken(collection: Collection) -> None:
    slow, fast = CollectionWriter(collection), CollectionWriter(collection)
    commit(fast, change("a", "x.py"))
    with pytest.raises(CommitConflict):
        commit(slow, change("b", "y.py"))
    assert set(collection.snapshot(commit(slow, change("b", "y.py"))).entries) == {"x.py", "y.py"}


def test_collection_that_was_made_anew_is_left_alone_by_who_knew_the_former(collection: Collection) -> None:
    stale = CollectionWriter(collection)
    for txn in "abc":
        commit(stale, change(txn, f"{txn}.py"))
    collection.remove()
    with pytest.raises(UnknownCollection):
        commit(stale, change("d", "d.py"))
    collection.create("/source/other")
    fresh = CollectionWriter(collection)
    for txn in "xyz":
        commit(fresh, change(txn, f"{txn}.py"))
    with pytest.raises(CommitConflict, match="anew"):
        commit(stale, change("e", "e.py"))
    assert collection.versions() == [1, 2, 3]
    stale.reload()
    assert set(stale.snapshot.whole().entries) == {"x.py", "y.py", "z.py"}
    taken = commit(stale, change("f", "f.py"))
    assert (taken.version, taken.epoch) == (4, 2)
    assert set(collection.snapshot(taken).entries) == {"x.py", "y.py", "z.py", "f.py"}


def test_writer_whose_reload_failed_reloads_again(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = CollectionWriter(collection), CollectionWriter(collection)
    commit(first, change("a", "a.py"))
    second.reload()
    commit(second, change("b", "b.py"))
    with monkeypatch.context() as patch, pytest.raises(StorageError):
        patch.setattr(collection.storage, "map", failing)
        first.reload()
    first.reload()
    assert set(first.snapshot.whole().entries) == {"a.py", "b.py"}
    assert set(collection.snapshot(commit(first, change("c", "c.py"))).entries) == {"a.py", "b.py", "c.py"}


def failing(name: str) -> NoReturn:
    raise StorageError(name, "Input/output error")


def test_manifest_of_a_former_collection_is_passed_over(collection: Collection) -> None:
    """Its writer was late, and has not yet taken it back."""
    former = commit(CollectionWriter(collection), change("a", "a.py"))
    collection.remove()
    collection.create("/source/other")
    newest = commit(CollectionWriter(collection), change("x", "x.py"))
    late = former.model_copy(update={"version": 7})
    assert collection.storage.create(f"shop/manifests/{manifest_name(7)}", late.encode())
    assert collection.latest() == newest
    writer = CollectionWriter(collection)
    assert set(writer.snapshot.whole().entries) == {"x.py"}
    assert commit(writer, change("y", "y.py")).version == 8


def test_damaged_newest_manifest_is_passed_over(collection: Collection) -> None:
    writer = CollectionWriter(collection)
    first = commit(writer, change("a", "x.py"))
    commit(writer, change("b", "y.py"))
    place = Path(collection.storage.location) / "shop/manifests" / manifest_name(2)
    place.write_bytes(place.read_bytes().replace(b"y", b"z", 1).replace(b'"files":2', b'"files":3'))
    assert collection.latest() == first
    after = commit(CollectionWriter(collection), change("c", "z.py"))
    assert (after.version, after.parent) == (3, first.checksum)
    assert collection.latest() == after


@pytest.mark.parametrize("damage", [b"", b"not json", b'{"manifest": {}}', b'{"checksum": "", "manifest": {}}', b"[]"])
def test_collection_without_a_readable_manifest_says_so(collection: Collection, damage: bytes) -> None:
    commit(CollectionWriter(collection), change("a", "x.py"))
    (Path(collection.storage.location) / "shop/manifests" / manifest_name(1)).write_bytes(damage)
    with pytest.raises(CorruptManifest, match="raycontext clear"):
        collection.latest()


def test_every_flipped_byte_of_a_manifest_is_noticed(collection: Collection) -> None:
    data = commit(CollectionWriter(collection), change("a", "x.py")).encode()
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises((CorruptManifest, UnsupportedFormat)):
            Manifest.decode("m", bytes(damaged))


def test_damaged_snapshot_is_noticed(collection: Collection) -> None:
    manifest = commit(CollectionWriter(collection), change("a", "x.py"))
    (place,) = Path(collection.storage.location).glob("shop/snapshots/*/parts")
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 1
    place.write_bytes(data)
    with pytest.raises(CorruptManifest, match="checksum"):
        collection.snapshot(manifest)


def test_other_format_is_refused(collection: Collection) -> None:
    manifest = commit(CollectionWriter(collection), change("a", "x.py"))
    newer = manifest.model_copy(update={"format": 99})
    (Path(collection.storage.location) / "shop/manifests" / manifest_name(2)).write_bytes(newer.encode())
    with pytest.raises(UnsupportedFormat, match="99"):
        collection.latest()
    identity = collection.identity()
    (Path(collection.storage.location) / "shop/COLLECTION.json").write_bytes(identity.encode(99))
    with pytest.raises(UnsupportedFormat, match="99"):
        collection.identity()


def test_name_is_taken_by_one_source(collection: Collection, tmp_path: Path) -> None:
    again = collection.create(str(tmp_path / "shop"))
    assert again == collection.identity()
    with pytest.raises(CollectionExists, match="shop"):
        collection.create("/elsewhere")


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", ".hidden", "UPPER", "a" * 101, "x\n", "a\x00"])
def test_names_that_are_no_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot name"):
        Collection(LocalStorage(tmp_path), name)


def test_unknown_collection_lists_what_there_is(collection: Collection) -> None:
    with pytest.raises(UnknownCollection, match="shop"):
        Collection(collection.storage, "shoe").latest()


def test_manifest_names_sort_as_numbers() -> None:
    names = [manifest_name(version) for version in (1, 9, 10, 10**15)]
    assert names == sorted(names)
    assert [manifest_version(name) for name in names] == [1, 9, 10, 10**15]
    assert manifest_version("README") is None
    assert manifest_version("1.json") is None


def test_superseded_files_are_tombstoned_and_dead_segments_dropped(tmp_path: Path, collection: Collection) -> None:
    source = tmp_path / "shop"
    write_tree(source, {f"f{number}.py": f"def f{number}():\n    pass\n" for number in range(4)})
    location = Location(str(tmp_path / "root"), "shop")

    def add(txn: str, *paths: str) -> Manifest:
        files = [file for file in scan_tree(str(source), location, 0, IndexOptions()).to_hash if file.path in paths]
        batch = index_files(str(source), location, files, OPTIONS)
        assert batch.segment is not None
        return commit(writer, replace(change(txn), entries=batch.entries, segments=((0, batch.segment),)))

    writer = CollectionWriter(collection)
    assert add("a", "f0.py", "f1.py", "f2.py", "f3.py").chunks == 4
    edited = add("b", "f1.py")
    first, second = edited.shards[0].segments
    assert (first.tombstones, second.tombstones, edited.chunks) == ((1,), (), 4)
    gone = commit(writer, change("c", removed=("f0.py", "f2.py")))
    assert (gone.shards[0].segments[0].tombstones, gone.chunks, gone.files) == ((0, 1, 2), 2, 2)
    last = commit(writer, change("d", removed=("f3.py",)))
    assert [segment.name for segment in last.shards[0].segments] == [second.name]
    assert last.chunks == 1


def test_segment_that_cannot_be_written_leaves_the_last_commit(
    tmp_path: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = CollectionWriter(collection)
    first = commit(writer, change("a", "x.py"))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("raycontext.store.storage.local.os.fsync", fail)
    with pytest.raises(StorageError, match="No space left"):
        commit(writer, change("b", "y.py"))
    monkeypatch.undo()
    assert collection.latest() == first
    assert commit(writer, change("b", "y.py")).version == 2
