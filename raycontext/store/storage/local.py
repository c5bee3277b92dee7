"""Storage in a folder of a local or shared file system."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa

from raycontext.errors import StorageError
from raycontext.store.storage.base import too_large
from raycontext.store.storage.open_folder import OpenFolder
from raycontext.ulid import is_ulid, new_ulid

__all__ = ["LocalStorage"]

_TRASH = ".trash"
"""Beginning of the names of folders that are being removed."""
ABANDONED_SECONDS = 60.0
"""Age in seconds at which a folder that is being removed counts as left over from an interrupted `LocalStorage.remove`.
A younger one may still be put back."""


class LocalStorage:
    """A `Storage` that keeps objects as files below one folder.

    `create` makes a hard link from a synced temporary file. The link fails where the name exists, and no one ever sees
    a half-written object. An fsync that failed is not retried, since the page cache may have dropped the data (Rebello
    et al., "Can Applications Recover from fsync Failures?", 2020). The file is abandoned instead.

    The path of the root may hold links. Below the root none is followed: all methods raise `CorruptManifest` for a name
    that leads through a link.
    """

    def __init__(self, root: Path, *, shared: bool = False) -> None:
        """Make a storage in the folder `root`.

        New folders and files are for their owner alone, and folders of collections that others can enter become so.
        With `shared`, the umask decides who else can read and write what is new.
        """
        self._root = root
        self._shared = shared
        self._folder_mode, self._file_mode = (0o777, 0o666) if shared else (0o700, 0o600)
        self._durable: set[Path] = set()

    @property
    def location(self) -> str:
        return str(self._root)

    @property
    def requests_at_once(self) -> int:
        return 1

    def create(self, name: str, data: bytes) -> bool:
        *above, last = _parts(name)
        temporary = f"{last}.{secrets.token_hex(8)}"
        with self._errors_of(name), self._made(above) as folder, self._made([*above[:1], "tmp"]) as waiting:
            try:
                waiting.write_new(temporary, data, self._file_mode)
                try:
                    waiting.link(temporary, folder, last)
                except FileExistsError:
                    return False
                folder.sync()
            finally:
                with suppress(FileNotFoundError):
                    waiting.unlink(temporary)
        return True

    def write(self, folder: str, objects: dict[str, bytes | pa.Buffer]) -> None:
        *above, last = _parts(folder)
        with self._errors_of(folder), self._made(above) as parent:
            if not parent.make(last, self._folder_mode):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            try:
                with parent.below(last) as place:
                    for name, data in objects.items():
                        place.write_new(name, data, self._file_mode)
                    place.sync()
                parent.sync()
            except OSError:
                parent.empty_out(last)
                raise

    def copy(self, source: str, folder: str, names: Sequence[str]) -> None:
        """Link files into a new folder, or copy those that cannot be linked; see `Storage.copy` and `OpenFolder.share`.

        The source is held open: also when it is moved away to be removed, each of its files is found whole or missing.
        """
        *above, last = _parts(folder)
        with (
            self._errors_of(source, missing=True),
            self._opened(_parts(source)) as origin,
            self._made(above) as parent,
        ):
            if not parent.make(last, self._folder_mode):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            try:
                with parent.below(last) as place:
                    for name in names:
                        origin.share(name, place, self._file_mode)
                    place.sync()
                parent.sync()
            except OSError:
                parent.empty_out(last)
                raise

    def read(self, name: str, most_bytes: int | None = None) -> bytes:
        with self._errors_of(name, missing=True), self._above(name) as (folder, last):
            data = folder.read(last, most_bytes)
        if most_bytes is not None and len(data) > most_bytes:
            raise too_large(str(self._root / name), most_bytes)
        return data

    def map(self, name: str, checksum: str = "") -> pa.Buffer:
        with self._errors_of(name, missing=True), self._above(name) as (folder, last):
            return folder.map(last)

    def exists(self, name: str) -> bool:
        try:
            with self._errors_of(name, missing=True), self._above(name) as (folder, last):
                folder.status(last)
        except (FileNotFoundError, StorageError):  # a folder of another user may be closed
            return False
        return True

    def list(self, folder: str) -> list[str]:
        try:
            with self._errors_of(folder, missing=True), self._opened(_parts(folder)) as place:
                return place.names()
        except FileNotFoundError:
            return []

    def size(self, folder: str) -> int:
        try:
            with self._errors_of(folder, missing=True), self._opened(_parts(folder)) as place:
                return place.size()
        except FileNotFoundError:
            return 0

    def shared_size(self, folder: str) -> int:
        try:
            with self._errors_of(folder, missing=True), self._opened(_parts(folder)) as place:
                return place.size(shared=True)
        except FileNotFoundError:
            return 0

    def modified(self, name: str) -> float:
        with self._errors_of(name, missing=True), self._above(name) as (folder, last):
            return folder.status(last).st_mtime

    def stamps(self, names: Sequence[str]) -> Sequence[str] | None:
        """Return inode, size and time of the last change of each file; see `Storage.stamps`.

        Names of collections may be links here, since nothing is read: an object behind one has another inode.
        """
        try:
            with self._errors_of("", missing=True), self._opened(()) as root:
                return [root.stamp(name) for name in names]
        except FileNotFoundError:
            return [""] * len(names)

    def renew(self, folder: str) -> None:
        with self._errors_of(folder, missing=True), self._above(folder) as (parent, last):
            parent.renew(last)

    def delete(self, name: str) -> bool:
        try:
            with self._errors_of(name, missing=True), self._above(name) as (folder, last):
                folder.unlink(last)
                folder.sync()
        except FileNotFoundError:
            return False
        return True

    def remove(self, folder: str, *, unchanged_since: float | None = None) -> bool:
        trash = f"{_TRASH}-{new_ulid()}"
        try:
            with (
                self._errors_of(folder, missing=True),
                self._opened(()) as root,
                self._above(folder) as (parent, last),
            ):
                parent.move(last, root, trash)
                # No one can renew the folder under its new name: a writer has renewed it before, or finds it missing.
                if unchanged_since is not None and root.status(trash).st_mtime != unchanged_since:
                    root.move(trash, parent, last)
                    return False
                root.sync()
                for left in (*_abandoned(root, trash), trash):
                    root.empty_out(left)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _above(self, name: str) -> Iterator[tuple[OpenFolder, str]]:
        """Yield the open folder that an object lies in, and the object's name in it. Raises `OSError`."""
        *above, last = _parts(name)
        with self._opened(above) as folder:
            yield folder, last

    def _opened(self, parts: Sequence[str]) -> OpenFolder:
        """Open a folder below the root, component by component. Raises `OSError` or `CorruptManifest`."""
        folder = OpenFolder.at(self._root)
        for name in parts:
            with folder:
                folder = folder.below(name)
        return folder

    def _made(self, parts: Sequence[str]) -> OpenFolder:
        """Make a folder and the folders above it where they are missing, and open it. Their names become durable,
        whoever created them: a synced file outlasts a power cut only if the names of all folders above it do.

        Raises `OSError` or `CorruptManifest`.
        """
        self._make_root()
        folder = OpenFolder.at(self._root)
        for name in parts:
            with folder:
                made = folder.make(name, self._folder_mode)
                folder, above = folder.below(name), folder
                if made or folder.path not in self._durable:
                    above.sync()
                    if not self._shared and above.path == self._root:  # a collection, which may be from before
                        folder.close_to_others()
                    self._durable.add(folder.path)
        return folder

    def _make_root(self) -> None:
        """Make the root and the folders above it, and make their names durable. Raises `OSError`."""
        for place in reversed((self._root, *self._root.parents)):
            made = not place.is_dir()
            if made:
                place.mkdir(self._folder_mode, exist_ok=True)
            if made or (place == self._root and place not in self._durable):
                # A folder above the root may be searchable but not readable.
                with suppress(PermissionError), OpenFolder.at(place.parent) as above:
                    above.sync()
                self._durable.add(place)

    @contextmanager
    def _errors_of(self, name: str, *, missing: bool = False) -> Iterator[None]:
        """Translate errors of the file system into `StorageError`. With `missing`, an object that is not there raises
        `FileNotFoundError`."""
        try:
            yield
        except OSError as error:
            if missing and isinstance(error, FileNotFoundError | NotADirectoryError):
                raise FileNotFoundError(name) from error
            raise StorageError(str(self._root / name), error.strerror or type(error).__name__) from error


def _abandoned(root: OpenFolder, trash: str) -> list[str]:
    """Return the names of what interrupted removals have left in the root. `trash` was moved there just now.

    A move sets the time of the last change of status. Both times are of the storage; no clock of a machine counts.
    """
    before = root.status(trash).st_ctime - ABANDONED_SECONDS
    left = [name for name in root.names() if name.startswith(f"{_TRASH}-") and is_ulid(name.removeprefix(f"{_TRASH}-"))]
    return [name for name in left if name != trash and root.status(name).st_ctime < before]


def _parts(name: str) -> list[str]:
    """Return the components of the name of an object or a folder. Raises `StorageError` where one leads elsewhere."""
    parts = name.split("/") if name else []
    for part in parts:
        if part in ("", ".", "..") or "\0" in part or (os.sep != "/" and (os.sep in part or ":" in part)):
            raise StorageError(name[:200], "No name of an object: it leads to another place")
    return parts
