"""What verification finds in collections whose bytes are right and whose content is not, and that repair mends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import raycontext
from raycontext.discover import trees
from raycontext.discover.read import Content, read_content
from raycontext.discover.snapshot import Snapshot
from raycontext.discover.snapshot_parts import seal
from raycontext.discover.snapshot_tree import SnapshotTree
from raycontext.errors import Fenced, UnknownCollection, UnsupportedFormat
from raycontext.index.reuse.own_sources import note_own_source
from raycontext.index.work import stages
from raycontext.models import IndexOptions
from raycontext.store.checking import repair as repairing
from raycontext.store.checking import verification
from raycontext.store.checking.repair import repair
from raycontext.store.checking.reports import DamageKind
from raycontext.store.checking.verification import verify
from raycontext.store.collection import Collection, Location, shard_of
from raycontext.store.manifest import Manifest, SegmentReference, ShardManifest, manifest_name
from raycontext.store.segments.columns import ipc_file
from raycontext.store.segments.segment import DATA_FILES, DESCRIPTION, POSTINGS, Segment
from raycontext.store.segments.segment_writer import postings_file, store_segment
from raycontext.store.writer import CollectionWriter
from raycontext.ulid import new_ulid

from ...conftest import CART, LEDGER, PAYMENT, README, settle, write_tree
from .test_collection import change

Craft = Callable[[Collection, Manifest], dict[str, Any]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source `shop` and a root, made once."""
    place = tmp_path_factory.mktemp("verified")
    source = place / "shop"
    write_tree(source, {"a/cart.py": CART, "b/ledger.go": LEDGER, "c/README.md": README, "d/empty.py": ""})
    write_tree(source, {f"more/m{number}.py": PAYMENT.replace("card", f"card{number}") for number in range(6)})
    settle(source)
    with raycontext.connect(root=place / "root", runtime="inline", workers=2) as context:
        context.index(source, num_shards=2)
        write_tree(source, {"a/cart.py": CART.replace("cart", "basket")})
        context.index(source)
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def shop(made: Path, root: Path) -> Collection:
    """Two versions, two shards, a segment of the first one with a tombstone. Its source stays as it is."""
    shutil.copytree(made / "root", root)
    assert note_own_source(str(root), str(made / "shop"))
    return Location(str(root), "shop").open()


def latest(collection: Collection) -> Manifest:
    manifest = collection.latest()
    assert manifest is not None
    return manifest


def add_version(collection: Collection, changes: dict[str, Any]) -> None:
    """Put a manifest above the newest one, as a faulty writer would."""
    base = latest(collection)
    proper = {
        "version": base.version + 1,
        "parent": base.checksum,
        "txn": "t",
        "recent_txns": (*base.recent_txns, "t"),
    }
    manifest = base.model_copy(update={**proper, **changes})
    place = f"{collection.name}/manifests/{manifest_name(base.version + 1)}"
    assert collection.storage.create(place, manifest.encode())


def with_segment(manifest: Manifest, replacement: SegmentReference, shard: int = 0, place: int = 0) -> dict[str, Any]:
    shards = [list(shard.segments) for shard in manifest.shards]
    shards[shard][place] = replacement
    return {"shards": tuple(ShardManifest(segments=tuple(segments)) for segments in shards)}


def reference_with(**changes: Any) -> Craft:
    def craft(_: Collection, manifest: Manifest) -> dict[str, Any]:
        return with_segment(manifest, manifest.shards[0].segments[0].model_copy(update=changes))

    return craft


def table_with(name: str, column: str, alter: Callable[[pa.Array], Any]) -> Craft:
    """The first segment anew, with correct checksums over another content of a column; None leaves it out."""

    def craft(collection: Collection, manifest: Manifest) -> dict[str, Any]:
        reference = manifest.shards[0].segments[0]
        segment = Segment(collection.storage, collection.name, reference)
        table = {"files": segment.files, "chunks": segment.chunks, "definitions": segment.definitions}[name]
        place = table.schema.get_field_index(column)
        altered = alter(table.column(column).chunk(0))
        table = table.remove_column(place) if altered is None else table.set_column(place, column, pa.array(altered))
        return with_segment(manifest, stored(collection, manifest, reference, {f"{name}.arrow": ipc_file(table)}))

    return craft


def postings_with(**changes: Callable[[np.ndarray[Any, Any]], Any]) -> Craft:
    def craft(collection: Collection, manifest: Manifest) -> dict[str, Any]:
        reference = manifest.shards[0].segments[0]
        segment = Segment(collection.storage, collection.name, reference)
        body = segment.postings("body")
        other = replace(body, **{name: alter(getattr(body, name).copy()) for name, alter in changes.items()})
        encoded = postings_file((other, *(segment.postings(name) for name in POSTINGS[1:])))
        return with_segment(manifest, stored(collection, manifest, reference, {"postings.arrow": encoded}))

    return craft


