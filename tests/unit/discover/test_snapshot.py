from __future__ import annotations

import os
import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from raycontext.discover.merkle import MerkleTree
from raycontext.discover.read import digest_file
from raycontext.discover.snapshot import QUARANTINES, Snapshot, SnapshotEntry, classify
from raycontext.discover.walk import walk
from raycontext.errors import CorruptManifest
from raycontext.models import Failure, FileStat, SkipReason, TreeListing

SECOND_NS = 1_000_000_000
SCANNED_AT_NS = 1_000 * SECOND_NS + 7
OLD_NS = 500 * SECOND_NS + 1
DIGEST = b"d" * 16
LIMIT_BYTES = 1 << 20


def indexed(mtime_ns: int = OLD_NS, size: int = 5, inode: int = 9) -> SnapshotEntry:
    return SnapshotEntry(size, mtime_ns, inode, DIGEST, None)


def skipped(reason: SkipReason, mtime_ns: int = OLD_NS) -> SnapshotEntry:
    return SnapshotEntry(5, mtime_ns, 9, b"", reason)


def listing(*files: FileStat, unreadable: tuple[str, ...] = ()) -> TreeListing:
    return TreeListing(SCANNED_AT_NS + SECOND_NS, list(files), [], list(unreadable))


def status(mtime_ns: int = OLD_NS, size: int = 5, inode: int = 9, path: str = "a") -> FileStat:
    return FileStat(path, size, mtime_ns, inode)


def is_unchanged(entry: SnapshotEntry, file: FileStat) -> bool:
    unchanged, to_hash, kept = classify(listing(file), Snapshot(SCANNED_AT_NS, {"a": entry}))
    assert sorted([*unchanged, *to_hash]) == [file]
    assert kept == []
    return unchanged == [file]


def test_equal_status_is_unchanged_and_any_difference_is_hashed() -> None:
    assert is_unchanged(indexed(), status())
    assert not is_unchanged(indexed(), status(size=6))
    assert not is_unchanged(indexed(), status(inode=8))
    assert not is_unchanged(indexed(), status(mtime_ns=OLD_NS + 1))
    assert not is_unchanged(indexed(), status(mtime_ns=OLD_NS - 1))


FAILURE = Failure("SIGSEGV", "n7", 1_700_000_000_000_000_000, "0.1.0")


def test_failures_travel_with_a_snapshot() -> None:
    entries = {
        "bad.py": SnapshotEntry(5, OLD_NS, 9, DIGEST, SkipReason.WORKER_DIED, FAILURE),
        "lost.py": SnapshotEntry(5, OLD_NS, 9, b"", SkipReason.WORKER_LOST, FAILURE._replace(node="")),
        "old.py": SnapshotEntry(5, OLD_NS, 0, b"o" * 16, None, FAILURE),
        "well.py": indexed(),
        os.fsdecode(b"\xff.py"): SnapshotEntry(5, OLD_NS, 9, DIGEST, SkipReason.QUARANTINED, FAILURE),
    }
    found = Snapshot.from_bytes(Snapshot(SCANNED_AT_NS, entries).to_bytes())
    assert found.entries == entries
    assert found.pending() == ["lost.py", "old.py"]
    assert found.faulty() == ["bad.py", os.fsdecode(b"\xff.py")]
    assert found.faulty(apart_from_version="0.1.0") == []
    assert found.faulty(apart_from_version="0.2.0") == found.faulty()


@pytest.mark.parametrize(
    "failures",
    [b"[]", b"{", b'{"a":1}', b'{"a":["why","n",1]}', b'{"a":["why","n",-1,"1"]}', b'{"a":[1,"n",1,"1"]}'],
)
def test_failures_that_nobody_has_written_are_damage(failures: bytes) -> None:
    table = pa.ipc.open_file(pa.BufferReader(Snapshot(SCANNED_AT_NS, {"a": indexed()}).to_bytes())).read_all()
    sink = pa.BufferOutputStream()
    changed = table.replace_schema_metadata({**table.schema.metadata, b"failures": failures})
    with pa.ipc.new_file(sink, changed.schema) as writer:
        writer.write_table(changed)
    with pytest.raises(CorruptManifest):
        Snapshot.from_bytes(sink.getvalue().to_pybytes())


@pytest.mark.parametrize(
    ("mtime_ns", "unchanged"),
    [
        (SCANNED_AT_NS - 100_000_001, True),
        (SCANNED_AT_NS - 100_000_000, False),
        (SCANNED_AT_NS, False),
        (SCANNED_AT_NS + 3600 * SECOND_NS, False),
        (998 * SECOND_NS, True),  # 7 ns more than 2 s before the walk
        (999 * SECOND_NS, False),
        (999 * SECOND_NS + 1, True),
    ],
)
def test_file_written_within_a_step_of_the_clock_before_the_walk_is_hashed(mtime_ns: int, unchanged: bool) -> None:
    assert is_unchanged(indexed(mtime_ns), status(mtime_ns)) is unchanged


