"""Garbage collection removes what is superseded, and nothing that anyone may still need."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import StaleVersion
from raycontext.models import SearchFilters
from raycontext.search.query import SearchRequest
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Collection, Location
from raycontext.store.garbage import KEPT_MANIFESTS, Grace, collect_garbage
from raycontext.store.manifest import ShardManifest, manifest_name
from raycontext.ulid import new_ulid

from ...conftest import write_tree

NO_GRACE = Grace(readers=0.0, writers=0.0)
HOUR = Grace(readers=3600.0, writers=3600.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source `notes` and a root, made once."""
    place = tmp_path_factory.mktemp("garbage")
    for number in range(7):
        write_tree(place / "notes", {"changing.py": f"def edition_{number}():\n    return {number}\n"})
        if number == 0:
            write_tree(place / "notes", {"steady.py": "def never_changes():\n    return 'the same'\n"})
        with raycontext.connect(root=place / "root", runtime="inline") as context:
            context.index(place / "notes")
    return place


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A collection `notes` of 7 versions; each edit left a dead file behind."""
    return shutil.copytree(made / "root", tmp_path / "root")


def opened(root: Path) -> Collection:
    return Location(str(root), "notes").open()


def names(collection: Collection, folder: str) -> set[str]:
    return set(collection.storage.list(f"{collection.name}/{folder}"))


def test_newest_versions_stay_whole(root: Path) -> None:
    collection = opened(root)
    assert collection.versions() == list(range(1, 8))
    found = collect_garbage(collection, NO_GRACE, time.time() + 10)
    assert found.manifests == 7 - KEPT_MANIFESTS
    assert collection.versions() == [5, 6, 7]
    kept = [collection.manifest(version) for version in (5, 6, 7)]
    assert names(collection, "segments") == set.union(*(manifest.segment_names() for manifest in kept))
    assert names(collection, "snapshots") == set.union(*(manifest.snapshot_names() for manifest in kept))
    for manifest in kept:
        collection.snapshot(manifest)
    with raycontext.connect(root=root, runtime="inline") as context:
        assert [hit.path for hit in context.search("edition_6", collection="notes")][:1] == ["changing.py"]
        assert context.search("never changes", collection="notes", limit=1)[0].path == "steady.py"


def test_nothing_goes_within_the_grace_time(root: Path) -> None:
    collection = opened(root)
    before = names(collection, "segments"), names(collection, "snapshots"), collection.versions()
    assert collect_garbage(collection, HOUR) == (0, 0, 0)
    assert (names(collection, "segments"), names(collection, "snapshots"), collection.versions()) == before


def test_what_was_never_committed_stays_for_the_writers_grace_time(root: Path) -> None:
    collection = opened(root)
    named = next(iter(names(collection, "segments")))
    orphan = "0" * 25 + "1"
    content = {"SEGMENT.json": b"{}"}
    collection.storage.write(f"notes/segments/{orphan}", content)
    collection.storage.write("notes/segments/not-one-of-ours", content)
    collect_garbage(collection, Grace(readers=0.0, writers=3600.0))
    assert orphan in names(collection, "segments")
    collect_garbage(collection, Grace(readers=3600.0, writers=0.0), time.time() + 10)
    assert orphan not in names(collection, "segments")
    assert "not-one-of-ours" in names(collection, "segments")
    assert named  # there was something to keep


def test_nothing_goes_while_a_kept_manifest_is_damaged(root: Path) -> None:
    collection = opened(root)
    manifest = root / "notes/manifests" / f"{6:020d}.json"
    manifest.write_text("{}")
    assert collect_garbage(collection, NO_GRACE, time.time() + 10) == (0, 0, 0)
    assert collection.versions() == list(range(1, 8))


def test_reader_of_a_version_that_is_gone_opens_the_newest(root: Path) -> None:
    collection = opened(root)
    search = ShardSearch(collection, 0)
    request = SearchRequest("edition", SearchFilters(), files=60, rows=5)
    assert search.refresh(2) == 2
    old = search.statistics(request, 2)
    collect_garbage(collection, NO_GRACE, time.time() + 10)
    try:
        search.candidates(request, old)  # what is mapped already may still answer
    except StaleVersion as error:
        assert error.version == 2
    assert search.statistics(request).version == 7
    with pytest.raises(StaleVersion):
        search.statistics(request, 3)


def test_idle_reader_notices_versions_beyond_a_gap(root: Path, tmp_path: Path) -> None:
    """The version after the reader's own is gone as well; it must not wait for it forever."""
    collection = opened(root)
    search = ShardSearch(collection, 0)
    request = SearchRequest("edition", SearchFilters(), files=60, rows=5)
    search.refresh(1)
    assert search.refresh(1) == 1
    collect_garbage(collection, NO_GRACE, time.time() + 10)
    assert not collection.has_version(2)
    assert search.statistics(request).version == 7


def test_what_a_ghost_names_stays(root: Path) -> None:
    """A slow writer has put its manifest under a name that was freed, and is about to commit the same segment again."""
    collection = opened(root)
    newest = collection.manifest(7)
    collect_garbage(collection, NO_GRACE, time.time() + 10)
    orphan = new_ulid()
    collection.storage.write(f"notes/segments/{orphan}", {"SEGMENT.json": b"{}"})
    (shard,) = newest.shards
    named = shard.segments[0].model_copy(update={"name": orphan})
    ghost = newest.model_copy(update={"version": 3, "shards": (ShardManifest(segments=(named,)),)})
    assert collection.storage.create(f"notes/manifests/{manifest_name(3)}", ghost.encode())
    found = collect_garbage(collection, Grace(readers=0.0, writers=3600.0), time.time() + 10)
    assert found.manifests == 1
    assert orphan in names(collection, "segments")


def test_what_an_interrupted_commit_left_goes(root: Path) -> None:
    collection = opened(root)
    left = root / "notes/tmp/00000000000000000008.json.0123456789abcdef"
    left.write_text("half a manifest")
    collect_garbage(collection, HOUR)
    assert left.exists()
    collect_garbage(collection, HOUR, time.time() + 7200)
    assert not left.exists()
