"""The single writer of a collection: commits by creating the next manifest, put-if-absent.

Where the name of the next manifest exists, someone else was faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from raycontext.discover.merkle import MerkleTree, diff
from raycontext.discover.snapshot import Snapshot, SnapshotEntry
from raycontext.errors import CommitConflict, Fenced
from raycontext.models import FileStat, IndexOptions
from raycontext.store.collection import Collection
from raycontext.store.manifest import (
    RECENT_TRANSACTIONS,
    Manifest,
    SegmentReference,
    ShardManifest,
    manifest_name,
)
from raycontext.store.segment import Segment, path_hash
from raycontext.store.storage import new_ulid

__all__ = ["Change", "CollectionWriter", "TreeChanges"]


class TreeChanges(NamedTuple):
    """How the current files differ from the indexed ones."""

    added: list[str]
    modified: list[str]
    removed: list[str]
    """Files that were indexed and are not to be any more."""
    seen: dict[str, SnapshotEntry]
    """Files of the same content but another stat, with the entry to keep from now on."""
    same_skips: list[str]
    """Skipped files that the snapshot already records as they are."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit changes. Files in `entries` supersede their former chunks."""

    txn: str
    """Id of the change: a retried commit with the same id is applied once."""
    segments: tuple[tuple[int, SegmentReference], ...]
    """New segments, each with its shard."""
    entries: Mapping[str, SnapshotEntry]
    """Files that were indexed or skipped anew."""
    seen: Mapping[str, SnapshotEntry]
    """Files whose stat changed but whose content, and so whose chunks, did not."""
    removed: frozenset[str]
    """Files that are no longer in the tree."""
    unverified: frozenset[str]
    """Files that keep their entry although no one has looked at them in this run."""
    scanned_at_ns: int
    options: IndexOptions
    """Options of the collection from this commit on."""
    replace: bool = False
    """Forget everything that was indexed before: a rebuild with other options."""

    def superseded(self) -> Iterable[str]:
        """Paths whose former chunks die with this change."""
        yield from self.removed
        yield from self.entries


