"""Old publications leave a target with what only they name, and never anything that another one needs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import InvalidInput
from raycontext.store.sharing import pruning
from raycontext.store.sharing.publication import Publication, numbers_of, publication_place
from raycontext.store.storage.local import LocalStorage

from ..conftest import CART, PAYMENT, write_tree

LONG_AGO = 7200.0
"""Age in seconds that is above all grace times of a folder."""


@pytest.fixture
def context(tmp_path: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=2) as context:
        yield context


@pytest.fixture
def target(context: raycontext.SyncContext, tmp_path: Path) -> Path:
    """A target with three publications of a tree; each has a segment of its own."""
    shop = tmp_path / "shop"
    for number in range(3):
        write_tree(shop, {"cart.py": CART, f"part{number}.py": f"def part_{number}():\n    return {number}\n"})
        context.index(shop, force=True)
        context.publish(tmp_path / "target", path=shop)
    return tmp_path / "target"


def publications(target: Path) -> dict[int, Publication]:
    storage = LocalStorage(target)
    return {
        number: Publication.decode("it", storage.read(name))
        for number in numbers_of(storage)
        for name in [publication_place(number)]
    }


def age(target: Path) -> None:
    """Make all publications and segments old."""
    then = time.time() - LONG_AGO
    for place in (*(target / "publications").iterdir(), *(target / "segments").iterdir()):
        os.utime(place, (then, then))


def forget_publications(target: Path) -> None:
    """Remove the publications, as if their publishers had been killed before they put them."""
    for place in (target / "publications").glob("*.json"):
        place.unlink()
    age(target)


def assert_whole(target: Path) -> None:
    """Every object that a publication names is there."""
    for publication in publications(target).values():
        for segment in publication.segments:
            for name in segment.objects:
                assert (target / "segments" / segment.folder / name).exists()


def folders(target: Path) -> set[str]:
    return {place.name for place in (target / "segments").iterdir()}


def named(target: Path) -> set[str]:
    return {segment.folder for each in publications(target).values() for segment in each.segments}


def test_only_what_no_kept_publication_names_is_removed(target: Path) -> None:
    storage = LocalStorage(target)
    write_tree(target, {"segments/mine/notes.txt": "kept", "signatures/other.sig": "kept", "readme.txt": "kept"})
    before = folders(target)
    assert pruning.prune(storage, 2) == (0, 0, 0), "pulls of the older one have their time"
    age(target)
    removed = pruning.prune(storage, 2)
    assert (removed.publications, removed.segments) == (1, 1)
    assert removed.bytes > 0
    assert list(publications(target)) == [2, 3]
    assert folders(target) == named(target) | {"mine"} < before
    assert_whole(target)
    assert (target / "segments/mine/notes.txt").exists()
    assert (target / "signatures/other.sig").exists()
    assert pruning.prune(storage, 2) == (0, 0, 0)
    assert not pruning.condemned_folders(storage)


def test_nothing_is_removed_while_a_publication_cannot_be_read(target: Path) -> None:
    first = min((target / "publications").glob("*.json"))
    data = first.read_bytes()
    first.unlink()
    first.write_bytes(data[:-9])
    age(target)
    before = folders(target)
    assert pruning.prune(LocalStorage(target), 1) == (0, 0, 0)
    assert folders(target) == before


@pytest.mark.parametrize("moment", ["before the listing", "after the listing", "at the end"])
def test_a_publisher_that_reuses_what_is_about_to_go_is_never_left_without(
    target: Path, context: raycontext.SyncContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The content of a segment that only an old publication names is published again between steps of a pruning."""
    shop, storage = tmp_path / "shop", LocalStorage(target)
    write_tree(shop, {"pay.py": PAYMENT})
    context.index(shop)  # a segment of the third publication, and a new one
    create, delete, listed = LocalStorage.create, LocalStorage.delete, LocalStorage.list
    done: list[bool] = []
    marked: list[bool] = []

    def published() -> None:
        if not done:
            done.append(True)
            assert context.publish(target, path=shop).changed

    forget_publications(target)

    def creates(self: LocalStorage, name: str, data: bytes) -> bool:
        if name.startswith("condemned") and moment == "before the listing":
            published()
        made = create(self, name, data)
        if name.startswith("condemned"):
            marked.append(True)
        return made

    def lists(self: LocalStorage, folder: str) -> list[str]:
        found = listed(self, folder)
        if marked and folder == "publications" and moment == "after the listing":
            published()
        return found

    def deletes(self: LocalStorage, name: str) -> bool:
        if name.startswith("condemned") and moment == "at the end":
            published()
        return delete(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "create", creates)
        patch.setattr(LocalStorage, "list", lists)
        patch.setattr(LocalStorage, "delete", deletes)
        pruning.prune(storage, 1)
    assert done
    assert len(publications(target)) == 1
    assert_whole(target)


def test_a_publication_that_a_pruning_undermines_is_withdrawn_and_put_anew(
    target: Path, context: raycontext.SyncContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders of a publisher go between its look at them and its publication."""
    shop, storage = tmp_path / "shop", LocalStorage(target)
    forget_publications(target)
    create = LocalStorage.create
    pruned: list[pruning.Pruned] = []

    def overtaken(self: LocalStorage, name: str, data: bytes) -> bool:
        if name.startswith("publications") and not pruned:
            pruned.append(pruning.Pruned())
            pruned[0] = pruning.prune(storage, 1)
        return create(self, name, data)

    monkeypatch.setattr(LocalStorage, "create", overtaken)
    report = context.publish(target, path=shop)
    assert pruned[0].segments == 3
    assert (report.number, report.changed, report.written_segments) == (1, True, report.segments)
    assert_whole(target)


def test_publish_keeps_as_many_as_it_is_told(target: Path, context: raycontext.SyncContext, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    report = context.publish(target, path=shop, keep=2)
    assert (report.changed, report.removed_publications) == (False, 0), "they are younger than the grace time"
    age(target)
    report = context.publish(target, path=shop, keep=1)
    assert (report.removed_publications, report.removed_segments) == (2, 2)
    assert_whole(target)
    with pytest.raises(InvalidInput, match="keep is 0"):
        context.publish(target, path=shop, keep=0)
