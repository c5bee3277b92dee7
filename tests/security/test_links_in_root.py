"""A root that holds links, or names that lead elsewhere, reads, changes and removes nothing outside of itself."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import CorruptManifest, RaycontextError, StorageError
from raycontext.index.reuse.own_sources import note_own_source
from raycontext.store.collection import Collection, CollectionIdentity
from raycontext.store.garbage import Grace, collect_garbage
from raycontext.store.manifest import Manifest, decode_sealed, encode_sealed, manifest_name
from raycontext.store.storage import local
from raycontext.store.storage.local import LocalStorage

from ..conftest import CART, README, ROUTER, write_tree

NO_GRACE = Grace(readers=0.0, writers=0.0)
LATER = 7 * 86_400.0
"""Time in seconds after which everything that no version names is old."""

PLACES = (
    ".",
    "manifests",
    "segments",
    "snapshots",
    "tmp",
    "COLLECTION.json",
    "manifests/*",
    "segments/*",
    "segments/*/chunks.arrow",
    "segments/*/SEGMENT.json",
    "snapshots/*",
    "snapshots/*/parts",
)
"""Files and folders of a collection."""

NAMES = ("Documents", "../../../elsewhere", "..", ".", "", "/etc", "01arz3ndektsv4rrffq69g5fav/..", "a" * 26 + "\n")
"""Names that are not those of our objects."""


def state(folder: Path) -> dict[str, bytes]:
    """The content of all files below a folder, and its empty folders."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source `shop` and a root, made once."""
    place = tmp_path_factory.mktemp("links")
    source = place / "shop"
    write_tree(source, {"shop/cart.py": CART, "web/router.js": ROUTER, "README.md": README})
    with raycontext.connect(root=place / "root", runtime="inline", workers=1) as context:
        context.index(source, collection="shop", num_shards=1)
        (source / "more.py").write_text("def more():\n    return 1\n")
        context.index(source, collection="shop")
    return place


@pytest.fixture
def source(made: Path) -> Path:
    """The tree that is indexed. No test changes it."""
    return made / "shop"


@pytest.fixture
def collection(made: Path, root: Path) -> Collection:
    """A collection of two versions, each with its own segments."""
    shutil.copytree(made / "root", root)
    assert note_own_source(str(root), str(made / "shop"))
    return Collection(LocalStorage(root), "shop")


def tried(act: Callable[[], object]) -> Exception | None:
    """Do something that may be refused, with an error of ours."""
    try:
        act()
    except RaycontextError as error:
        return error
    return None


def old(folder: Path) -> None:
    """Let everything below a folder be old."""
    past = time.time() - LATER
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (past, past), follow_symlinks=False)


@pytest.mark.parametrize("place", PLACES)
def test_link_is_damage_and_nothing_behind_it_is_touched(
    collection: Collection, root: Path, source: Path, tmp_path: Path, place: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    replaced = sorted((root / "shop").glob(place)) if place != "." else [root / "shop"]
    assert replaced
    for number, path in enumerate(replaced):
        path.rename(outside / f"object-{number}")
        path.symlink_to(outside / f"object-{number}")
    for name in ("notes", "manifests", "01arz3ndektsv4rrffq69g5fav"):  # what a foreign folder may hold
        (outside / name).mkdir()
        (outside / name / "private.txt").write_text("private")
        if (outside / "object-0").is_dir():
            (outside / "object-0" / f"{name}.txt").write_text("private")
    old(outside)
    before = state(outside)

    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        (report,) = context.verify("shop", deep=True)
        assert any("symbolic link" in damage.meaning for damage in report.damage), report
        tried(lambda: context.search("total price", collection="shop"))
        tried(lambda: context.index(source, collection="shop"))
        tried(lambda: collect_garbage(collection, NO_GRACE, time.time() + LATER))
        assert state(outside) == before
        refused = tried(lambda: context.repair("shop"))
        assert (refused is not None) == (place == "."), refused
        assert state(outside) == before
        if refused is None:
            context.index(source, collection="shop")
            tried(lambda: collect_garbage(collection, NO_GRACE, time.time() + LATER))
            (report,) = context.verify("shop", deep=True)
            assert report.damage == ()
            assert context.search("total price", collection="shop")
        context.clear("shop")
    assert state(outside) == before
    assert not (root / "shop").is_symlink()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", ["segment", "snapshot"])
def test_manifest_with_a_foreign_name_is_refused(
    collection: Collection, root: Path, tmp_path: Path, field: str, name: str
) -> None:
    """Its checksum is right: whoever can write to a root can compute one."""
    for folder in ("segments", "snapshots"):
        (root / "shop" / folder / "Documents").mkdir()
        (root / "shop" / folder / "Documents" / "thesis.txt").write_text("years of work")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "thesis.txt").write_text("years of work")
    place = root / "shop" / "manifests" / manifest_name(1)
    body = decode_sealed("manifest", str(place), place.read_bytes())
    if field == "segment":
        body["shards"][0]["segments"][0]["name"] = name
    else:
        body["snapshot"] = name
    place.write_bytes(encode_sealed("manifest", body))
    old(root / "shop")

    with pytest.raises(CorruptManifest):
        Manifest.decode(str(place), place.read_bytes())
    collect_garbage(collection, NO_GRACE, time.time() + LATER)
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        (report,) = context.verify("shop")
        assert [damage.object for damage in report.damage] == [f"manifests/{manifest_name(1)}"]
        context.repair("shop")
        collect_garbage(collection, NO_GRACE, time.time() + LATER)
        assert context.verify("shop")[0].damage == ()
    for folder in (tmp_path / "elsewhere", *(root / "shop" / kind / "Documents" for kind in ("segments", "snapshots"))):
        assert (folder / "thesis.txt").read_text() == "years of work"


