"""Object stores: what is refused, what is cached, what fails."""

from __future__ import annotations

import importlib.util
import socket
from functools import partial
from pathlib import Path
from typing import Any

import obstore
import pytest
import xxhash
from obstore.store import MemoryStore

from raycontext.errors import InvalidInput, StorageError, StorageUnreachable, UnsafeStorage
from raycontext.store.collection import Collection, Location
from raycontext.store.storage import object_storage, patience
from raycontext.store.storage.local import LocalStorage
from raycontext.store.storage.locations import storage_for
from raycontext.store.storage.memory import MemoryStorage
from raycontext.store.storage.object_cache import ObjectCache
from raycontext.store.storage.object_storage import ObjectStorage
from raycontext.store.storage.patience import PatientStorage

from ...s3_server import careless_server, s3_server, use_endpoint


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def storage_on(store: MemoryStore, folder: Path, cache_bytes: int = 1 << 20) -> ObjectStorage:
    return ObjectStorage("objects", lambda: store, ObjectCache(folder, cache_bytes))


def names(store: MemoryStore) -> list[str]:
    return sorted(entry["path"] for entries in obstore.list(store) for entry in entries)


def test_storage_that_overwrites_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with careless_server() as address:
        use_endpoint(monkeypatch, address)
        with pytest.raises(UnsafeStorage, match=r"s3://careless/root cannot hold collections.*If-None-Match"):
            Collection(storage_for("s3://careless/root"), "shop").create("/source/shop")


def test_probe_leaves_nothing(store: MemoryStore, tmp_path: Path) -> None:
    storage_on(store, tmp_path).create("c/one", b"1")
    assert names(store) == ["c/one"]


def test_reading_does_not_write(store: MemoryStore, tmp_path: Path) -> None:
    """Who may only read can read."""
    storage_on(store, tmp_path).write("c/segments/x", {"a": b"alpha"})
    reader = storage_on(store, tmp_path)
    before = names(store)
    assert reader.read("c/segments/x/a") == b"alpha"
    assert (reader.list("c"), reader.exists("c/segments/x/a")) == (["segments"], True)
    assert names(store) == before


def test_mapped_object_is_fetched_once_by_all_processes_of_a_node(store: MemoryStore, tmp_path: Path) -> None:
    storage_on(store, tmp_path / "cache").write("c/segments/x", {"a": b"alpha"})
    assert storage_on(store, tmp_path / "cache").map("c/segments/x/a").to_pybytes() == b"alpha"
    obstore.delete(store, "c/segments/x/a")
    assert storage_on(store, tmp_path / "cache").map("c/segments/x/a").to_pybytes() == b"alpha"
    with pytest.raises(FileNotFoundError):
        storage_on(store, tmp_path / "other").map("c/segments/x/a")


def test_equal_objects_are_cached_once_and_damaged_ones_not_at_all(store: MemoryStore, tmp_path: Path) -> None:
    storage = storage_on(store, tmp_path / "cache")
    checksum = xxhash.xxh3_128_hexdigest(b"alpha")
    for name, data in (("a", b"alpha"), ("b", b"alpha"), ("c", b"other")):
        storage.write(f"{name}/segments/x", {"text": data})
    assert storage.map("c/segments/x/text", checksum).to_pybytes() == b"other", "the reader will see what is wrong"
    assert not list((tmp_path / "cache").iterdir())
    for name in ("a", "b"):
        assert storage.map(f"{name}/segments/x/text", checksum).to_pybytes() == b"alpha"
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert storage.map("a/segments/x/text").to_pybytes() == b"alpha"
    assert len(list((tmp_path / "cache").iterdir())) == 2, "without a checksum the name counts"


def test_storages_that_share_a_cache_do_not_mix(store: MemoryStore, tmp_path: Path) -> None:
    other = ObjectStorage("others", MemoryStore, ObjectCache(tmp_path, 1000))
    for storage, content in ((storage_on(store, tmp_path), b"ours"), (other, b"theirs")):
        storage.write("c/segments/x", {"a": content})
        assert storage.map("c/segments/x/a").to_pybytes() == content


@pytest.mark.parametrize("obstacle", ["a file in its place", "an object larger than the cache", "no room at all"])
def test_object_that_cannot_be_cached_is_read(store: MemoryStore, tmp_path: Path, obstacle: str) -> None:
    folder = tmp_path / "cache"
    if obstacle == "a file in its place":
        folder.write_text("")
    storage = storage_on(store, folder, {"an object larger than the cache": 4, "no room at all": 0}.get(obstacle, 100))
    storage.write("c/segments/x", {"a": b"alpha"})
    assert storage.map("c/segments/x/a").to_pybytes() == b"alpha"
    assert not folder.is_dir()


