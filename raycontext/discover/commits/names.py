"""Names of trees of commits: as sources of collections, and as the collections themselves."""

from __future__ import annotations

import re
from typing import NamedTuple

import xxhash

__all__ = ["CommitSource", "is_name_of_commit", "is_source_of_commit"]

_SOURCE = re.compile(r"git:(?P<folder>/.*)@(?P<commit>[0-9a-f]{40}|[0-9a-f]{64})", re.DOTALL)
_COLLECTION = re.compile(r"ref-(?:[0-9a-f]{40}|[0-9a-f]{64})-[0-9a-f]{8}")


class CommitSource(NamedTuple):
    """Tree of one commit, or one folder of it."""

    folder: str
    """Absolute path of a folder in a working tree, or of a bare repository. The tree is what a checkout of the commit
    would put there. The folder itself is not read."""
    commit: str
    """Full hash of the commit."""

    def __str__(self) -> str:
        return f"git:{self.folder}@{self.commit}"

    @classmethod
    def parse(cls, source: str) -> CommitSource | None:
        """Return what a source names; None for a folder, whose path is absolute and cannot look like this."""
        found = _SOURCE.fullmatch(source)
        return cls(found["folder"], found["commit"]) if found is not None else None

    def collection(self, rules: str) -> str:
        """Return the name of the collection of this tree.

        rules: digest of everything outside of the commit that decides how its files are read.
        """
        key = xxhash.xxh3_64_hexdigest(f"{self.folder}\0{rules}".encode(errors="surrogateescape"))
        return f"ref-{self.commit}-{key[:8]}"


def is_source_of_commit(source: str) -> bool:
    """Return whether a source is the tree of a commit, and no folder."""
    return _SOURCE.fullmatch(source) is not None


def is_name_of_commit(collection: str) -> bool:
    """Return whether a collection has a name like those that `CommitSource.collection` returns."""
    return _COLLECTION.fullmatch(collection) is not None
