"""Garbage collection: what no version that may still be read or written names is removed.

Kept are the newest manifests and those that are younger than the readers' grace time, with all that they name. Of the
rest manifests go first, the oldest before the others, so that a reader that finds its manifest finds its files as
well, then what they alone named. A reader whose files are gone opens the newest version. Segments and snapshots that no
manifest names may be those of a run that has yet to commit: they go once they are older than the writers' grace time.
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


class Grace(NamedTuple):
    """How long what is superseded, and what no one has committed, stays: seconds."""

    readers: float
    writers: float


LOCAL_GRACE = Grace(readers=60.0, writers=3600.0)
REMOTE_GRACE = Grace(readers=24 * 3600.0, writers=24 * 3600.0)
"""On an object store, whose clock, readers and writers are further away."""


class Collected(NamedTuple):
    """How many were removed."""

    manifests: int
    segments: int
    snapshots: int


def grace_of(location: str) -> Grace:
    """The grace times of a storage."""
    return REMOTE_GRACE if is_url(location) else LOCAL_GRACE


def collect_garbage(collection: Collection, grace: Grace, now: float | None = None) -> Collected:
    """Remove the garbage of a collection; only its owner may. `now` in Unix seconds.

    Nothing is removed where a manifest that is to be kept cannot be read. Raises `StorageError`.
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
        if collection.identity() != identity:  # it was removed, and its versions are not these any more
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
    """Versions that the next one was made from. Others are ghosts, put under a name that had been freed: their writer
    is about to take them back and to commit what they name again."""
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
    """Remove what an interrupted `create` left."""
    for name in collection.storage.list(f"{collection.name}/tmp"):
        place = f"{collection.name}/tmp/{name}"
        try:
            if collection.storage.modified(place) < before:
                collection.storage.delete(place)
        except FileNotFoundError:
            continue


def _sweep(collection: Collection, folder: str, named: set[str], superseded: set[str], before: float) -> int:
    """Remove what is not named and either superseded or older than `before`, by its name and by the storage's clock;
    and count it."""
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
