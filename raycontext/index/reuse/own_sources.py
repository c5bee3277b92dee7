"""Which folders and commits may be read because of what a root says: those that this user indexed under it."""

from __future__ import annotations

import os
from pathlib import Path

from raycontext.discover.trees import folder_of
from raycontext.files.user_records import Facts, forget, is_recorded, record
from raycontext.store.storage.locations import is_url

__all__ = ["forget_own_source", "is_own_source", "note_own_source", "was_own_source"]

KIND = "sources"
"""Folder of these records in the user's state folder."""
KIND_OF_PLACES = "places"
"""Folder of the records of paths at which sources were, whichever folder is there now."""


def note_own_source(root: str, source: str) -> bool:
    """Note that this user indexes `source`, an absolute path without links or a commit of one, under `root`.

    A commit is noted alone: neither the folder that holds its repository nor another commit is. Return False where
    nothing can be noted: the folder is gone, or the user's state folder cannot be written.
    """
    facts = _facts(root, source)
    return facts is not None and record(KIND_OF_PLACES, _place(root, source)) and record(KIND, facts)


def is_own_source(root: str, source: str) -> bool:
    """Return whether this user has indexed `source` under `root`, and the path still leads to that folder.

    It does not where a folder of the path is a link now, or where another folder has taken its place: the device and
    the inode of the folder are noted. The path of the root may hold links.
    """
    facts = _facts(root, source)
    return facts is not None and is_recorded(KIND, facts)


def was_own_source(root: str, source: str) -> bool:
    """Return whether this user has indexed a folder at the path `source` under `root`, which may be gone by now."""
    return is_recorded(KIND_OF_PLACES, _place(root, source))


def forget_own_source(root: str, source: str) -> None:
    """Remove what was noted about a source that is still there, such as a copy that is about to be removed."""
    facts = _facts(root, source)
    if facts is not None:
        forget(KIND_OF_PLACES, _place(root, source))
        forget(KIND, facts)


def _facts(root: str, source: str) -> Facts | None:
    """Return what is noted about a source. None where the path holds a link or leads to no folder."""
    try:
        folder = folder_of(source)
        if os.path.realpath(folder) != folder:
            return None
        found = Path(folder).lstat()
    except (OSError, ValueError):
        return None
    return {**_place(root, source), "device": found.st_dev, "inode": found.st_ino}


def _place(root: str, source: str) -> Facts:
    return {"root": root if is_url(root) else os.path.realpath(root), "source": source}