class CollectionWriter:
    """The single writer of a collection: holds its newest manifest, snapshot and Merkle tree.

    Ownership is an epoch number in the manifests: the first commit of a writer carries a higher one than any
    before it. A writer that meets a higher epoch than its own is fenced: its run ends. A later run may take the
    ownership back, after `reload`.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._owner = new_ulid()
        self._epoch: int | None = None  # ours, once we have committed
        self._load()

    def _load(self) -> None:
        self._highest = max(self._collection.versions(), default=0)  # what lies above `manifest` is damaged
        self.manifest = self._collection.latest()
        if self.manifest is None:
            self.snapshot = Snapshot(scanned_at_ns=0, entries={})
        else:
            self.snapshot = self._collection.snapshot(self.manifest)
        self._tree: MerkleTree | None = None

    def reload(self) -> None:
        """Begin a run: take in what others have committed meanwhile."""
        if max(self._collection.versions(), default=0) != self._highest:
            self._load()
        if self.manifest is not None and self._epoch != self.manifest.epoch:
            self._epoch = None

    @property
    def tree(self) -> MerkleTree:
        """Merkle tree over the indexed files."""
        if self._tree is None:
            self._tree = self.snapshot.tree()
        return self._tree

    def compare(
        self,
        hashed: Iterable[tuple[FileStat, bytes]],
        removed: Iterable[str],
        skips: Mapping[str, SnapshotEntry],
    ) -> TreeChanges:
        """Compare by Merkle trees the indexed files with those of the current tree.

        `hashed`: files that may have changed, with their digests; `removed`: paths that are gone; `skips`: files
        that cannot be indexed. All other files are as the snapshot has them.
        """
        entries = self.snapshot.entries
        digests = _digests(entries)
        seen: dict[str, SnapshotEntry] = {}
        for (path, size, mtime_ns, inode), digest in hashed:
            known = entries.get(path)
            entry = SnapshotEntry(size, mtime_ns, inode, digest, None)
            if known is not None and known.digest == digest and known != entry:
                seen[path] = entry
            digests[path] = digest
        for path in (*removed, *skips):
            digests.pop(path, None)
        changes = diff(self.tree, MerkleTree.from_digests(digests))
        return TreeChanges(
            added=changes.added,
            modified=changes.modified,
            removed=changes.removed,
            seen=seen,
            same_skips=[path for path, entry in skips.items() if entries.get(path) == entry],
        )

    def commit(self, change: Change, *, embedder: str, chunker: str) -> Manifest:
        """Make `change` the next version and return its manifest, once it is durable.

        `embedder` and `chunker` are the fingerprints of what made its segments.

        Raises `Fenced` where a newer owner has committed since, `CommitConflict` where this writer had not yet
        taken ownership and someone else committed first, `StorageError` where the storage fails. After an error
        nothing of the change is visible, except after a `StorageError` at the very last step, where a retry
        with the same txn finds out.
        """
        if self.manifest is not None and change.txn in self.manifest.recent_txns:
            return self.manifest
        self._check_ownership()
        snapshot = self._next_snapshot(change)
        tree = snapshot.tree()
        encoded = snapshot.to_bytes()
        name = new_ulid()
        self._collection.storage.write(f"{self._collection.name}/snapshots/{name}", {"snapshot.arrow": encoded})
        manifest = self._next_manifest(
            change,
            embedder=embedder,
            chunker=chunker,
            snapshot=name,
            snapshot_checksum=xxhash.xxh3_128_hexdigest(encoded),
            tree=tree.root_digest.hex(),
            files=len(_digests(snapshot.entries)),
        )
        target = f"{self._collection.name}/manifests/{manifest_name(manifest.version)}"
        if not self._collection.storage.create(target, manifest.encode()):
            return self._lost_race(change, manifest)
        self.manifest, self.snapshot, self._tree = manifest, snapshot, tree
        self._highest, self._epoch = manifest.version, manifest.epoch
        return manifest

    def _lost_race(self, change: Change, attempted: Manifest) -> Manifest:
        self._load()
        current = self.manifest
        if current is not None and change.txn in current.recent_txns:  # a reply was lost, the commit was not
            self._epoch = current.epoch
            return current
        self._check_ownership()
        raise CommitConflict(self._collection.name, attempted.version)

    def _check_ownership(self) -> None:
        if self._epoch is not None and self.manifest is not None and self.manifest.epoch > self._epoch:
            raise Fenced(self._collection.name, self._epoch, self.manifest.epoch)

    def _next_snapshot(self, change: Change) -> Snapshot:
        entries = {} if change.replace else dict(self.snapshot.entries)
        for path in change.removed:
            entries.pop(path, None)
        entries.update(self.snapshot.carried(change.unverified & entries.keys()))
        entries.update(change.entries)
        entries.update(change.seen)
        return Snapshot(scanned_at_ns=change.scanned_at_ns, entries=entries)

    def _next_manifest(
        self,
        change: Change,
        *,
        embedder: str,
        chunker: str,
        snapshot: str,
        snapshot_checksum: str,
        tree: str,
        files: int,
    ) -> Manifest:
        previous = self.manifest
        shards = self._next_shards(change)
        recent = (previous.recent_txns if previous else ())[-(RECENT_TRANSACTIONS - 1) :]
        return Manifest(
            collection=self._collection.name,
            source=self._collection.identity().source,
            version=self._highest + 1,
            parent=previous.checksum if previous else "",
            epoch=self._epoch if self._epoch is not None else (previous.epoch if previous else 0) + 1,
            owner=self._owner,
            txn=change.txn,
            recent_txns=(*recent, change.txn),
            committed_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            options=change.options,
            embedder=embedder,
            chunker=chunker,
            shards=shards,
            snapshot=snapshot,
            snapshot_checksum=snapshot_checksum,
            tree=tree,
            files=files,
            chunks=sum(self._live_rows(segment) for shard in shards for segment in shard.segments),
        )

    def _next_shards(self, change: Change) -> tuple[ShardManifest, ...]:
        previous = self.manifest
        kept: Sequence[ShardManifest]
        if previous is None or change.replace:
            kept = [ShardManifest()] * change.options.num_shards
        else:
            dead = np.fromiter((path_hash(path) for path in change.superseded()), np.uint64)
            kept = [
                ShardManifest(segments=tuple(self._bury(segment, dead) for segment in shard.segments))
                for shard in previous.shards
            ]
        shards = []
        for number, shard in enumerate(kept):
            living = tuple(segment for segment in shard.segments if len(segment.tombstones) < segment.files)
            added = tuple(segment for owner, segment in change.segments if owner == number)
            shards.append(ShardManifest(segments=(*living, *added)))
        return tuple(shards)

    def _bury(self, reference: SegmentReference, dead: NDArray[np.uint64]) -> SegmentReference:
        """The reference with tombstones for the files whose path hash is in `dead`."""
        if not len(dead):
            return reference
        found = Segment(self._collection.storage, self._collection.name, reference).ordinals(dead)
        if not len(found):
            return reference
        tombstones = np.union1d(np.array(reference.tombstones, np.int64), found)
        return reference.model_copy(update={"tombstones": tuple(tombstones.tolist())})

    def _live_rows(self, reference: SegmentReference) -> int:
        if not reference.tombstones:
            return reference.rows
        counts = Segment(self._collection.storage, self._collection.name, reference).row_counts
        return reference.rows - int(counts[np.array(reference.tombstones)].sum())


def _digests(entries: Mapping[str, SnapshotEntry]) -> dict[str, bytes]:
    return {path: entry.digest for path, entry in entries.items() if entry.reason is None}
