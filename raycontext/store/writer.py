"""Single writer of a collection. It commits by creating the manifest of the next version, put-if-absent.

Where that manifest exists already, another writer was faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from raycontext.discover.snapshot import Snapshot
from raycontext.discover.snapshot_parts import key_of, seal
from raycontext.discover.snapshot_tree import SnapshotTree
from raycontext.errors import CommitConflict, CorruptManifest, Fenced, UnknownCollection, VersionsDiffer
from raycontext.models import IndexOptions
from raycontext.retrying import Retries
from raycontext.store.changes import Change, Compaction, HistoryChange
from raycontext.store.collection import Collection, CollectionIdentity, has_parts, snapshot_object
from raycontext.store.condemned import condemned_names
from raycontext.store.manifest import (
    RECENT_TRANSACTIONS,
    CommitHistory,
    Manifest,
    SegmentReference,
    ShardManifest,
    manifest_name,
)
from raycontext.store.segment_lists import SegmentLists
from raycontext.store.segments.segment import DESCRIPTION
from raycontext.ulid import new_ulid

__all__ = ["SEGMENTS_COLLECTED", "CollectionWriter"]

SEGMENTS_COLLECTED = "removed its segments as garbage"
"""Reason of a `CommitConflict` whose new segments garbage collection removed before the commit."""

LOAD_ATTEMPTS = 5
"""Number of tries to read the newest version while garbage collection removes files."""

COMMIT_ATTEMPTS = 5
"""Number of tries to commit a change while other writers commit as well."""


class _Upkeep(NamedTuple):
    """Difference of a version with the same files from the version before it."""

    shards: tuple[ShardManifest, ...]
    history: CommitHistory | None


class CollectionWriter:
    """Writer of a collection. It holds the collection's newest manifest, snapshot and Merkle tree in memory.

    Ownership is an epoch number in the manifests. The first commit of a writer carries a higher epoch than all commits
    before it. A writer that meets a higher epoch than its own is fenced, and its run ends. A later run may take the
    ownership back, after `reload`.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._owner = new_ulid()
        self._epoch: int | None = None  # epoch of this writer, once it has committed
        self.lists = SegmentLists(collection)
        self._identity: CollectionIdentity | None = None
        self.manifest: Manifest | None = None
        self._load()

    def _load(self) -> None:
        """Read the newest version into this writer. After an error the writer holds what it held before.

        Raises `FileNotFoundError` where garbage collection was faster each time, and what `Collection.latest` and
        `Collection.snapshot` raise.
        """
        retries = Retries((FileNotFoundError,), attempts=LOAD_ATTEMPTS)  # garbage collection may be faster
        try:
            identity, highest, manifest, snapshot = retries.run_blocking(self._read_newest)
        except FileNotFoundError as error:
            raise (self._collection.loss() or error) from None
        if identity != self._identity:
            self._epoch = None
        self._identity, self._highest = identity, highest
        self.manifest, self.snapshot = manifest, snapshot

    def _read_newest(self) -> tuple[CollectionIdentity, int, Manifest | None, SnapshotTree]:
        """Read the description, the highest number of a version, the newest manifest and its snapshot."""
        # Read first: what is read later may belong to a later collection of this name, never to an earlier one.
        identity = self._collection.identity()
        highest = max(self._collection.versions(), default=0)  # versions above `manifest` are damaged
        manifest = self._collection.latest()
        if manifest is None:
            return identity, highest, None, SnapshotTree.of(Snapshot(scanned_at_ns=0, entries={}))
        return identity, highest, manifest, self._collection.snapshot_tree(manifest)

    def reload(self) -> None:
        """Begin a run: read what other writers have committed meanwhile. Raises what reading the collection raises."""
        known = self._highest, self._identity
        if (max(self._collection.versions(), default=0), self._collection.identity()) != known:
            self._load()
        if self.manifest is not None and self._epoch != self.manifest.epoch:
            self._epoch = None

    @property
    def is_owner(self) -> bool:
        """Whether the newest manifest that this writer knows is its own."""
        return self.manifest is not None and self.manifest.owner == self._owner

    def commit(self, change: Change, *, embedder: str, chunker: str) -> Manifest:
        """Commit `change` as the next version and return its manifest once it is durable.

        `embedder` and `chunker` are the fingerprints of what made the segments of the change. Where another writer
        committed first and this writer has not yet taken ownership, the change is applied on top of that commit, if the
        two concern different files.

        Raises `VersionsDiffer` where another chunker has made a segment of the change, `Fenced` where a newer owner has
        committed since, `CommitConflict` where another writer changed the same
        files, removed the collection, or collected the new segments as garbage, and `StorageError` where the storage
        fails. After an error nothing of the change is visible. A `StorageError` at the very last step is the exception:
        a retry with the same txn tells whether the change was committed.
        """
        for other in change.chunkers - {chunker}:
            raise VersionsDiffer("that made a segment", other, chunker)
        for _ in range(COMMIT_ATTEMPTS):
            if self.manifest is not None and change.txn in self.manifest.recent_txns:
                return self.manifest
            self._check_ownership()
            base, before, identity = self.manifest, self.snapshot, self._identity
            try:
                published = self._publish_change(change, embedder, chunker)
            except FileNotFoundError:  # garbage collection removed the base version: other writers are far ahead
                published = None
            except CommitConflict:
                self._load()
                if not self._is_applied(change.txn):  # else the reply was lost, and later commits have superseded it
                    raise
                self._take_up_epoch()
                continue
            if published is not None:
                return published
            self._load()
            self._check_identity(identity)
            if self._is_applied(change.txn):
                self._take_up_epoch()
            elif not self._commutes(change, base, before):
                self._check_ownership()
                raise CommitConflict(self._collection.name, self._highest)
        raise CommitConflict(self._collection.name, self._highest)

    def _publish_change(self, change: Change, embedder: str, chunker: str) -> Manifest | None:
        """Write the next snapshot and manifest. Return the manifest, or None where another writer was faster."""
        snapshot, name, checksum = self._write_snapshot(change.applied_to(self.snapshot))
        manifest = self._next_manifest(
            change.txn,
            self.lists.changed(self.manifest, change),
            options=change.options,
            embedder=embedder,
            chunker=chunker,
            snapshot=(snapshot, name, checksum),
            history=self.manifest.history if self.manifest is not None else None,
        )
        self._renew(segment for _, segment in change.segments)
        if not self._publish(manifest):
            return None
        self.snapshot = snapshot
        return manifest

    def _write_snapshot(self, snapshot: SnapshotTree) -> tuple[SnapshotTree, str, str]:
        """Write the new parts of `snapshot` under a new name.

        Return the tree as it is written, that name and the checksum (xxh3_128, in hexadecimal).
        """
        name = new_ulid()
        packed, content = snapshot.packed(name)
        folder = f"{self._collection.name}/snapshots/{name}"
        self._collection.storage.write(folder, {"parts": content})
        return packed.mapped(name, self._collection.storage.map(f"{folder}/parts")), name, seal(content)

    def compact(self, compaction: Compaction) -> Manifest | None:
        """Commit a version in which a merged segment replaces its sources, and return the manifest.

        Files that died in the sources since the merge are dead in the merged segment as well. Return None where the
        sources are not in the newest version any more, or other writers kept committing; the merged segment is then
        garbage. Raises `Fenced`, `CommitConflict` where the collection was removed or the merged segment collected as
        garbage, or `StorageError`.
        """

        def compacted(current: Manifest) -> _Upkeep | None:
            shards = self.lists.compacted(current, compaction)
            return None if shards is None else _Upkeep(shards, current.history)

        return self._commit_upkeep(compaction.txn, compaction.made(), compacted)

    def record_history(self, change: HistoryChange) -> Manifest | None:
        """Commit a version that has another history of commits, and return the manifest.

        Return None where the newest version has not the history any more that the change was made from. Raises what
        `compact` raises.
        """

        def recorded(current: Manifest) -> _Upkeep | None:
            return _Upkeep(current.shards, change.history) if current.history == change.base else None

        return self._commit_upkeep(change.txn, change.made(), recorded)

    def _commit_upkeep(
        self, txn: str, made: Sequence[SegmentReference], change: Callable[[Manifest], _Upkeep | None]
    ) -> Manifest | None:
        """Commit a version with the same files. Return None where `change` does, or other writers kept committing.

        made: segments that were written for it. change: returns what differs from the version that it gets.
        """
        for _ in range(COMMIT_ATTEMPTS):
            current = self.manifest
            if current is not None and txn in current.recent_txns:
                return current
            self._check_ownership()
            try:
                if current is None or (differing := change(current)) is None:
                    return None
                snapshot = self.snapshot, current.snapshot, current.snapshot_checksum
                if not has_parts(current):
                    snapshot = self._write_snapshot(self.snapshot)
                manifest = self._next_manifest(
                    txn,
                    differing.shards,
                    options=current.options,
                    embedder=current.embedder,
                    chunker=current.chunker,
                    snapshot=snapshot,
                    history=differing.history,
                )
                self._renew(made)
                if self._publish(manifest):
                    self.snapshot = snapshot[0]
                    return manifest
            except FileNotFoundError:  # handled in the same way as in `commit`, and so is the next one
                pass
            except CommitConflict:
                self._load()
                if not self._is_applied(txn):
                    raise
                self._take_up_epoch()
                continue
            identity = self._identity
            self._load()
            self._check_identity(identity)
            if self._is_applied(txn):
                self._take_up_epoch()
        return None

    def _publish(self, manifest: Manifest) -> bool:
        """Create the manifest of the next version. Return False where another writer has created it."""
        collection = self._collection
        target = f"{collection.name}/manifests/{manifest_name(manifest.version)}"
        if not collection.storage.create(target, manifest.encode()):
            return False
        if self.is_ghost(manifest):
            collection.storage.delete(target)
            return False
        try:
            self._check_identity(collection.identity())
        except (UnknownCollection, CorruptManifest, CommitConflict):
            collection.storage.delete(target)
            collection.identity()  # without our manifest: a collection that was removed is unknown
            raise
        if self._is_collected(manifest):
            self._withdraw(manifest)
            raise CommitConflict(collection.name, self._highest, SEGMENTS_COLLECTED)
        self.manifest = manifest
        self._highest, self._epoch = manifest.version, manifest.epoch
        self.lists.keep(manifest.segment_names())
        return True

    def _is_collected(self, manifest: Manifest) -> bool:
        """Return whether garbage collection has removed, or is about to remove, what is new in a created version."""
        collection, base = self._collection, self.manifest
        segments = manifest.segment_names() - (base.segment_names() if base else set())
        snapshots = manifest.snapshot_names() - (base.snapshot_names() if base else set())
        if not condemned_names(collection).isdisjoint(segments | snapshots):
            return True
        places = [f"segments/{name}/{DESCRIPTION}" for name in segments]
        places += [snapshot_object(manifest, name) for name in snapshots]
        return not all(collection.storage.exists(f"{collection.name}/{place}") for place in places)

    def _withdraw(self, manifest: Manifest) -> None:
        """Take back a version that was just created. The version that it was made from becomes the newest again, under
        a higher number: no number is used twice, since other writers may know the withdrawn version already."""
        collection, base = self._collection, self.manifest
        if base is not None:
            above = base.model_copy(
                update={
                    "version": manifest.version + 1,
                    "parent": manifest.checksum,
                    "epoch": manifest.epoch,
                    "owner": manifest.owner,
                    "committed_at": manifest.committed_at,
                }
            )
            target = f"{collection.name}/manifests/{manifest_name(above.version)}"
            if not collection.storage.create(target, above.encode()):
                return  # another writer has built on it
        collection.storage.delete(f"{collection.name}/manifests/{manifest_name(manifest.version)}")

    def _renew(self, segments: Iterable[SegmentReference]) -> None:
        """Keep garbage collection from removing new segments before they are committed.

        Raises `CommitConflict` where it has removed one already.
        """
        try:
            self._collection.renew(segments)
        except FileNotFoundError as error:
            raise CommitConflict(self._collection.name, self._highest, SEGMENTS_COLLECTED) from error

    def _check_identity(self, identity: CollectionIdentity | None) -> None:
        """Raise `CommitConflict` where `identity` is not the one that this writer has loaded."""
        if identity != self._identity:
            raise CommitConflict(self._collection.name, self._highest, "removed the collection and made it anew")

    def is_ghost(self, manifest: Manifest) -> bool:
        """Return whether a version that was just created is below the newest one but not part of its history.

        This happens where other writers had gone past that version, and garbage collection had freed its name.
        """
        above = [version for version in self._collection.versions() if version > manifest.version]
        for version in reversed(above):
            try:
                if manifest.txn in self._collection.manifest(version).recent_txns:
                    return False
            except (CorruptManifest, FileNotFoundError):
                continue
        return bool(above)

    def _is_applied(self, txn: str) -> bool:
        """Return True where the newest version has a change of ours whose reply was lost."""
        return self.manifest is not None and txn in self.manifest.recent_txns

    def _take_up_epoch(self) -> None:
        """Own the collection again where this writer committed the newest version without learning of it."""
        if self.manifest is not None and self.manifest.owner == self._owner:
            self._epoch = self.manifest.epoch

    def _commutes(self, change: Change, base: Manifest | None, before: SnapshotTree) -> bool:
        """Return whether a change that was planned on `base` can be applied on top of what others have committed since.

        `before` is the snapshot of `base`.
        """
        current = self.manifest
        if self._epoch is not None or change.replace or base is None or current is None:
            return False
        same = (base.options, base.embedder, base.chunker) == (current.options, current.embedder, current.chunker)
        touched = sorted(change.touched(), key=key_of)
        return same and all(self.snapshot.get(path) == before.get(path) for path in touched)

    def _check_ownership(self) -> None:
        """Raise `Fenced` where another writer has committed with a higher epoch since this writer's last commit."""
        if self._epoch is not None and self.manifest is not None and self.manifest.epoch > self._epoch:
            raise Fenced(self._collection.name, self._epoch, self.manifest.epoch)

    def _next_manifest(
        self,
        txn: str,
        shards: tuple[ShardManifest, ...],
        *,
        options: IndexOptions,
        embedder: str,
        chunker: str,
        snapshot: tuple[SnapshotTree, str, str],
        history: CommitHistory | None,
    ) -> Manifest:
        """Return the manifest of the next version. snapshot: what `_write_snapshot` returns."""
        tree, name, checksum = snapshot
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
            snapshot=name,
            snapshot_checksum=checksum,
            snapshots=tuple(sorted(tree.packs.keys() - {name})),
            tree=tree.root_digest.hex(),
            files=tree.files,
            chunks=self.lists.live_rows(shards),
            history=history,
        )
