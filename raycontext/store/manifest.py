"""The manifest: the one file that says what a version of a collection consists of.

A manifest is canonical JSON, `{"checksum": …, "manifest": {…}}`, with the checksum (xxh3_128, hex) over the
canonical JSON of the inner object. It is immutable; a commit is the put-if-absent of the next one. This envelope is
the same in every format, so that a reader can tell a newer format from damage.
"""

from __future__ import annotations

import json
from typing import Any

import xxhash
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raycontext.errors import CorruptManifest, UnsupportedFormat
from raycontext.models import IndexOptions

__all__ = [
    "FORMAT",
    "Manifest",
    "SegmentReference",
    "ShardManifest",
    "check_format",
    "decode_sealed",
    "encode_sealed",
    "manifest_name",
    "manifest_version",
]

FORMAT = 3
"""Number of the on-disk format that this version writes; see docs/format.md."""

OLDEST_FORMAT = 1
"""The oldest format that this version reads."""

RECENT_TRANSACTIONS = 64
"""How many transaction ids a manifest carries, so that a retried commit finds itself."""

_VERSION_DIGITS = 20


class SegmentReference(BaseModel):
    """A segment as a manifest names it."""

    model_config = ConfigDict(frozen=True)

    name: str
    checksum: str
    """xxh3_128 of its SEGMENT.json, which holds the checksums of its files."""
    files: int
    rows: int
    """Chunks, dead ones included."""
    bytes: int
    tombstones: tuple[int, ...] = ()
    """Sorted ordinals of files in this segment that are superseded or deleted."""
    cut_by_lines: int = Field(default=0, exclude_if=lambda count: not count)
    """Number of files, dead ones included, that have a grammar and were cut by lines. Left out where it is 0."""


class ShardManifest(BaseModel):
    """The segments of one shard."""

    model_config = ConfigDict(frozen=True)

    segments: tuple[SegmentReference, ...] = ()


class Manifest(BaseModel):
    """One version of a collection."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    collection: str
    source: str
    creation: str = ""
    """Id of the collection, which tells it from others of the same name; early manifests do not have it."""
    version: int
    parent: str
    """Checksum of the version that this one was made from; empty for the first."""
    epoch: int
    """Number of the owner: each new owner commits with a higher one, which fences those before."""
    owner: str
    txn: str
    recent_txns: tuple[str, ...]
    committed_at: str
    options: IndexOptions
    embedder: str
    """Fingerprint of the embedder that made the vectors."""
    chunker: str
    """Fingerprint of the chunker and of the analysis."""
    shards: tuple[ShardManifest, ...]
    snapshot: str
    """Name of the snapshot: the files that this version indexes, with their digests."""
    snapshot_checksum: str
    tree: str
    """Root digest of the Merkle tree over the indexed files, hex."""
    files: int
    chunks: int

    def encode(self) -> bytes:
        """The bytes of the manifest file."""
        return encode_sealed("manifest", self._body())

    @property
    def checksum(self) -> str:
        return xxhash.xxh3_128_hexdigest(_canonical(self._body()))

    def _body(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude=None if self.creation else {"creation"})

    @property
    def segments(self) -> list[SegmentReference]:
        """Of all shards."""
        return [segment for shard in self.shards for segment in shard.segments]

    def segment_names(self) -> set[str]:
        """Of all segments of all shards."""
        return {segment.name for segment in self.segments}

    @classmethod
    def decode(cls, name: str, data: bytes) -> Manifest:
        """The manifest in `data`. Raises `CorruptManifest` or, for a newer or older format, `UnsupportedFormat`;
        `name` is for the message."""
        try:
            return cls.model_validate(decode_sealed("manifest", name, data))
        except ValidationError as error:
            raise CorruptManifest(name, f"{error.error_count()} fields are missing or wrong") from error


def manifest_name(version: int) -> str:
    """File name of a version: fixed width, so that names sort as numbers."""
    return f"{version:0{_VERSION_DIGITS}d}.json"


def manifest_version(name: str) -> int | None:
    """The version that a file name stands for, None for foreign files."""
    stem, _, suffix = name.partition(".")
    return int(stem) if suffix == "json" and len(stem) == _VERSION_DIGITS and stem.isdigit() else None


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def encode_sealed(kind: str, body: dict[str, Any]) -> bytes:
    """Canonical JSON of `body` under the name `kind`, with its checksum beside it."""
    return _sealed(kind, _canonical(body))


def decode_sealed(kind: str, name: str, data: bytes) -> dict[str, Any]:
    """What `encode_sealed` was given. Raises `CorruptManifest` where a byte differs from what it wrote, then
    `UnsupportedFormat`; `name` is for the message."""
    try:
        body = json.loads(data)[kind]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptManifest(name, f"not a {kind}") from error
    if not isinstance(body, dict) or _sealed(kind, _canonical(body)) != data:
        raise CorruptManifest(name, "checksum does not match")
    check_format(name, body.get("format"))
    return body


def check_format(name: str, found: Any) -> None:
    """Raises `UnsupportedFormat` where this version cannot read a format; `name` is for the message."""
    if not isinstance(found, int) or not OLDEST_FORMAT <= found <= FORMAT:
        raise UnsupportedFormat(name, str(found), str(FORMAT))


def _sealed(kind: str, body: bytes) -> bytes:
    return b'{"checksum":"%b","%b":%b}' % (xxhash.xxh3_128_hexdigest(body).encode(), kind.encode(), body)
