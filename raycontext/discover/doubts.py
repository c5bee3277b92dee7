"""Files whose status leaves it open whether they have changed: their content decides."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from raycontext.discover.read import digest_file
from raycontext.discover.snapshot import UNKNOWN_INODE, Snapshot, SnapshotEntry
from raycontext.models import FileStat

__all__ = ["without_unchanged"]


def without_unchanged(
    root: Path, files: Iterable[FileStat], snapshot: Snapshot, max_file_bytes: int
) -> tuple[list[FileStat], list[FileStat]]:
    """Divide files that a scan wants to be read into those that have changed and those that a snapshot knows as they
    are.

    A file is read only where its status is the one in the snapshot, so that it is in doubt for another reason: it was
    written just before the snapshot, or could not be read. All other files count as changed.
    """
    changed: list[FileStat] = []
    unchanged: list[FileStat] = []
    for file in files:
        entry = snapshot.entries.get(file.path)
        is_known = entry is not None and _is_in_doubt(entry, file) and _is_as_known(root, file, entry, max_file_bytes)
        (unchanged if is_known else changed).append(file)
    return changed, unchanged


def _is_in_doubt(entry: SnapshotEntry, file: FileStat) -> bool:
    same = (entry.size, entry.mtime_ns) == (file.size, file.mtime_ns)
    return same and entry.inode in (file.inode, UNKNOWN_INODE)


def _is_as_known(root: Path, file: FileStat, entry: SnapshotEntry, max_file_bytes: int) -> bool:
    found = digest_file(root, file.path, max_file_bytes)
    if entry.digest:
        return found.reason is None and found.digest == entry.digest
    return entry.reason is not None and found.reason is entry.reason
