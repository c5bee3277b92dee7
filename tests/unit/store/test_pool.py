"""The pool of a shard: bounded, without duplicates, and out of the way of everything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xxhash

from raycontext.discover.read import Content
from raycontext.embed.models.static import StaticEmbedder
from raycontext.embed.vectors import quantized
from raycontext.index.work.segment_builder import Batch
from raycontext.store import pool as pools
from raycontext.store.fingerprint import chunker_fingerprint
from raycontext.store.known_files import WantedFiles
from raycontext.store.manifest import Manifest, SegmentReference, ShardManifest
from raycontext.store.pool import keep_dead_files, pool_limit, pooled
from raycontext.store.segments.segment import Segment
from raycontext.store.segments.segment_writer import write_segment
from raycontext.store.storage.memory import MemoryStorage

FINGERPRINTS = {"embedder": StaticEmbedder().fingerprint, "chunker": chunker_fingerprint()}


def reference(name: str, size: int, tombstones: tuple[int, ...] = ()) -> SegmentReference:
    return SegmentReference(name=name, checksum="", files=9, rows=9, bytes=size, tombstones=tombstones)


def written(storage: MemoryStorage, *files: tuple[str, str], dead: tuple[int, ...] = ()) -> SegmentReference:
    batch = Batch()
    for path, text in files:
        data = text.encode()
        batch.add(path, Content(data, xxhash.xxh3_128_digest(data), len(data)), 1500)
    made = write_segment(storage, "c", batch.content(quantized(StaticEmbedder())), **FINGERPRINTS)
    return made.model_copy(update={"tombstones": dead})


def contents(storage: MemoryStorage, made: SegmentReference) -> list[tuple[str, str]]:
    segment = Segment(storage, "c", made)
    return sorted((segment.path(file), segment.text(int(segment.first_rows[file]))) for file in range(made.files))


def test_oldest_go_when_there_are_too_many_bytes_and_smallest_when_there_are_too_many_segments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools, "MOST_POOLED", 3)
    a, b, c, d = reference("a", 50), reference("b", 10), reference("c", 30, (1, 2)), reference("d", 40)
    assert [entry.name for entry in pooled((a, b), [c, d], 1000)] == ["a", "c", "d"]
    assert [entry.name for entry in pooled((a, b), [c], 45)] == ["b", "c"]
    assert pooled((), [a], 49) == ()
    assert pooled((), [c], 49)[0].tombstones == ()
    assert pool_limit([a]) == pools.LEAST_POOL_BYTES
    assert pool_limit([reference("large", 1 << 40)]) == 1 << 38


def test_dead_files_are_kept_once_and_only_where_no_segment_has_them() -> None:
    storage = MemoryStorage()
    one = written(storage, ("a.py", "old = 1"), ("b.py", "x = 1"), ("c.py", "again = 1"), dead=(0, 2))
    two = written(storage, ("a.py", "old = 1"), ("a2.py", "gone = 1"), ("c.py", "again = 1"), dead=(0, 1))
    other = written(storage, ("a2.py", "gone = 1"))
    made = keep_dead_files(storage, "c", [one, two], [], 1 << 30, **FINGERPRINTS)
    assert made is not None
    assert contents(storage, made) == [("a.py", "old = 1"), ("a2.py", "gone = 1")], "c.py is alive in the second"
    assert made.tombstones == ()
    made = keep_dead_files(storage, "c", [one, two], [other], 1 << 30, **FINGERPRINTS)
    assert made is not None
    assert contents(storage, made) == [("a.py", "old = 1")]
    assert keep_dead_files(storage, "c", [one, two], [other], 10, **FINGERPRINTS) is None, "beyond the limit"
    assert keep_dead_files(storage, "c", [written(storage, ("x.py", "y = 1"))], [], 1 << 30, **FINGERPRINTS) is None
    lost = reference("01arz3ndektsv4rrffq69g5fav", 1)
    assert keep_dead_files(storage, "c", [one, two], [lost], 1 << 30, **FINGERPRINTS) is not None


def test_versions_of_a_path_are_told_apart() -> None:
    storage = MemoryStorage()
    first = written(storage, ("a.py", "v = 1"), ("b.py", "w = 1"), dead=(0,))
    second = written(storage, ("a.py", "v = 2"), dead=(0,))
    made = keep_dead_files(storage, "c", [first, second], [], 1 << 30, **FINGERPRINTS)
    assert made is not None
    assert contents(storage, made) == [("a.py", "v = 1"), ("a.py", "v = 2")]
    for text in ("v = 1", "v = 2", "v = 3"):
        wanted = WantedFiles.of_pairs([("a.py", xxhash.xxh3_128_digest(text.encode()))])
        found = list(wanted.take("c", [(0, Segment(storage, "c", made))]))
        assert wanted.missing == (text == "v = 3")
        assert [Segment(storage, "c", made).text(entry.ordinals[0]) for entry in found] == [text] * (text != "v = 3")
    assert not len(WantedFiles.of_pairs([]).places_in(Segment(storage, "c", made), np.ones(2, np.bool_)))


def test_a_manifest_without_a_pool_is_written_as_before(tmp_path: Path) -> None:
    shard = ShardManifest(segments=(reference("01arz3ndektsv4rrffq69g5fav", 1),))
    assert "pool" not in shard.model_dump(mode="json")
    with_pool = shard.model_copy(update={"pool": (reference("01arz3ndektsv4rrffq69g5faw", 1),)})
    assert ShardManifest.model_validate(with_pool.model_dump(mode="json")) == with_pool
    manifest = Manifest.model_construct(shards=(with_pool,))
    assert len(manifest.segments) == 1
    assert len(manifest.segment_names()) == 2, "garbage collection spares the pool"
