"""What a caller of the daemon may reach: folders, and the collections whose sources lie in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from raycontext.discover.commits.repository import open_repository
from raycontext.discover.trees import folder_of
from raycontext.errors import InvalidInput, PathNotAllowed, RequestRefused, UnknownCollection
from raycontext.files.paths import real_path
from raycontext.store.catalog import several

__all__ = ["Reach", "absolute_place", "chosen", "is_inside", "known_of"]


class Reach:
    """Bounds of a caller. Without bounds, for the owner alone, everything may be reached.

    A collection that lies outside is treated like one that does not exist, so that nothing tells of it.
    """

    def __init__(
        self,
        folders: Sequence[str] | None = None,
        collections: Sequence[str] | None = None,
        *,
        writes: bool = True,
    ) -> None:
        """Bound a caller to what lies in `folders` and to `collections`. None sets no bounds.

        folders: links of these paths are resolved once. collections: names with the wildcards of a shell. writes:
        whether the caller may change anything.
        """
        self._folders = None if folders is None else tuple(os.path.realpath(folder) for folder in folders)
        self._collections = None if collections is None else tuple(collections)
        self._writes = writes

    @property
    def is_bounded(self) -> bool:
        """Whether there is anything that the caller may not reach."""
        return self._folders is not None or self._collections is not None

    @property
    def names_collections(self) -> bool:
        """Whether the names of collections say what may be reached."""
        return self._collections is not None

    def check_writes(self, collection: str | None = None) -> None:
        """Raise `RequestRefused` where the caller may not change anything, or not this collection.

        collection: name of the collection that the change is for; None where that is not known.
        """
        if not self._writes:
            raise RequestRefused(403, "ReadOnly", "This token may only read", "Ask its operator for another one.")
        if self._collections is not None and not (collection and self.admits(collection)):
            raise RequestRefused(
                403,
                "CollectionNotAllowed",
                "This token is for some collections only",
                "Name one of them with `collection`.",
            )

    def admits(self, collection: str) -> bool:
        """Return whether a collection may be reached as far as its name says."""
        return self._collections is None or any(fnmatchcase(collection, pattern) for pattern in self._collections)

    def covers(self, collection: str, source: str) -> bool:
        """Return whether a collection may be reached whose source is a path without links. No file is looked at."""
        return self.admits(collection) and self.holds(source)

    def includes(self, collection: str, source: str) -> bool:
        """Return whether a collection of the root may be reached. The path of its source may hold links."""
        if not self.admits(collection):
            return False
        if self._folders is None:
            return True
        # Of a damaged collection no source is known.
        return bool(source) and self.holds(os.path.realpath(folder_of(source)))

    def check_repository(self, source: str) -> None:
        """Raise `PathNotAllowed` for the source of a commit whose repository lies outside of the bounds. The folder may
        point to a repository that is elsewhere."""
        if self._folders is not None:
            self.check_place(open_repository(folder_of(source)).common, folder_of(source))

    def check_place(self, place: str, given: str) -> None:
        """Raise `PathNotAllowed` for a path outside of the bounds.

        place: path without links. given: the path as the caller gave it, for the error.
        """
        if not self.holds(place):
            raise PathNotAllowed(given)

    def holds(self, place: str) -> bool:
        """Return whether a path without links may be reached. No file is looked at: this is for an event loop."""
        return self._folders is None or any(is_inside(folder_of(place), folder) for folder in self._folders)


def chosen(sources: Mapping[str, str], collection: str | None, place: str | None) -> str:
    """Return the name of the collection that is meant, out of some (name to source).

    It is the one called `collection`; else the one that holds the path `place`, the nearest where there are several;
    without both it is the only one. Raises `UnknownCollection`, and `InvalidInput` where the choice is not clear.
    """
    names = tuple(sorted(sources))
    if collection is not None:
        if collection not in sources:
            raise UnknownCollection(collection, names)
        return collection
    if place is not None:
        holding = [name for name in names if is_inside(place, sources[name])]
        if not holding:
            raise UnknownCollection(place, names)
        return max(holding, key=lambda name: len(sources[name]))
    if len(names) > 1:
        raise several(names)
    if not names:
        raise UnknownCollection("*", ())
    return names[0]


def is_inside(path: str | None, folder: str) -> bool:
    """Return whether `path` is the folder or lies below it. Both are absolute; None lies nowhere."""
    return path is not None and (path == folder or Path(folder) in Path(path).parents)


def known_of(names: Iterable[str], sources: Mapping[str, str]) -> tuple[str, ...]:
    """Return those of some names that are among `sources`, sorted."""
    return tuple(sorted(sources.keys() & set(names)))


def absolute_place(path: str) -> str:
    """Return an absolute path with links resolved. Raises `InvalidInput` for a relative path."""
    if not os.path.isabs(os.path.expanduser(path)):  # noqa: PTH111, PTH117 - of os.path, for any name is a name
        raise InvalidInput(f"'{path}' is not an absolute path", "Give the whole path, from / on.")
    return real_path(path)
