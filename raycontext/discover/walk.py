"""Find the files of a tree: one pass with `os.scandir`, without recursion, without following links."""

from __future__ import annotations

import os
import stat
import time
from operator import itemgetter
from pathlib import Path

from raycontext.discover.ignore import CONTROL_NAMES, IgnoreRules, is_never_indexed, rules_for_root
from raycontext.errors import RootNotFound
from raycontext.models import FileStat, SkippedFile, SkipReason, TreeListing

__all__ = ["walk"]

_BY_PATH = itemgetter(0)


def walk(root: Path, max_file_bytes: int) -> TreeListing:
    """List the files below `root` that may be indexed.

    Takes a folder (or a link to one) and the size in bytes above which a file is left out. Ignored files
    do not appear at all; links, special files, files that are too large and files whose status cannot be
    read appear in `skipped`. Folders that cannot be listed appear in `unreadable_folders`, the root as "".
    What vanishes during the walk counts as not there. A folder that another one takes the place of during the walk is
    listed anew: with the first one moved away, all of its files would count as deleted.

    Raises RootNotFound where `root` is not an existing folder that can be reached, at the end of the walk too.
    """
    while True:
        top = _resolved_folder(root)
        before = _identity(top, root)
        listing = _listed(top, root, max_file_bytes)
        if _identity(top, root) == before:
            return listing


def _identity(top: Path, root: Path) -> tuple[int, int]:
    try:
        status = top.stat()
    except OSError:
        raise RootNotFound(str(root)) from None
    return status.st_dev, status.st_ino


def _listed(top: Path, root: Path, max_file_bytes: int) -> TreeListing:
    scanned_at_ns = time.time_ns()
    base = str(top).rstrip("/") + "/"
    files: list[FileStat] = []
    skipped: list[SkippedFile] = []
    unreadable_folders: list[str] = []
    pending: list[tuple[str, IgnoreRules]] = [("", rules_for_root(top))]
    while pending:
        prefix, rules = pending.pop()
        folder = prefix[:-1]
        try:
            with os.scandir(base + prefix) as listing:
                entries = list(listing)
        except (FileNotFoundError, NotADirectoryError):
            if not prefix:
                raise RootNotFound(str(root)) from None
            continue
        except OSError:
            unreadable_folders.append(folder)
            continue
        if not CONTROL_NAMES.isdisjoint([entry.name for entry in entries]):
            rules = rules.entered(Path(base + folder), folder)
        has_rules = not rules.is_empty
        for entry in entries:
            name = entry.name
            path = prefix + name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if is_never_indexed(base + path, name) or (has_rules and rules.ignores_folder(path, name)):
                        continue
                    pending.append((path + "/", rules))
                    continue
                if name == ".git" or (has_rules and rules.ignores_file(path, name)):
                    continue
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError:
                skipped.append(SkippedFile(path, SkipReason.UNREADABLE))
                continue
            mode = status.st_mode
            if not stat.S_ISREG(mode):
                reason = SkipReason.SYMLINK if stat.S_ISLNK(mode) else SkipReason.SPECIAL
                skipped.append(SkippedFile(path, reason))
            elif status.st_size > max_file_bytes:
                skipped.append(SkippedFile(path, SkipReason.TOO_LARGE))
            else:
                files.append(FileStat(path, status.st_size, status.st_mtime_ns, status.st_ino))
    files.sort(key=_BY_PATH)
    skipped.sort(key=_BY_PATH)
    unreadable_folders.sort()
    return TreeListing(scanned_at_ns, files, skipped, unreadable_folders)


def _resolved_folder(root: Path) -> Path:
    try:
        top = root.resolve(strict=True)
        is_folder = top.is_dir()
    except (
        OSError,
        RuntimeError,
        ValueError,
    ):  # RuntimeError: a loop of links; ValueError: a NUL in the path
        raise RootNotFound(str(root)) from None
    if not is_folder:
        raise RootNotFound(str(root))
    return top