def damaged_list(content: bytes) -> Craft:
    """The first list of the body's postings with another content."""

    def craft(collection: Collection, manifest: Manifest) -> dict[str, Any]:
        reference = manifest.shards[0].segments[0]
        place = f"{collection.name}/segments/{reference.name}/postings.arrow"
        reader = pa.ipc.open_file(collection.storage.map(place))
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        lists = [content, *batches[0].column(1).to_pylist()[1:]]
        batches[0] = pa.record_batch([batches[0].column(0), pa.array(lists, pa.binary())], schema=reader.schema)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, reader.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return with_segment(manifest, stored(collection, manifest, reference, {"postings.arrow": sink.getvalue()}))

    return craft


def stored(
    collection: Collection, manifest: Manifest, reference: SegmentReference, replaced: dict[str, pa.Buffer]
) -> SegmentReference:
    folder = f"{collection.name}/segments/{reference.name}"
    files = {name: replaced.get(name) or collection.storage.map(f"{folder}/{name}") for name in DATA_FILES}
    made = store_segment(
        collection.storage,
        collection.name,
        files,
        files=reference.files,
        rows=reference.rows,
        cut_by_lines=reference.cut_by_lines,
        embedder=manifest.embedder,
        chunker=manifest.chunker,
    )
    return made.model_copy(update={"tombstones": reference.tombstones})


def snapshot_with(alter: Callable[[dict[str, Any]], None]) -> Craft:
    def craft(collection: Collection, manifest: Manifest) -> dict[str, Any]:
        old = collection.snapshot(manifest)
        entries = dict(old.entries)
        alter(entries)
        tree, name = SnapshotTree.of(Snapshot(old.scanned_at_ns, entries)), new_ulid()
        _, encoded = tree.packed(name)
        collection.storage.write(f"{collection.name}/snapshots/{name}", {"parts": encoded})
        return {
            "snapshot": name,
            "snapshot_checksum": seal(encoded),
            "tree": tree.root_digest.hex(),
            "files": sum(entry.reason is None for entry in entries.values()),
        }

    return craft


def indexed_twice(collection: Collection, manifest: Manifest) -> dict[str, Any]:
    source, location = manifest.source, Location(collection.storage.location, collection.name)
    (file,) = [
        file for file in stages.scan_tree(source, location, 0, IndexOptions()).to_hash if file.path == "a/cart.py"
    ]
    batch = stages.index_files(source, location, [file], manifest.options)
    assert batch.segment is not None
    number = shard_of(file.path, manifest.options.num_shards)
    shards = list(manifest.shards)
    shards[number] = ShardManifest(segments=(*shards[number].segments, batch.segment))
    return {"shards": tuple(shards), "chunks": manifest.chunks + batch.segment.rows}


def in_another_shard(_: Collection, manifest: Manifest) -> dict[str, Any]:
    return {"shards": tuple(reversed(manifest.shards))}


def digest_of_another(entries: dict[str, Any]) -> None:
    entries["a/cart.py"] = entries["a/cart.py"]._replace(digest=bytes(16))


def renamed(entries: dict[str, Any]) -> None:
    entries["elsewhere.py"] = entries.pop("a/cart.py")


