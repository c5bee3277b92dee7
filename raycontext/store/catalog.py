"""Which collections a root has, and which of them a path belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePath

import xxhash

from raycontext.errors import CollectionExists, CorruptManifest, InvalidInput, UnknownCollection, UnsupportedFormat
from raycontext.models import CollectionSummary
from raycontext.store.collection import Collection, CollectionIdentity, collection_names
from raycontext.store.storage.base import Storage

__all__ = ["Catalog", "several"]


class Catalog:
    """Looks collections up on a storage; keeps nothing."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def identities(self) -> list[CollectionIdentity]:
        """All collections that can be read, by name."""
        found = []
        for name in collection_names(self._storage):
            try:
                found.append(Collection(self._storage, name).identity())
            except (UnknownCollection, CorruptManifest, UnsupportedFormat):  # removed meanwhile, or not ours to read
                continue
        return found

    def summaries(self) -> list[CollectionSummary]:
        """A line for each collection that holds a commit, by name."""
        summaries = []
        for identity in self.identities():
            try:
                manifest = Collection(self._storage, identity.name).latest()
            except (UnknownCollection, CorruptManifest, UnsupportedFormat):
                manifest = None
            summaries.append(
                CollectionSummary(
                    name=identity.name,
                    source=identity.source,
                    version=manifest.version if manifest else 0,
                    files=manifest.files if manifest else 0,
                    chunks=manifest.chunks if manifest else 0,
                    indexed_at=manifest.committed_at if manifest else "",
                )
            )
        return summaries

    def containing(self, path: str) -> CollectionIdentity | None:
        """The collection whose source is `path` (absolute) or the nearest folder above it."""
        place = PurePath(path)  # which knows drives, and where case does not count
        above = {place, *place.parents}
        found = [identity for identity in self.identities() if PurePath(identity.source) in above]
        return max(found, key=lambda identity: len(identity.source), default=None)

    def of_source(self, source: str) -> CollectionIdentity | None:
        """The collection whose source is exactly this folder (absolute)."""
        place = PurePath(source)
        return next((identity for identity in self.identities() if PurePath(identity.source) == place), None)

    def resolve(self, collection: str | None, path: str | None, fallback: str) -> CollectionIdentity:
        """The collection that a caller means: by name, by a path in it, else that of the folder `fallback`, else the
        only one. Raises `UnknownCollection`, `InvalidInput`."""
        if collection is not None:
            return Collection(self._storage, collection).identity()
        found = self.containing(path if path is not None else fallback)
        if found is not None:
            return found
        names = tuple(collection_names(self._storage))
        if path is not None or not names:
            raise UnknownCollection(path or fallback, names)
        if len(names) > 1:
            raise several(names)
        return Collection(self._storage, names[0]).identity()

    def prepare(self, source: str, collection: str | None) -> CollectionIdentity:
        """The collection to index `source` (absolute) into, created if need be.

        Without a name it is the one that has this source, else a new one named after the folder. Raises
        `CollectionExists` where the given name has another source, `InvalidInput` where it is no name.
        """
        if collection is not None:
            return Collection(self._storage, collection).create(source)
        # Listed first: whoever makes it for this source meanwhile is found below, or has made the name that we try.
        taken = set(collection_names(self._storage))
        found = self.of_source(source)
        if found is not None:
            return found
        name = re.sub(r"[^a-z0-9._-]+", "-", PurePath(source).name.lower()).strip("-._")[:80] or "root"
        if name not in taken:
            with suppress(CollectionExists):  # another source was faster
                return Collection(self._storage, name).create(source)
        name = f"{name}-{xxhash.xxh3_64_hexdigest(source.encode(errors='surrogateescape'))[:8]}"
        return Collection(self._storage, name).create(source)


def several(names: Sequence[str]) -> InvalidInput:
    """The error where nothing says which of several collections is meant."""
    return InvalidInput(f"{len(names)} collections are indexed here", f"Name one of them: {', '.join(names)}.")
