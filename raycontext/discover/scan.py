"""Comparison of a tree, or of some places in it, with an earlier snapshot, by the status (stat) of its files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from raycontext.discover.rules.attributes import ATTRIBUTES_FILE, is_attributes_file
from raycontext.discover.rules.globs import selected
from raycontext.discover.rules.ignore import CONTROL_NAMES
from raycontext.discover.snapshot import Snapshot, SnapshotEntry, classify
from raycontext.discover.walk import walk, walk_places
from raycontext.models import FileStat, IndexOptions, TreeListing

__all__ = ["Scan", "compared", "scan", "scan_places"]


class Scan(NamedTuple):
    """Differences between a tree and an earlier snapshot, as far as the status of the files shows them."""

    scanned_at_ns: int
    """Time of the scan, in nanoseconds of the wall clock: no file was looked at earlier. It is the time of the earlier
    snapshot when only some places were looked at."""
    files_found: int
    """Number of files that the walk found and that the options select."""
    to_hash: list[FileStat]
    """New files, and files whose status does not prove that they are unchanged. Their contents must be read."""
    skipped: dict[str, SnapshotEntry]
    """Entries by path for files that the walk left out and that the snapshot does not record with this reason yet."""
    removed: list[str]
    """Paths of the snapshot that are no longer in the tree."""
    kept: list[str]
    """Paths of the snapshot below folders that cannot be listed. Their entries stay unchanged."""
    unreadable_folders: tuple[str, ...]
    """Paths of the folders that cannot be listed; "" is the root."""


def scan(root: Path, options: IndexOptions, previous: Snapshot | None) -> Scan:
    """Walk the tree below `root` and compare the files that the options select with an earlier snapshot.

    `previous` None stands for an empty snapshot. Raises `RootNotFound`.
    """
    return compared(walk(root, options.max_file_bytes), options, previous)


def scan_places(
    root: Path, options: IndexOptions, below: Callable[[Iterable[str]], Snapshot], places: Iterable[str]
) -> Scan:
    """Compare some places of a tree with an earlier snapshot. All other files count as unchanged.

    below: function that returns the entries of some files, and of all files below some folders; "" is the whole tree.

    `places` are paths of files and folders, as in `walk_places`; "." is the whole tree. An ignore file,
    `.gitattributes` or `.git` stands for the folder that it lies in. Raises `RootNotFound`.
    """
    wanted = frozenset(_folder_of_rules(place) for place in places)
    if not wanted.isdisjoint(("", ".")):
        return scan(root, options, below([""]))
    listing = walk_places(root, options.max_file_bytes, wanted)
    previous = below(wanted)
    # The time of the earlier walk stays, since the other files were not looked at.
    return compared(listing, options, previous)._replace(scanned_at_ns=previous.scanned_at_ns)


def _without_declared_anew(listing: TreeListing, previous: Snapshot | None) -> Snapshot | None:
    """Return the snapshot with doubts about all files below folders whose attributes may be other ones now.

    The attributes of a file may decide its text, and so they are part of its digest.
    """
    if previous is None:
        return None
    there = {file.path: file for file in listing.files if file.path.endswith(ATTRIBUTES_FILE)}
    before = {path for path in previous.entries if path.endswith(ATTRIBUTES_FILE)}
    if not there and not before:
        return previous
    changed = before - there.keys()
    changed.update(file.path for file in classify(listing._replace(files=list(there.values())), previous).to_hash)
    folders = tuple({path.removesuffix(ATTRIBUTES_FILE) for path in changed if is_attributes_file(path)})
    if not folders:
        return previous
    return previous.with_doubts(path for path in previous.entries if path.startswith(folders))


def _folder_of_rules(place: str) -> str:
    """Return the parent folder of an entry that says something of its neighbours, else the place itself."""
    parent, _, name = place.rpartition("/")
    return parent if name in CONTROL_NAMES or name == ATTRIBUTES_FILE else place


def compared(found: TreeListing, options: IndexOptions, previous: Snapshot | None) -> Scan:
    """Compare the result of a walk with an earlier snapshot.

    The globs of the options are applied to the result first. `previous` None stands for an empty snapshot.
    """
    listing = selected(found, options.include, options.exclude)
    classification = classify(listing, _without_declared_anew(listing, previous))
    known = previous.entries if previous else {}
    skipped = {
        path: SnapshotEntry(size=0, mtime_ns=0, inode=0, digest=b"", reason=reason)
        for path, reason in listing.skipped
        if path not in known or known[path].reason != reason
    }
    present = {file.path for file in listing.files}
    present.update(path for path, _ in listing.skipped)
    present.update(classification.kept)
    return Scan(
        scanned_at_ns=listing.scanned_at_ns,
        files_found=len(listing.files),
        to_hash=classification.to_hash,
        skipped=skipped,
        removed=[path for path in known if path not in present],
        kept=classification.kept,
        unreadable_folders=tuple(listing.unreadable_folders),
    )