MENDED: dict[str, tuple[Craft, str]] = {
    "chunks": (lambda _, manifest: {"chunks": manifest.chunks + 1}, "live chunks; the manifest says"),
    "files": (lambda _, manifest: {"files": manifest.files + 1}, "other files than the manifest says"),
    "tree": (lambda *_: {"tree": "00" * 16}, "other files than the manifest says"),
    "embedder": (lambda *_: {"embedder": "other"}, "another embedder than"),
    "tombstone beyond the end": (reference_with(tombstones=(10**6,)), "Tombstones name files"),
    "negative tombstone": (reference_with(tombstones=(-1,)), "Tombstones name files"),
    "tombstones in disorder": (reference_with(tombstones=(1, 0)), "Tombstones name files"),
    "rows": (reference_with(rows=1), "and should have"),
    "shards": (in_another_shard, "belong to another shard"),
    "first_row": (table_with("files", "first_row", lambda column: column.to_numpy() + np.uint32(1)), "follow each"),
    "row_count": (
        table_with("files", "row_count", lambda column: column.to_numpy() + np.uint32(1)),
        "follow each other",
    ),
    "file": (table_with("chunks", "file", lambda column: column.to_numpy()[::-1]), "Rows do not name the file"),
    "lines": (table_with("chunks", "end_line", lambda column: column.to_numpy() * np.uint32(0)), "ends before"),
    "path_hash": (table_with("files", "path_hash", lambda column: column.to_numpy() ^ np.uint64(2)), "Hashes of paths"),
    "definitions": (table_with("definitions", "row", lambda column: column.to_numpy()[::-1]), "Definitions name rows"),
    "column": (table_with("files", "path_hash", lambda _: None), "not the columns of a segment"),
    "type of a column": (table_with("chunks", "file", lambda column: column.cast(pa.string())), "not the columns"),
    "posting beyond the end": (postings_with(rows=lambda rows: rows + np.uint32(10**6)), "rows that are not there"),
    "posting that is cut off": (damaged_list(b"\x80"), "lists are not as they are written"),
    "empty list": (damaged_list(b""), "a term that no row holds"),
    "terms in disorder": (postings_with(terms=lambda terms: terms[::-1].copy()), "terms are not in ascending order"),
    "file in the segments alone": (snapshot_with(lambda entries: entries.pop("a/cart.py")), "which segments hold"),
    "file in the snapshot alone": (snapshot_with(renamed), "No segment holds 1 file, such as elsewhere.py"),
    "digest": (snapshot_with(digest_of_another), "another digest of 1 file, such as a/cart.py"),
    "file in two segments": (indexed_twice, "hold 1 file, such as a/cart.py more than once"),
}
REPORTED: dict[str, tuple[Craft, str]] = {
    "parent": (lambda *_: {"parent": "0"}, "not made from version 2"),
    "epoch": (lambda *_: {"epoch": 0}, "lower than that of version 2"),
    "version": (lambda *_: {"version": 7}, "It is version 7 of 'shop'"),
    "collection": (lambda *_: {"collection": "shoe"}, "of 'shoe'"),
    "txn": (lambda *_: {"txn": "u"}, "not the last of its recent"),
    "number of shards": (
        lambda _, manifest: {"options": manifest.options.model_copy(update={"num_shards": 3})},
        "2 shards where its options say 3",
    ),
    "source": (lambda *_: {"source": "/elsewhere"}, "another source"),
}


@pytest.mark.parametrize("deep", [False, True])
def test_collection_with_edits_is_healthy(shop: Collection, deep: bool) -> None:
    report = verify(shop, deep=deep)
    assert report.damage == ()
    assert (report.version, report.manifests, report.files) == (2, 2, 10)
    assert (report.segments, report.data_files) == (3, 33)
    assert (report.compared_files, report.changed_files) == ((10, 0) if deep else (0, 0))
    assert report.chunks == latest(shop).chunks


@pytest.mark.parametrize("name", [*MENDED, *REPORTED])
def test_contradiction_is_found(shop: Collection, name: str) -> None:
    craft, words = {**MENDED, **REPORTED}[name]
    add_version(shop, craft(shop, latest(shop)))
    damage = verify(shop, deep=False).damage
    assert any(words in entry.meaning for entry in damage), damage
    assert {entry.kind for entry in damage} == {DamageKind.CONTRADICTION}


@pytest.mark.parametrize("name", MENDED)
def test_contradiction_is_mended(shop: Collection, root: Path, name: str) -> None:
    before = shop.snapshot(latest(shop)).entries
    add_version(shop, MENDED[name][0](shop, latest(shop)))
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        (report,) = context.repair("shop")
        assert report.damage
        assert report.index is not None
        assert report.index.files == 10
        (after,) = context.verify("shop", deep=True)
    assert after.damage == ()
    assert after.compared_files == 10
    digests = {path: entry.digest for path, entry in before.items()}
    assert {path: entry.digest for path, entry in shop.snapshot(latest(shop)).entries.items()} == digests


def test_file_that_changed_since_is_counted_and_no_damage(shop: Collection, made: Path, tmp_path: Path) -> None:
    (made / "shop").rename(tmp_path / "shop")
    try:
        shutil.copytree(tmp_path / "shop", made / "shop")
        write_tree(made / "shop", {"a/cart.py": "nothing\n"})
        (made / "shop/b/ledger.go").unlink()
        report = verify(shop, deep=True)
    finally:
        shutil.rmtree(made / "shop")
        (tmp_path / "shop").rename(made / "shop")
    assert (report.damage, report.compared_files, report.changed_files) == ((), 8, 2)


