"""Order in which other collections are searched for known files: those of the same repository first."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from raycontext.discover.repository import common_git_folder, remote_urls
from raycontext.discover.trees import folder_of
from raycontext.errors import RaycontextError
from raycontext.index.reuse.own_sources import is_own_source
from raycontext.store.collection import Collection
from raycontext.store.storage.base import Storage

__all__ = ["relatives_first"]


class _Repository(NamedTuple):
    """Facts by which two folders are told to hold the same repository."""

    git_folder: str
    """Real path of the folder that all worktrees share; "" without a repository."""
    remotes: frozenset[str]


def relatives_first(root: str, source: str, storage: Storage, names: Iterable[str]) -> list[str]:
    """Return names of collections: worktrees of the repository of `source` first, then its clones, then the others.

    Clones have a remote in common. Equally near ones are in order of their creation, the newest first. Only the order
    depends on git: whether a file is known is decided by path and content. Sources that this user has not indexed
    under `root` are not looked at: a root that others made must not choose what is read.
    """
    own = _repository(source)
    found: list[tuple[int, str]] = []
    ages: dict[str, str] = {}
    for name in names:
        try:
            identity = Collection(storage, name).identity()
        except RaycontextError:  # removed meanwhile, or not ours to read
            continue
        ages[name] = identity.id
        is_looked_at = own.git_folder and is_own_source(root, folder_of(identity.source))
        found.append((_distance(own, _repository(identity.source)) if is_looked_at else 2, name))
    found.sort(key=lambda entry: ages[entry[1]], reverse=True)
    return [name for _, name in sorted(found, key=lambda entry: entry[0])]


def _distance(own: _Repository, other: _Repository) -> int:
    if own.git_folder == other.git_folder:
        return 0
    return 1 if own.remotes & other.remotes else 2


def _repository(source: str) -> _Repository:
    """Return the facts about the repository that a folder is, or lies in."""
    folder = Path(folder_of(source))
    for place in (folder, *folder.parents):
        git_folder = common_git_folder(place)
        if git_folder is not None:
            return _Repository(os.path.realpath(git_folder), remote_urls(git_folder))
    return _Repository("", frozenset())
