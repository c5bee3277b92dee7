"""Garbage collection: the removal of files that no kept version names.

The newest manifests are kept, and so are those that are younger than the readers' grace time, with all that they name.
All other manifests are removed first, in ascending order, so that a reader that finds a manifest finds its files as
well. Then the files go that only these manifests named. A reader whose files are gone opens the newest version.

Segments and snapshots that no manifest names may belong to a run that has yet to commit. They are removed once they are
older than the writers' grace time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from raycontext.errors import CorruptManifest
from raycontext.store.collection import Collection
from raycontext.store.manifest import Manifest, manifest_name
from raycontext.store.storage.locations import is_url
from raycontext.ulid import ulid_seconds

__all__ = ["Collected", "Grace", "collect_garbage", "grace_of"]

KEPT_MANIFESTS = 3
"""Number of newest manifests that are always kept."""


class Grace(NamedTuple):
    """Grace times in seconds."""

    readers: float
    """Age below which a superseded manifest stays, for readers that use it."""
    writers: float
    """Age below which a file that no manifest names stays, for writers that have yet to commit it."""


LOCAL_GRACE = Grace(readers=60.0, writers=3600.0)
"""Grace times in a folder."""
REMOTE_GRACE = Grace(readers=24 * 3600.0, writers=24 * 3600.0)
"""Grace times on an object store, where clocks differ and runs take longer."""


class Collected(NamedTuple):
    """Numbers of manifests, segments and snapshots that were removed."""

    manifests: int
    segments: int
    snapshots: int


def grace_of(location: str) -> Grace:
    """Return the grace times for the storage at `location`."""
    return REMOTE_GRACE if is_url(location) else LOCAL_GRACE


def collect_garbage(collection: Collection, grace: Grace, now: float | None = None) -> Collected:
    """Remove the garbage of a collection and return what was removed. Only the owner of the collection may call this.

    `now` is the time in Unix seconds, by default that of this machine. Nothing is removed where a manifest cannot be
    read. Raises `StorageError`.
    """
    moment = time.time() if now is None else now
    identity = collection.identity()
    versions = collection.versions()
    kept: list[Manifest] = []
    doomed: list[Manifest] = []
    for version in versions:
        name = f"{collection.name}/manifests/{manifest_name(version)}"
        try:
            is_old = version not in versions[-KEPT_MANIFESTS:] and _age(collection, name, moment) > grace.readers
            (doomed if is_old else kept).append(collection.manifest(version))
        except (CorruptManifest, FileNotFoundError):
            return Collected(0, 0, 0)
    for manifest in doomed:  # ascending
        if collection.identity() != identity:  # the collection was made anew, with other versions of these numbers
            break
        collection.storage.delete(f"{collection.name}/manifests/{manifest_name(manifest.version)}")
    before = moment - grace.writers
    _sweep_temporary(collection, before)
    history = _history([*doomed, *kept])
    superseded = [manifest for manifest in doomed if manifest.version in history]
    return Collected(
        manifests=len(doomed),
        segments=_sweep(collection, "segments", _segments(kept), _segments(superseded), before),
        snapshots=_sweep(
            collection,
            "snapshots",
            {manifest.snapshot for manifest in kept},
            {manifest.snapshot for manifest in superseded},
            before,
        ),
    )


def _history(manifests: Sequence[Manifest]) -> set[int]:
    """Return the versions among `manifests` that the version after them was made from.

    Other versions are ghosts, created under a name that had been freed. Their writer is about to remove them and to
    commit their segments again.
    """
    return {
        earlier.version
        for earlier, later in pairwise(manifests)
        if later.version == earlier.version + 1 and later.parent == earlier.checksum
    }


def _segments(manifests: Iterable[Manifest]) -> set[str]:
    return {name for manifest in manifests for name in manifest.segment_names()}


def _age(collection: Collection, name: str, moment: float) -> float:
    return moment - collection.storage.modified(name)


def _sweep_temporary(collection: Collection, before: float) -> None:
    """Remove temporary files older than `before` (Unix seconds), which an interrupted `Storage.create` has left."""
    for name in collection.storage.list(f"{collection.name}/tmp"):
        place = f"{collection.name}/tmp/{name}"
        try:
            if collection.storage.modified(place) < before:
                collection.storage.delete(place)
        except FileNotFoundError:
            continue


def _sweep(collection: Collection, folder: str, named: set[str], superseded: set[str], before: float) -> int:
    """Remove entries of `folder` that no kept manifest names, and return their number.

    An entry is removed if it is superseded, or if it is older than `before` (Unix seconds) both by the time in its name
    and by the clock of the storage.
    """
    removed = 0
    for name in collection.storage.list(f"{collection.name}/{folder}"):
        if name in named:
            continue
        place = f"{collection.name}/{folder}/{name}"
        try:
            if name in superseded:
                removed += collection.storage.remove(place)
                continue
            modified = collection.storage.modified(place)
            if max(ulid_seconds(name), modified) < before:
                removed += collection.storage.remove(place, unchanged_since=modified)
        except FileNotFoundError:
            continue
    return removed
