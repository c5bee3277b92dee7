from __future__ import annotations

import contextlib
import os

from hypothesis import given
from hypothesis import strategies as st

from raycontext.discover.snapshot import QUARANTINES, Snapshot, SnapshotEntry, classify
from raycontext.errors import CorruptManifest
from raycontext.models import Failure, FileStat, SkipReason, TreeListing

UINT64 = st.integers(0, 2**64 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
PATHS = st.binary(min_size=1, max_size=8).map(os.fsdecode)
FAILURES = st.none() | st.builds(Failure, at_ns=st.integers(0, 2**63 - 1))
ENTRIES = st.one_of(
    st.builds(SnapshotEntry, UINT64, INT64, UINT64, st.binary(min_size=16, max_size=16), st.none(), FAILURES),
    st.builds(SnapshotEntry, UINT64, INT64, UINT64, st.just(b""), st.sampled_from(SkipReason), FAILURES),
    st.builds(
        SnapshotEntry,
        UINT64,
        INT64,
        UINT64,
        st.binary(min_size=16, max_size=16),
        st.sampled_from(sorted(QUARANTINES)),
        FAILURES,
    ),
)
SNAPSHOTS = st.builds(Snapshot, st.integers(0, 2**63), st.dictionaries(PATHS, ENTRIES, max_size=10))


@given(SNAPSHOTS)
def test_snapshot_round_trips_through_bytes(snapshot: Snapshot) -> None:
    content = snapshot.to_bytes()
    restored = Snapshot.from_bytes(content)
    assert restored == snapshot
    assert restored.to_bytes() == content
    assert all(type(entry.reason) in (SkipReason, type(None)) for entry in restored.entries.values())


@given(SNAPSHOTS, st.data())
def test_damaged_bytes_give_a_snapshot_or_corrupt_manifest(snapshot: Snapshot, data: st.DataObject) -> None:
    content = bytearray(snapshot.to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CorruptManifest):
        assert isinstance(Snapshot.from_bytes(bytes(content)), Snapshot)


SMALL_ENTRIES = st.builds(
    SnapshotEntry,
    st.integers(0, 1),
    st.integers(0, 5).map(lambda seconds: seconds * 1_000_000_000 + seconds % 2),
    st.integers(1, 2),
    st.just(b"d" * 16),
    st.none(),
)
SMALL_PATHS = st.sampled_from(["a", "b", "c/a", "c/b", "c/d/a", "cd/a"])


@given(
    st.dictionaries(SMALL_PATHS, SMALL_ENTRIES),
    st.dictionaries(SMALL_PATHS, SMALL_ENTRIES),
    st.integers(0, 6),
    st.booleans(),
)
def test_every_file_of_the_walk_is_classified_once(
    before: dict[str, SnapshotEntry], now: dict[str, SnapshotEntry], scanned_at_s: int, is_unreadable: bool
) -> None:
    now = {path: entry for path, entry in now.items() if not (is_unreadable and path.startswith("c/"))}
    files = [FileStat(path, *entry[:3]) for path, entry in sorted(now.items())]
    listing = TreeListing(10**10, files, [], ["c"] if is_unreadable else [])
    unchanged, to_hash, kept = classify(listing, Snapshot(scanned_at_s * 1_000_000_000, before))
    assert sorted([*unchanged, *to_hash]) == files
    assert kept == sorted(path for path in before if is_unreadable and path.startswith("c/"))
    for file in unchanged:
        assert before[file.path][:3] == file[1:]
