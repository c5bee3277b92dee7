"""Reading a collection on a storage: its description, its manifests, and the snapshots and segments that they name.

    <root>/<collection>/COLLECTION.json      format, name, source, id: created once, put-if-absent
                        manifests/<version>.json
                        segments/<ulid>/
                        snapshots/<ulid>/parts
                        condemned/<ulid>         what garbage collection is about to remove; see `condemned`
                        tmp/

Readers take the highest manifest whose checksum is right, and write nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple, TypeVar

import xxhash

from raycontext.discover.commits.names import is_name_of_commit
from raycontext.discover.snapshot import Snapshot
from raycontext.discover.snapshot_parts import object_of, seal
from raycontext.discover.snapshot_tree import SnapshotTree
from raycontext.errors import (
    CollectionExists,
    CorruptManifest,
    CorruptSegment,
    InvalidInput,
    RaycontextError,
    StorageError,
    UnknownCollection,
)
from raycontext.models.tree_records import SkipReason
from raycontext.store.manifest import (
    FIRST_WITH_PARTS,
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
from raycontext.store.storage.locations import DEFAULT_STORAGE, StorageOptions, storage_for
from raycontext.ulid import new_ulid

__all__ = [
    "FOLDERS",
    "IDENTITY",
    "Collection",
    "CollectionIdentity",
    "Location",
    "check_name",
    "collection_folders",
    "collection_names",
    "each_of",
    "has_parts",
    "is_collection",
    "shard_of",
    "shard_sizes",
    "snapshot_object",
]

Result = TypeVar("Result")

IDENTITY = "COLLECTION.json"
"""Name of the file that describes a collection, in the collection's folder."""
FOLDERS = ("manifests", "segments", "snapshots", "condemned", "tmp")
"""Folders of a collection."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class CollectionIdentity(NamedTuple):
    """Facts about a collection that never change."""

    name: str
    source: str
    id: str
    """Id that is made anew with each creation. It tells a collection from a former one of the same name."""

    def encode(self, number: int = FORMAT) -> bytes:
        """Return the bytes of COLLECTION.json for format `number`."""
        return encode_sealed("collection", {"format": number, **self._asdict()})

    @classmethod
    @lru_cache(maxsize=64)  # every query looks whether it is still the same
    def decode(cls, name: str, data: bytes) -> CollectionIdentity:
        """Read an identity from the bytes of COLLECTION.json. `name` names the file in errors.

        Raises `CorruptManifest` or `UnsupportedFormat`.
        """
        recorded = decode_sealed("collection", name, data)
        try:
            return cls(*(str(recorded[field]) for field in cls._fields))
        except KeyError as error:
            raise CorruptManifest(name, "not a collection description") from error


class Location(NamedTuple):
    """Place of a collection: the root and the name, which are all that a process needs to open it."""

    root: str
    collection: str
    storage_options: StorageOptions = DEFAULT_STORAGE
    """Permissions of new files, and the cache of a root in an object store."""

    def open(self) -> Collection:
        """Return the collection, opened for reading. Raises `InvalidInput` where the name or the root is not valid."""
        return Collection(storage_for(self.root, self.storage_options), self.collection)


def shard_of(path: str, num_shards: int) -> int:
    """Return the number of the shard that holds all chunks of the file at `path`."""
    return path_hash(path) % num_shards


def shard_sizes(location: Location) -> tuple[int, ...]:
    """Return the bytes of the segments of each shard of the newest version; nothing where it cannot be read."""
    try:
        manifest = location.open().latest()
    except (RaycontextError, OSError):
        return ()
    shards = manifest.shards if manifest is not None else ()
    return tuple(sum(segment.bytes for segment in shard.segments) for shard in shards)


def collection_names(storage: Storage) -> list[str]:
    """Return the names of the collections on a storage, sorted. One whose description is missing is among them."""
    names = collection_folders(storage)
    found = each_of(storage, lambda name: is_collection(storage, name), names)
    return [name for name, is_there in zip(names, found, strict=True) if is_there]


def _told_names(storage: Storage) -> tuple[str, ...]:
    """Return the names of collections that an error lists: those of commits are nobody's choice."""
    return tuple(name for name in collection_names(storage) if not is_name_of_commit(name))


def collection_folders(storage: Storage) -> list[str]:
    """Return the sorted names on a storage that a collection may have, whether there is one or not."""
    return [name for name in storage.list("") if _NAME.fullmatch(name)]


def each_of(storage: Storage, work: Callable[[str], Result], names: Sequence[str]) -> list[Result]:
    """Return what `work` returns for each name, with as many requests at once as suit the storage."""
    if storage.requests_at_once == 1 or len(names) < 2:
        return [work(name) for name in names]
    with ThreadPoolExecutor(storage.requests_at_once, thread_name_prefix="raycontext-storage") as threads:
        return list(threads.map(work, names))


