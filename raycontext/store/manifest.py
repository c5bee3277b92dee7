"""Manifest of a version: the one file that says what the version of a collection consists of.

A manifest is canonical JSON, `{"checksum": …, "manifest": {…}}`. Its checksum (xxh3_128, in hexadecimal) covers the
canonical JSON of the inner object. A manifest is immutable; a commit is the put-if-absent of the next one. The envelope
is the same in every format, so that a reader can tell a newer format from damage.
"""

from __future__ import annotations

import json
from typing import Any

import xxhash
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raycontext.errors import CorruptManifest, UnsupportedFormat
from raycontext.files.foreign_json import read_json
from raycontext.models import IndexOptions
from raycontext.ulid import is_ulid

__all__ = [
    "FIRST_WITH_PARTS",
    "FORMAT",
    "CommitHistory",
    "Manifest",
    "SegmentReference",
    "ShardManifest",
    "check_format",
    "decode_sealed",
    "encode_sealed",
    "manifest_name",
    "manifest_version",
]

FORMAT = 7
"""Number of the on-disk format that this version writes; see docs/format.md."""

FIRST_WITH_PARTS = 7
"""First format whose snapshots are trees of parts."""

OLDEST_FORMAT = 1
"""Number of the oldest on-disk format that this version reads."""

RECENT_TRANSACTIONS = 64
"""Number of transaction ids that a manifest carries, so that a retried commit finds its own."""

_VERSION_DIGITS = 20


class SegmentReference(BaseModel):
    """Reference to a segment in a manifest: its name, checksum, sizes and dead files."""

    model_config = ConfigDict(frozen=True)

    name: str
    checksum: str
    """Digest (xxh3_128, in hexadecimal) of the segment's SEGMENT.json, which holds the checksums of its data files."""
    files: int
    """Number of files, including dead ones."""
    rows: int
    """Number of chunks, including those of dead files."""
    bytes: int
    """Size of the segment's folder."""
    tombstones: tuple[int, ...] = ()
    """Sorted ordinals of files in this segment that have been superseded or deleted."""
    cut_by_lines: int = Field(default=0, exclude_if=lambda count: not count)
    """Number of files, including dead ones, that have a grammar and were cut by lines. Left out where it is 0."""


class ShardManifest(BaseModel):
    """List of the segments of one shard."""

    model_config = ConfigDict(frozen=True)

    segments: tuple[SegmentReference, ...] = ()
    pool: tuple[SegmentReference, ...] = Field(default=(), exclude_if=lambda pool: not pool)
    """Segments of dead files that may come back, the newest last; see `pool`. No query is answered from them."""


class CommitHistory(BaseModel):
    """List of the segments that hold the commits of a source. A commit is a file of theirs: its path is its hash.

    No query about files is answered from them. An amended message changes no file, so they are apart from the shards.
    """

    model_config = ConfigDict(frozen=True)

    head: str
    """Full hash of the commit up to which the history was read."""
    segments: tuple[SegmentReference, ...] = ()
    embedder: str
    """Fingerprint of the embedder that made the vectors: always the table of the package."""
    chunker: str
    """Fingerprint of the analysis."""
    complete: bool
    """Whether all commits up to `head` were read, as far as they are indexed. False: the next run goes on."""
    problem: str = Field(default="", exclude_if=lambda problem: not problem)
    """Why the commits of the source cannot be read, as the end of a sentence. Left out where they can."""
    boundary: str = Field(default="", exclude_if=lambda boundary: not boundary)
    """Digest of the commits at which the history of a shallow clone ended when it was read. Left out where it did not
    end early."""

    @property
    def is_read(self) -> bool:
        """Whether nothing was left to read when the history was read last."""
        return self.complete and not self.problem

    @property
    def commits(self) -> int:
        """Number of commits that are searched."""
        return sum(segment.files - len(segment.tombstones) for segment in self.segments)


