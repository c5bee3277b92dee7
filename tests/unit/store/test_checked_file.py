"""Blocks of data files: each is compared when it is first read, so that damage is never answered from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xxhash

import raycontext
from raycontext.errors import CorruptSegment, StorageError
from raycontext.files.arrow import read_uncompressed
from raycontext.store.collection import Collection
from raycontext.store.manifest import ShardManifest, manifest_name
from raycontext.store.segments.checked_file import BLOCK_BYTES, CheckedFile, described_object
from raycontext.store.segments.columns import code_rows, fixed_lists, ipc_file, numbers
from raycontext.store.segments.segment import DESCRIPTION, Segment
from raycontext.store.storage.local import LocalStorage

ROWS, WIDTH = 4 * BLOCK_BYTES // 64, 64
FUNCTIONS = 700
QUERIES = ("where is price 17 computed", "discount_342", "sum of the parts")


def refuse(problem: str) -> CorruptSegment:
    return CorruptSegment("collection", "place", problem)


def opened(content: bytes, written: pa.Buffer) -> CheckedFile:
    entry = described_object(written)
    return CheckedFile(pa.py_buffer(content), entry["checksum"], entry.get("blocks"), refuse)


@pytest.fixture(scope="module")
def written() -> pa.Buffer:
    """Arrow file of several blocks: codes in rows of 64 bytes, and a scale for each."""
    codes = np.arange(ROWS * WIDTH, dtype=np.int64).astype(np.int8).reshape(ROWS, WIDTH)
    return ipc_file(pa.table({"codes": fixed_lists(codes), "scale": pa.array(np.ones(ROWS, np.float32))}))


def test_small_file_has_no_blocks_and_a_large_one_has_one_each(written: pa.Buffer) -> None:
    assert "blocks" not in described_object(b"x" * BLOCK_BYTES)
    assert len(described_object(written)["blocks"]) == 32 * -(-len(written) // BLOCK_BYTES)
    assert len(described_object(b"x" * (BLOCK_BYTES + 1))["blocks"]) == 64


def test_rows_of_a_whole_block_are_read_beside_a_damaged_one(written: pa.Buffer) -> None:
    content = bytearray(written.to_pybytes())
    content[2 * BLOCK_BYTES + 100] ^= 1
    file = opened(bytes(content), written)
    file.check_frame()
    table = read_uncompressed(file.content)
    codes = code_rows(table, "codes")
    file.check_column(table.column("scale"))
    assert numbers(table, "scale").sum() == ROWS
    base = 2 * BLOCK_BYTES + 100 - (codes.__array_interface__["data"][0] - file.content.address)
    damaged = base // WIDTH
    whole = np.array([0, 1, ROWS - 1])
    for _ in range(2):
        file.check_rows(codes, whole)
        with pytest.raises(CorruptSegment, match="checksum does not match"):
            file.check_rows(codes, np.array([0, damaged]))
        with pytest.raises(CorruptSegment, match="checksum does not match"):
            file.check_column(table.column("codes"))
        with pytest.raises(CorruptSegment, match="checksum does not match"):
            file.check_all()


def test_damage_of_the_frame_is_found_before_anything_is_read_by_it(written: pa.Buffer) -> None:
    whole = written.to_pybytes()
    for place in (0, len(whole) - 1, len(whole) - 12, len(whole) - 200, 20):
        content = bytearray(whole)
        content[place] ^= 0x10
        with pytest.raises(CorruptSegment):
            opened(bytes(content), written).check_frame()


def test_ranges_of_many_blocks_are_compared_whole(written: pa.Buffer) -> None:
    content = bytearray(written.to_pybytes())
    content[3 * BLOCK_BYTES + 5] ^= 1
    file = opened(bytes(content), written)
    file.check_ranges(np.array([0, 10]), np.array([3 * BLOCK_BYTES, 10]))
    with pytest.raises(CorruptSegment):
        file.check_ranges(np.array([BLOCK_BYTES]), np.array([len(content)]))


def test_other_number_of_checksums_than_blocks_is_refused(written: pa.Buffer) -> None:
    entry = described_object(written)
    with pytest.raises(ValueError, match="another number of blocks"):
        CheckedFile(written, entry["checksum"], entry["blocks"][32:], refuse)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root with a collection in one segment, whose larger files have several blocks."""
    folder = tmp_path_factory.mktemp("blocks")
    tree = folder / "tree"
    tree.mkdir()
    for number in range(FUNCTIONS):
        price = f'def price_{number}(cart):\n    """Price {number} of the cart."""\n    return cart.sum({number})\n'
        discount = f"def discount_{number}(price):\n    return price - {number}\n"
        (tree / f"price_{number}.py").write_text(f"{price}\n\n{discount}")
    with raycontext.connect(root=folder / "root", runtime="inline", workers=1) as context:
        context.index(tree)
    return folder / "root"


def answers(root: Path) -> list[list[tuple[str, int, float, str]]]:
    with raycontext.connect(root=root, runtime="inline") as context:
        return [
            [(hit.path, hit.start_line, hit.score, hit.text) for hit in context.search(query, collection="tree")]
            for query in QUERIES
        ]


def test_any_damaged_block_is_refused_or_not_read(indexed: Path, tmp_path: Path) -> None:
    expected = answers(indexed)
    root = tmp_path / "root"
    shutil.copytree(indexed, root)
    collection = Collection(LocalStorage(root), "tree")
    manifest = collection.latest()
    assert manifest is not None
    folders = [root / "tree/segments" / reference.name for reference in manifest.segments]
    damaged = refused = 0
    for place in [file for folder in folders for file in folder.glob("*.arrow") if file.stat().st_size > BLOCK_BYTES]:
        whole = place.read_bytes()
        for start in range(0, len(whole), BLOCK_BYTES):
            content = bytearray(whole)
            content[(start + min(start + BLOCK_BYTES, len(whole))) // 2] ^= 0x41
            place.write_bytes(content)
            damaged += 1
            try:
                assert answers(root) == expected, (place.name, start)
            except StorageError:
                refused += 1
            reference = next(each for each in manifest.segments if each.name == place.parent.name)
            with pytest.raises(CorruptSegment):
                Segment(collection.storage, "tree", reference).check_content(place.name)
        place.write_bytes(whole)
    assert damaged > 8
    assert refused > 0


def test_segment_without_checksums_of_its_blocks_is_refused(indexed: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(indexed, root)
    collection = Collection(LocalStorage(root), "tree")
    manifest = collection.latest()
    assert manifest is not None
    reference = max(manifest.segments, key=lambda segment: segment.bytes)
    place = root / "tree/segments" / reference.name / DESCRIPTION
    description = json.loads(place.read_bytes())
    assert description["objects"]["vectors.arrow"].pop("blocks")
    sealed = json.dumps(description).encode()
    place.write_bytes(sealed)
    other = reference.model_copy(update={"checksum": xxhash.xxh3_128_hexdigest(sealed)})
    changed = manifest.model_copy(update={"shards": (ShardManifest(segments=(other,)),)})
    (root / "tree/manifests" / manifest_name(manifest.version)).write_bytes(changed.encode())
    with pytest.raises(CorruptSegment, match="no checksums of its blocks"):
        _ = Segment(collection.storage, "tree", other).vectors