def is_collection(storage: Storage, name: str) -> bool:
    """Return whether a folder of a storage is a collection, also one whose description is missing."""
    return storage.exists(f"{name}/{IDENTITY}") or _has_manifests(storage, name)


def _has_manifests(storage: Storage, name: str) -> bool:
    return any(manifest_version(each) is not None for each in storage.list(f"{name}/manifests"))


def has_parts(manifest: Manifest) -> bool:
    """Return whether the snapshot of a version is a tree of parts."""
    return manifest.format >= FIRST_WITH_PARTS


def snapshot_object(manifest: Manifest, name: str | None = None) -> str:
    """Return where the snapshot of a version, or the earlier one called `name`, lies in the collection's folder."""
    pack = name or manifest.snapshot
    return object_of(pack) if has_parts(manifest) else f"snapshots/{pack}/snapshot.arrow"


def check_name(name: str) -> str:
    """Return `name` if it is valid as the name of a collection. Raises `InvalidInput` if it is not."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"'{name[:120]}' cannot name a collection",
            "Use up to 100 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit.",
        )
    return name


class Collection:
    """Reader of a collection. It holds the storage and the name, and no other state."""

    def __init__(self, storage: Storage, name: str) -> None:
        self.storage = storage
        self.name = check_name(name)

    def identity(self) -> CollectionIdentity:
        """Read the description of the collection.

        Raises `UnknownCollection`, `UnsupportedFormat` or `CorruptManifest`.
        """
        place = f"{self.storage.location}/{self.name}/{IDENTITY}"
        try:
            data = self.storage.read(f"{self.name}/{IDENTITY}")
        except FileNotFoundError as error:
            if _has_manifests(self.storage, self.name):
                raise CorruptManifest(place, "it is missing") from error
            raise UnknownCollection(self.name, _told_names(self.storage)) from error
        identity = CollectionIdentity.decode(place, data)
        if identity.name != self.name:
            raise CorruptManifest(place, "it describes a collection of another name")
        return identity

    def create(self, source: str) -> CollectionIdentity:
        """Create the collection, or return it where it exists already with the same source.

        Raises `CollectionExists` where it exists with another source.
        """
        identity = CollectionIdentity(self.name, source, new_ulid())
        if self.storage.create(f"{self.name}/{IDENTITY}", identity.encode()):
            return identity
        existing = self.identity()
        if existing.source != source:
            raise CollectionExists(self.name, existing.source)
        return existing

    def describe_again(self, source: str | None = None) -> bool:
        """Write the description anew, as it was, where it is missing and there are versions. Return whether it was.

        source: only where the newest version is of this source. Raises what `latest` raises.
        """
        place = f"{self.name}/{IDENTITY}"
        if not _has_manifests(self.storage, self.name) or self.storage.exists(place):
            return False
        manifest = self.latest()
        if manifest is None or source not in (None, manifest.source):
            return False
        identity = CollectionIdentity(self.name, manifest.source, manifest.creation or new_ulid())
        return self.storage.create(place, identity.encode())

    def versions(self) -> list[int]:
        """Return the versions of the manifests that exist, in ascending order."""
        names = self.storage.list(f"{self.name}/manifests")
        return [version for name in names if (version := manifest_version(name)) is not None]

    def latest(self) -> Manifest | None:
        """Return the highest manifest whose checksum is right, or None before the first commit.

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
        """Return whether `manifest` belongs to this collection.

        It does not where a writer of a former collection of the same name has put it here. That writer removes it
        again.
        """
        try:
            return manifest.creation in ("", self.identity().id)
        except (UnknownCollection, CorruptManifest):  # without a readable description there is nothing to compare
            return True

    def manifest(self, version: int) -> Manifest:
        """Read the manifest of one version. Raises `FileNotFoundError`, `CorruptManifest` or `UnsupportedFormat`."""
        name = f"{self.name}/manifests/{manifest_name(version)}"
        return Manifest.decode(f"{self.storage.location}/{name}", self.storage.read(name))

    def has_version(self, version: int) -> bool:
        """Return whether a manifest of this version exists. The check is cheap, for readers that poll for changes."""
        return self.storage.exists(f"{self.name}/manifests/{manifest_name(version)}")

    def snapshot(self, manifest: Manifest) -> Snapshot:
        """Read the snapshot of a version, which lists its files. Raises `FileNotFoundError` or `CorruptManifest`."""
        return self._whole(manifest, SnapshotTree.whole) if has_parts(manifest) else self._older_snapshot(manifest)

    def skipped(self, manifest: Manifest) -> dict[str, SkipReason]:
        """Return the files of a version's snapshot that are not in the index. Raises what `snapshot` raises."""
        snapshot = self._whole(manifest, SnapshotTree.noted) if has_parts(manifest) else self._older_snapshot(manifest)
        return snapshot.skipped()

    def snapshot_tree(self, manifest: Manifest) -> SnapshotTree:
        """Open the snapshot of a version. Its parts are read, and compared with their checksums, when they are needed.

        Raises `FileNotFoundError`, or `CorruptManifest`, which methods of the tree raise as well.
        """
        if not has_parts(manifest):
            return SnapshotTree.of(self._older_snapshot(manifest))
        packs = {
            name: self.storage.map(f"{self.name}/{snapshot_object(manifest, name)}")
            for name in (manifest.snapshot, *manifest.snapshots)
        }
        if seal(packs[manifest.snapshot]) != manifest.snapshot_checksum:
            place = f"{self.storage.location}/{self.name}/{snapshot_object(manifest)}"
            raise CorruptManifest(place, "checksum does not match")
        return SnapshotTree.open(manifest.snapshot, packs)

    def _whole(self, manifest: Manifest, read: Callable[[SnapshotTree], Snapshot]) -> Snapshot:
        try:
            return read(self.snapshot_tree(manifest))
        except CorruptManifest as error:
            place = f"{self.storage.location}/{self.name}"
            path = error.path if error.path.startswith(place) else f"{place}/{error.path}"
            raise CorruptManifest(path, error.problem) from error

    def _older_snapshot(self, manifest: Manifest) -> Snapshot:
        """Return the snapshot of a format without parts after comparing its checksum."""
        name = f"{self.name}/{snapshot_object(manifest)}"
        data = self.storage.map(name)
        if xxhash.xxh3_128_hexdigest(data) != manifest.snapshot_checksum:
            raise CorruptManifest(f"{self.storage.location}/{name}", "checksum does not match")
        return Snapshot.from_bytes(data)

    def segments(self, manifest: Manifest, shard: int) -> list[Segment]:
        """Open the segments of one shard of a version.

        Raises `FileNotFoundError`, `CorruptSegment` or `UnsupportedFormat`.
        """
        return [Segment(self.storage, self.name, reference) for reference in manifest.shards[shard].segments]

    def loss(self) -> StorageError | None:
        """Return the error for an object that the newest version names and that is not there; None where all are.

        Garbage collection removes a version before its objects, so a version that is still there misses what is lost.
        """
        manifest = self.latest()
        if manifest is None:
            return None
        found: StorageError | None = None
        for name in manifest.snapshot_names():
            snapshot = f"{self.name}/{snapshot_object(manifest, name)}"
            if not self.storage.exists(snapshot):
                found = CorruptManifest(f"{self.storage.location}/{snapshot}", "it is missing")
        for reference in (*manifest.segments, *manifest.commit_segments):
            try:
                Segment(self.storage, self.name, reference).check_presence()
            except FileNotFoundError as error:
                found = found or CorruptSegment(self.name, f"{self.storage.location}/{error}", "it is missing")
        return found if self.has_version(manifest.version) else None

    def has_lost(self) -> bool:
        """Return whether an object that the newest version names is not there, as far as a few requests tell.

        Where each look at a segment is a request, only segments are missed of which nothing is there. Raises what
        `latest` raises.
        """
        if self.storage.requests_at_once == 1:
            return self.loss() is not None
        manifest = self.latest()
        if manifest is None:
            return False
        is_whole = manifest.snapshot_names() <= set(self.storage.list(f"{self.name}/snapshots"))
        is_whole = is_whole and not self.lacks((*manifest.segments, *manifest.commit_segments))
        return not is_whole and self.has_version(manifest.version)

    def lacks(self, segments: Sequence[SegmentReference]) -> bool:
        """Return whether any of some segments is not there, as far as a few requests tell; see `has_lost`."""
        if self.storage.requests_at_once > 1:
            return not {each.name for each in segments} <= set(self.storage.list(f"{self.name}/segments"))
        try:
            for reference in segments:
                Segment(self.storage, self.name, reference).check_presence()
        except FileNotFoundError:
            return True
        return False

    def renew(self, segments: Iterable[SegmentReference]) -> None:
        """Renew the times of segments that wait for their commit, so that garbage collection does not remove them.

        Raises `FileNotFoundError` where a segment has been removed already, or `StorageError`.
        """
        for segment in segments:
            self.storage.renew(f"{self.name}/segments/{segment.name}")

    def remove(self) -> None:
        """Remove the collection and everything in it. Raises `UnknownCollection` where it does not exist."""
        if not self.storage.remove(self.name):
            raise UnknownCollection(self.name, _told_names(self.storage))
