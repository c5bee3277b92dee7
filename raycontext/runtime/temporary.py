"""The folder in which a local Ray keeps its temporary files."""

from __future__ import annotations

import os
import tempfile

__all__ = ["MAX_FOLDER_BYTES", "folder_for_ray"]

MAX_FOLDER_BYTES = 103 - len("/raycontext-01234567/r/session_2026-11-30_11-41-06_193422_4194304/sockets/plasma_store.1")
"""Longest path of the folder for temporary files in which Ray can bind its sockets, in bytes.

The path of a socket has at most 107 bytes on Linux and 103 on macOS, and Ray's own names take most of them.
"""
SHORT_FOLDER = "/tmp"


def folder_for_ray() -> str:
    """Return the user's folder for temporary files; `/tmp` where its path is too long for the sockets of Ray.

    macOS and batch systems set such a long TMPDIR. What is made in the folder must be for this user alone.
    """
    folder = tempfile.gettempdir()
    if len(os.fsencode(folder)) <= MAX_FOLDER_BYTES or not os.access(SHORT_FOLDER, os.W_OK | os.X_OK):
        return folder
    return SHORT_FOLDER
