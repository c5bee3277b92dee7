"""Checks of paths that users give. Imports little, since the command line imports it at each start (see `cli.main`)."""

from __future__ import annotations

import os

from raycontext.errors import InvalidInput

__all__ = ["place_of", "real_path", "remove_tree"]

REMOVE_SECONDS = 10.0
"""Time in which processes that were ended stop writing into their folder, in seconds."""


MOST_DIGITS = 9
"""Largest number of digits of a line's number."""


def place_of(target: str) -> tuple[str, int] | None:
    """Return path and line of a target PATH:LINE or PATH:LINE:COLUMN; None where it is neither."""
    path, _, line = target.rpartition(":")
    outer, _, inner = path.rpartition(":")
    if outer and _is_number(inner) and _is_number(line):
        path, line = outer, inner
    return (path, int(line)) if path and _is_number(line) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS


def real_path(path: str | os.PathLike[str]) -> str:
    """Return the absolute path with all links and `~` resolved.

    `~name` stays as it is when there is no such user. Raises `InvalidInput` when the path has a NUL character.
    """
    try:
        # os.path is used here because pathlib fails when there is no such user.
        return os.path.realpath(os.path.expanduser(path))  # noqa: PTH111
    except ValueError as error:
        raise InvalidInput(f"{os.fspath(path)!r} is not a path", "Paths hold no NUL.") from error


def remove_tree(folder: str | os.PathLike[str], seconds: float = REMOVE_SECONDS) -> None:
    """Remove a folder with everything in it, also where processes that end just now still write into it.

    After `seconds` what is left stays: it is for the next one who cleans up.
    """
    import shutil  # imported here, since light commands do not need it
    import time

    deadline = time.monotonic() + seconds
    while os.path.lexists(folder):
        shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)
