"""Catalog of a root: which collections there are, and which of them a path belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePath, PureWindowsPath

from raycontext.discover.commits.names import is_name_of_commit, is_source_of_commit
from raycontext.discover.trees import folder_of
from raycontext.errors import CollectionExists, CorruptManifest, InvalidInput, UnknownCollection, UnsupportedFormat
from raycontext.models import CollectionSummary, IndexOptions
from raycontext.store.collection import (
    Collection,
    CollectionIdentity,
    collection_folders,
    collection_names,
    each_of,
    is_collection,
)
from raycontext.store.commit_collections import note_use, unused_beyond
from raycontext.store.kept_catalog import MOST_BEHIND, KeptCatalog, KnownCollection
from raycontext.store.manifest import Manifest
from raycontext.store.new_names import names_for
from raycontext.store.storage.base import Storage

__all__ = ["Catalog", "options_of_folder", "several"]


class Catalog:
    """Finder of collections on a storage. Each call answers for the moment at which it is made.

    What it has read of a collection it does not read again while that has not changed; see `KeptCatalog`.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._kept = KeptCatalog(storage)

    def names(self) -> list[str]:
        """Return the names of all collections, also of those that cannot be read, sorted. Those of commits are hidden:
        who names a ref gets them."""
        return [name for name in self._all_names() if not self._is_of_commit(name)]

    def of_commits(self) -> list[str]:
        """Return the names of the collections of commits, sorted."""
        return [name for name in self._all_names() if self._is_of_commit(name)]

    def _all_names(self) -> list[str]:
        listed = collection_folders(self._storage)
        known = self._kept.identities(listed)
        others = [name for name in listed if name not in known]
        found = each_of(self._storage, lambda name: is_collection(self._storage, name), others)
        return sorted([*known, *(name for name, is_there in zip(others, found, strict=True) if is_there)])

    def unused_commits(self, limit: int, kept: str) -> list[str]:
        """Return the collections of commits that are to go so that the others take at most `limit` bytes; see
        `unused_beyond`."""
        return unused_beyond(self._storage, self.of_commits(), limit, kept)

    def _is_of_commit(self, name: str) -> bool:
        """Return whether a collection is of a commit. Its source is asked only where its name looks like that."""
        if not is_name_of_commit(name):
            return False
        try:
            return is_source_of_commit(Collection(self._storage, name).identity().source)
        except (UnknownCollection, CorruptManifest, UnsupportedFormat):
            return False

    def identities(self) -> list[CollectionIdentity]:
        """Return the identities of all collections that can be read, sorted by name."""
        listed = collection_folders(self._storage)
        known = self._kept.identities(listed)
        if len(listed) - len(known) >= MOST_BEHIND:
            self.summaries()  # they are kept, so that the next call has to read little
            known = self._kept.identities(listed)
        others = [name for name in listed if name not in known]
        read = each_of(self._storage, self._identity, others)
        return sorted([*known.values(), *(identity for identity in read if identity is not None)])

    def summaries(self) -> list[CollectionSummary]:
        """Return a summary of each collection of `names`; that of a damaged one says what to do.

        A collection without a readable commit has version 0 and no files.
        """
        listed = collection_folders(self._storage)
        known = self._kept.summaries(listed)
        others = [name for name in listed if name not in known]
        read = [found for found in each_of(self._storage, self._read, others) if found is not None]
        self._kept.keep(listed, [row for _, row in read if row is not None])
        found = [*known.values(), *(summary for summary, _ in read)]
        shown = [each for each in found if not (is_name_of_commit(each.name) and is_source_of_commit(each.source))]
        return sorted(shown, key=lambda summary: summary.name)

    def _identity(self, name: str) -> CollectionIdentity | None:
        """Return the identity of a collection; None where it cannot be read."""
        if not is_collection(self._storage, name):
            return None
        try:
            return Collection(self._storage, name).identity()
        except (UnknownCollection, CorruptManifest, UnsupportedFormat):  # removed meanwhile, or not ours to read
            return None

    def _read(self, name: str) -> tuple[CollectionSummary, KnownCollection | None] | None:
        """Read the summary of a collection, and what to keep of it; None where it is none or was removed meanwhile."""
        if not is_collection(self._storage, name):
            return None
        collection = Collection(self._storage, name)
        identity: CollectionIdentity | None = None
        manifest: Manifest | None = None
        problem = ""
        try:
            manifest = collection.latest()
        except UnknownCollection:
            return None
        except (CorruptManifest, UnsupportedFormat) as error:
            problem = str(error)
        try:
            identity = collection.identity()
        except UnknownCollection:
            return None
        except (CorruptManifest, UnsupportedFormat) as error:
            problem = str(error)
        summary = CollectionSummary(
            name=name,
            source=identity.source if identity else manifest.source if manifest else "",
            version=manifest.version if manifest else 0,
            files=manifest.files if manifest else 0,
            chunks=manifest.chunks if manifest else 0,
            indexed_at=manifest.committed_at if manifest else "",
            problem=problem,
        )
        row = self._kept.known(identity, summary) if identity is not None and not problem else None
        return summary, row if row is not None and self._identity(name) == identity else None

    def containing(self, path: str) -> CollectionIdentity | None:
        """Return the collection whose source is the absolute `path` or the nearest folder above it, else None."""
        place = PurePath(path)
        above = {_comparable(str(folder)) for folder in (place, *place.parents)}
        found = [identity for identity in self.identities() if _comparable(identity.source) in above]
        return max(found, key=lambda identity: len(identity.source), default=None)

    def of_source(self, source: str) -> CollectionIdentity | None:
        """Return the collection whose source is exactly the absolute folder `source`, else None."""
        place = _comparable(source)
        return next((identity for identity in self.identities() if _comparable(identity.source) == place), None)

    def options_for_commit(self, collection: str, source: str) -> tuple[IndexOptions | None, bool]:
        """Return the options of the collection of the folder that a commit's source names, None where there is none
        that can be read, and whether the commit's `collection` has a version. Note that this one is used now."""
        note_use(self._storage, collection)
        is_there = bool(Collection(self._storage, collection).versions())
        return options_of_folder(self._storage, source), is_there

    def resolve(self, collection: str | None, path: str | None, fallback: str) -> CollectionIdentity:
        """Return the collection that a caller means.

        It is the one called `collection`; without a name the one that contains `path`; without a path the one that
        contains the folder `fallback`, else the only one there is. Paths are absolute. Raises `UnknownCollection` where
        nothing fits, `InvalidInput` where the choice is not clear or the name is not valid.
        """
        if collection is not None:
            return Collection(self._storage, collection).identity()
        found = self.containing(path if path is not None else fallback)
        if found is not None:
            return found
        names = tuple(self.names())
        if path is not None or not names:
            raise UnknownCollection(path or fallback, names)
        if len(names) > 1:
            raise several(names)
        return Collection(self._storage, names[0]).identity()

    def prepare(self, source: str, collection: str | None, *, force: bool = False) -> CollectionIdentity:
        """Return the collection that indexes the absolute folder `source`, created where it does not exist.

        Without the name `collection` it is the one that has this source, else a new one that `names_for` names. Raises
        `CollectionExists` where the named collection has another source, `InvalidInput` where the name is not valid.

        force: a named collection without a description is described anew also where no version of it can be read.
        """
        if collection is not None:
            named = Collection(self._storage, collection)
            with suppress(*((CorruptManifest, UnsupportedFormat) if force else ())):
                named.describe_again()
            return named.create(source)
        # Listed first: a collection that another process makes for this source is found below, or has the name we try.
        if is_source_of_commit(source):
            raise InvalidInput("The tree of a commit has no collection of this name", "Give its ref to `index`.")
        taken = set(collection_names(self._storage))
        found = self.of_source(source) or self._undescribed(source, taken)
        if found is not None:
            return found
        *names, last = names_for(source, PurePath)
        for name in names:
            if name not in taken:
                with suppress(CollectionExists):  # another process has just made it for another source
                    return Collection(self._storage, name).create(source)
        return Collection(self._storage, last).create(source)

    def _undescribed(self, source: str, names: set[str]) -> CollectionIdentity | None:
        """Return the collection among `names` that indexes a source and has lost its description, which is written
        anew; None where there is none."""
        for name in sorted(names.difference(identity.name for identity in self.identities())):
            collection = Collection(self._storage, name)
            with suppress(UnknownCollection, CorruptManifest, UnsupportedFormat):
                if collection.describe_again(source):
                    return collection.identity()
        return None


def options_of_folder(storage: Storage, source: str) -> IndexOptions | None:
    """Return the options of the collection of the folder in whose repository a commit lies, None where there is none
    that can be read. `source`: that of a collection of the commit."""
    found = Catalog(storage).of_source(folder_of(source))
    try:
        manifest = Collection(storage, found.name).latest() if found is not None else None
    except (UnknownCollection, CorruptManifest, UnsupportedFormat):
        return None
    return manifest.options if manifest is not None else None


def _comparable(source: str) -> str | PurePath:
    """Return an absolute path in a form that equals that of the same path. Windows ignores case and kind of slash."""
    if isinstance(PurePath(), PureWindowsPath):
        return PurePath(source)
    return source  # as `real_path` returns it; a `PurePath` of each source would take most of the time


def several(names: Sequence[str]) -> InvalidInput:
    """Return the error to raise where nothing says which of several collections is meant."""
    return InvalidInput(f"{len(names)} collections are indexed here", f"Name one of them: {', '.join(names)}.")
