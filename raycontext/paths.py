"""Paths that people name. Imports nothing but the standard library; see `cli.main`."""

from __future__ import annotations

import os

from raycontext.errors import InvalidInput

__all__ = ["holds_more_than_a_project", "real_path"]


def real_path(path: str | os.PathLike[str]) -> str:
    """Absolute, without links; `~` of an unknown user is a name like any other. Raises `InvalidInput`."""
    try:
        # Of os.path, for pathlib fails where there is no such user.
        return os.path.realpath(os.path.expanduser(path))  # noqa: PTH111
    except ValueError as error:
        raise InvalidInput(f"{os.fspath(path)!r} is not a path", "Paths hold no NUL.") from error


def holds_more_than_a_project(folder: str) -> bool:
    """Whether a folder, without links, is a home or lies above it: such as nobody means to index in passing."""
    home, place = (os.path.normcase(path).rstrip(os.sep) + os.sep for path in (real_path("~"), folder))
    return home.startswith(place)
