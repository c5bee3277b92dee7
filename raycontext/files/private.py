"""Folders and files that their owner alone can enter and read, whatever the umask is."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

__all__ = ["make_private_folder", "open_private", "write_private"]


def make_private_folder(folder: Path) -> None:
    """Make a folder, and the folders above it, where they are missing, for their owner alone. Raises `OSError`."""
    for place in reversed((folder, *folder.parents)):
        if not place.is_dir():
            place.mkdir(0o700, exist_ok=True)


def open_private(path: Path, mode: str) -> IO[Any]:
    """Open a file as `open` does. Where it is made by that, its owner alone can read it. Raises `OSError`."""
    return open(path, mode, opener=_opener)


def write_private(path: Path, text: str) -> None:
    """Write a file in one step, in place of the one that is there: its owner alone can read it. Raises `OSError`."""
    temporary = path.with_suffix(f".{secrets.token_hex(2)}")
    try:
        with open_private(temporary, "x") as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
