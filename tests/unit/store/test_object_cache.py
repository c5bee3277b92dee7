"""The cache of whole objects: bounded, shared, and without damaged answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.store.storage.object_cache import ObjectCache


def use(place: Path, seconds: int) -> None:
    """Set the time of last use."""
    os.utime(place, (seconds, seconds))


def test_added_object_is_found_by_another_process(tmp_path: Path) -> None:
    added = ObjectCache(tmp_path / "cache", 1000).add("key", [b"al", b"pha"])
    assert added.to_pybytes() == b"alpha"
    found = ObjectCache(tmp_path / "cache", 1000).find("key")
    assert found is not None
    assert found.to_pybytes() == b"alpha"
    assert ObjectCache(tmp_path / "cache", 1000).find("other") is None
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_least_recently_used_objects_go(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, 350)
    for number in range(3):
        cache.add(str(number), [bytes(100)])
        use(tmp_path / str(number), 1000 + number)
    kept = cache.find("0")  # used just now
    cache.add("3", [bytes(100)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "2", "3"]
    cache.add("4", [bytes(300)])
    assert [path.name for path in tmp_path.iterdir()] == ["4"]
    assert kept is not None
    assert kept.to_pybytes() == bytes(100)  # still mapped


@given(content=st.binary(max_size=64), length=st.integers(0, 71))
def test_file_that_is_cut_off_is_not_used(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, length: int
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cache = ObjectCache(folder, 1000)
    cache.add("key", [content])
    whole = (folder / "key").read_bytes()
    for cut in (whole[:length], whole[:length].ljust(len(whole), b"\0"), b"\0" * len(whole)):
        (folder / "key").write_bytes(cut)
        found = cache.find("key")
        if found is None:
            assert not (folder / "key").exists()
        else:  # nothing but the end of a length can look whole
            assert found.to_pybytes() == cut[:-8]
            assert cut[-8:] == len(found).to_bytes(8, "little")


def test_object_that_stops_halfway_leaves_nothing(tmp_path: Path) -> None:
    class Interruption(Exception):
        pass

    def parts() -> Iterator[bytes]:
        yield b"half"
        raise Interruption

    cache = ObjectCache(tmp_path, 1000)
    with pytest.raises(Interruption):
        cache.add("key", parts())
    assert list(tmp_path.iterdir()) == []


def test_files_of_processes_that_died_go(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, 1000)
    for name in ("old.1.part", "young.2.part"):
        (tmp_path / name).write_bytes(b"half")
    use(tmp_path / "old.1.part", 1000)
    cache.add("key", [b"alpha"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "young.2.part"]


def test_many_threads_share_it(tmp_path: Path) -> None:
    """More than there is room for, so that they remove what the others add."""

    def fetch(number: int) -> bool:
        cache = ObjectCache(tmp_path, 500)
        key = str(number % 12)
        content = key.encode() * 100
        found = cache.find(key) or cache.add(key, [content])
        return bool(found.to_pybytes() == content)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(fetch, range(400)))
    ObjectCache(tmp_path, 500).add("last", [b"x"])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 500
