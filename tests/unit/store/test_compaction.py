"""Merging segments changes no answer, and the writer puts the merged one in their place whatever happened meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import FingerprintMismatch
from raycontext.models import Hit
from raycontext.store.changes import Compaction
from raycontext.store.collection import Collection, Location
from raycontext.store.manifest import Manifest, SegmentReference, ShardManifest
from raycontext.store.segments import compaction
from raycontext.store.segments.compaction import MAX_SEGMENTS, merge_segments, merges_of
from raycontext.store.segments.segment import Segment
from raycontext.store.writer import CollectionWriter

QUERIES = ("where is the cart emptied", "Order7", "total price of an order", "README", "def", "nothing like this")


def module(number: int, extra: str = "") -> str:
    return (
        f'"""Orders of kind {number}."""\n\n\nclass Order{number}:\n    """An order."""\n\n'
        f"    def total_price(self, items: list[int]) -> int:\n        return sum(items) * {number}\n\n\n"
        f"def empty_cart_{number}(cart: dict) -> None:\n    cart.clear()  {extra}\n"
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "tree"
    place.mkdir()
    for number in range(9):
        (place / f"order_{number}.py").write_text(module(number))
    (place / "README.md").write_text("# Shop\n\nOrders and carts.\n\n## Prices\n\nThe total price of an order.\n")
    (place / "notes.go").write_text("package notes\n\n// Cart holds items.\ntype Cart struct{ Items []int }\n")
    return place


@pytest.fixture
def indexed(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The root of a collection `shop` of several segments with tombstones, which no one has merged."""
    monkeypatch.setattr(compaction, "MAX_SEGMENTS", 1000)
    root = tmp_path / "root"
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(tree, collection="shop")
        for number in (1, 4, 7):
            (tree / f"order_{number}.py").write_text(module(number, "# everything out"))
            context.index(tree, collection="shop")
        (tree / "order_2.py").unlink()
        (tree / "new.py").write_text(module(77))
        context.index(tree, collection="shop")
    yield root


def answers(root: Path) -> list[list[Hit]]:
    with raycontext.connect(root=root, runtime="inline") as context:
        return [context.search(query, collection="shop", limit=50) for query in QUERIES]


def opened(root: Path) -> tuple[Collection, Manifest]:
    collection = Location(str(root), "shop").open()
    manifest = collection.latest()
    assert manifest is not None
    return collection, manifest


def merged(collection: Collection, manifest: Manifest, sources: tuple[SegmentReference, ...]) -> Compaction:
    reference = merge_segments(
        collection.storage, collection.name, sources, embedder=manifest.embedder, chunker=manifest.chunker
    )
    return Compaction(txn=f"merge-{manifest.version}", shard=0, sources=sources, merged=reference)


@pytest.mark.parametrize("part", [slice(None), slice(0, 2), slice(1, 4), slice(0, 1)])
def test_merging_changes_no_answer(indexed: Path, part: slice) -> None:
    before = answers(indexed)
    collection, manifest = opened(indexed)
    assert len(manifest.shards[0].segments) == 5
    sources = manifest.shards[0].segments[part]
    version = CollectionWriter(collection).compact(merged(collection, manifest, sources))
    assert version is not None
    kept = version.shards[0].segments
    assert len(kept) == 5 - len(sources) + 1
    assert (version.files, version.chunks, version.snapshot) == (manifest.files, manifest.chunks, manifest.snapshot)
    for reference in kept:
        segment = Segment(collection.storage, collection.name, reference)
        for name in segment.data_files:
            segment.check_content(name)
    assert answers(indexed) == before
    assert any(before)


def test_segments_of_another_chunker_are_not_relabelled(indexed: Path) -> None:
    collection, manifest = opened(indexed)
    with pytest.raises(FingerprintMismatch, match="the chunker"):
        merge_segments(
            collection.storage,
            collection.name,
            manifest.shards[0].segments,
            embedder=manifest.embedder,
            chunker=f"{manifest.chunker} of another node",
        )


