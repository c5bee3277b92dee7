"""Records of `git ls-tree -r -z`: the entries of the tree of a commit, with their paths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["TreeRecord", "can_be_checked_out", "tree_records"]

_FORBIDDEN = frozenset({"", ".", "..", ".git"})


class TreeRecord(NamedTuple):
    """Entry of a tree that is no folder."""

    mode: str
    blob: str
    """Hash of its content in git, hexadecimal."""
    size: int | None
    """Size of its content in bytes; None where git was not asked for it, or does not know it."""
    path: str


def tree_records(listed: bytes) -> Iterator[TreeRecord]:
    """Yield the records of an output of `git ls-tree`. Raises `ValueError` where it is none."""
    for record in listed.split(b"\0"):
        facts, tab, name = record.partition(b"\t")
        if not tab:
            continue
        mode, _, blob, *size = facts.decode().split()
        int(blob, 16)
        yield TreeRecord(mode, blob, int(size[0]) if size and size[0].isdigit() else None, os.fsdecode(name))


def can_be_checked_out(path: str) -> bool:
    """Return whether a path of a tree leads to a file inside of a folder, outside of any folder of git."""
    return _FORBIDDEN.isdisjoint(path.lower().split("/"))
