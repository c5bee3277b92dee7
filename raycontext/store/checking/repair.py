"""Repair of a collection: the commit of a version that names only intact objects.

The next index run builds what is missing. Nothing of a damaged file is used. A repair takes the collection over with a
higher epoch, like any new owner, so that a writer that still holds damaged data is fenced until its next run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from raycontext.discover.snapshot import UNKNOWN_INODE, Snapshot, SnapshotEntry
from raycontext.discover.snapshot_tree import SnapshotTree
from raycontext.errors import CommitConflict, CorruptManifest, RootNotFound
from raycontext.models import IndexOptions
from raycontext.store.checking.examination import Examination, LiveFile
from raycontext.store.checking.reports import Damage, RepairReport
from raycontext.store.checking.verification import examine
from raycontext.store.collection import IDENTITY, Collection, CollectionIdentity
from raycontext.store.manifest import CommitHistory, Manifest, ShardManifest, manifest_name
from raycontext.store.segments.segment import path_hash
from raycontext.store.writer import CollectionWriter
from raycontext.ulid import new_ulid

__all__ = ["repair"]

ATTEMPTS = 3
"""Number of tries of a repair while others commit."""


def repair(collection: Collection, *, deep: bool = True) -> RepairReport:
    """Commit a version without the damaged objects, and remove manifests that are damaged or name damaged objects.

    Where nothing is damaged, nothing is done. The next index run takes in the files that are left out. Links that
    stand where folders of the collection belong are removed, and nothing that they point to. `deep` is that of
    `examine`: without it, objects that are missing are found, and few of those that are damaged.

    Raises `UnknownCollection`, `StorageError`, `UnsupportedFormat`, `CommitConflict` where others keep committing,
    `RootNotFound` where no manifest is left and the source is gone, and `CorruptManifest` where the collection's own
    folder is a link, or neither the description of the collection nor a manifest tells what it indexes.
    """
    told: dict[Damage, None] = {}
    rewritten = False
    for _ in range(ATTEMPTS):
        found = examine(collection, deep=deep)
        if found.unsupported is not None:
            raise found.unsupported
        told.update(dict.fromkeys(found.damage))
        if found.links:
            _remove_links(collection, found.links)
            continue
        report = RepairReport(
            collection=collection.name,
            damage=tuple(told),
            version=found.manifest.version if found.manifest else 0,
            rewritten_description=rewritten,
        )
        if not found.damage:
            return report
        if found.identity is None:
            _rewrite_description(collection, found)
            rewritten = True
        if found.manifest is None and found.identity is not None and not Path(found.identity.source).is_dir():
            raise RootNotFound(found.identity.source)  # everything must be built anew, and there is nothing to read
        if _needs_commit(found):
            writer = _RepairingWriter(collection, found)
            committed = writer.commit_intact()
            if committed is None:
                continue
            report = report.model_copy(
                update={
                    "version": committed.version,
                    "dropped_segments": tuple(found.damaged_segments),
                    "dropped_files": writer.dropped_files,
                    "rebuilt_snapshot": found.snapshot is None,
                }
            )
        useless = found.useless_versions()
        for version in useless:
            collection.storage.delete(f"{collection.name}/manifests/{manifest_name(version)}")
        return report.model_copy(update={"removed_manifests": tuple(useless), "rewritten_description": rewritten})
    raise CommitConflict(collection.name, max(collection.versions(), default=0))


def _remove_links(collection: Collection, folders: Iterable[str]) -> None:
    """Remove links that stand where folders of a collection belong, and nothing that they point to.

    Raises `CorruptManifest` where the collection's own folder is a link: what it points to may be anything.
    """
    for folder in folders:
        if not folder:
            raise CorruptManifest(
                f"{collection.storage.location}/{collection.name}", "a symbolic link, which you remove"
            )
        collection.storage.delete(f"{collection.name}/{folder}")


def _needs_commit(found: Examination) -> bool:
    """Return whether a new version is needed, since the newest one is damaged or names damaged objects."""
    if found.highest_is_damaged:
        return True
    damaged = found.damaged_segments or found.snapshot is None or found.disagreement
    return found.manifest is not None and bool(damaged)


def _rewrite_description(collection: Collection, found: Examination) -> None:
    """Write the description of the collection anew from its newest manifest. Raises `CorruptManifest` without one."""
    place = f"{collection.name}/{IDENTITY}"
    if found.manifest is None:
        raise CorruptManifest(f"{collection.storage.location}/{place}", "and no manifest tells what is indexed here")
    collection.storage.delete(place)
    identity = CollectionIdentity(collection.name, found.manifest.source, found.manifest.creation or new_ulid())
    collection.storage.create(place, identity.encode())


class _RepairingWriter(CollectionWriter):
    """Writer that starts from the intact part of a collection instead of its newest version."""

    def __init__(self, collection: Collection, found: Examination) -> None:
        self._found = found
        self.dropped_files = 0
        super().__init__(collection)

    def _load(self) -> None:
        self._identity = self._collection.identity()
        self._highest = max(self._collection.versions(), default=0)
        self.manifest = self._found.manifest
        # Higher than the epoch of any owner: each damaged manifest may be the first one of another owner.
        self._epoch = (self.manifest.epoch if self.manifest else 0) + 1 + len(self._found.damaged_manifests)
        self._intact = _intact_snapshot(self._found)
        self.snapshot = SnapshotTree.of(self._intact)

    def commit_intact(self) -> Manifest | None:
        """Commit the intact part as the next version. Return None where another writer has committed meanwhile."""
        if self._highest != max((*self._found.damaged_manifests, self._version()), default=0):
            return None
        snapshot = self._write_snapshot(self.snapshot)
        base = self.manifest
        indexed = {path for path, entry in self._intact.entries.items() if entry.reason is None}
        manifest = self._next_manifest(
            new_ulid(),
            self._intact_shards(indexed),
            # Without a manifest only the source is known: the next run builds everything anew.
            options=base.options if base else IndexOptions(),
            embedder=base.embedder if base else "",
            chunker=base.chunker if base else "",
            snapshot=snapshot,
            history=self._intact_history(),
        )
        if not self._publish(manifest):
            return None
        self.snapshot = snapshot[0]
        self.dropped_files = (base.files if base else 0) - len(indexed)
        return manifest

    def _intact_history(self) -> CommitHistory | None:
        """Return the history of commits; None where a segment of it is damaged. It is then read anew when needed."""
        history = self.manifest.history if self.manifest is not None else None
        names = {segment.name for segment in history.segments} if history is not None else set()
        return history if names.isdisjoint(self._found.damaged_segments) else None

    def _version(self) -> int:
        return self.manifest.version if self.manifest else 0

    def _intact_shards(self, indexed: Iterable[str]) -> tuple[ShardManifest, ...]:
        """Return the intact segments, with tombstones for all files that are not in `indexed`."""
        if self.manifest is None:
            return (ShardManifest(),)
        known = set(indexed)
        dead = {
            name: np.array([path_hash(file.path) for file in files if file.path not in known], np.uint64)
            for name, files in self._found.live.items()
        }
        shards = []
        for shard in self.manifest.shards:
            kept = (self.lists.bury(segment, dead[segment.name]) for segment in shard.segments if segment.name in dead)
            living = tuple(segment for segment in kept if len(segment.tombstones) < segment.files)
            shards.append(ShardManifest(segments=living))
        return tuple(shards)


def _intact_snapshot(found: Examination) -> Snapshot:
    """Return a snapshot of the files that exactly one intact segment holds, and of the skipped files.

    Where the old snapshot is lost, the stats of the files are unknown, so that the next run hashes all files again.
    """
    files = [file for live in found.live.values() for file in live]
    copies = Counter(file.path for file in files)
    single = {file.path: file for file in files if copies[file.path] == 1}
    if found.snapshot is None:
        return Snapshot(scanned_at_ns=0, entries={path: _unseen(file) for path, file in single.items()})
    return Snapshot(
        scanned_at_ns=found.snapshot.scanned_at_ns,
        entries={
            path: entry
            for path, entry in found.snapshot.entries.items()
            if entry.reason is not None or (path in single and single[path].digest == entry.digest)
        },
    )


def _unseen(file: LiveFile) -> SnapshotEntry:
    """Return the entry of a file whose stat is unknown, so that the next run hashes it."""
    return SnapshotEntry(file.size, mtime_ns=0, inode=UNKNOWN_INODE, digest=file.digest, reason=None)
