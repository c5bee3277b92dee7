"""Private places: folders that a search never indexes in passing, on any face. Only `index` that names one does.

Standard library only, since the command line imports this module at each start.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from raycontext.files.paths import real_path

__all__ = ["PRIVATE_IN_HOME", "PRIVATE_IN_SYSTEM", "why_private"]

PRIVATE_IN_HOME = (
    ".aws",
    ".azure",
    ".bitcoin",
    ".config/BraveSoftware",
    ".config/chromium",
    ".config/doctl",
    ".config/gcloud",
    ".config/gh",
    ".config/google-chrome",
    ".config/op",
    ".config/rclone",
    ".docker",
    ".electrum",
    ".ethereum",
    ".gnupg",
    ".kube",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".mozilla",
    ".oci",
    ".password-store",
    ".pki",
    ".putty",
    ".ssh",
    ".terraform.d",
    ".thunderbird",
    "AppData",
    "Library",
    "Mail",
    "Maildir",
)
"""Folders of a home that hold keys, passwords, mail or what a browser knows, relative to the home. What lies below them
is private too."""

PRIVATE_IN_SYSTEM = (
    "/Library",
    "/System",
    "/boot",
    "/dev",
    "/etc",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/var/backups",
    "/var/cache",
    "/var/db",
    "/var/lib",
    "/var/log",
    "/var/mail",
    "/var/run",
    "/var/spool",
)
"""Folders of the system that hold configuration, state, devices or logs, with all below them. The home of this user may
lie in one of them, such as `/root`: it follows the rules for homes."""

HOLD_HOMES = ("/home", "/Users")
"""Folders in which each folder is the home of a user."""

HOLD_MUCH = (*HOLD_HOMES, "/Volumes", "/media", "/mnt", "/opt", "/private", "/srv", "/tmp", "/usr", "/var", "/var/tmp")
"""Folders that hold what does not belong together. Projects may lie below them."""


def why_private(folder: str) -> str:
    """Return why a search does not index `folder` in passing, as the end of a sentence that begins with its path; ""
    where it may.

    Private are the user's home and whatever holds it, the homes of other users, hidden folders that lie directly in a
    home, the folders of `HOLD_MUCH`, and the places of `PRIVATE_IN_HOME` and `PRIVATE_IN_SYSTEM` with all below them.
    The home is the one that the system knows for this user as well as that of the environment. Folders are compared by
    device and inode too, so that another spelling or a link does not matter. `folder` is a result of `real_path`.
    """
    homes = list(_homes())
    kin = {identity for place in _with_all_above(folder) if (identity := _identity(place))}
    if any(_folded(folder) == _folded(place) for place in HOLD_MUCH):
        return "holds more than a project"
    for home in homes:
        if reason := _why_of_home(folder, home, kin):
            return reason
    if any(_is_child(folder, place) for place in HOLD_HOMES):
        return "is a home folder"
    for place in PRIVATE_IN_SYSTEM:
        is_home_inside = any(_lies_in(home, real_path(place)) and _lies_in(folder, home) for home in homes)
        if _holds(place, folder, kin) and not is_home_inside:
            return f"lies in the system's folder {place}"
    return ""


def _why_of_home(folder: str, home: str, kin: set[tuple[int, int]]) -> str:
    """Return why a folder is a private place of the home of this user; "" where it is none."""
    here = _identity(folder)
    if _lies_in(home, folder) or (here and here in map(_identity, _with_all_above(home))):
        return "is your home folder or holds it"
    for name in PRIVATE_IN_HOME:
        if _holds(os.path.join(home, name), folder, kin):  # noqa: PTH118 - pathlib takes longer to import
            return f"lies in the private folder ~/{name}"
    is_hidden = os.path.basename(folder).startswith(".")  # noqa: PTH119
    return "is a hidden folder of your home" if is_hidden and _is_child(folder, home) else ""


def _homes() -> Iterator[str]:
    """Yield the home of this user: as the environment says, and as the system knows it."""
    yield real_path("~")
    with suppress(ImportError, KeyError, AttributeError):  # a user without an account, or a system without accounts
        import pwd

        yield real_path(pwd.getpwuid(os.getuid()).pw_dir)


def _is_child(folder: str, above: str) -> bool:
    """Return whether a folder lies directly in another one."""
    return _folded(os.path.dirname(folder)) == _folded(above) != _folded(folder)  # noqa: PTH120


def _holds(private: str, folder: str, kin: set[tuple[int, int]]) -> bool:
    """Return whether a private place is the folder or holds it: by its path, or as one of `kin`, the identities of the
    folder and of all above it."""
    identity = _identity(private)
    return _lies_in(folder, private) or (identity is not None and identity in kin)


def _lies_in(folder: str, above: str) -> bool:
    """Return whether a path is `above` or lies below it, by its name."""
    return _folded(folder).startswith(_folded(above))


def _folded(path: str) -> str:
    """Return a path in the form in which two paths are compared."""
    return os.path.normcase(path).rstrip(os.sep) + os.sep


def _with_all_above(folder: str) -> list[str]:
    """Return a folder and all folders that hold it, the outermost last."""
    found = [folder]
    while (above := os.path.dirname(found[-1])) != found[-1]:  # noqa: PTH120
        found.append(above)
    return found


def _identity(place: str) -> tuple[int, int] | None:
    """Return device and inode of a folder; None where it cannot be looked at."""
    try:
        found = os.stat(place)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
