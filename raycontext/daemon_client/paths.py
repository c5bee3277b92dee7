"""Paths of a daemon: its socket, log, token and records, all named after its root.

They follow from the user's id, the real path of the root, and the cluster that RAYCONTEXT_ADDRESS names, so that a root
has one daemon on a cluster however it is spelled and whatever else the environment says. Standard library only, for the
sake of commands that must be quick.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress

__all__ = [
    "claim_path",
    "cluster_address",
    "folders_path",
    "log_path",
    "root_folder",
    "root_key",
    "runtime_folder",
    "savings_path",
    "socket_path",
    "token_path",
    "watches_path",
]

MAX_SOCKET_PATH_BYTES = 100
"""Longest path of a socket. The kernel takes 107 bytes, and a socket is bound under a longer name first."""

SOCKET_NAME_BYTES = len("/0123456789abcdef.sock")
TAKEN_FOLDERS = 10
"""Number of temporary folders that other users may have taken before none is found."""


def root_folder(given: str | None = None) -> str:
    """Return where the collections lie, as `Settings` has it: the real path of a folder, or a URL as it was given."""
    root = given or os.environ.get("RAYCONTEXT_ROOT") or _default_root()
    if "://" in root:
        return root
    return os.path.realpath(os.path.expanduser(root))  # noqa: PTH111 - pathlib takes longer to import


def _default_root() -> str:
    """Return raycontext's place in the user's data folder, as platformdirs has it, which takes 10 ms to load: where
    the environment says it in so many words, it is not asked."""
    data, home = os.environ.get("XDG_DATA_HOME", ""), os.environ.get("HOME", "")
    if sys.platform == "linux" and "ANDROID_DATA" not in os.environ:
        if data.startswith("/"):
            return f"{data}/raycontext"
        if home.startswith("/"):
            return f"{home}/.local/share/raycontext"
    from platformdirs import user_data_path

    return str(user_data_path("raycontext", appauthor=False))


def runtime_folder() -> str:
    """Return the folder for sockets, which belongs to this user alone; make it where there is none.

    It is below `/run/user/UID` where the system made that for this user, else below the home that the system knows (not
    that of the environment), else, where that cannot be written or is too long, in `/tmp`. Raises `OSError`, with the
    path and the reason, where no folder can be used.
    """
    uid = os.getuid()
    standard = f"/run/user/{uid}"
    if _is_private(standard):
        return require_private(f"{standard}/raycontext")
    home = _home(uid)
    folder = f"{home}/.local/state/raycontext/run"
    if home and len(os.fsencode(folder)) + SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES and is_writable(folder):
        with suppress(PermissionError):  # others can get into it, or hold it
            return require_private(folder)
    for number in range(TAKEN_FOLDERS):
        folder = f"/tmp/raycontext-{uid}" + (f"-{number}" if number else "")
        try:
            return require_private(folder)
        except PermissionError as error:  # taken by another user: nobody can take them all back from us
            refused = error
    raise refused


def is_writable(folder: str) -> bool:
    """Return whether files can be made in a folder, which need not exist yet."""
    place = folder
    while not os.path.lexists(place):
        place = os.path.dirname(place)  # noqa: PTH120
    return os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)  # noqa: PTH112


def _home(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:  # a user without an account
        return ""


def require_private(folder: str) -> str:
    """Make the folder where it is missing, and return it. Raises `PermissionError` when others can get into it."""
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
    if not _is_private(folder):
        raise PermissionError(f"{folder} must be a folder that belongs to you alone (chmod 700)")
    return folder


def _is_private(folder: str) -> bool:
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _sha256(content: bytes) -> str:
    """Return the hexadecimal hash of some bytes. `hashlib` would load OpenSSL, for 3 ms."""
    try:
        if sys.version_info >= (3, 12):
            from _sha2 import sha256
        else:
            from _sha256 import sha256  # type: ignore[import-not-found]
    except ImportError:  # a Python that was built otherwise
        from hashlib import sha256
    return str(sha256(content).hexdigest())


def cluster_address() -> str:
    """Return the address of the Ray cluster that the environment names; "" where it names none."""
    return os.environ.get("RAYCONTEXT_ADDRESS", "")


def root_key(root: str) -> str:
    """Return the name that the files of a root's daemon have in common. On each cluster the root has one of its own."""
    named = "\n".join(filter(None, (root, cluster_address())))
    return _sha256(named.encode(errors="surrogateescape"))[:16]


def socket_path(root: str) -> str:
    """Return the path of the socket of the daemon of a root. Raises `OSError` where its folder cannot be used."""
    return f"{runtime_folder()}/{root_key(root)}.sock"


def claim_path(number: int) -> str:
    """Return the path of a file with a random name that only this user knows; see `raycontext.serve.daemon.claim`."""
    return f"{runtime_folder()}/claim-{number}"


def log_path(root: str) -> str:
    """Return the path of the log of the daemon of a root: in the user's log folder, else in the root, else beside its
    socket, whichever can be written."""
    from platformdirs import user_log_path

    folder = str(user_log_path("raycontext", appauthor=False))
    if not is_writable(folder):
        inside = f"{root}/.logs"
        folder = inside if "://" not in root and is_writable(inside) else runtime_folder()
    return f"{folder}/daemon-{root_key(root)}.log"


def token_path(root: str) -> str:
    """Return the path of the token, of mode 0600, for callers over TCP and for those who join the Ray of the daemon."""
    return f"{runtime_folder()}/{root_key(root)}.token"


def folders_path(root: str) -> str:
    """Return the path of the file in which the daemon of a root notes the temporary folders of its Ray."""
    return f"{runtime_folder()}/{root_key(root)}.folders"


def watches_path(root: str) -> str:
    """Return the path of the file that tells the next daemon of a root what to watch."""
    return log_path(root).removesuffix(".log") + ".watches.json"


def savings_path(root: str) -> str:
    """Return the path of the file in which the daemon of a root keeps what answers cost beside reading the files."""
    return log_path(root).removesuffix(".log") + ".savings.json"