@pytest.mark.parametrize(
    "alter",
    [
        lambda data: data.replace(b"wizard", b"lizard"),
        lambda data: b"\n" + data,
        lambda data: data + b"one more line\n",
        lambda data: data.replace(b"\n\n", b"\n", 1),
    ],
    ids=["text", "shifted", "lacking", "joined"],
)
def test_chunks_that_are_not_the_lines_of_the_source_are_found(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, alter: Callable[[bytes], bytes]
) -> None:
    """As if what was indexed were not what was read."""

    def misread(*arguments: Any) -> Any:
        content = read_content(*arguments)
        assert isinstance(content, Content)
        return content._replace(data=alter(content.data))

    write_tree(tmp_path / "shop", {"README.md": README})
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        monkeypatch.setattr(trees, "read_content", misread)
        context.index(tmp_path / "shop")
        monkeypatch.undo()
        (report,) = context.verify("shop", deep=True)
        assert ["not the lines of the source" in entry.meaning for entry in report.damage] == [True]
        assert context.verify("shop")[0].damage == ()  # only the source tells
        assert context.repair("shop")[0].dropped_files == 1
        assert context.verify("shop", deep=True)[0].damage == ()


def test_version_that_is_superseded_and_removed_meanwhile_is_no_damage(
    shop: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Segment.check_size
    looked = []

    def overtaken(self: Segment, name: str) -> int:
        looked.append(name)
        if len(looked) == 1:
            fingerprints = {"embedder": latest(shop).embedder, "chunker": latest(shop).chunker}
            options = latest(shop).options
            removal = replace(change("overtaking", removed=("a/cart.py",)), options=options)
            CollectionWriter(shop).commit(removal, **fingerprints)
            for version in (1, 2):
                shop.storage.delete(f"shop/manifests/{manifest_name(version)}")
            raise FileNotFoundError(name)
        return check(self, name)

    monkeypatch.setattr(Segment, "check_size", overtaken)
    report = verify(shop, deep=False)
    assert (report.version, report.manifests, report.files, report.damage) == (3, 1, 9, ())


def test_repair_that_a_commit_overtakes_begins_anew(
    shop: Collection, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = latest(shop).shards[0].segments[0]
    place = root / "shop/segments" / reference.name / DESCRIPTION
    place.write_bytes(place.read_bytes()[:-1])
    looked = []

    def overtaken(collection: Collection, *, deep: bool) -> verification.Examination:
        found = verification.examine(collection, deep=deep)
        looked.append(found.manifest)
        if len(looked) == 1:
            add_version(collection, {})
        return found

    monkeypatch.setattr(repairing, "examine", overtaken)
    report = repair(shop)
    assert (report.version, len(looked)) == (4, 2)
    assert report.dropped_segments == (reference.name,)
    assert report.removed_manifests == (1, 2, 3)
    assert reference.name not in {segment.name for shard in latest(shop).shards for segment in shard.segments}


def test_owner_that_the_repair_went_past_is_fenced(shop: Collection, root: Path) -> None:
    base = latest(shop)
    owner = CollectionWriter(shop)

    def commit_of_owner(txn: str) -> Manifest:
        removal = replace(change(txn, removed=("a/cart.py",)), options=base.options)
        return owner.commit(removal, embedder=base.embedder, chunker=base.chunker)

    commit_of_owner("mine")
    (root / "shop/segments" / base.shards[0].segments[0].name / "vectors.arrow").write_bytes(b"")
    assert repair(shop).version == 4
    with pytest.raises(Fenced):
        commit_of_owner("late")
    assert latest(shop).version == 4


def test_other_format_is_reported_and_not_repaired(shop: Collection, root: Path) -> None:
    add_version(shop, {"format": 99})
    (damage,) = verify(shop, deep=False).damage
    assert (damage.object, damage.kind) == (f"manifests/{manifest_name(3)}", DamageKind.FORMAT)
    with pytest.raises(UnsupportedFormat, match="format 99"):
        repair(shop)
    assert shop.versions() == [1, 2, 3]


def test_collection_before_its_first_commit_is_healthy(tmp_path: Path) -> None:
    collection = Location(str(tmp_path), "new").open()
    with pytest.raises(UnknownCollection):
        verify(collection, deep=True)
    collection.create(str(tmp_path))
    assert verify(collection, deep=True).damage == repair(collection).damage == ()


def test_segments_of_another_chunker_are_found(shop: Collection) -> None:
    assert not verify(shop, deep=False).damage
    add_version(shop, {"chunker": "chunker of another node"})
    damage = verify(shop, deep=False).damage
    assert damage
    assert all("its version with chunker of another node" in found.meaning for found in damage)