class Manifest(BaseModel):
    """Content of a manifest: one version of a collection."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    collection: str
    source: str
    creation: str = ""
    """Id of the collection, which tells it from others of the same name. Early manifests do not have it."""
    version: int
    parent: str
    """Checksum of the version that this one was made from; "" for the first version."""
    epoch: int
    """Number of the owner. Each new owner commits with a higher epoch, which fences the owners before."""
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
    """Name of the snapshot, which lists the files that this version indexes, with their digests."""
    snapshot_checksum: str
    snapshots: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)
    """Names of earlier snapshots of which this one has parts. Left out where there are none."""
    tree: str
    """Root digest of the Merkle tree over the indexed files, in hexadecimal."""
    files: int
    chunks: int
    history: CommitHistory | None = Field(default=None, exclude_if=lambda history: history is None)
    """Commits of the source. Left out where they were never asked for."""

    def encode(self) -> bytes:
        """Return the bytes of the manifest file."""
        return encode_sealed("manifest", self._body())

    @property
    def checksum(self) -> str:
        """Checksum of this manifest (xxh3_128, in hexadecimal), which the next version names as its parent."""
        return xxhash.xxh3_128_hexdigest(_canonical(self._body()))

    def _body(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude=None if self.creation else {"creation"})

    @property
    def segments(self) -> list[SegmentReference]:
        """References to the segments of all shards that queries are answered from."""
        return [segment for shard in self.shards for segment in shard.segments]

    @property
    def pool(self) -> list[SegmentReference]:
        """References to the segments in the pools of all shards."""
        return [segment for shard in self.shards for segment in shard.pool]

    @property
    def commit_segments(self) -> tuple[SegmentReference, ...]:
        """References to the segments that hold the commits of the source."""
        return self.history.segments if self.history is not None else ()

    def segment_names(self) -> set[str]:
        """Return the names of all segments: those of all shards, pools included, and those of commits."""
        return {segment.name for segment in (*self.segments, *self.pool, *self.commit_segments)}

    def snapshot_names(self) -> set[str]:
        """Return the names of the snapshot and of the earlier ones of which it has parts."""
        return {self.snapshot, *self.snapshots}

    @classmethod
    def decode(cls, name: str, data: bytes) -> Manifest:
        """Read the manifest in `data`. `name` names the file in errors.

        Raises `CorruptManifest`, or `UnsupportedFormat` for a format that this version does not read.
        """
        try:
            manifest = cls.model_validate(decode_sealed("manifest", name, data))
        except ValidationError as error:
            raise CorruptManifest(name, f"{error.error_count()} fields are missing or wrong") from error
        if not all(map(is_ulid, (*manifest.snapshot_names(), *manifest.segment_names()))):  # names become paths
            raise CorruptManifest(name, "it names what is no segment or snapshot")
        return manifest


def manifest_name(version: int) -> str:
    """Return the file name of a version. It has a fixed width, so that names sort by version."""
    return f"{version:0{_VERSION_DIGITS}d}.json"


def manifest_version(name: str) -> int | None:
    """Return the version that a file name stands for, or None for a file that is no manifest."""
    stem, _, suffix = name.partition(".")
    return int(stem) if suffix == "json" and len(stem) == _VERSION_DIGITS and stem.isdigit() else None


def _canonical(value: Any) -> bytes:
    """Return a value as JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def encode_sealed(kind: str, body: dict[str, Any]) -> bytes:
    """Return the canonical JSON of an envelope that holds `body` under the key `kind`, and its checksum."""
    return _sealed(kind, _canonical(body))


def decode_sealed(kind: str, name: str, data: bytes) -> dict[str, Any]:
    """Return the body in `data`, which `encode_sealed` has written. `name` names the file in errors.

    Raises `CorruptManifest` where a byte differs from what was written, `UnsupportedFormat` where the format of an
    intact file cannot be read.
    """
    try:
        body: dict[str, Any] = read_json(data)[kind]
        is_whole = isinstance(body, dict) and _sealed(kind, _canonical(body)) == data
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptManifest(name, f"not a {kind}") from error
    if not is_whole:
        raise CorruptManifest(name, "checksum does not match")
    if b"\\ud" in data and not _can_be_encoded(body):
        raise CorruptManifest(name, "a text in it is not Unicode")
    check_format(name, body.get("format"))
    return body


def _can_be_encoded(body: dict[str, Any]) -> bool:
    """Return whether all texts are names of files, at least: only half characters that stand for bytes are left."""
    try:
        json.dumps(body, ensure_ascii=False).encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def check_format(name: str, found: Any) -> None:
    """Raise `UnsupportedFormat` where this version cannot read the format `found`, `CorruptManifest` where it is none.

    `name` names the file in errors.
    """
    if isinstance(found, bool) or not isinstance(found, int):
        raise CorruptManifest(name, "its format is not a number")
    if not OLDEST_FORMAT <= found <= FORMAT:
        raise UnsupportedFormat(name, str(found), str(FORMAT))


def _sealed(kind: str, body: bytes) -> bytes:
    return b'{"checksum":"%b","%b":%b}' % (xxhash.xxh3_128_hexdigest(body).encode(), kind.encode(), body)
