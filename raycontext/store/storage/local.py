"""Storage in a folder of a local or shared file system."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from pathlib import Path

import pyarrow as pa

from raycontext.errors import StorageError
from raycontext.ulid import new_ulid, ulid_seconds

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
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()

    @property
    def location(self) -> str:
        return str(self._root)

    def create(self, name: str, data: bytes) -> bool:
        target = self._root / name
        temporary = self._root / Path(name).parts[0] / "tmp" / f"{target.name}.{secrets.token_hex(8)}"
        try:
            self._make_folder(target.parent)
            temporary.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write_synced(temporary, data)
                try:
                    os.link(temporary, target)
                except FileExistsError:
                    return False
                _sync_folder(target.parent)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(str(target), _reason(error)) from error
        return True

    def write(self, folder: str, objects: dict[str, bytes | pa.Buffer]) -> None:
        place = self._root / folder
        try:
            self._make_folder(place.parent)
            place.mkdir()
            for name, data in objects.items():
                _write_synced(place / name, data)
            _sync_folder(place)
            _sync_folder(place.parent)
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            raise StorageError(str(place), _reason(error)) from error

    def read(self, name: str) -> bytes:
        try:
            return (self._root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(name) from error
        except OSError as error:
            raise StorageError(str(self._root / name), _reason(error)) from error

    def map(self, name: str) -> pa.Buffer:
        path = self._root / name
        try:
            if path.stat().st_size == 0:
                return pa.py_buffer(b"")
            with pa.memory_map(str(path)) as mapped:
                return mapped.read_buffer()
        except FileNotFoundError as error:
            raise FileNotFoundError(name) from error
        except OSError as error:
            raise StorageError(str(path), _reason(error)) from error

    def exists(self, name: str) -> bool:
        return os.path.lexists(self._root / name)

    def list(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self._root / folder))  # noqa: PTH208 - names, not paths
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StorageError(str(self._root / folder), _reason(error)) from error

    def size(self, folder: str) -> int:
        total = 0
        for place, _, names in os.walk(self._root / folder):
            for name in names:
                try:
                    total += os.lstat(Path(place) / name).st_size
                except OSError:  # removed meanwhile
                    continue
        return total

    def modified(self, name: str) -> float:
        try:
            return (self._root / name).stat().st_mtime
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(name) from error
        except OSError as error:
            raise StorageError(str(self._root / name), _reason(error)) from error

    def renew(self, folder: str) -> None:
        try:
            os.utime(self._root / folder)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(folder) from error
        except OSError as error:
            raise StorageError(str(self._root / folder), _reason(error)) from error

    def delete(self, name: str) -> bool:
        place = self._root / name
        try:
            place.unlink()
            _sync_folder(place.parent)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageError(str(place), _reason(error)) from error
        return True

    def remove(self, folder: str, *, unchanged_since: float | None = None) -> bool:
        place = self._root / folder
        trash = self._root / f"{_TRASH}-{new_ulid()}"
        try:
            place.rename(trash)
            # No one can renew the folder under its new name: a writer has renewed it before, or finds it missing.
            if unchanged_since is not None and trash.stat().st_mtime != unchanged_since:
                trash.rename(place)
                return False
            _sync_folder(self._root)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageError(str(place), _reason(error)) from error
        shutil.rmtree(trash, ignore_errors=True)
        abandoned = time.time() - ABANDONED_SECONDS
        for left in self._root.glob(f"{_TRASH}-*"):  # left over from removals that were interrupted
            if ulid_seconds(left.name.removeprefix(f"{_TRASH}-")) < abandoned:
                shutil.rmtree(left, ignore_errors=True)
        return True

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and the folders above it, and make all their names durable, whoever created them.

        A synced file outlasts a power cut only if the names of all folders above it do. Raises `OSError`.
        """
        for place in reversed((folder, *folder.parents)):
            made = not place.is_dir()
            if made:
                place.mkdir(exist_ok=True)
            is_ours = place.is_relative_to(self._root)
            if made or (is_ours and place not in self._durable):
                try:
                    _sync_folder(place.parent)
                except PermissionError:  # a folder above the root may be searchable but not readable
                    if is_ours and place != self._root:
                        raise
                self._durable.add(place)


def _write_synced(path: Path, data: bytes | pa.Buffer) -> None:
    """Write `data` to a new file and sync it to the disk. Raises `OSError`."""
    with path.open("xb", buffering=0) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Make the names in a folder durable. Raises `OSError`."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open folders; NTFS journals changes of names itself
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
