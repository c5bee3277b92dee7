"""Find by stat what of a tree, or of some places in it, may differ from an earlier snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from raycontext.discover.globs import selected
from raycontext.discover.ignore import CONTROL_NAMES
from raycontext.discover.snapshot import Snapshot, SnapshotEntry, classify
from raycontext.discover.walk import walk, walk_places
from raycontext.models import FileStat, IndexOptions, TreeListing

__all__ = ["Scan", "compared", "scan", "scan_places"]


class Scan(NamedTuple):
    """How a tree differs from the last snapshot, as far as stat tells."""

    scanned_at_ns: int
    files_found: int
    to_hash: list[FileStat]
    """New files and files whose stat does not prove that they are unchanged."""
    skipped: dict[str, SnapshotEntry]
    """Files that the walk left out and that the snapshot does not yet record so."""
    removed: list[str]
    """Paths of the snapshot that are no longer in the tree."""
    kept: list[str]
    """Paths of the snapshot below folders that cannot be listed: they stay as they are."""
    unreadable_folders: tuple[str, ...]


def scan(root: Path, options: IndexOptions, previous: Snapshot | None) -> Scan:
    """Walk a tree and compare what the options ask for with a snapshot, None: with nothing. Raises `RootNotFound`."""
    return compared(walk(root, options.max_file_bytes), options, previous)


def scan_places(root: Path, options: IndexOptions, previous: Snapshot, places: Iterable[str]) -> Scan:
    """The same of some places alone, paths of files and folders as in `walk_places`; all else counts as unchanged.

    "." stands for all, a file with rules, such as `.gitignore`, for its folder. Raises `RootNotFound`.
    """
    wanted = frozenset(_folder_of_rules(place) for place in places)
    if not wanted.isdisjoint(("", ".")):
        return scan(root, options, previous)
    listing = walk_places(root, options.max_file_bytes, wanted)
    below = tuple(f"{place}/" for place in wanted)
    entries = {path: entry for path, entry in previous.entries.items() if path in wanted or path.startswith(below)}
    # Of the rest no one knows more than before.
    return compared(listing, options, Snapshot(previous.scanned_at_ns, entries))._replace(
        scanned_at_ns=previous.scanned_at_ns
    )


def _folder_of_rules(place: str) -> str:
    parent, _, name = place.rpartition("/")
    return parent if name in CONTROL_NAMES else place


def compared(found: TreeListing, options: IndexOptions, previous: Snapshot | None) -> Scan:
    """What a walk has found, compared with a snapshot, None: with nothing."""
    listing = selected(found, options.include, options.exclude)
    classification = classify(listing, previous)
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
