"""Opening of files and folders by their real paths: no component of a path may be a link.

A tree is read while others write to it. Whoever swaps one of its folders for a link, after a walk has seen the folder
and before a file in it is read, would have us read files from elsewhere. All readers of a tree open through this
module, which refuses a path as soon as one of its components, also above the tree, has become a link.

On Linux one system call does this, openat2(2). macOS has a flag for it. Elsewhere components are opened one by one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import stat
from collections.abc import Callable
from functools import cache

__all__ = ["open_below", "open_flags", "open_real", "status_below"]

_OPENAT2 = 437
"""Number of the system call on every architecture of Linux."""
_RESOLVE_NO_SYMLINKS = 0x04
_CURRENT_FOLDER = -100
"""AT_FDCWD: paths that are not absolute are relative to the current folder."""


class _OpenHow(ctypes.Structure):
    """`struct open_how` of openat2(2)."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_flags(*names: str) -> int:
    """Return the flags for `os.open` to read bytes, with the further flags that `names` lists.

    Flags that the platform lacks are ignored. Line ends are never translated.
    """
    flags = os.O_RDONLY
    for name in ("O_BINARY", "O_CLOEXEC", *names):
        flags |= getattr(os, name, 0)
    return flags


_FOLDER_FLAGS = open_flags("O_DIRECTORY")


def open_real(path: str, flags: int = _FOLDER_FLAGS) -> int:
    """Open a path without following a link in any of its components, and return the descriptor; see `os.open`.

    Without `flags`, the path is that of a folder. Raises `OSError`, with `errno.ELOOP` where a component is a link, and
    `ValueError` for a path that no file can have.
    """
    return _opener()(path, flags)


def open_below(root: str, path: str, flags: int) -> int:
    """Open what lies at `path` below the folder `root`; see `open_real`. A path that leads out of it does not exist."""
    if not path or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return open_real(f"{root}/{path}", flags)


def status_below(root: str, path: str) -> os.stat_result:
    """Return the status of an entry below the folder `root`, of a link itself. Raises what `open_below` raises."""
    folder, _, name = path.rpartition("/")
    if os.stat not in os.supports_dir_fd:
        return os.lstat(f"{root}/{path}")
    descriptor = open_below(root, folder, _FOLDER_FLAGS) if folder else open_real(root)
    try:
        return os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    finally:
        os.close(descriptor)


@cache
def _opener() -> Callable[[str, int], int]:
    """Return the function that opens paths on this machine."""
    if hasattr(os, "O_NOFOLLOW_ANY"):
        return _open_with_flag
    if not hasattr(os, "O_NOFOLLOW") or os.open not in os.supports_dir_fd:
        return _open_after_a_look
    if platform.system() == "Linux":
        opener = _system_call()
        try:
            os.close(opener("/", _FOLDER_FLAGS))
            return opener
        except OSError:  # the kernel is older than 5.6, or a sandbox does not let the call through
            pass
    return _open_by_components


def _system_call() -> Callable[[str, int], int]:
    """Return a function that opens a path with openat2(2)."""
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(_OpenHow), ctypes.c_size_t)
    syscall.restype = ctypes.c_long
    size = ctypes.sizeof(_OpenHow)

    def open_path(path: str, flags: int) -> int:
        encoded = os.fsencode(path)
        if b"\0" in encoded:
            raise ValueError("embedded null byte")
        how = _OpenHow(flags, 0, _RESOLVE_NO_SYMLINKS)
        descriptor: int = syscall(_OPENAT2, _CURRENT_FOLDER, encoded, how, size)
        if descriptor < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
        return descriptor

    return open_path


def _open_with_flag(path: str, flags: int) -> int:
    """Open a path on macOS."""
    return os.open(path, flags | open_flags("O_NOFOLLOW_ANY"))


def _open_by_components(path: str, flags: int) -> int:
    """Open a path component by component, each relative to the open folder before it."""
    *folders, last = [name for name in path.split("/") if name] or ["."]
    through = open_flags("O_PATH", "O_DIRECTORY", "O_NOFOLLOW")
    descriptor = os.open("/" if path.startswith("/") else ".", through)
    try:
        for name in folders:
            below = _open_component(name, through, descriptor)
            os.close(descriptor)
            descriptor = below
        return _open_component(last, flags | open_flags("O_NOFOLLOW"), descriptor)
    finally:
        os.close(descriptor)


def _open_component(name: str, flags: int, folder: int) -> int:
    """Open an entry of an open folder. Raises `OSError`, with `errno.ELOOP` for a link on every platform."""
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ENOTDIR and stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from None
        raise


def _open_after_a_look(path: str, flags: int) -> int:
    """Open a path where there are no descriptors of folders, as on Windows, once it holds no link."""
    if os.path.normcase(os.path.realpath(path)) != os.path.normcase(os.path.abspath(path)):  # noqa: PTH100
        os.stat(path)  # noqa: PTH116 - raises where it does not exist
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return os.open(path, flags)
