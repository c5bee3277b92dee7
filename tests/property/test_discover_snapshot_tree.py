"""A snapshot tree holds what a dictionary would hold, in parts that depend on its files alone."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycontext.discover import snapshot_parts, snapshot_tree
from raycontext.discover.merkle import MerkleTree
from raycontext.discover.snapshot import Snapshot, SnapshotEntry
from raycontext.discover.snapshot_parts import seal
from raycontext.discover.snapshot_tree import SnapshotTree, needed_packs
from raycontext.errors import CorruptManifest
from raycontext.models import Failure, SkipReason

pytestmark = pytest.mark.property

NAMES = st.sampled_from(["a", "b", "a!", "b.py", "\udcff", "é", "a b", "z"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
DIGESTS = st.integers(0, 3).map(lambda number: bytes([number]) * 16)
FAILURE = Failure("SIGSEGV", "node", 17, "0.1.0")
FAILURES = st.sampled_from([None, FAILURE])
SIZES = st.integers(0, 99)
INDEXED = st.builds(SnapshotEntry, SIZES, st.integers(-5, 5), st.integers(0, 9), DIGESTS, st.none(), FAILURES)
REASONS = st.sampled_from([SkipReason.BINARY, SkipReason.SYMLINK])
SKIPPED = st.builds(SnapshotEntry, st.just(0), st.just(0), st.just(0), st.just(b""), REASONS, FAILURES)
CHANGES = st.dictionaries(PATHS, st.one_of(st.none(), INDEXED, SKIPPED), max_size=30)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_parts, "PART_FILES", 3)
    monkeypatch.setattr(snapshot_parts, "NODE_PARTS", 2)
    monkeypatch.setattr(snapshot_tree, "MOST_PACKS", 3)
    monkeypatch.setattr(snapshot_tree, "KEPT_PARTS", 2)


def name_of(number: int) -> str:
    return f"{number:026d}"


def stored(tree: SnapshotTree, number: int, storage: dict[str, bytes]) -> SnapshotTree:
    """Write a tree into a dictionary of packs, and open it from that."""
    _, content = tree.packed(name_of(number))
    storage[name_of(number)] = content
    buffer = pa.py_buffer(content)
    needed = [name_of(number), *needed_packs(name_of(number), buffer)]
    return SnapshotTree.open(name_of(number), {name: pa.py_buffer(storage[name]) for name in needed})


def assert_holds(tree: SnapshotTree, files: dict[str, SnapshotEntry]) -> None:
    assert tree.whole().entries == files
    indexed = {path: entry.digest for path, entry in files.items() if entry.reason is None}
    assert tree.root_digest == MerkleTree.from_digests(indexed).root_digest
    assert tree.files == len(indexed)
    assert tree.source_bytes == sum(files[path].size for path in indexed)
    reasons = [entry.reason.value for entry in files.values() if entry.reason is not None]
    assert tree.skipped == {reason: reasons.count(reason) for reason in set(reasons)}
    noted = {path: entry for path, entry in files.items() if entry.reason is not None or entry.failure is not None}
    assert tree.noted().entries == noted


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, max_size=8))
def test_tree_after_any_commits_is_that_of_its_files(steps: list[dict[str, SnapshotEntry | None]]) -> None:
    tree, files, storage = SnapshotTree.of(Snapshot(0, {})), dict[str, SnapshotEntry](), dict[str, bytes]()
    for number, changes in enumerate(steps):
        tree = tree.updated(changes, number)
        for path, entry in changes.items():
            files.pop(path, None)
            if entry is not None:
                files[path] = entry
        assert_holds(tree, files)
        tree = stored(tree, number, storage)
        assert tree.scanned_at_ns == number
        assert_holds(tree, files)
    fresh = stored(SnapshotTree.of(Snapshot(0, files)), 99, {})
    assert [part.last for part in tree._parts] == [part.last for part in fresh._parts]
    assert [part.summary for part in tree._parts] == [part.summary for part in fresh._parts]


@settings(max_examples=50, deadline=None)
@given(CHANGES, st.lists(PATHS, max_size=5))
def test_entries_below_some_places_are_those_that_a_scan_of_all_finds(
    changes: dict[str, SnapshotEntry | None], places: list[str]
) -> None:
    files = {path: entry for path, entry in changes.items() if entry is not None}
    tree = stored(SnapshotTree.of(Snapshot(7, files)), 1, {})
    below = tuple(f"{place}/" for place in places)
    assert tree.below(places).entries == {
        path: entry for path, entry in files.items() if path in places or path.startswith(below)
    }
    assert {path: tree.get(path) for path in (*files, *places)} == {path: files.get(path) for path in (*files, *places)}


@settings(max_examples=60, deadline=None)
@given(CHANGES, CHANGES, st.data())
def test_damaged_byte_is_refused_or_changes_nothing(
    first: dict[str, SnapshotEntry | None], second: dict[str, SnapshotEntry | None], data: st.DataObject
) -> None:
    storage: dict[str, bytes] = {}
    tree = stored(SnapshotTree.of(Snapshot(0, {})).updated(first, 1), 1, storage)
    tree = stored(tree.updated(second, 2), 2, storage)
    checksum = seal(storage[name_of(2)])
    name = data.draw(st.sampled_from(sorted(tree.packs)))
    content = bytearray(storage[name])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    packs = {**tree.packs, name: pa.py_buffer(bytes(content))}
    try:
        if seal(packs[name_of(2)]) != checksum:
            raise CorruptManifest(name, "checksum does not match")
        assert SnapshotTree.open(name_of(2), packs).whole().entries == tree.whole().entries
    except CorruptManifest:
        pass
