"""The local storage: put-if-absent, whole objects, clear errors."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raycontext.errors import StorageError
from raycontext.store.storage.local import LocalStorage
from raycontext.ulid import new_ulid


def test_only_the_first_of_many_writers_creates(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda number: storage.create("c/manifests/1", b"%d" % number), range(64)))
    assert sum(won) == 1
    assert storage.read("c/manifests/1") == b"%d" % won.index(True)
    assert storage.list("c/tmp") == []


def test_written_folder_is_read_and_mapped(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.write("c/segments/x", {"a": b"alpha", "b": b""})
    assert storage.list("c/segments/x") == ["a", "b"]
    assert (storage.read("c/segments/x/a"), storage.map("c/segments/x/a").to_pybytes()) == (b"alpha", b"alpha")
    assert len(storage.map("c/segments/x/b")) == 0
    assert storage.size("c") == len(b"alpha")


def test_missing_object_is_a_missing_file(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    for read in (storage.read, storage.map):
        with pytest.raises(FileNotFoundError):
            read("nowhere/x")
    assert storage.list("nowhere") == []
    assert not storage.exists("nowhere/x")


def test_removed_folder_is_gone_whole(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.write("c/segments/x", {"a": b"alpha"})
    mapped = storage.map("c/segments/x/a")
    assert storage.remove("c")
    assert mapped.to_pybytes() == b"alpha"  # who has it open goes on
    assert list(tmp_path.iterdir()) == []
    assert not storage.remove("c")


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_failing_disk_is_a_storage_error_and_leaves_nothing_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    storage = LocalStorage(tmp_path)
    storage.create("c/manifests/1", b"one")

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    if call == "write":
        monkeypatch.setattr(os, "fdopen", fail)
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(StorageError, match=os.strerror(code)):
        storage.create("c/manifests/2", b"two")
    if call != "link":
        with pytest.raises(StorageError, match=os.strerror(code)):
            storage.write("c/segments/x", {"a": b"alpha"})
    monkeypatch.undo()
    assert storage.list("c/manifests") == ["1"]
    assert storage.list("c/tmp") == []
    assert not storage.exists("c/segments/x")


def test_names_sort_by_time_and_do_not_repeat() -> None:
    names = [new_ulid() for _ in range(1000)]
    assert len(set(names)) == len(names)
    assert all(len(name) == 26 for name in names)
    assert [name[:10] for name in names] == sorted(name[:10] for name in names)