def test_damaged_file_of_the_cache_is_fetched_again(store: MemoryStore, tmp_path: Path) -> None:
    storage = storage_on(store, tmp_path)
    storage.write("c/segments/x", {"a": b"alpha"})
    storage.map("c/segments/x/a")
    (cached,) = tmp_path.iterdir()
    cached.write_bytes(cached.read_bytes()[:7])
    assert storage.map("c/segments/x/a").to_pybytes() == b"alpha"


def test_write_that_fails_halfway_leaves_nothing(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = obstore.put

    def failing(where: Any, name: str, data: bytes, **options: Any) -> Any:
        if name.endswith("b"):
            raise obstore.exceptions.GenericError("the connection was reset\nand more")
        return put(where, name, data, **options)

    monkeypatch.setattr(object_storage.obstore, "put", failing)
    with pytest.raises(StorageError, match=r"objects/c/segments/x/b: the connection was reset\. The last"):
        storage_on(store, tmp_path).write("c/segments/x", {"a": b"alpha", "b": b"beta", "SEGMENT.json": b"{}"})
    assert names(store) == []


def test_removal_that_ends_halfway_leaves_an_empty_collection(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = storage_on(store, tmp_path)
    collection = Collection(storage, "shop")
    collection.create("/source/shop")
    storage.create("shop/manifests/1.json", b"{}")
    storage.write("shop/segments/x", {"a": b"alpha"})
    monkeypatch.setattr(object_storage, "DELETE_OBJECTS", 1)
    delete = obstore.delete
    left = 1

    def failing(where: Any, places: list[str]) -> None:
        nonlocal left
        if left == 0:
            raise obstore.exceptions.GenericError("the connection was reset")
        left -= 1
        delete(where, places)

    monkeypatch.setattr(object_storage.obstore, "delete", failing)
    with pytest.raises(StorageError):
        storage.remove("shop")
    assert names(store) == ["shop/COLLECTION.json", "shop/segments/x/a"]
    assert collection.latest() is None
    left = 10
    assert storage.remove("shop")
    assert names(store) == []


def test_missing_bucket_is_said_not_taken_for_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server("there") as address:
        use_endpoint(monkeypatch, address)
        storage = storage_for("s3://elsewhere/root")
        for ask in (lambda: storage.list(""), lambda: storage.create("c/one", b""), lambda: storage.size("c")):
            with pytest.raises(StorageError, match="s3://elsewhere/root"):
                ask()


def test_server_that_does_not_answer_is_a_storage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        use_endpoint(monkeypatch, f"http://127.0.0.1:{nobody.getsockname()[1]}")
    monkeypatch.setattr(object_storage, "RETRIES", 0)
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(StorageError, match="s3://bucket"):
        storage_for("s3://bucket").list("")


def test_environment_that_lacks_the_account_is_a_storage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    storage = storage_for("az://container/root")
    with pytest.raises(StorageError, match=r"az://container/root: .*[Aa]ccount"):
        storage.list("")


def test_location_chooses_the_storage(tmp_path: Path) -> None:
    assert isinstance(storage_for(str(tmp_path)), LocalStorage)
    assert isinstance(storage_for("s3:/not/a/url"), LocalStorage)
    assert isinstance(storage_for("s3://bucket/root"), PatientStorage)
    held = storage_for("memory://held")
    assert isinstance(held, MemoryStorage)
    assert storage_for("memory://held") is held is not storage_for("memory://other")
    assert storage_for("s3://bucket/root/").location == "s3://bucket/root"
    assert Location("gs://bucket/a/b", "shop").open().storage.location == "gs://bucket/a/b"


@pytest.mark.parametrize("location", ["ftp://host/x", "s3://", "s3:///x", "https://bucket.s3.amazonaws.com/x"])
def test_locations_that_name_no_storage_are_refused(location: str) -> None:
    with pytest.raises(InvalidInput, match="names no storage"):
        storage_for(location)


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match=r"pip install 'raycontext\[cloud\]'"):
        storage_for("s3://bucket/root")


def test_server_that_cannot_be_reached_is_told_from_one_that_refuses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened = partial(object_storage.open_store, "s3://b/root")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"  # nobody listens there
        use_endpoint(monkeypatch, address)
        monkeypatch.setattr(object_storage, "RETRIES", 0)
        storage = ObjectStorage("s3://b/root", opened, ObjectCache(tmp_path, 0))
        with pytest.raises(StorageUnreachable):
            storage.read("c/one")
    with s3_server("other") as address:
        use_endpoint(monkeypatch, address)
        storage = ObjectStorage("s3://b/root", opened, ObjectCache(tmp_path, 0))
        with pytest.raises((StorageError, FileNotFoundError)) as refused:
            storage.list("c")
        assert not isinstance(refused.value, StorageUnreachable)
