"""Listing of a tree's files in one pass with `os.scandir` on open folders, without recursion or following links."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable
from operator import itemgetter
from pathlib import Path

from raycontext.discover.opening import open_real, status_below
from raycontext.discover.repository import is_inner_worktree
from raycontext.discover.rules.ignore import CONTROL_NAMES, FolderRules, IgnoreRules, is_never_indexed, rules_for_root
from raycontext.errors import RootNotFound
from raycontext.models import FileStat, SkippedFile, SkipReason, TreeListing

__all__ = ["is_real_folder", "walk", "walk_places"]

_BY_PATH = itemgetter(0)


def _never(files: list[FileStat]) -> bool:
    return False


def walk(root: Path, max_file_bytes: int, is_enough: Callable[[list[FileStat]], bool] = _never) -> TreeListing:
    """List the files below `root` that may be indexed.

    `root` is the real path of a folder; no link in it is followed. Files of more than `max_file_bytes` bytes are left
    out. Ignored files do not appear at all. Links, special files, files that are too large and files whose status
    cannot be read appear in `skipped`. Folders that cannot be listed appear in `unreadable_folders`; the root is ""
    there. Files that disappear during the walk are not listed. The walk starts again when another folder takes the
    place of `root` during the walk. Otherwise the files of the first folder would count as deleted.

    is_enough: called after each folder with the files so far; the walk ends where it returns True.

    Raises `RootNotFound` when `root` is not an existing folder that can be reached without a link, at the start or at
    the end of the walk.
    """
    return _list_one_folder(root, max_file_bytes, lambda walker, top: walker.walk("", rules_for_root(top), is_enough))


def walk_places(root: Path, max_file_bytes: int, places: Iterable[str]) -> TreeListing:
    """List the part of the result of `walk` that lies at or below some places.

    `places` are paths of files and folders, relative to `root`, with "/". A place that does not exist, is ignored, or
    lies behind a link adds nothing. Raises `RootNotFound` in the cases in which `walk` does.
    """
    outermost: list[str] = []
    for place in sorted(set(places)):
        if not outermost or not place.startswith(outermost[-1] + "/"):
            outermost.append(place)

    def look(walker: _Walker, top: Path) -> None:
        rules = FolderRules(top)
        for place in outermost:
            folder = place.rpartition("/")[0]
            inside = rules.inside(folder)
            if inside is not None:
                walker.take(place, inside)

    return _list_one_folder(root, max_file_bytes, look)


def is_real_folder(root: Path) -> bool:
    """Return whether the path leads to a folder without a link in it."""
    try:
        _identity(root)
    except RootNotFound:
        return False
    return True


def _list_one_folder(root: Path, max_file_bytes: int, look: Callable[[_Walker, Path], None]) -> TreeListing:
    """Return the listing that `look` makes. Start again when another folder has taken the place of `root` meanwhile.

    Raises `RootNotFound`.
    """
    top = root.absolute()
    while True:
        before = _identity(top)
        walker = _Walker(top, max_file_bytes)
        look(walker, top)
        if _identity(top) == before:
            return walker.listing()


def _identity(root: Path) -> tuple[int, int]:
    """Return the device and the inode of a folder. Raises `RootNotFound` when it is gone or a link leads to it."""
    try:
        descriptor = open_real(str(root))
    except (OSError, ValueError):  # ValueError: a NUL in the path
        raise RootNotFound(str(root)) from None
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return status.st_dev, status.st_ino


MOST_NS = 2**63 - 1
"""Latest time of a modification that a snapshot can hold, in nanoseconds since the epoch: the year 2262. A later one of
a file counts as this one."""


class _Walker:
    """Collector of the files of one tree. `top` is its absolute path."""

    def __init__(self, top: Path, max_file_bytes: int) -> None:
        self._top = str(top)
        self._base = str(top).rstrip("/") + "/"
        self._max_file_bytes = max_file_bytes
        self._scanned_at_ns = time.time_ns()
        self._files: list[FileStat] = []
        self._skipped: list[SkippedFile] = []
        self._unreadable_folders: list[str] = []
        self._pending: list[tuple[str, IgnoreRules]] = []

    def walk(self, prefix: str, rules: IgnoreRules, is_enough: Callable[[list[FileStat]], bool] = _never) -> None:
        """Collect the files below a folder, until `is_enough` returns True for the files so far.

        `prefix` is the folder's path with "/" at its end, or "" for the root. `rules` are the rules of the folders
        above. The ignore files in the folder itself are read here. Raises `RootNotFound` when the root is gone.
        """
        pending = self._pending
        pending.append((prefix, rules))
        while pending:
            prefix, rules = pending.pop()
            try:
                descriptor = open_real(self._base + prefix)
            except (FileNotFoundError, NotADirectoryError):
                if not prefix:
                    raise RootNotFound(self._top) from None
            except OSError as error:
                if error.errno == errno.ELOOP:  # a link has taken the place of the folder, or of one above it
                    self._skipped.append(SkippedFile(prefix[:-1], SkipReason.SYMLINK))
                else:
                    self._unreadable_folders.append(prefix[:-1])
            else:
                try:
                    self._list(descriptor, prefix, rules)
                finally:
                    os.close(descriptor)
                if is_enough(self._files):
                    return

    def _list(self, descriptor: int, prefix: str, rules: IgnoreRules) -> None:
        """Collect the entries of an open folder. The arguments are like those of `walk`."""
        base, folder, take = self._base, prefix[:-1], self._record
        try:
            with os.scandir(descriptor) as listing:
                entries = list(listing)
        except OSError:
            self._unreadable_folders.append(folder)
            return
        names = [entry.name for entry in entries]
        if folder and ".git" in names and is_inner_worktree(Path(base + folder), Path(base)):
            return  # a second copy of the files of the repository, which may be another version
        if not CONTROL_NAMES.isdisjoint(names):
            rules = rules.entered(Path(base + folder), folder)
        has_rules = not rules.is_empty
        for entry in entries:
            take(entry, prefix + entry.name, rules, has_rules)

    def take(self, path: str, rules: IgnoreRules) -> None:
        """Collect the file at one place, or all files below it. `rules` are the rules inside its parent folder."""
        self._record(_UnlistedEntry(self._top, path), path, rules, not rules.is_empty)
        while self._pending:
            self.walk(*self._pending.pop())

    def listing(self) -> TreeListing:
        """Return everything that was collected, sorted by path."""
        self._files.sort(key=_BY_PATH)
        self._skipped.sort(key=_BY_PATH)
        self._unreadable_folders.sort()
        return TreeListing(self._scanned_at_ns, self._files, self._skipped, self._unreadable_folders)

    def _record(self, entry: os.DirEntry[str] | _UnlistedEntry, path: str, rules: IgnoreRules, has_rules: bool) -> None:
        """Record one entry as a file or a skipped file, or put it on the list of folders to enter."""
        name = entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                if is_never_indexed(self._base + path, name) or (has_rules and rules.ignores_folder(path, name)):
                    return
                self._pending.append((path + "/", rules))
                return
            if name == ".git" or (has_rules and rules.ignores_file(path, name)):
                return
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError:
            self._skipped.append(SkippedFile(path, SkipReason.UNREADABLE))
            return
        mode = status.st_mode
        if not stat.S_ISREG(mode):
            reason = SkipReason.SYMLINK if stat.S_ISLNK(mode) else SkipReason.SPECIAL
            self._skipped.append(SkippedFile(path, reason))
        elif status.st_size > self._max_file_bytes:
            self._skipped.append(SkippedFile(path, SkipReason.TOO_LARGE))
        else:
            mtime_ns = max(-MOST_NS, min(status.st_mtime_ns, MOST_NS))
            self._files.append(FileStat(path, status.st_size, mtime_ns, status.st_ino))


class _UnlistedEntry:
    """Substitute for `os.DirEntry` for a path that does not come from the listing of a folder."""

    def __init__(self, top: str, path: str) -> None:
        self.name = path.rsplit("/", 1)[-1]
        self._top, self._path = top, path

    def is_dir(self, *, follow_symlinks: bool) -> bool:
        """Return whether the place is a folder. Raises `OSError` when its status cannot be read."""
        return stat.S_ISDIR(self.stat(follow_symlinks=follow_symlinks).st_mode)

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        """Return the status of the place, whatever `follow_symlinks` says.

        Raises `OSError`. It is a `FileNotFoundError` where one of its folders is missing, a file or a link.
        """
        try:
            return status_below(self._top, self._path)
        except ValueError:
            raise FileNotFoundError(self._path) from None
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise FileNotFoundError(self._path) from None
            raise
