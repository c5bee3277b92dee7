"""Garbage collection: the removal of files that no kept version names.

The newest manifests are kept, and so are those that are younger than the readers' grace time, with all that they name.
All other manifests are removed first, in ascending order, so that a reader that finds a manifest finds its files as
well. Then the files go that only these manifests named. A reader whose files are gone opens the newest version.

Segments and snapshots that no manifest names may belong to a run that has yet to commit. They are removed once they are
older than the writers' grace time. An age is the difference of two times of the storage; no clock of a machine counts.
Where the clock of the storage jumps, objects may count as old too early. Then the marks of `condemned` keep each commit
whole: its writer withdraws it, and the run is planned again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from raycontext.errors import CorruptManifest
from raycontext.store.collection import Collection
from raycontext.store.condemned import condemn, remove_settled, spare
from raycontext.store.manifest import Manifest, manifest_name
from raycontext.store.storage.locations import is_url
from raycontext.ulid import is_ulid, new_ulid

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

    `now` is the time in Unix seconds, by default that of the storage. Nothing is removed where a manifest cannot be
    read. Raises `StorageError`.
    """
    identity = collection.identity()
    moment = _now(collection) if now is None else now
    if moment is None:
        return Collected(0, 0, 0)
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
    garbage = [
        *_garbage(collection, "segments", _segments(kept), _segments(superseded), before),
        *_garbage(collection, "snapshots", _snapshots(kept), _snapshots(superseded), before),
    ]
    removed = _remove(collection, garbage, set(versions))
    return Collected(len(doomed), removed.count("segments"), removed.count("snapshots"))


def _now(collection: Collection) -> float | None:
    """Return the time of the storage in Unix seconds: that of an object which is written for this.

    Return None where the object is gone at once, since others remove the collection, or what they take for old.
    """
    place = f"{collection.name}/tmp/{new_ulid()}"
    collection.storage.create(place, b"")
    try:
        return collection.storage.modified(place)
    except FileNotFoundError:
        return None
    finally:
        collection.storage.delete(place)


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
    """Return the names of all segments of some versions."""
    return {name for manifest in manifests for name in manifest.segment_names()}


def _snapshots(manifests: Iterable[Manifest]) -> set[str]:
    """Return the names of all snapshots of some versions."""
    return {name for manifest in manifests for name in manifest.snapshot_names()}


def _age(collection: Collection, name: str, moment: float) -> float:
    """Return the age of an object in seconds."""
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


class _Garbage(NamedTuple):
    """Segment or snapshot that is to be removed."""

    folder: str
    name: str
    unchanged_since: float | None
    """Time of its last change, in Unix seconds; None where it goes in any case."""


def _garbage(
    collection: Collection, folder: str, named: set[str], superseded: set[str], before: float
) -> list[_Garbage]:
    """Return the entries of `folder` that no kept manifest names, and that are superseded or were last changed before
    the time `before` of the storage (Unix seconds)."""
    found = []
    for name in collection.storage.list(f"{collection.name}/{folder}"):
        if name in named or not is_ulid(name):
            continue
        if name in superseded:
            found.append(_Garbage(folder, name, None))
            continue
        try:
            modified = collection.storage.modified(f"{collection.name}/{folder}/{name}")
        except FileNotFoundError:
            continue
        if modified < before:
            found.append(_Garbage(folder, name, modified))
    return found


def _remove(collection: Collection, garbage: Sequence[_Garbage], known: set[int]) -> list[str]:
    """Remove objects that no version names, not even one that is committed meanwhile. Return the folder of each.

    `known` holds the versions that are known not to name them.
    """
    existing = {
        name for folder in ("segments", "snapshots") for name in collection.storage.list(f"{collection.name}/{folder}")
    }
    remove_settled(collection, existing)
    if not garbage:
        return []
    mark = condemn(collection, [entry.name for entry in garbage])
    removed = []
    named = _named_since(collection, known)
    for entry in garbage if named is not None else ():
        place = f"{collection.name}/{entry.folder}/{entry.name}"
        try:
            is_free = entry.name not in (named or ())
            if is_free and collection.storage.remove(place, unchanged_since=entry.unchanged_since):
                removed.append(entry.folder)
        except FileNotFoundError:
            continue
    spare(collection, mark)
    return removed


def _named_since(collection: Collection, known: set[int]) -> set[str] | None:
    """Return what versions beside the `known` ones name; None where one of them cannot be read."""
    named: set[str] = set()
    for version in set(collection.versions()) - known:
        try:
            manifest = collection.manifest(version)
        except FileNotFoundError:  # its writer has withdrawn it
            continue
        except CorruptManifest:
            return None
        named |= manifest.snapshot_names() | manifest.segment_names()
    return named
