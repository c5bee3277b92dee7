"""Folders that are held open, so that whatever is reached through them lies in them.

A path is walked again at each call, and whoever can write to one of its folders can put a link in between. An open
folder stays the same folder. Names below it are single components, and a link among them is never followed.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from raycontext.errors import CorruptManifest

__all__ = ["OpenFolder"]

MOST_LEVELS = 16
"""Largest number of levels of folders that are counted and emptied; ours have four."""

COPY_BYTES = 1 << 20
"""Number of bytes that are copied at once."""
KERNEL_COPY_BYTES = 1 << 30
"""Number of bytes that the kernel is asked to copy at once."""

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_OPENS_FOLDERS = hasattr(os, "O_DIRECTORY") and hasattr(os, "O_NOFOLLOW")
"""False on Windows. There names are reached by path, after a look for links."""
_DESCRIPTORS = next((place for place in ("/proc/self/fd", "/dev/fd") if Path(place).is_dir()), None)
"""Folder through which an open file can be opened once more."""


class OpenFolder:
    """Folder that is open, as a context manager. All methods take one name in the folder and raise `OSError`.

    They raise `CorruptManifest` where following a link would be needed.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        """Take over an open `descriptor` of the folder at `path`. The descriptor is None where there are none."""
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def at(cls, path: Path) -> Self:
        """Open the folder at `path`. Links in this path are followed, since the user has named it."""
        if not _OPENS_FOLDERS:
            if not path.is_dir():
                raise (NotADirectoryError if path.exists() else FileNotFoundError)(str(path))
            return cls(path, None)
        return cls(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY | _FLAGS))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def below(self, name: str) -> OpenFolder:
        """Open a folder in this folder."""
        if self._descriptor is None:
            if not stat.S_ISDIR(self.status(name, refuse_links=True).st_mode):
                raise NotADirectoryError(str(self.path / name))
            return OpenFolder(self.path / name, None)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | _FLAGS
        try:
            return OpenFolder(self.path / name, os.open(name, flags, dir_fd=self._descriptor))
        except OSError:
            self.status(name, refuse_links=True)  # the error of the system is another one on each platform
            raise

    def make(self, name: str, mode: int) -> bool:
        """Make a folder in this folder, with permissions `mode`. Return False where something is there already."""
        try:
            os.mkdir(self._place(name), mode, dir_fd=self._descriptor)
        except FileExistsError:
            return False
        return True

    def names(self) -> list[str]:
        """Return the sorted names in this folder."""
        return sorted(os.listdir(self.path if self._descriptor is None else self._descriptor))  # noqa: PTH208 - names

    def status(self, name: str, *, refuse_links: bool = False) -> os.stat_result:
        """Return the status of an entry, of a link itself. With `refuse_links`, raise `CorruptManifest` for a link."""
        status = os.stat(self._place(name), dir_fd=self._descriptor, follow_symlinks=False)
        if refuse_links and stat.S_ISLNK(status.st_mode):
            raise CorruptManifest(str(self.path / name), "a symbolic link, and none below the root is followed")
        return status

    def stamp(self, place: str) -> str:
        """Return device, inode, size and time of the last change of what is at a relative path; "" where nothing is."""
        try:
            found = os.stat(self._place(place), dir_fd=self._descriptor, follow_symlinks=False)
        except OSError:
            return ""
        return f"{found.st_dev}.{found.st_ino}.{found.st_size}.{found.st_mtime_ns}"

    def read(self, name: str, most_bytes: int | None = None) -> bytes:
        """Return the content of a regular file; of one that is larger than `most_bytes`, that many bytes and one."""
        with os.fdopen(self._open_file(name), "rb") as file:
            return file.read(-1 if most_bytes is None else most_bytes + 1)

    def map(self, name: str) -> pa.Buffer:
        """Return the content of a regular file, mapped."""
        with os.fdopen(self._open_file(name), "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size == 0:
                return pa.py_buffer(b"")
            by_path = self._descriptor is None or _DESCRIPTORS is None
            with pa.memory_map(str(self.path / name) if by_path else f"{_DESCRIPTORS}/{file.fileno()}") as mapped:
                return mapped.read_buffer()

    def close_to_others(self) -> None:
        """Take all permissions of other users away where this folder is ours and they have some."""
        if self._descriptor is None:
            return
        status = os.fstat(self._descriptor)
        if status.st_uid == os.geteuid() and status.st_mode & 0o077:
            os.fchmod(self._descriptor, 0o700)

    def write_new(self, name: str, data: bytes | pa.Buffer, mode: int) -> None:
        """Write `data` to a new file with permissions `mode`, and sync it to the disk."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS
        descriptor = os.open(self._place(name), flags, mode, dir_fd=self._descriptor)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
            os.fsync(file.fileno())

    def link(self, name: str, folder: OpenFolder, target: str) -> None:
        """Give a file in this folder the further name `target` in another folder. Raises `FileExistsError`."""
        if self._descriptor is None:
            os.link(self.path / name, folder.path / target)
        else:
            os.link(name, target, src_dir_fd=self._descriptor, dst_dir_fd=folder._descriptor, follow_symlinks=False)

    def share(self, name: str, folder: OpenFolder, mode: int) -> None:
        """Put a regular file of this folder under the same name into another folder, where there is none.

        It becomes a hard link where that is possible and the file is ours; else a copy with permissions `mode`, whose
        blocks the file system shares where it can. A file of another user is never linked: its owner could change it.
        """
        with os.fdopen(self._open_file(name), "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not hasattr(os, "geteuid") or status.st_uid == os.geteuid():
                try:
                    self.link(name, folder, name)
                except (FileExistsError, FileNotFoundError):
                    raise
                except OSError:  # too many links, or a file system without
                    pass
                else:
                    made = folder.status(name)
                    if (made.st_dev, made.st_ino) != (status.st_dev, status.st_ino):
                        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
                    return
            folder.copy_new(file.fileno(), name, mode)

    def copy_new(self, source: int, name: str, mode: int) -> None:
        """Write what can be read from the open file `source` to a new file with permissions `mode`, and sync it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS
        descriptor = os.open(self._place(name), flags, mode, dir_fd=self._descriptor)
        with os.fdopen(descriptor, "wb", buffering=0) as target:
            _copy_in_kernel(source, target.fileno())
            with os.fdopen(os.dup(source), "rb") as reading:
                shutil.copyfileobj(reading, target, COPY_BYTES)
            os.fsync(target.fileno())

    def move(self, name: str, folder: OpenFolder, target: str) -> None:
        """Move an entry of this folder to another folder, under the name `target`."""
        os.rename(
            self._place(name),
            folder._place(target),
            src_dir_fd=self._descriptor,
            dst_dir_fd=folder._descriptor,
        )

    def unlink(self, name: str) -> None:
        """Remove a file or a link."""
        os.unlink(self._place(name), dir_fd=self._descriptor)

    def renew(self, name: str) -> None:
        """Set the time of the last change of a folder in this folder to now."""
        with self.below(name) as folder:
            os.utime(folder.path if folder._descriptor is None else folder._descriptor)

    def sync(self) -> None:
        """Make the names in this folder durable."""
        if self._descriptor is not None:  # NTFS journals changes of names itself
            os.fsync(self._descriptor)

    def empty_out(self, name: str) -> None:
        """Remove an entry and all that is below it, as far as it can be removed. Links are removed, not followed."""
        try:
            if stat.S_ISDIR(self.status(name).st_mode):
                shutil.rmtree(self._place(name), ignore_errors=True, dir_fd=self._descriptor)
            else:
                self.unlink(name)
        except OSError:
            return

    def size(self, levels: int = MOST_LEVELS, *, shared: bool = False) -> int:
        """Return the size in bytes of all files in this folder and down to so many levels of folders below it.

        With `shared`, only files count that have further names.
        """
        total = 0
        for name in self.names():
            try:
                status = self.status(name)
                if not stat.S_ISDIR(status.st_mode):
                    total += status.st_size if not shared or status.st_nlink > 1 else 0
                elif levels > 1:
                    with self.below(name) as folder:
                        total += folder.size(levels - 1, shared=shared)
            except (OSError, CorruptManifest):  # removed or replaced meanwhile
                continue
        return total

    def _open_file(self, name: str) -> int:
        """Return a descriptor of a regular file that is opened for reading."""
        if self._descriptor is None:
            self.status(name, refuse_links=True)
            flags = os.O_RDONLY | _FLAGS
        else:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | _FLAGS  # the other end of a pipe is not waited for
        try:
            descriptor = os.open(self._place(name), flags, dir_fd=self._descriptor)
        except OSError:
            self.status(name, refuse_links=True)
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise IsADirectoryError(0, "Not a regular file", str(self.path / name))
        return descriptor

    def _place(self, name: str) -> str | Path:
        return self.path / name if self._descriptor is None else name


def _copy_in_kernel(source: int, target: int) -> None:
    """Copy an open file to an empty one, where the kernel can: file systems that share blocks do so then.

    See copy_file_range(2). Both files stand behind what was copied, so that the rest can be read and written.
    """
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):
            while os.copy_file_range(source, target, KERNEL_COPY_BYTES):
                pass
