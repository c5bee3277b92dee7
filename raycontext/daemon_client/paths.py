"""Paths of a daemon: its socket, log, token and records, all named after its root."""

from __future__ import annotations

import hashlib
import os
import stat

__all__ = ["folders_path", "log_path", "root_folder", "runtime_folder", "socket_path", "token_path", "watches_path"]

MAX_SOCKET_PATH_BYTES = 100
"""Of 107 that the kernel takes: one is bound under a longer name first."""


def root_folder(given: str | None = None) -> str:
    """Where the collections lie, as `Settings` has it: an absolute path, or a URL as it was given."""
    root = given or os.environ.get("RAYCONTEXT_ROOT")
    if not root:
        from platformdirs import user_data_path

        return str(user_data_path("raycontext", appauthor=False))
    if "://" in root:
        return root
    return os.path.abspath(os.path.expanduser(root))  # noqa: PTH100, PTH111 - pathlib takes longer to import


def runtime_folder() -> str:
    """A folder for sockets that belongs to this user alone; made where there is none. Raises `OSError`."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = f"{base}/raycontext" if base else f"{_temporary()}/raycontext-{os.getuid()}"
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} must be a folder that belongs to you alone (chmod 700)")
    return folder


def _temporary() -> str:
    return os.environ.get("TMPDIR", "/tmp").rstrip("/") or "/tmp"


def _key(root: str) -> str:
    return hashlib.sha256(root.encode(errors="surrogateescape")).hexdigest()[:16]


def socket_path(root: str) -> str:
    """The socket of the daemon of a root. Raises `OSError` where its folder cannot be used."""
    path = f"{runtime_folder()}/{_key(root)}.sock"
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise OSError(f"{path} is too long for a socket: set XDG_RUNTIME_DIR to a shorter folder")
    return path


def log_path(root: str) -> str:
    """The log of the daemon of a root."""
    from platformdirs import user_log_path

    return str(user_log_path("raycontext", appauthor=False) / f"daemon-{_key(root)}.log")


def token_path(root: str) -> str:
    """The token for callers over TCP and for those who join the Ray of the daemon, 0600."""
    return f"{runtime_folder()}/{_key(root)}.token"


def folders_path(root: str) -> str:
    """Where the daemon of a root notes the temporary folders of its Ray."""
    return f"{runtime_folder()}/{_key(root)}.folders"


def watches_path(root: str) -> str:
    """What the daemon of a root watches, for the next one."""
    return log_path(root).removesuffix(".log") + ".watches.json"
