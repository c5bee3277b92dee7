"""The single writer of a collection: commits by creating the next manifest, put-if-absent.

Where the name of the next manifest exists, someone else was faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import xxhash

from raycontext.discover.merkle import MerkleTree, diff
from raycontext.discover.snapshot import Snapshot, SnapshotEntry
from raycontext.errors import CommitConflict, CorruptManifest, Fenced, UnknownCollection
from raycontext.models import FileStat, IndexOptions
from raycontext.store.changes import Change, Compaction, TreeChanges
from raycontext.store.collection import Collection, CollectionIdentity
from raycontext.store.manifest import (
    RECENT_TRANSACTIONS,
    Manifest,
    SegmentReference,
    ShardManifest,
    manifest_name,
)
from raycontext.store.segment_lists import SegmentLists
from raycontext.ulid import new_ulid

__all__ = ["SEGMENTS_COLLECTED", "CollectionWriter"]

SEGMENTS_COLLECTED = "removed its segments as garbage"
"""Why a `CommitConflict` may be."""

LOAD_ATTEMPTS = 5

COMMIT_ATTEMPTS = 5
"""How often a commit that someone else overtook is made on top of theirs."""


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
        self._lists = SegmentLists(collection)
        self._identity: CollectionIdentity | None = None
        self._tree: MerkleTree | None = None
        self.manifest: Manifest | None = None
        self._load()

    def _load(self) -> None:
        """All or nothing: after an error this writer holds what it held before."""
        for attempt in range(LOAD_ATTEMPTS):
            try:
                # Its identity first: what is read after it may be of a later collection, never of an earlier one.
                identity = self._collection.identity()
                highest = max(self._collection.versions(), default=0)  # what lies above `manifest` is damaged
                manifest = self._collection.latest()
                snapshot = Snapshot(scanned_at_ns=0, entries={})
                if manifest is not None:
                    snapshot = self._collection.snapshot(manifest)
                break
            except FileNotFoundError:  # garbage collection was faster
                if attempt == LOAD_ATTEMPTS - 1:
                    raise
        if identity != self._identity:
            self._epoch = None
        self._identity, self._highest, self._tree = identity, highest, None
        self.manifest, self.snapshot = manifest, snapshot

    def reload(self) -> None:
        """Begin a run: take in what others have committed meanwhile."""
        known = self._highest, self._identity
        if (max(self._collection.versions(), default=0), self._collection.identity()) != known:
            self._load()
        if self.manifest is not None and self._epoch != self.manifest.epoch:
            self._epoch = None

    @property
    def is_owner(self) -> bool:
        """Whether this writer has committed, and no one with a higher epoch since, as far as it knows."""
        return self.manifest is not None and self.manifest.owner == self._owner

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
        digests: dict[str, bytes] = {}
        gone = set(removed)
        seen: dict[str, SnapshotEntry] = {}
        quarantined: dict[str, SnapshotEntry] = {}
        known_bad = self.snapshot.quarantined()
        for (path, size, mtime_ns, inode), digest in hashed:
            known = entries.get(path)
            entry = SnapshotEntry(size, mtime_ns, inode, digest, known_bad.get(digest))
            if entry.reason is not None:
                gone.add(path)
                if known != entry:
                    quarantined[path] = entry
                continue
            if known is not None and known.digest == digest and known != entry:
                seen[path] = entry
            digests[path] = digest
        changes = diff(self.tree, self.tree.updated(digests, gone.union(skips)))
        return TreeChanges(
            added=changes.added,
            modified=changes.modified,
            removed=changes.removed,
            seen=seen,
            same_skips=[path for path, entry in skips.items() if entries.get(path) == entry],
            quarantined=quarantined,
        )

    def commit(self, change: Change, *, embedder: str, chunker: str) -> Manifest:
        """Make `change` the next version and return its manifest, once it is durable.

        `embedder` and `chunker` are the fingerprints of what made its segments. Where someone else committed first
        and this writer has not yet taken ownership, a change of other files is made on top of theirs.

        Raises `Fenced` where a newer owner has committed since, `CommitConflict` where someone else committed a
        change of the same files, removed the collection, or collected its segments as garbage, `StorageError` where
        the storage fails. After an error nothing of the change is
        visible, except after a `StorageError` at the very last step, where a retry with the same txn finds out.
        """
        for _ in range(COMMIT_ATTEMPTS):
            if self.manifest is not None and change.txn in self.manifest.recent_txns:
                return self.manifest
            self._check_ownership()
            base, before, identity = self.manifest, self.snapshot, self._identity
            try:
                published = self._publish_change(change, embedder, chunker)
            except FileNotFoundError:  # garbage collection took what this was based on: others are far ahead
                published = None
            except CommitConflict:
                self._load()
                if not self._was_applied(change.txn):  # else its reply was lost, and others have superseded it since
                    raise
                continue
            if published is not None:
                return published
            self._load()
            self._check_identity(identity)
            if not self._was_applied(change.txn) and not self._commutes(change, base, before):
                self._check_ownership()
                raise CommitConflict(self._collection.name, self._highest)
        raise CommitConflict(self._collection.name, self._highest)

    def _publish_change(self, change: Change, embedder: str, chunker: str) -> Manifest | None:
        """Write the next snapshot and manifest; None where someone else was faster."""
        snapshot = self._next_snapshot(change)
        tree = self._next_tree(change, snapshot)
        name, checksum = self._write_snapshot(snapshot)
        manifest = self._next_manifest(
            change.txn,
            self._lists.changed(self.manifest, change),
            options=change.options,
            embedder=embedder,
            chunker=chunker,
            snapshot=name,
            snapshot_checksum=checksum,
            tree=tree.root_digest.hex(),
            files=sum(entry.reason is None for entry in snapshot.entries.values()),
        )
        self._renew(segment for _, segment in change.segments)
        if not self._publish(manifest):
            return None
        self.snapshot, self._tree = snapshot, tree
        return manifest

    def _write_snapshot(self, snapshot: Snapshot) -> tuple[str, str]:
        """Write it under a new name; returns the name and the checksum that a manifest needs."""
        encoded = snapshot.to_bytes()
        name = new_ulid()
        self._collection.storage.write(f"{self._collection.name}/snapshots/{name}", {"snapshot.arrow": encoded})
        return name, xxhash.xxh3_128_hexdigest(encoded)

    def compact(self, compaction: Compaction) -> Manifest | None:
        """Put a merged segment in the place of its sources, and return the manifest.

        What died in the sources since they were merged is dead in the merged segment as well. None where a source is
        not in the newest version any more: then the merged segment is left as garbage. Raises `Fenced`,
        `CommitConflict` where the collection was removed or the merged segment collected, `StorageError`.
        """
        for _ in range(COMMIT_ATTEMPTS):
            current = self.manifest
            if current is not None and compaction.txn in current.recent_txns:
                return current
            self._check_ownership()
            if current is None:
                return None
            try:
                shards = self._lists.compacted(current, compaction)
                if shards is None:
                    return None
                manifest = self._next_manifest(
                    compaction.txn,
                    shards,
                    options=current.options,
                    embedder=current.embedder,
                    chunker=current.chunker,
                    snapshot=current.snapshot,
                    snapshot_checksum=current.snapshot_checksum,
                    tree=current.tree,
                    files=current.files,
                )
                self._renew([compaction.merged] if compaction.merged else [])
                if self._publish(manifest):
                    return manifest
            except FileNotFoundError:  # this and the next as in `commit`
                pass
            except CommitConflict:
                self._load()
                if not self._was_applied(compaction.txn):
                    raise
                continue
            identity = self._identity
            self._load()
            self._check_identity(identity)
            self._was_applied(compaction.txn)
        return None

    def _publish(self, manifest: Manifest) -> bool:
        """Create the manifest of the next version; False where someone else has."""
        collection = self._collection
        target = f"{collection.name}/manifests/{manifest_name(manifest.version)}"
        if not collection.storage.create(target, manifest.encode()):
            return False
        if self._is_ghost(manifest):
            collection.storage.delete(target)
            return False
        try:
            self._check_identity(collection.identity())
        except (UnknownCollection, CommitConflict):
            collection.storage.delete(target)
            raise
        self.manifest = manifest
        self._highest, self._epoch = manifest.version, manifest.epoch
        self._lists.keep(manifest.segment_names())
        return True

    def _renew(self, segments: Iterable[SegmentReference]) -> None:
        """See that garbage collection, which may think them abandoned, leaves new segments alone until they are
        committed. Raises `CommitConflict` where it was faster."""
        try:
            self._collection.renew(segments)
        except FileNotFoundError as error:
            raise CommitConflict(self._collection.name, self._highest, SEGMENTS_COLLECTED) from error

    def _check_identity(self, identity: CollectionIdentity | None) -> None:
        if identity != self._identity:
            raise CommitConflict(self._collection.name, self._highest, "removed the collection and made it anew")

    def _is_ghost(self, manifest: Manifest) -> bool:
        """Whether a version that was just created lies below the newest without being a part of its history: others
        had gone past it, and garbage collection had freed its name."""
        above = [version for version in self._collection.versions() if version > manifest.version]
        for version in reversed(above):
            try:
                if manifest.txn in self._collection.manifest(version).recent_txns:
                    return False
            except (CorruptManifest, FileNotFoundError):
                continue
        return bool(above)

    def _was_applied(self, txn: str) -> bool:
        """Whether the newest version has a change of ours whose reply was lost."""
        if self.manifest is None or txn not in self.manifest.recent_txns:
            return False
        if self.manifest.owner == self._owner:
            self._epoch = self.manifest.epoch
        return True

    def _commutes(self, change: Change, base: Manifest | None, before: Snapshot) -> bool:
        """Whether a change that was planned on `base` can be made on what others have committed since."""
        current = self.manifest
        if self._epoch is not None or change.replace or base is None or current is None:
            return False
        same = (base.options, base.embedder, base.chunker) == (current.options, current.embedder, current.chunker)
        entries = self.snapshot.entries
        return same and all(entries.get(path) == before.entries.get(path) for path in change.touched())

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

    def _next_tree(self, change: Change, snapshot: Snapshot) -> MerkleTree:
        if change.replace:
            return snapshot.tree()
        entries = {path: snapshot.entries.get(path) for path in change.touched()}
        digests = {path: entry.digest for path, entry in entries.items() if entry and entry.reason is None}
        return self.tree.updated(digests, entries.keys() - digests.keys())

    def _next_manifest(
        self,
        txn: str,
        shards: tuple[ShardManifest, ...],
        *,
        options: IndexOptions,
        embedder: str,
        chunker: str,
        snapshot: str,
        snapshot_checksum: str,
        tree: str,
        files: int,
    ) -> Manifest:
        previous = self.manifest
        identity = self._collection.identity()
        self._check_identity(identity)
        recent = (previous.recent_txns if previous else ())[-(RECENT_TRANSACTIONS - 1) :]
        return Manifest(
            collection=self._collection.name,
            source=identity.source,
            creation=identity.id,
            version=self._highest + 1,
            parent=previous.checksum if previous else "",
            epoch=self._epoch if self._epoch is not None else (previous.epoch if previous else 0) + 1,
            owner=self._owner,
            txn=txn,
            recent_txns=(*recent, txn),
            committed_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            options=options,
            embedder=embedder,
            chunker=chunker,
            shards=shards,
            snapshot=snapshot,
            snapshot_checksum=snapshot_checksum,
            tree=tree,
            files=files,
            chunks=self._lists.live_rows(shards),
        )
