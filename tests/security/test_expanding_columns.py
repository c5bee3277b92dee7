"""Columns that are small on disk and claim to be huge: they are damage, found before anything is decompressed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest
import xxhash

import raycontext
from raycontext.discover.snapshot import Snapshot
from raycontext.errors import CorruptManifest, CorruptSegment
from raycontext.store.checking.verification import verify
from raycontext.store.collection import Collection
from raycontext.store.manifest import ShardManifest, manifest_name
from raycontext.store.segments import batches
from raycontext.store.segments.batches import CompressedBatches
from raycontext.store.segments.segment import DESCRIPTION, Segment
from raycontext.store.storage.local import LocalStorage

from ..fuzz.segments import described

BOMB = "a" * (8 << 20)
CLAIMED = 1 << 40
SOURCE = "class Cart:\n    def total(self):\n" + "        self.add(1)\n" * 40 + "#\n"


class Crafted(NamedTuple):
    """Collection with one segment that can be replaced by another one with right checksums."""

    root: Path
    collection: Collection

    def replace(self, name: str, change: Callable[[bytes], bytes]) -> Segment:
        """Change a data file of the segment, and all that says how long it is and what its checksum is."""
        intact = self.collection.latest()
        assert intact is not None
        (reference,) = intact.segments
        place = self.root / "tree/segments" / reference.name
        files = {file.name: file.read_bytes() for file in place.iterdir()}
        files[name] = change(files[name])
        described(files, name, reference)
        for file, content in files.items():
            (place / file).write_bytes(content)
        reference = reference.model_copy(update={"checksum": xxhash.xxh3_128_hexdigest(files[DESCRIPTION])})
        manifest = intact.model_copy(update={"shards": (ShardManifest(segments=(reference,)),)})
        (self.root / "tree/manifests" / manifest_name(intact.version)).write_bytes(manifest.encode())
        return Segment(self.collection.storage, self.collection.name, reference)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("expanding")
    (folder / "tree").mkdir()
    (folder / "tree/cart.py").write_text(SOURCE)
    with raycontext.connect(root=folder / "root", runtime="inline", workers=1) as context:
        context.index(folder / "tree")
    return folder / "root"


@pytest.fixture
def crafted(indexed: Path, tmp_path: Path) -> Crafted:
    root = tmp_path / "root"
    shutil.copytree(indexed, root)
    return Crafted(root, Collection(LocalStorage(root), "tree"))


def compressed(content: bytes, column: str | None = None) -> bytes:
    """Return an Arrow file compressed with zstd, with a huge text in each row of a column."""
    table = pa.ipc.open_file(content).read_all()
    if column is not None:
        index = table.schema.get_field_index(column)
        table = table.set_column(index, column, pa.array([BOMB] * len(table), pa.string()))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    made: bytes = sink.getvalue().to_pybytes()
    return made


def claiming(content: bytes, size: int) -> bytes:
    """Return a compressed file whose last buffer, of `size` bytes, states to have many more."""
    before, stated, after = content.rpartition(size.to_bytes(8, "little"))
    assert stated
    return before + CLAIMED.to_bytes(8, "little") + after


CHANGES = {
    "bomb": lambda content: compressed(content, "text"),
    "claim": lambda content: claiming(content, len(SOURCE) - 1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_texts_take_no_more_memory_than_their_chunks_have_bytes(
    crafted: Crafted, change: Callable[[bytes], bytes]
) -> None:
    segment = crafted.replace("text.arrow", change)
    with pytest.raises(CorruptSegment, match="a batch would take"):
        segment.text(0)
    with pytest.raises(CorruptSegment, match="a batch would take"):
        segment.texts()
    assert verify(crafted.collection, deep=True).damage


def test_labels_take_no_more_memory_than_names_do(crafted: Crafted) -> None:
    many = crafted.replace("labels.arrow", lambda content: claiming(compressed(content, "scope"), len(BOMB)))
    with pytest.raises(CorruptSegment, match="a batch would take"):
        many.label(0)
    with pytest.raises(CorruptSegment, match="a batch would take"):
        many.labels()


def test_all_batches_together_take_no_more_than_a_share_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch alone may be as large as its chunks say; many of them would fill the memory of a merge or a pull."""
    table = pa.table({"text": pa.array([BOMB] * 8, pa.string())})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table, max_chunksize=1)
    file = CompressedBatches(sink.getvalue(), lambda _: 2 * len(BOMB))
    assert len(file.table()) == 8
    monkeypatch.setattr(batches, "MOST_SMALL_BYTES", len(BOMB))
    with pytest.raises(ValueError, match="all batches would take"):
        file.table()
    assert len(file.batch(7)) == 1


@pytest.mark.parametrize("name", ["files", "chunks", "definitions", "vectors", "names", "postings", "references"])
def test_what_is_stored_uncompressed_is_never_decompressed(crafted: Crafted, name: str) -> None:
    segment = crafted.replace(f"{name}.arrow", compressed)
    readers: dict[str, Callable[[], object]] = {
        "files": lambda: segment.files,
        "chunks": lambda: segment.chunks,
        "definitions": lambda: segment.definitions,
        "vectors": lambda: segment.vectors,
        "names": lambda: segment.name_vectors,
        "postings": lambda: segment.posting_lists("body"),
        "references": lambda: segment.references,
    }
    with pytest.raises(CorruptSegment, match="it is compressed"):
        readers[name]()
    assert verify(crafted.collection, deep=True).damage


def test_a_compressed_snapshot_is_damage(crafted: Crafted) -> None:
    manifest = crafted.collection.latest()
    assert manifest is not None
    part = crafted.collection.snapshot(manifest).to_bytes()
    with pytest.raises(CorruptManifest, match="it is compressed"):
        Snapshot.part_from_bytes(compressed(part))
