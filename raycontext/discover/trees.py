"""Trees that can be indexed, behind one interface: folders, and commits without a checkout."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from raycontext.discover.commits.names import CommitSource
from raycontext.discover.read import Content, digest_file, read_as, read_content
from raycontext.discover.rules.attributes import Attributes
from raycontext.discover.walk import is_real_folder, walk
from raycontext.errors import RootNotFound
from raycontext.models import FileDigest, SkipReason, TreeListing

__all__ = ["FolderTree", "Reader", "Tree", "folder_of", "source_exists", "tree_of"]


class Reader(Protocol):
    """Reader of files of a tree. A file that cannot be indexed gives a reason, not an error."""

    def content(self, path: str) -> Content | SkipReason:
        """Return the content of a file; see `discover.read.read_content`."""
        ...

    def content_as(self, path: str, encoding: str, redactions: tuple[int, ...]) -> Content | SkipReason:
        """Return the content of a file as it was indexed; see `discover.read.read_as`."""
        ...

    def digest(self, path: str) -> FileDigest:
        """Return the digest of a file; see `discover.read.digest_file`."""
        ...


class Tree(Protocol):
    """Tree of files that can be indexed."""

    def walk(self, max_file_bytes: int) -> TreeListing:
        """List the files that may be indexed; see `discover.walk.walk`."""
        ...

    def reader(self, paths: Iterable[str], max_file_bytes: int) -> Reader:
        """Return a reader of files, most of which are asked for in the order of `paths`."""
        ...

    def check(self) -> None:
        """Raise `RootNotFound` if the tree is gone, so that nobody has deleted files that are missing."""
        ...


class FolderTree:
    """Folder of a file system. `root` is its real path."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def walk(self, max_file_bytes: int) -> TreeListing:
        """List the files below the folder. Raises `RootNotFound`."""
        return walk(self._root, max_file_bytes)

    def reader(self, paths: Iterable[str], max_file_bytes: int) -> FolderReader:
        """Return a reader, which takes files in any order."""
        return FolderReader(self._root, max_file_bytes)

    def check(self) -> None:
        """Raise `RootNotFound` if the folder is gone, or a link has taken its place."""
        if not is_real_folder(self._root):
            raise RootNotFound(str(self._root))


class FolderReader:
    """Reader of files below a folder."""

    def __init__(self, root: Path, max_file_bytes: int) -> None:
        self._root, self._max_file_bytes = root, max_file_bytes
        self._attributes = Attributes(root)

    def content(self, path: str) -> Content | SkipReason:
        """Return the content of a file."""
        return read_content(self._root, path, self._max_file_bytes, self._attributes)

    def content_as(self, path: str, encoding: str, redactions: tuple[int, ...]) -> Content | SkipReason:
        """Return the content of a file as it was indexed."""
        return read_as(self._root, path, self._max_file_bytes, encoding, redactions, self._attributes)

    def digest(self, path: str) -> FileDigest:
        """Return the digest of a file."""
        return digest_file(self._root, path, self._max_file_bytes, self._attributes)


def tree_of(source: str) -> Tree:
    """Return the tree that the source of a collection names: a folder by its real path, or a `CommitSource`.

    Raises `InvalidInput` and `CommitUnreadable` for a commit that cannot be read.
    """
    commit = CommitSource.parse(source)
    if commit is None:
        return FolderTree(Path(source))
    from raycontext.discover.commits.tree import CommitTree  # loaded here, since few runs need git

    return CommitTree(commit)


def folder_of(source: str) -> str:
    """Return the folder that a source is, or in whose repository its commit lies."""
    commit = CommitSource.parse(source)
    return source if commit is None else commit.folder


def source_exists(source: str) -> bool:
    """Return whether the folder of a source is there. False also for what cannot be a path."""
    return os.path.isdir(folder_of(source))  # noqa: PTH112
