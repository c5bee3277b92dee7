"""Catalogue of a root: it spares reading what has not changed, and never tells what is no longer so."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

import raycontext
from raycontext.store.catalog import Catalog
from raycontext.store.collection import IDENTITY, Collection
from raycontext.store.kept_catalog import CATALOG, MOST_BEHIND
from raycontext.store.manifest import encode_sealed, manifest_name
from raycontext.store.storage.local import LocalStorage
from raycontext.store.storage.memory import MemoryStorage

from ...storage_faults import InterceptedStorage

Result = TypeVar("Result")


class Counting(InterceptedStorage):
    """Counts the calls by method."""

    def __init__(self, root: Path) -> None:
        super().__init__(LocalStorage(root))
        self.calls: Counter[str] = Counter()

    def _call(self, method: str, name: str, act: Callable[[], Result], tear: object = None) -> Result:
        self.calls[method] += 1
        return act()


@pytest.fixture
def storage(root: Path) -> Counting:
    """A root with so many collections that a catalogue is written."""
    counting = Counting(root)
    for number in range(MOST_BEHIND + 1):
        Collection(counting, f"c{number:03}").create(f"/src/c{number:03}")
    return counting


@pytest.fixture
def context(root: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=root, runtime="inline") as opened:
        yield opened


def fresh(storage: Counting) -> list[raycontext.CollectionSummary]:
    """The list as nobody knows anything."""
    return Catalog(MemoryStorage("memory://copy", dict(objects(storage)))).summaries()


def objects(storage: Counting) -> Iterator[tuple[str, bytes]]:
    for name in storage.list(""):
        if (Path(storage.location) / name / IDENTITY).exists():
            yield f"{name}/{IDENTITY}", storage.read(f"{name}/{IDENTITY}")
            for manifest in storage.list(f"{name}/manifests"):
                yield f"{name}/manifests/{manifest}", storage.read(f"{name}/manifests/{manifest}")


def test_what_has_not_changed_is_not_read_again_by_this_process_nor_by_another(storage: Counting) -> None:
    known = Catalog(storage)
    first = known.summaries()
    assert len(first) == MOST_BEHIND + 1
    for catalog, reads in ((known, 0), (Catalog(storage), 1)):  # the other one reads the catalogue
        storage.calls.clear()
        assert catalog.summaries() == first
        assert [identity.name for identity in catalog.identities()] == [each.name for each in first]
        found = catalog.containing("/src/c007/deep/file.py")
        assert found is not None
        assert found.name == "c007"
        assert (storage.calls["read"], storage.calls["exists"]) == (reads, 0)


def test_list_follows_commits_removals_new_collections_and_damage(
    storage: Counting, context: raycontext.SyncContext, root: Path, source: Path
) -> None:
    known = Catalog(storage)
    known.summaries()

    def agree() -> list[raycontext.CollectionSummary]:
        found = known.summaries()
        assert found == fresh(storage) == Catalog(storage).summaries()
        assert [each.name for each in found] == known.names()
        return found

    name = context.index(source).collection
    assert next(each for each in agree() if each.name == name).version == 1
    (source / "more.py").write_text("more = 1\n")
    context.index(source)
    assert next(each for each in agree() if each.name == name).version == 2
    context.clear("c003")
    assert "c003" not in [each.name for each in agree()]
    assert known.containing("/src/c003/file") is None
    Collection(storage, "c003").create("/other/place")
    assert next(each for each in agree() if each.name == "c003").source == "/other/place"
    assert known.of_source("/src/c003") is None
    newest = root / name / "manifests" / manifest_name(2)
    newest.write_bytes(newest.read_bytes()[:-9])
    assert next(each for each in known.summaries() if each.name == name).version == 1
    (root / "c005" / IDENTITY).write_bytes(b"damaged")
    assert next(each for each in known.summaries() if each.name == "c005").problem
    assert "c005" in known.names()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        encode_sealed("catalog", {"format": 6, "rows": [["c000", 1]]}),
        encode_sealed("catalog", {"format": 6, "rows": [["c000", "/src", "id", "1", [], 2, None, 1, 2]]}),
        encode_sealed("catalog", {"format": 6, "rows": {"c000": 1}}),
        encode_sealed("catalog", {"format": 99, "rows": []}),
    ],
)
def test_a_catalogue_that_cannot_be_read_is_none_and_is_replaced(storage: Counting, content: bytes) -> None:
    storage.create(f"{CATALOG}/{manifest_name(7)}", content)
    found = Catalog(storage).summaries()
    assert [each.name for each in found] == [f"c{number:03}" for number in range(MOST_BEHIND + 1)]
    assert found == fresh(storage)
    assert storage.list(CATALOG)[-1] == "tmp" or manifest_name(8) in storage.list(CATALOG)


def test_only_the_newest_two_versions_of_the_catalogue_stay(storage: Counting) -> None:
    for round_ in range(4):
        Catalog(storage).summaries()
        for number in range(MOST_BEHIND):
            Collection(storage, f"r{round_}-{number:03}").create(f"/src/r{round_}-{number}")
    Catalog(storage).summaries()
    kept = [name for name in storage.list(CATALOG) if name.endswith(".json")]
    assert kept == [manifest_name(4), manifest_name(5)]


def test_a_small_root_has_no_catalogue(root: Path) -> None:
    storage = LocalStorage(root)
    Collection(storage, "one").create("/src/one")
    assert [each.name for each in Catalog(storage).summaries()] == ["one"]
    assert storage.list("") == ["one"]


def test_a_storage_whose_answers_travel_is_asked_for_many_collections_at_once() -> None:
    class Distant(MemoryStorage):
        """Answers once several requests are under way."""

        requests_at_once = 32

        def __init__(self) -> None:
            super().__init__()
            self.together = threading.Barrier(2, timeout=60)
            self.most = self.now = 0

        def exists(self, name: str) -> bool:
            self.now += 1
            self.most = max(self.most, self.now)
            self.together.wait()  # alone it would never answer
            self.now -= 1
            return super().exists(name)

    storage = Distant()
    for number in range(64):
        Collection(storage, f"c{number:03}").create(f"/src/c{number:03}")
    assert len(Catalog(storage).names()) == 64
    assert len(Catalog(storage).summaries()) == 64
    assert 2 <= storage.most <= 32
