"""Objects of a collection that are not there: what is whole answers, and everything names the command that mends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.errors import CollectionExists, CorruptManifest, StorageError
from raycontext.sdk.connection import Connection
from raycontext.store.checking.reports import DamageKind
from raycontext.store.segments.segment import DATA_FILES, DESCRIPTION

from ..conftest import settle, write_tree


def inline(root: Path) -> Connection:
    return raycontext.connect(root=root, runtime="inline", workers=1)


@pytest.fixture(scope="module", params=[1, 2], ids=["one shard", "two shards"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source `shop` and a root of two segments in each shard, made by two runs."""
    place = tmp_path_factory.mktemp("missing")
    with inline(place / "root") as context:
        for part in ("early", "late"):
            files = {f"{part}_{n}.py": f"def {part}_total_{n}(price):\n    return price + {n}\n" for n in range(6)}
            write_tree(place / "shop", files)
            settle(place / "shop")
            context.index(place / "shop", num_shards=request.param)
    return place


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    """A copy of the root; the source stays where it is."""
    shutil.copytree(whole / "root", tmp_path / "root")
    return tmp_path / "root" / "shop"


def segments(collection: Path) -> list[Path]:
    return sorted((collection / "segments").iterdir())


@pytest.mark.parametrize("name", ["", DESCRIPTION, *DATA_FILES])
def test_search_answers_from_the_segments_that_are_whole(whole: Path, place: Path, name: str) -> None:
    """A whole segment, or one of its files, is gone."""
    first = segments(place)[0]
    shutil.rmtree(first) if not name else (first / name).unlink()
    with inline(place.parent) as context:
        for _ in range(2):
            hits = context.search("total price", collection="shop", limit=50)
            assert 0 < len(hits) < 12
            assert any("raycontext repair shop" in note and "missing" in note for note in hits.notes)
        related = context.related(hits[0].path, 1, collection="shop")
        assert any("raycontext repair shop" in note for note in related.notes)
        (report,) = context.verify("shop")
        assert DamageKind.MISSING in {damage.kind for damage in report.damage}
        context.repair("shop")
        context.index(whole / "shop")
        hits = context.search("total price", collection="shop", limit=50)
        assert (len(hits), hits.notes) == (12, ())
        assert not context.verify("shop", deep=True)[0].damage


@pytest.mark.parametrize("name", [DESCRIPTION, "chunks.arrow", "postings.arrow", "text.arrow"])
def test_search_answers_from_other_segments_than_the_damaged_one(place: Path, name: str) -> None:
    damaged = segments(place)[0] / name
    damaged.write_bytes(damaged.read_bytes()[::-1])
    with inline(place.parent) as context:
        for _ in range(2):
            hits = context.search("total price", collection="shop", limit=50)
            assert 0 < len(hits) < 12
            assert any("raycontext repair shop" in note and "damaged" in note for note in hits.notes)
        related = context.related(hits[0].path, 1, collection="shop")
        assert any("raycontext repair shop" in note for note in related.notes)


def test_all_segments_damaged_is_an_error_or_a_note_of_it(place: Path) -> None:
    for segment in segments(place):
        (segment / "postings.arrow").write_bytes(b"")
    with inline(place.parent) as context:
        for _ in range(2):
            try:
                hits = context.search("total price", collection="shop")
            except StorageError as error:
                told = str(error)
            else:
                assert not hits
                told = " ".join(hits.notes)
            assert "raycontext repair" in told


def test_all_segments_gone_is_told_with_the_command_that_mends_it(place: Path) -> None:
    shutil.rmtree(place / "segments")
    with inline(place.parent) as context:
        try:
            hits = context.search("total price", collection="shop")
        except StorageError as error:
            told = str(error)
        else:
            told = " ".join(hits.notes)
        assert "raycontext repair" in told
        with pytest.raises(StorageError, match="raycontext repair"):
            context.status("shop")


