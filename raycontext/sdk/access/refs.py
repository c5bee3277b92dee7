"""Commits of repositories, which are indexed and searched without a checkout: by branch, tag or commit."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import NamedTuple

from raycontext.actors.coordinator import Coordinator
from raycontext.discover.commits.changes import Changed, changed_lines
from raycontext.discover.commits.names import is_source_of_commit
from raycontext.discover.commits.repository import open_repository, outside_rules, resolve_ref
from raycontext.discover.trees import folder_of
from raycontext.errors import InvalidInput, UnknownCollection
from raycontext.files.paths import real_path
from raycontext.index.reuse.own_sources import is_own_source
from raycontext.models import IndexOptions
from raycontext.sdk.access.estimate import EstimateAccess
from raycontext.sdk.arguments import check_exists

__all__ = ["RefAccess", "RefTarget", "target_in"]


class RefTarget(NamedTuple):
    """Collection of a commit, which may not be indexed yet."""

    collection: str
    """Name of the collection."""
    source: str
    """Source of the collection, as `CommitSource` writes it."""
    inside: str = ""
    """File or folder in the tree that is meant, relative to its top; "" for all of it."""


def target_in(folder: str, ref: str, inside: str = "") -> RefTarget:
    """Return the collection of the commit that `ref` means now for an absolute folder without links.

    It runs git, which blocks: call it in a thread. Raises `InvalidInput`, `RefNotFound` or `CommitUnreadable`.
    """
    commit = resolve_ref(folder, ref)
    rules = outside_rules(open_repository(folder)).digest
    return RefTarget(commit.collection(rules), str(commit), inside)


class RefAccess(EstimateAccess):
    """Resolution of refs: what `Context` needs to index and search commits."""

    _complete: dict[str, IndexOptions | None]
    """Options of the folder's collection when a commit was last found to be indexed whole, by the commit's collection.
    """

    async def _target_of(self, ref: str, collection: str | None = None, path: str | Path | None = None) -> RefTarget:
        """Return the collection of the commit that a branch, a tag or a commit means now. It may not be indexed yet.

        collection, path: like those of `search`. Without a collection, the repository is that of the path, or of the
        current folder. Raises `InvalidInput`, `RefNotFound`, `CommitUnreadable`, `UnknownCollection` or `PathNotFound`.
        """
        folder, inside = await self._folder_of(collection, path)
        return await asyncio.to_thread(target_in, folder, ref, inside)

    async def _changed(self, changed: str, collection: str | None, path: str | Path | None) -> Changed:
        """Return what differs between two commits; see `changed_lines`. The other arguments are like those of
        `_target_of`."""
        folder, _ = await self._folder_of(collection, path)
        return await asyncio.to_thread(changed_lines, folder, changed)

    async def _is_complete(self, target: RefTarget) -> bool:
        """Return whether this context has indexed a commit whole, with the options of today."""
        if target.collection not in self._complete:
            return False
        coordinator = await self._coordinator()
        options, exists = await coordinator.call(Coordinator.options_for_commit, target.collection, target.source)
        return exists and self._complete[target.collection] == options

    async def _note_complete(self, target: RefTarget) -> None:
        """Note that a commit was indexed whole just now."""
        coordinator = await self._coordinator()
        options, _ = await coordinator.call(Coordinator.options_for_commit, target.collection, target.source)
        self._complete[target.collection] = options

    async def _folder_of(self, collection: str | None, path: str | Path | None) -> tuple[str, str]:
        """Return the folder whose commits are meant, and the place in it, as `RefTarget.inside` says.

        A folder that a root names and nobody else must be one that this user has indexed there.
        """
        if path is not None and collection is None:
            await asyncio.to_thread(check_exists, path)
            return await self._around(await asyncio.to_thread(real_path, path))
        if collection is not None:
            named = (await self._identity(collection, None)).source
            source = folder_of(named)
            if not is_source_of_commit(named) and not await asyncio.to_thread(is_own_source, self._root, source):
                raise InvalidInput(
                    f"You have not indexed {source} under this root", "Give the folder of the repository as a path."
                )
            return source, "" if path is None else _inside(source, path)
        here = await asyncio.to_thread(real_path, ".")
        try:
            return (await self._around(here))[0], ""
        except InvalidInput:
            return await self._folder_of((await self._identity(None, None)).name, None)

    async def _around(self, place: str) -> tuple[str, str]:
        """Return the folder that a path means: that of the collection that holds it, else the top of its repository."""
        try:
            folder = folder_of((await self._identity(None, place)).source)
        except UnknownCollection:
            start = place if await asyncio.to_thread(os.path.isdir, place) else os.path.dirname(place)  # noqa: PTH120
            folder = (await asyncio.to_thread(open_repository, start)).top
        inside = Path(place).relative_to(folder).as_posix()
        return folder, "" if inside == "." else inside


def _inside(source: str, path: str | Path) -> str:
    """Return a path relative to a folder, which may be given so already. Raises `InvalidInput` outside of it."""
    inside = os.path.normpath(os.path.relpath(os.path.join(source, os.fspath(path)), source))  # noqa: PTH118
    if inside == os.pardir or inside.startswith(os.pardir + os.sep):
        raise InvalidInput(f"'{path}' does not lie in {source}", "Name another collection, or none.")
    return "" if inside == os.curdir else Path(inside).as_posix()
