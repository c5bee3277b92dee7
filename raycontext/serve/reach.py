"""What a caller of the daemon may reach: folders, and the collections whose sources lie in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from raycontext.discover.commits.repository import open_repository
from raycontext.discover.trees import folder_of
from raycontext.errors import PathNotAllowed, UnknownCollection
from raycontext.store.catalog import several

__all__ = ["Reach", "chosen", "is_inside", "known_of"]


class Reach:
    """Bounds of a caller. Without bounds, for the owner alone, everything may be reached.

    A collection that lies outside is treated like one that does not exist, so that nothing tells of it.
    """

    def __init__(self, folders: Sequence[str] | None = None) -> None:
        """Bound a caller to what lies in `folders`. None sets no bounds. Links of these paths are resolved once."""
        self._folders = None if folders is None else tuple(os.path.realpath(folder) for folder in folders)

    @property
    def is_bounded(self) -> bool:
        """Whether there is anything that the caller may not reach."""
        return self._folders is not None

    def includes(self, source: str) -> bool:
        """Return whether a folder that a root or a job names may be reached. Its path may hold links."""
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