def test_snapshot_that_is_gone_is_told_with_the_command_that_mends_it(place: Path) -> None:
    shutil.rmtree(place / "snapshots")
    with inline(place.parent) as context:
        assert len(context.search("total price", collection="shop", limit=50)) == 12, "a search needs none"
        with pytest.raises(CorruptManifest, match=r"missing.*raycontext repair"):
            context.status("shop")


@pytest.mark.parametrize(
    "lost", ["segments", "snapshots", "COLLECTION.json", "one segment", *(f"one segment/{name}" for name in DATA_FILES)]
)
def test_the_next_run_mends_what_is_missing(whole: Path, place: Path, lost: str) -> None:
    """Whatever is missing, the run takes it up by itself, and no other collection is made."""
    gone = place / lost.replace("one segment", f"segments/{segments(place)[0].name}")
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    with inline(place.parent) as context:
        report = context.index(whole / "shop")
        assert (report.collection, report.files) == ("shop", 12)
        assert [listed.name for listed in context.collections()] == ["shop"]
        hits = context.search("total price", collection="shop", limit=50)
        assert (len(hits), hits.notes) == (12, ())
        assert not context.verify("shop", deep=True)[0].damage
        assert not context.index(whole / "shop").changed


def test_a_forced_run_rebuilds_what_has_neither_a_description_nor_a_readable_version(whole: Path, place: Path) -> None:
    (place / "COLLECTION.json").unlink()
    for manifest in (place / "manifests").iterdir():
        manifest.write_bytes(b"nothing")
    with inline(place.parent) as context:
        with pytest.raises(CorruptManifest):
            context.index(whole / "shop", collection="shop")
        assert not (place / "COLLECTION.json").exists(), "what cannot be read is left alone"
        assert context.index(whole / "shop", collection="shop", force=True).files == 12
        assert not context.verify("shop", deep=True)[0].damage


def test_snapshot_that_goes_while_an_owner_has_it_in_memory_is_mended(whole: Path, place: Path) -> None:
    with inline(place.parent) as context:
        context.status("shop")  # the owner has it in memory from now on
        shutil.rmtree(place / "snapshots")
        context.index(whole / "shop")
        assert not context.verify("shop", deep=True)[0].damage


def test_a_named_collection_whose_description_is_gone_keeps_its_versions_and_its_source(
    whole: Path, place: Path, tmp_path: Path
) -> None:
    (place / "COLLECTION.json").unlink()
    (tmp_path / "other").mkdir()
    with inline(place.parent) as context:
        with pytest.raises(CollectionExists):
            context.index(tmp_path / "other", collection="shop")
        report = context.index(whole / "shop", collection="shop")
        assert (report.files, report.added, report.changed) == (12, 0, False)


def test_collection_whose_description_is_gone_is_listed_with_what_to_do(place: Path) -> None:
    (place / "COLLECTION.json").unlink()
    with inline(place.parent) as context:
        (listed,) = context.collections()
        assert (listed.name, listed.files) == ("shop", 12)
        assert "raycontext repair" in listed.problem
        calls: list[Callable[[], Any]] = [
            lambda: context.search("total price", collection="shop"),
            lambda: context.status("shop"),
        ]
        for call in calls:
            with pytest.raises(CorruptManifest, match=r"missing.*raycontext repair"):
                call()
        (report,) = context.verify()
        assert DamageKind.MISSING in {damage.kind for damage in report.damage}
        context.repair()
        (listed,) = context.collections()
        assert listed.problem == ""
        assert len(context.search("total price", collection="shop", limit=50)) == 12


def test_all_collections_name_one_whose_description_cannot_be_read(place: Path, tmp_path: Path) -> None:
    with inline(place.parent) as context:
        write_tree(tmp_path / "other", {"other.py": "def total_price():\n    return 1\n"})
        context.index(tmp_path / "other")
        (place / "COLLECTION.json").write_bytes(b"{}")
        hits = context.search("total price", collections=["*"])
        assert {hit.collection for hit in hits} == {"other"}
        assert any("'shop'" in note and "raycontext repair" in note for note in hits.notes)
