"""What every storage does, wherever its objects lie."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from raycontext.errors import CommitConflict, Fenced
from raycontext.store.collection import Collection
from raycontext.store.storage.base import Storage
from raycontext.store.storage.local import LocalStorage
from raycontext.store.storage.memory import MemoryStorage
from raycontext.store.storage.object_cache import ObjectCache
from raycontext.store.storage.object_storage import ObjectStorage, open_store
from raycontext.store.writer import CollectionWriter

from ...s3_server import s3_server, use_endpoint
from .test_collection import change, commit


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server("contract") as address:
        yield address


@pytest.fixture(params=["folder", "memory", "objects in memory", "objects in a folder", "objects on a server"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    from obstore.store import LocalStore, MemoryStore

    cache = ObjectCache(tmp_path / "cache", 1 << 20)
    match request.param:
        case "folder":
            return LocalStorage(tmp_path / "root")
        case "memory":
            return MemoryStorage()
        case "objects in memory":
            store = MemoryStore()
            return ObjectStorage("objects", lambda: store, cache)
        case "objects in a folder":
            return ObjectStorage(
                "objects", lambda: LocalStore(tmp_path / "root", mkdir=True, automatic_cleanup=True), cache
            )
        case _:
            use_endpoint(monkeypatch, request.getfixturevalue("server"))
            location = f"s3://contract/{tmp_path.name}"
            return ObjectStorage(location, lambda: open_store(location), cache)


def test_copied_folder_stays_whole_when_its_source_is_removed(storage: Storage) -> None:
    storage.write("a/segments/1", {"x": b"12345", "y": b"", "SEGMENT.json": b"{}"})
    storage.copy("a/segments/1", "b/segments/2", ["x", "y", "SEGMENT.json"])
    assert storage.list("b/segments/2") == ["SEGMENT.json", "x", "y"]
    assert storage.size("b") == storage.size("a") == 7
    assert storage.shared_size("b") == storage.shared_size("a")
    assert storage.remove("a")
    assert storage.read("b/segments/2/x") == b"12345"
    assert (storage.read("b/segments/2/y"), storage.shared_size("b")) == (b"", 0)


def test_copy_of_what_is_not_whole_leaves_nothing(storage: Storage) -> None:
    storage.write("a/segments/1", {"x": b"12345"})
    for source in ("a/segments/1", "a/segments/0"):
        with pytest.raises(FileNotFoundError):
            storage.copy(source, "b/segments/2", ["x", "SEGMENT.json"])
        assert storage.list("b/segments") == []
        assert storage.list("b/segments/2") == []


def test_object_is_created_once(storage: Storage) -> None:
    assert storage.create("c/manifests/1", b"one")
    assert not storage.create("c/manifests/1", b"two")
    assert not storage.create("c/manifests/1", b"one")
    assert storage.read("c/manifests/1") == b"one"
    assert storage.list("c/manifests") == ["1"]
    assert storage.list("") == ["c"]


def test_only_one_of_many_writers_creates(storage: Storage) -> None:
    assert storage.create("c/first", b"")
    with ThreadPoolExecutor(4) as threads:
        won = list(threads.map(lambda number: storage.create("c/raced", b"%d" % number), range(16)))
    assert sum(won) == 1
    assert storage.read("c/raced") == b"%d" % won.index(True)


def test_written_folder_is_read_mapped_and_listed(storage: Storage) -> None:
    large = bytes(range(256)) * 60_000  # goes in several parts
    storage.write("c/segments/x", {"b": pa.py_buffer(b"beta"), "a": large, "empty": b"", "none": pa.py_buffer(b"")})
    assert storage.list("c/segments/x") == ["a", "b", "empty", "none"]
    assert storage.list("c/segments") == ["x"]
    assert storage.list("c/seg") == []
    for _ in range(2):  # the second time from the cache, where there is one
        assert storage.map("c/segments/x/a").to_pybytes() == large
        assert storage.map("c/segments/x/b").to_pybytes() == storage.read("c/segments/x/b") == b"beta"
        assert len(storage.map("c/segments/x/empty")) == len(storage.read("c/segments/x/none")) == 0
    assert storage.size("c") == storage.size("c/segments/x") == len(large) + len(b"beta")
    assert storage.exists("c/segments/x/a")


def test_what_is_not_there_is_missing(storage: Storage) -> None:
    storage.create("c/one", b"1")
    ask: list[Callable[[str], object]] = [storage.read, storage.map, storage.modified]
    for call in ask:
        with pytest.raises(FileNotFoundError):
            call("c/two")
        with pytest.raises(FileNotFoundError):
            call("nowhere/x")
    assert not storage.exists("c/two")
    assert storage.list("nowhere") == []
    assert storage.size("nowhere") == 0
    assert not storage.delete("c/two")
    assert not storage.remove("nowhere")


def test_deleted_object_is_gone_alone(storage: Storage) -> None:
    storage.create("c/manifests/1", b"1")
    storage.create("c/manifests/2", b"2")
    assert storage.delete("c/manifests/1")
    assert not storage.delete("c/manifests/1")
    assert storage.list("c/manifests") == ["2"]
    assert storage.create("c/manifests/1", b"again")


def test_removed_folder_is_gone_whole_and_alone(storage: Storage) -> None:
    storage.write("c/segments/x", {"a": b"alpha", "SEGMENT.json": b"{}"})
    storage.write("c/segments/xy", {"a": b"other"})
    mapped = storage.map("c/segments/x/a")
    assert storage.remove("c/segments/x")
    assert mapped.to_pybytes() == b"alpha"  # who has it open goes on
    assert storage.list("c/segments") == ["xy"]
    assert not storage.remove("c/segments/x")
    assert storage.remove("c")
    assert storage.list("") == []


def test_times_of_change_are_those_of_the_clock(storage: Storage) -> None:
    before = time.time()
    storage.create("c/manifests/1", b"one")
    storage.write("c/segments/x", {"a": b"alpha"})
    for name in ("c/manifests/1", "c/segments/x/a", "c/segments/x"):
        assert before - 2 <= storage.modified(name) <= time.time() + 2  # a server may count in seconds


def test_renewed_folder_is_not_removed_by_who_saw_it_before(storage: Storage) -> None:
    storage.write("c/segments/x", {"a": b"alpha", "b": b"be"})
    seen = storage.modified("c/segments/x")
    while storage.modified("c/segments/x") == seen:  # a server may count in seconds
        time.sleep(0.01)
        storage.renew("c/segments/x")
    assert not storage.remove("c/segments/x", unchanged_since=seen)
    assert storage.list("c/segments") == ["x"]
    assert (storage.read("c/segments/x/a"), storage.read("c/segments/x/b")) == (b"alpha", b"be")
    assert storage.remove("c/segments/x", unchanged_since=storage.modified("c/segments/x"))
    assert storage.list("c/segments") == []
    with pytest.raises(FileNotFoundError):
        storage.renew("c/segments/x")


def test_commits_follow_each_other_and_fence(storage: Storage) -> None:
    collection = Collection(storage, "shop")
    collection.create("/source/shop")
    first, second = CollectionWriter(collection), CollectionWriter(collection)
    assert commit(first, change("a", "x.py")).version == 1
    assert commit(first, change("b", "y.py")).version == 2
    with pytest.raises(CommitConflict):
        commit(second, change("c", "z.py"))
    taken = commit(second, change("c", "z.py"))
    assert (taken.version, taken.epoch) == (3, 2)
    with pytest.raises(Fenced):
        commit(first, change("d", "w.py"))
    manifest = Collection(storage, "shop").latest()
    assert manifest == taken
    assert set(collection.snapshot(taken).entries) == {"x.py", "y.py", "z.py"}
    assert collection.versions() == [1, 2, 3]
    collection.remove()
    assert storage.list("") == []
