"""Marks of objects that garbage collection is about to remove, which keep it and a commit apart without a clock.

Garbage collection names the objects in a mark first, then looks for versions that were committed meanwhile, and removes
only what none of them names. A writer creates its manifest first, then looks for marks. Whoever is second sees the
other: the writer finds the mark and withdraws, or garbage collection finds the manifest and keeps the objects.
"""

from __future__ import annotations

from collections.abc import Iterable

from raycontext.errors import CorruptManifest
from raycontext.store.collection import Collection
from raycontext.store.manifest import FORMAT, decode_sealed, encode_sealed
from raycontext.ulid import new_ulid

__all__ = ["condemn", "condemned_names", "remove_settled", "spare"]

FOLDER = "condemned"
"""Folder of the marks, in the collection's folder."""


def condemn(collection: Collection, names: Iterable[str]) -> str:
    """Mark segments and snapshots, given by name, and return the name of the mark. Raises `StorageError`."""
    mark = new_ulid()
    body = {"format": FORMAT, "names": sorted(names)}
    collection.storage.create(_place(collection, mark), encode_sealed("condemned", body))
    return mark


def spare(collection: Collection, mark: str) -> None:
    """Remove a mark, once its objects are removed or it is clear that they stay. Raises `StorageError`."""
    collection.storage.delete(_place(collection, mark))


def condemned_names(collection: Collection) -> set[str]:
    """Return the names in all marks. Raises `StorageError`."""
    return {name for names in _marks(collection).values() for name in names}


def remove_settled(collection: Collection, existing: set[str]) -> None:
    """Remove marks that an interrupted collection has left, once none of their objects is `existing` any more.

    Raises `StorageError`.
    """
    for mark, names in _marks(collection).items():
        if existing.isdisjoint(names):
            spare(collection, mark)


def _marks(collection: Collection) -> dict[str, list[str]]:
    """Return the names in each mark; none for a damaged one."""
    found = {}
    for mark in collection.storage.list(f"{collection.name}/{FOLDER}"):
        place = _place(collection, mark)
        try:
            body = decode_sealed("condemned", place, collection.storage.read(place))
            found[mark] = [str(name) for name in body["names"]]
        except FileNotFoundError:  # its collection of garbage has ended
            continue
        except (CorruptManifest, KeyError, TypeError):  # no mark is ever half written: nobody relies on this one
            found[mark] = []
    return found


def _place(collection: Collection, mark: str) -> str:
    return f"{collection.name}/{FOLDER}/{mark}"
