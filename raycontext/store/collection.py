"""A collection on a storage: find it, read its manifests and what they name.

    <root>/<collection>/COLLECTION.json      format, name, source, id: created once, put-if-absent
                        manifests/<version>.json
                        segments/<ulid>/
                        snapshots/<ulid>/snapshot.arrow
                        tmp/

Readers take the highest manifest whose checksum holds and write nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import xxhash

from raycontext.discover.snapshot import Snapshot
from raycontext.errors import CollectionExists, CorruptManifest, InvalidInput, UnknownCollection
from raycontext.store.manifest import (
    FORMAT,
    Manifest,
    SegmentReference,
    decode_sealed,
    encode_sealed,
    manifest_name,
    manifest_version,
)
from raycontext.store.segments.segment import Segment, path_hash
from raycontext.store.storage.base import Storage
from raycontext.store.storage.locations import storage_for
from raycontext.ulid import new_ulid

__all__ = ["IDENTITY", "Collection", "CollectionIdentity", "Location", "check_name", "collection_names", "shard_of"]

IDENTITY = "COLLECTION.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class CollectionIdentity(NamedTuple):
    """What never changes of a collection."""

    name: str
    source: str
    id: str
    """Made anew with each creation: tells a collection from a former one of the same name."""

    def encode(self, number: int = FORMAT) -> bytes:
        """The bytes of COLLECTION.json; `number` is that of the format."""
        return encode_sealed("collection", {"format": number, **self._asdict()})

    @classmethod
    @lru_cache(maxsize=64)  # every query looks whether it is still the same
    def decode(cls, name: str, data: bytes) -> CollectionIdentity:
        """What `encode` was called on. Raises `CorruptManifest`, `UnsupportedFormat`; `name` is for the message."""
        recorded = decode_sealed("collection", name, data)
        try:
            return cls(*(str(recorded[field]) for field in cls._fields))
        except KeyError as error:
            raise CorruptManifest(name, "not a collection description") from error


class Location(NamedTuple):
    """Where a collection lies: all that a process needs to open it."""

    root: str
    collection: str

    def open(self) -> Collection:
        """The collection, for reading. Raises `InvalidInput` where the name is none."""
        return Collection(storage_for(self.root), self.collection)


def shard_of(path: str, num_shards: int) -> int:
    """The shard that holds all chunks of a file."""
    return path_hash(path) % num_shards


def collection_names(storage: Storage) -> list[str]:
    """Names of the collections on a storage, sorted."""
    return [name for name in storage.list("") if _NAME.fullmatch(name) and storage.exists(f"{name}/{IDENTITY}")]


def check_name(name: str) -> str:
    """`name`, if it can name a collection. Raises `InvalidInput`."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"'{name[:120]}' cannot name a collection",
            "Use up to 100 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit.",
        )
    return name


class Collection:
    """Reads a collection; holds no state of it but its name."""

    def __init__(self, storage: Storage, name: str) -> None:
        self.storage = storage
        self.name = check_name(name)

    def identity(self) -> CollectionIdentity:
        """Name and source folder. Raises `UnknownCollection`, `UnsupportedFormat`, `CorruptManifest`."""
        try:
            data = self.storage.read(f"{self.name}/{IDENTITY}")
        except FileNotFoundError as error:
            raise UnknownCollection(self.name, tuple(collection_names(self.storage))) from error
        return CollectionIdentity.decode(f"{self.storage.location}/{self.name}/{IDENTITY}", data)

    def create(self, source: str) -> CollectionIdentity:
        """Make the collection, or find that it is there for the same source. Raises `CollectionExists`."""
        identity = CollectionIdentity(self.name, source, new_ulid())
        if self.storage.create(f"{self.name}/{IDENTITY}", identity.encode()):
            return identity
        existing = self.identity()
        if existing.source != source:
            raise CollectionExists(self.name, existing.source)
        return existing

    def versions(self) -> list[int]:
        """Numbers of the manifests that exist, ascending."""
        names = self.storage.list(f"{self.name}/manifests")
        return [version for name in names if (version := manifest_version(name)) is not None]

    def latest(self) -> Manifest | None:
        """The highest manifest whose checksum holds; None before the first commit.

        Raises `UnknownCollection` where there is no such collection, `CorruptManifest` where manifests exist
        but none of them can be read, `UnsupportedFormat` where another version of raycontext wrote the highest.
        """
        versions = self.versions()
        if not versions:
            self.identity()
            return None
        damage: CorruptManifest | None = None
        for version in reversed(versions):
            try:
                manifest = self.manifest(version)
                if self._is_ours(manifest):
                    return manifest
            except CorruptManifest as error:
                damage = damage or error
            except FileNotFoundError:
                continue
        if damage is not None:
            raise damage
        return None

    def _is_ours(self, manifest: Manifest) -> bool:
        """False for a manifest that a writer of a former collection of this name has put here: it will take it back."""
        try:
            return manifest.creation in ("", self.identity().id)
        except (UnknownCollection, CorruptManifest):  # the description is damaged, and there is nothing to compare
            return True

    def manifest(self, version: int) -> Manifest:
        """One version. Raises `FileNotFoundError`, `CorruptManifest`, `UnsupportedFormat`."""
        name = f"{self.name}/manifests/{manifest_name(version)}"
        return Manifest.decode(f"{self.storage.location}/{name}", self.storage.read(name))

    def has_version(self, version: int) -> bool:
        """Whether a manifest of this number exists: one cheap look, for readers that wait for news."""
        return self.storage.exists(f"{self.name}/manifests/{manifest_name(version)}")

    def snapshot(self, manifest: Manifest) -> Snapshot:
        """The files that a version indexes. Raises `FileNotFoundError`, `CorruptManifest`."""
        name = f"{self.name}/snapshots/{manifest.snapshot}/snapshot.arrow"
        data = self.storage.map(name)
        if xxhash.xxh3_128_hexdigest(data) != manifest.snapshot_checksum:
            raise CorruptManifest(f"{self.storage.location}/{name}", "checksum does not match")
        return Snapshot.from_bytes(data)

    def segments(self, manifest: Manifest, shard: int) -> list[Segment]:
        """The segments of one shard, opened. Raises `FileNotFoundError`, `CorruptSegment`."""
        return [Segment(self.storage, self.name, reference) for reference in manifest.shards[shard].segments]

    def renew(self, segments: Iterable[SegmentReference]) -> None:
        """Keep segments that are not committed yet from being taken for those of a run that died.

        Raises `FileNotFoundError` where one was removed already, `StorageError`."""
        for segment in segments:
            self.storage.renew(f"{self.name}/segments/{segment.name}")

    def remove(self) -> None:
        """Remove the collection with everything in it. Raises `UnknownCollection`."""
        if not self.storage.remove(self.name):
            raise UnknownCollection(self.name, tuple(collection_names(self.storage)))