def test_merged_segment_has_no_dead_rows(indexed: Path) -> None:
    collection, manifest = opened(indexed)
    assert any(segment.tombstones for segment in manifest.shards[0].segments)
    version = CollectionWriter(collection).compact(merged(collection, manifest, manifest.shards[0].segments))
    assert version is not None
    (segment,) = version.shards[0].segments
    assert segment.tombstones == ()
    assert (segment.files, segment.rows) == (manifest.files, manifest.chunks)


def test_what_died_during_the_merge_stays_dead(indexed: Path, tree: Path) -> None:
    collection, manifest = opened(indexed)
    late = merged(collection, manifest, manifest.shards[0].segments)
    (tree / "order_4.py").write_text(module(44))
    (tree / "order_5.py").unlink()
    with raycontext.connect(root=indexed, runtime="inline") as context:
        context.index(tree, collection="shop")
    before = answers(indexed)
    version = CollectionWriter(collection).compact(late)
    assert version is not None
    assert len(version.shards[0].segments) == 2
    assert answers(indexed) == before
    assert not [hit for hits in before for hit in hits if hit.path == "order_5.py"]


def test_merge_of_segments_that_were_merged_meanwhile_is_dropped(indexed: Path) -> None:
    collection, manifest = opened(indexed)
    first = merged(collection, manifest, manifest.shards[0].segments)
    second = replace(merged(collection, manifest, manifest.shards[0].segments), txn="again")
    writer = CollectionWriter(collection)
    done = writer.compact(first)
    assert done is not None
    assert writer.compact(second) is None
    assert collection.latest() == done


def test_merge_is_applied_once(indexed: Path) -> None:
    collection, manifest = opened(indexed)
    change = merged(collection, manifest, manifest.shards[0].segments)
    writer = CollectionWriter(collection)
    assert writer.compact(change) == writer.compact(change)
    assert collection.versions()[-1] == manifest.version + 1


def test_shard_has_few_segments_once_nothing_more_happens(tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for number in range(2 * MAX_SEGMENTS):
        (tree / f"order_{number % 9}.py").write_text(module(number, f"# edit {number}"))
        with raycontext.connect(root=root, runtime="inline") as context:
            context.index(tree, collection="shop")
    with raycontext.connect(root=root, runtime="inline") as context:
        assert context.status("shop").segments <= MAX_SEGMENTS
        context.index(tree, collection="fresh")
        for query in QUERIES:
            edited, fresh = (context.search(query, collection=name, limit=50) for name in ("shop", "fresh"))
            assert [hit.model_dump(exclude={"collection"}) for hit in edited] == [
                hit.model_dump(exclude={"collection"}) for hit in fresh
            ]


def reference(name: str, size: int, files: int = 10, dead: int = 0) -> SegmentReference:
    return SegmentReference(name=name, checksum="", files=files, rows=files, bytes=size, tombstones=tuple(range(dead)))


def test_half_dead_segments_are_written_anew() -> None:
    healthy, dying = reference("a", 100, dead=4), reference("b", 100, dead=6)
    assert merges_of(ShardManifest(segments=(healthy, dying))) == [(dying,)]
    assert merges_of(ShardManifest(segments=(healthy,))) == []


@pytest.mark.parametrize("sizes", [[1] * 9, [10**9] * 40, [10**9] + [1000] * 12, [2**n for n in range(40)], [5] * 200])
def test_few_segments_remain_and_large_ones_are_left_alone(sizes: list[int]) -> None:
    segments = tuple(reference(f"{number:03d}", size) for number, size in enumerate(sizes))
    groups = merges_of(ShardManifest(segments=segments))
    touched = [segment for group in groups for segment in group]
    assert len(touched) == len(set(touched))
    assert len(segments) - len(touched) + len(groups) <= MAX_SEGMENTS
    if max(sizes) > compaction.MERGED_BYTES and len(set(sizes)) > 1:
        assert max(segments, key=lambda segment: segment.bytes) not in touched