@pytest.mark.parametrize("reason", list(SkipReason))
def test_only_files_skipped_for_their_content_are_not_read_again(reason: SkipReason) -> None:
    contents = (SkipReason.BINARY, SkipReason.UNDECODABLE, SkipReason.LFS_POINTER)
    of_content = reason in contents or reason in QUARANTINES
    assert is_unchanged(skipped(reason), status()) is of_content
    assert not is_unchanged(skipped(reason), status(size=6))
    assert not is_unchanged(skipped(reason, SCANNED_AT_NS), status(SCANNED_AT_NS))


def test_first_walk_hashes_everything() -> None:
    assert classify(listing(status()), None) == ([], [status()], [])


def test_entries_below_unreadable_folders_are_kept() -> None:
    paths = ["a", "bad/x", "bad/sub/y", "badly/z", "gone"]
    previous = Snapshot(SCANNED_AT_NS, dict.fromkeys(paths, indexed()))
    assert classify(listing(status(), unreadable=("bad",)), previous).kept == ["bad/sub/y", "bad/x"]
    assert classify(listing(unreadable=("",)), previous).kept == sorted(paths)
    assert classify(listing(status()), previous).kept == []


def test_carried_entries_stay_in_doubt_if_they_were_racy() -> None:
    previous = Snapshot(SCANNED_AT_NS, {"old": indexed(), "racy": indexed(SCANNED_AT_NS)})
    later = Snapshot(SCANNED_AT_NS + 60 * SECOND_NS, previous.carried(["old", "racy"]))
    old, racy = status(path="old"), status(SCANNED_AT_NS, path="racy")
    assert classify(listing(old, racy), later) == ([old], [racy], [])


def snapshot_of(root: Path) -> Snapshot:
    found = walk(root, LIMIT_BYTES)
    return Snapshot(
        found.scanned_at_ns,
        {
            path: SnapshotEntry(size, mtime_ns, inode, *digest_file(root, path, LIMIT_BYTES)[1:])
            for path, size, mtime_ns, inode in found.files
        },
    )


def test_rewrite_of_equal_size_and_time_right_after_the_walk_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("x = 1")
    snapshot = snapshot_of(tmp_path)
    before = file.stat()
    file.write_text("x = 2")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [found.path for found in classify(walk(tmp_path, LIMIT_BYTES), snapshot).to_hash] == ["a.py"]


def test_untouched_old_files_of_a_real_tree_are_unchanged(tmp_path: Path) -> None:
    for name in ("a.py", "b.bin"):
        (tmp_path / name).write_bytes(b"x\0" if name == "b.bin" else b"x")
        os.utime(tmp_path / name, ns=(OLD_NS, OLD_NS))
    snapshot = snapshot_of(tmp_path)
    assert snapshot.skipped() == {"b.bin": SkipReason.BINARY}
    classification = classify(walk(tmp_path, LIMIT_BYTES), snapshot)
    assert [file.path for file in classification.unchanged] == ["a.py", "b.bin"]
    assert classification.to_hash == []


def test_tree_holds_the_indexed_files_only() -> None:
    snapshot = Snapshot(0, {"a": indexed(), "b/c": indexed(), "d": skipped(SkipReason.BINARY)})
    assert snapshot.tree().root_digest == MerkleTree.from_digests({"a": DIGEST, "b/c": DIGEST}).root_digest
    assert snapshot.skipped() == {"d": SkipReason.BINARY}


def test_bytes_do_not_depend_on_the_order_of_entries() -> None:
    entries = {"b": indexed(), "a": skipped(SkipReason.SYMLINK)}
    backwards = dict(reversed(entries.items()))
    assert Snapshot(3, entries).to_bytes() == Snapshot(3, backwards).to_bytes()
    assert list(Snapshot.from_bytes(Snapshot(3, entries).to_bytes()).entries) == ["a", "b"]


def test_snapshot_survives_pickle_and_a_buffer() -> None:
    snapshot = Snapshot(3, {"a": indexed()})
    assert pickle.loads(pickle.dumps(snapshot)) == snapshot
    assert Snapshot.from_bytes(pa.py_buffer(snapshot.to_bytes())) == snapshot


def ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def damaged_tables() -> dict[str, bytes]:
    whole = Snapshot(3, {"a": indexed(), "b": skipped(SkipReason.BINARY)}).to_bytes()
    table = pa.ipc.open_file(whole).read_all()
    no_digest = pa.array([None, None], pa.binary(16))
    unknown = pa.DictionaryArray.from_arrays(pa.array([None, 0], pa.int8()), pa.array(["haunted"]))
    return {
        "empty": b"",
        "text": b"not arrow",
        "cut": whole[:-20],
        "other columns": ipc(pa.table({"path": [b"a"]})),
        "no time": ipc(table.replace_schema_metadata({})),
        "bad time": ipc(table.replace_schema_metadata({"scanned_at_ns": "soon"})),
        "path twice": ipc(pa.concat_tables([table, table])),
        "neither digest nor reason": ipc(table.set_column(4, table.schema.field("digest"), no_digest)),
        "unknown reason": ipc(table.set_column(5, table.schema.field("reason"), unknown)),
    }


@pytest.mark.parametrize("damage", list(damaged_tables()))
def test_damaged_bytes_raise_corrupt_manifest(damage: str) -> None:
    with pytest.raises(CorruptManifest) as caught:
        Snapshot.from_bytes(damaged_tables()[damage], "snapshots/1.arrow")
    assert caught.value.path == "snapshots/1.arrow"
