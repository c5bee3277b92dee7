"""Size of a tree, counted only as far as it takes to know whether the tree is small."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from raycontext.discover.walk import walk
from raycontext.models import FileStat, IndexOptions

__all__ = ["COUNT_SECONDS", "SMALL_BYTES", "SMALL_FILES", "TreeSize", "size_of_tree"]

SMALL_FILES = 5_000
"""Largest number of files of a tree that a search indexes in passing."""
SMALL_BYTES = 50_000_000
"""Largest total size in bytes of the files of a tree that a search indexes in passing."""
COUNT_SECONDS = 1.0
"""Longest count, in seconds. A tree that takes longer counts as large."""
SURELY_COUNTED = 500
"""Number of files that are counted however long it takes, so that a busy machine finds a small tree small."""


class TreeSize(NamedTuple):
    """Number and total size of the files that an index run would find, as far as they were counted."""

    files: int
    bytes: int
    is_small: bool
    """Whether all files were counted, and they are few."""
    is_late: bool = False
    """Whether the count was stopped for taking too long."""


def size_of_tree(root: Path) -> TreeSize:
    """Count the files of a tree. Stop where it turns out to be large. Raises `RootNotFound`."""
    deadline = time.monotonic() + COUNT_SECONDS
    counted = size = 0
    large = late = False

    def is_enough(files: list[FileStat]) -> bool:
        nonlocal counted, size, large, late
        size += sum(file.size for file in files[counted:])
        counted = len(files)
        late = counted > SURELY_COUNTED and time.monotonic() > deadline
        large = counted > SMALL_FILES or size > SMALL_BYTES
        return large or late

    walk(root, IndexOptions().max_file_bytes, is_enough)
    return TreeSize(counted, size, not (large or late), late and not large)
