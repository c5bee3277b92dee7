"""Borders that read what lies in a root: manifests and descriptions, snapshots."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from raycontext.discover.snapshot import Snapshot, SnapshotEntry
from raycontext.errors import CorruptManifest, UnsupportedFormat
from raycontext.models import IndexOptions, SkipReason
from raycontext.store.collection import CollectionIdentity
from raycontext.store.manifest import Manifest, SegmentReference, ShardManifest, encode_sealed
from raycontext.ulid import new_ulid

from .border import Attempt, Border, mutated

__all__ = ["MANIFESTS", "SNAPSHOTS", "odd_value"]

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, "", "x", "\0", "../../elsewhere", "\ud800", "x" * 5_000, [], {}, [[]], [None], {"a": {}}),
    *(0, -1, 1, 3, 255, 2**31, 2**32, 2**63 - 1, 2**63, -(2**63), 2**64, 10**40, 0.5, 1e308, float("inf")),
)


def odd_value(random: Random) -> Any:
    """Return a value that hardly any field expects."""
    return copy.deepcopy(random.choice(ODD_VALUES))


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of each value in a JSON document."""
    yield above
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*above, key))


def changed_somewhere(document: dict[str, Any], random: Random) -> dict[str, Any]:
    """Return a copy of a JSON document of which up to three values are odd, gone, or those of another place."""
    changed: dict[str, Any] = json.loads(json.dumps(document))
    for _ in range(random.randint(1, 3)):
        places = [place for place in _places(changed) if place]
        if not places:
            break
        *above, last = random.choice(places)
        inner: Any = changed
        for key in above:
            inner = inner[key]
        match random.randrange(4):
            case 0:
                del inner[last]
            case 1 if isinstance(inner, list):
                inner.append(inner[last])
            case _:
                inner[last] = odd_value(random)
    return changed


def some_manifest(random: Random) -> Manifest:
    """Return a manifest with random numbers of shards and segments."""
    segments = [
        SegmentReference(
            name=new_ulid(), checksum=random.randbytes(16).hex(), files=3, rows=9, bytes=100, tombstones=(0, 2)
        )
        for _ in range(random.randint(0, 4))
    ]
    return Manifest(
        collection="c",
        source="/source",
        version=random.randint(1, 100),
        parent="",
        epoch=1,
        owner=new_ulid(),
        txn=new_ulid(),
        recent_txns=(new_ulid(),),
        committed_at="2026-01-01T00:00:00+00:00",
        options=IndexOptions(),
        embedder="e",
        chunker="c",
        shards=(ShardManifest(segments=tuple(segments)), ShardManifest()),
        snapshot=new_ulid(),
        snapshot_checksum="",
        tree="",
        files=3,
        chunks=9,
    )


@contextmanager
def manifests(_: Path) -> Iterator[Attempt]:
    """A manifest or a description is read as what it says, or refused as damaged or of another format."""

    def attempt(random: Random) -> str:
        is_manifest = random.random() < 0.7
        kind = "manifest" if is_manifest else "collection"
        intact = some_manifest(random).encode() if is_manifest else CollectionIdentity("c", "/source", "id").encode()
        how = random.choice(("bytes", "deep", "values", "values", "values"))
        match how:
            case "bytes":
                data = mutated(intact, random)
            case "deep":
                depth = random.choice((900, 5_000, 200_000))
                opening, closing = random.choice((("[", "]"), ('{"a":', "}")))
                data = b'{"checksum":"","%b":%b}' % (kind.encode(), (opening * depth + closing * depth).encode())
            case _:
                body = changed_somewhere(json.loads(intact)[kind], random)
                data = encode_sealed(kind, body)
        try:
            if is_manifest:
                manifest = Manifest.decode("m", data)
                assert Manifest.decode("m", manifest.encode()) == manifest
                manifest.segment_names()
            else:
                identity = CollectionIdentity.decode("c", data)
                assert isinstance(identity.source, str)
        except (CorruptManifest, UnsupportedFormat) as error:
            str(error).encode(errors="surrogateescape")
            return f"{kind}, {how}: refused"
        return f"{kind}, {how}: read"

    yield attempt


@contextmanager
def snapshots(_: Path) -> Iterator[Attempt]:
    """A snapshot is read as what it says, or refused as damaged."""

    def attempt(random: Random) -> str:
        entries = {
            os.fsdecode(random.randbytes(random.randint(1, 12))): SnapshotEntry(
                *(random.getrandbits(64), random.getrandbits(64) - 2**63, random.getrandbits(64)),
                *(b"d" * 16, None),
            )
            for _ in range(random.randint(0, 20))
        }
        entries["skipped"] = SnapshotEntry(0, 0, 0, b"", random.choice(list(SkipReason)))
        content = Snapshot(random.randint(0, 2**62), entries).to_bytes()
        if random.random() < 0.7:
            how, content = "bytes", mutated(content, random, 3)
        else:
            how, content = "columns", other_columns(content, random)
        try:
            snapshot = Snapshot.from_bytes(content)
        except CorruptManifest:
            return f"{how}: refused"
        assert Snapshot.from_bytes(snapshot.to_bytes()) == snapshot
        try:
            snapshot.tree()
        except CorruptManifest:
            return f"{how}: refused"
        return f"{how}: read"

    yield attempt


def other_columns(content: bytes, random: Random) -> bytes:
    """Return an Arrow file like a snapshot whose columns are mixed up, missing, of another type or repeated."""
    table = pa.ipc.open_file(content).read_all()
    at = random.randrange(table.num_columns)
    match random.randrange(5):
        case 0:
            table = table.remove_column(at)
        case 1:
            other = pa.array([random.choice((None, 0, 1)) for _ in range(len(table))], pa.int8())
            other = other.cast(random.choice((pa.int8(), pa.int64(), pa.string())))
            table = table.set_column(at, table.column_names[at], other)
        case 2:
            table = pa.concat_tables([table, table]).combine_chunks()
        case 3:
            odd = random.choice((b"", b"x", b"1" * 5_000, b"-1"))
            table = table.replace_schema_metadata(dict.fromkeys(table.schema.metadata, odd))
        case _:
            odd_paths = (b"", b"/a", b"../x", b"a//b", b"a/", b"a\0b", b"a", b"a/b")
            paths = [random.choice(odd_paths) + bytes([65 + number]) for number in range(len(table))]
            table = table.set_column(0, table.schema.field(0), pa.array(paths, pa.binary()))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written


MANIFESTS = Border("manifests", 300, manifests)
SNAPSHOTS = Border("snapshots", 300, snapshots)
