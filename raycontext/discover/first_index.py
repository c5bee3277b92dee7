"""The one rule, on every face, about which folder a search may index in passing because it never was."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from raycontext.discover.private_places import why_private
from raycontext.discover.tree_size import COUNT_SECONDS, size_of_tree

__all__ = ["Obstacle", "obstacle_to_first_index"]


class Obstacle(NamedTuple):
    """Why a search does not index a folder by itself."""

    reason: str
    """Predicate of a sentence whose subject is the folder, such as "is your home folder or holds it"."""
    is_private: bool
    """Whether the folder is a private place. Else it is large, and a user who is asked may agree to index it."""


def obstacle_to_first_index(folder: str) -> Obstacle | None:
    """Return why a search must not index `folder`, an absolute path without links; None for a small project.

    Private places are never indexed in passing, nor are trees above `SMALL_FILES` or `SMALL_BYTES`, whether the search
    names the folder or not. Raises `RootNotFound`.
    """
    if reason := why_private(folder):
        return Obstacle(reason, is_private=True)
    size = size_of_tree(Path(folder))
    if size.is_small:
        return None
    counted = f"{size.files:,} files with {size.bytes / 1e6:,.1f} MB"
    if size.is_late:
        return Obstacle(f"may be large ({counted} were counted within {COUNT_SECONDS:g} s)", is_private=False)
    return Obstacle(f"is large (at least {counted})", is_private=False)