def test_description_with_another_name_is_damage(collection: Collection, root: Path) -> None:
    place = root / "shop" / "COLLECTION.json"
    identity = collection.identity()
    place.write_bytes(CollectionIdentity("../elsewhere", identity.source, identity.id).encode())
    with pytest.raises(CorruptManifest, match="another name"):
        collection.identity()
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        (listed,) = context.collections()
        assert "raycontext repair" in listed.problem
        context.repair("shop")
        (listed,) = context.collections()
        assert (listed.name, listed.problem) == ("shop", "")


@pytest.mark.parametrize("name", ["../private", "shop/../../private", "/private", "shop//x", ".", "shop/\0"])
def test_name_that_leads_out_is_refused_by_the_storage(root: Path, tmp_path: Path, name: str) -> None:
    storage = LocalStorage(root)
    storage.create("shop/first", b"1")
    (tmp_path / "private").write_text("private")
    calls: list[Callable[[], object]] = [
        lambda: storage.create(name, b""),
        lambda: storage.write(name, {"x": b""}),
        lambda: storage.read(name),
        lambda: storage.map(name),
        lambda: storage.list(name),
        lambda: storage.size(name),
        lambda: storage.modified(name),
        lambda: storage.renew(name),
        lambda: storage.delete(name),
        lambda: storage.remove(name),
    ]
    for call in calls:
        with pytest.raises(StorageError):
            call()
    assert not storage.exists(name)
    assert (tmp_path / "private").read_text() == "private"


def test_root_itself_may_be_reached_through_a_link(root: Path, source: Path, tmp_path: Path) -> None:
    root.mkdir()
    (tmp_path / "link").symlink_to(root)
    with raycontext.connect(root=tmp_path / "link", runtime="inline", workers=1) as context:
        context.index(source, collection="shop")
        assert context.search("total price", collection="shop")
        assert context.verify("shop", deep=True)[0].damage == ()


def test_pipe_and_folder_in_the_place_of_a_file_are_errors(root: Path) -> None:
    storage = LocalStorage(root)
    storage.create("shop/first", b"1")
    os.mkfifo(root / "shop" / "pipe")
    (root / "shop" / "folder").mkdir()
    for name in ("shop/pipe", "shop/folder"):
        with pytest.raises(StorageError):
            storage.read(name)
        with pytest.raises(StorageError):
            storage.map(name)


def test_links_that_removal_left_or_found_are_removed_alone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "thesis.txt").write_text("years of work")
    storage = LocalStorage(root)
    storage.write("shop/segments/a", {"x": b"1"})
    (root / "shop" / "segments" / "a" / "link").symlink_to(tmp_path / "private")
    (root / "shop" / "segments" / "b").symlink_to(tmp_path / "private")
    (root / ".trash-01arz3ndektsv4rrffq69g5fav").symlink_to(tmp_path / "private")
    monkeypatch.setattr(local, "ABANDONED_SECONDS", -1.0)  # what was left a moment ago is old
    assert storage.size("shop") < 1000
    assert storage.remove("shop/segments/a")
    assert storage.remove("shop/segments/b")
    with pytest.raises(CorruptManifest):
        (root / "linked").symlink_to(tmp_path / "private")
        storage.remove("linked/thesis.txt")
    assert storage.list("") == ["linked", "shop"]
    assert storage.list("shop/segments") == []
    assert (tmp_path / "private" / "thesis.txt").read_text() == "years of work"
