"""Catalogue of a root: what is known of all its collections, in one object, so that no other one has to be read.

    <root>/CATALOG/<version>.json     put-if-absent, like manifests; a text of rows with a checksum

It is derived. A row counts as long as the objects that it was read from have the stamps that it notes, and no later
manifest is there. Whoever finds many rows behind writes the next version; whoever cannot write, or finds a version that
cannot be read, does without. Storages that cannot tell stamps have no catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from raycontext.errors import StorageError, UnsupportedFormat
from raycontext.models import CollectionSummary
from raycontext.store.collection import IDENTITY, CollectionIdentity
from raycontext.store.manifest import FORMAT, decode_sealed, encode_sealed, manifest_name, manifest_version
from raycontext.store.storage.base import Storage

__all__ = ["CATALOG", "MOST_BEHIND", "KeptCatalog", "KnownCollection"]

CATALOG = "CATALOG"
"""Folder of the catalogue's versions. No collection can have this name."""
MOST_BEHIND = 64
"""Largest number of collections that a catalogue may lack or have old rows of before its next version is written."""


class KnownCollection(NamedTuple):
    """What was read of a collection, and the stamps of the objects that it was read from."""

    identity: CollectionIdentity
    summary: CollectionSummary
    identity_stamp: str
    manifest_stamp: str
    """Stamp of the newest manifest; "" before the first commit."""
    places: tuple[str, str, str]
    """Names of the collection's description, of its newest manifest and of the next one."""

    def row(self) -> list[Any]:
        """Return the row of the catalogue."""
        found = self.summary
        read = (found.version, found.files, found.chunks, found.indexed_at)
        return [*self.identity, *read, self.identity_stamp, self.manifest_stamp]

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> KnownCollection:
        """Return what a row holds. Raises `ValueError`, `TypeError` or `KeyError` for what is no row."""
        name, source, own_id, version, files, chunks, indexed_at, identity_stamp, manifest_stamp = row
        if not isinstance(identity_stamp, str) or not isinstance(manifest_stamp, str) or not isinstance(own_id, str):
            raise TypeError(row)
        summary = CollectionSummary(
            name=name, source=source, version=version, files=files, chunks=chunks, indexed_at=indexed_at
        )
        identity = CollectionIdentity(name, source, own_id)
        return cls(identity, summary, identity_stamp, manifest_stamp, _places(name, version))


class KeptCatalog:
    """What this process knows of the collections of a storage. It begins with the newest catalogue there."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._rows: dict[str, KnownCollection] | None = None
        self._written: dict[str, KnownCollection] = {}

    def identities(self, names: Sequence[str]) -> dict[str, CollectionIdentity]:
        """Return the identities, by name, of those collections of which a row is known that still counts."""
        known = self._known(names)
        stamps = self._storage.stamps([each.places[0] for each in known]) or [""] * len(known)
        return {
            each.identity.name: each.identity
            for each, stamp in zip(known, stamps, strict=True)
            if stamp == each.identity_stamp
        }

    def summaries(self, names: Sequence[str]) -> dict[str, CollectionSummary]:
        """Return the summaries, by name, of those collections of which a row is known that still counts."""
        known = self._known(names)
        places = [place for each in known for place in each.places]
        stamps = self._storage.stamps(places) or [""] * len(places)
        return {
            each.identity.name: each.summary
            for each, found in zip(known, zip(*[iter(stamps)] * 3, strict=True), strict=True)
            if found == (each.identity_stamp, each.manifest_stamp, "")
        }

    def known(self, identity: CollectionIdentity, summary: CollectionSummary) -> KnownCollection | None:
        """Return the row of a collection that was just read; None where it is not fit to be kept.

        The caller reads the identity once more afterwards: where that is the same, so were all objects in between.
        """
        places = _places(identity.name, summary.version)
        stamps = self._storage.stamps(places)
        if stamps is None or not stamps[0] or stamps[2] or bool(stamps[1]) != bool(summary.version):
            return None
        return KnownCollection(identity, summary, stamps[0], stamps[1], places)

    def keep(self, names: Iterable[str], read: Iterable[KnownCollection]) -> None:
        """Note what was read, forget what is not among the `names` of the root, and write what lags far behind."""
        rows = (self._rows or {}) | {row.identity.name: row for row in read}
        self._rows = {name: rows[name] for name in names if name in rows}
        behind = sum(self._written.get(name) != row for name, row in self._rows.items())
        if behind >= MOST_BEHIND:
            with suppress(StorageError):  # a root that is only read has no catalogue of ours
                self._write(self._rows)

    def _known(self, names: Sequence[str]) -> list[KnownCollection]:
        if self._rows is None:
            self._rows = self._written = self._read()
        return [self._rows[name] for name in names if name in self._rows]

    def _read(self) -> dict[str, KnownCollection]:
        """Return the rows of the newest catalogue; none where it cannot be read."""
        if self._storage.stamps([]) is None:
            return {}
        with suppress(StorageError, FileNotFoundError, UnsupportedFormat, ValueError, TypeError, KeyError):
            for version in self._versions()[-1:]:
                name = f"{CATALOG}/{manifest_name(version)}"
                rows = decode_sealed("catalog", name, self._storage.read(name))["rows"]
                return {row[0]: KnownCollection.of_row(row) for row in rows}
        return {}

    def _write(self, rows: dict[str, KnownCollection]) -> None:
        """Write the next version and remove those before the one before it. Another one may be faster."""
        versions = self._versions()
        version = versions[-1] + 1 if versions else 1
        body = {"format": FORMAT, "rows": [row.row() for row in rows.values()]}
        self._storage.create(f"{CATALOG}/{manifest_name(version)}", encode_sealed("catalog", body))
        self._written = rows
        for old in versions[:-1]:
            self._storage.delete(f"{CATALOG}/{manifest_name(old)}")

    def _versions(self) -> list[int]:
        found = (manifest_version(name) for name in self._storage.list(CATALOG))
        return sorted(version for version in found if version is not None)


def _places(name: str, version: int) -> tuple[str, str, str]:
    """Return the names of a collection's description, of its newest manifest and of the next one."""
    manifests = f"{name}/manifests"
    return f"{name}/{IDENTITY}", f"{manifests}/{manifest_name(version)}", f"{manifests}/{manifest_name(version + 1)}"
