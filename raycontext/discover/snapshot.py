"""What the index knows of the files of its tree, and what a later walk says about it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from raycontext.discover.merkle import MerkleTree
from raycontext.errors import CorruptManifest
from raycontext.models import FileStat, SkipReason, TreeListing

__all__ = ["QUARANTINES", "Classification", "Snapshot", "SnapshotEntry", "classify"]

DIGEST_BYTES = 16
UNKNOWN_INODE = 0  # no file has it, so the entry's file counts as changed

SECOND_NS = 1_000_000_000
FINE_GRANULARITY_NS = 100_000_000  # kernels stamp files with the time of their last tick: 1 to 10 ms
COARSE_GRANULARITY_NS = 2 * SECOND_NS  # FAT: 2 s; HFS+, ext3 and some network file systems: 1 s

_SCANNED_AT_KEY = b"scanned_at_ns"
_SCHEMA = pa.schema(
    [
        pa.field("path", pa.binary(), nullable=False),
        pa.field("size", pa.uint64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
        pa.field("inode", pa.uint64(), nullable=False),
        pa.field("digest", pa.binary(DIGEST_BYTES)),
        pa.field("reason", pa.dictionary(pa.int8(), pa.string())),
    ]
)
_REASONS = list(SkipReason)
_REASON_CODES = {reason: code for code, reason in enumerate(_REASONS)}

QUARANTINES = frozenset({SkipReason.QUARANTINED, SkipReason.WORKER_DIED, SkipReason.OUT_OF_MEMORY, SkipReason.SECRET})
"""Indexing the file was tried and failed, or a secret was found: known by its content."""

# Left out for what is in them: they need not be read again while their status stays the same.
_REASONS_OF_CONTENT = frozenset({SkipReason.BINARY, SkipReason.UNDECODABLE, *QUARANTINES})


class SnapshotEntry(NamedTuple):
    """One file as it was when it was last looked at."""

    size: int  # bytes
    mtime_ns: int
    inode: int
    digest: bytes  # xxh3_128 of the content, 16 bytes; empty where `reason` is set, unless it is a quarantine
    reason: SkipReason | None  # None: the file is in the index


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a tree by path, indexed and skipped ones, as of one walk.

    `scanned_at_ns` (wall clock) promises that each file was looked at no earlier than that. An entry that is
    copied from an earlier snapshot without such a look goes through `carried`.
    """

    scanned_at_ns: int
    entries: Mapping[str, SnapshotEntry]

    def tree(self) -> MerkleTree:
        """Merkle tree of the indexed files."""
        return MerkleTree.from_digests(
            {path: entry.digest for path, entry in self.entries.items() if entry.reason is None}
        )

    def quarantined(self) -> dict[bytes, SkipReason]:
        """Digest and reason of each content that is not tried again."""
        return {
            entry.digest: entry.reason
            for entry in self.entries.values()
            if entry.digest and entry.reason in QUARANTINES
        }

    def skipped(self) -> dict[str, SkipReason]:
        """Path and reason of each file that is not in the index."""
        return {path: entry.reason for path, entry in self.entries.items() if entry.reason is not None}

    def carried(self, paths: Iterable[str]) -> dict[str, SnapshotEntry]:
        """Entries for a later snapshot of files that were not looked at since this one.

        For racy entries (see `classify`) the later time would hide that they may be out of date. They lose
        their inode, so that their files are read next time.
        """
        return {
            path: entry._replace(inode=UNKNOWN_INODE) if _is_racy(entry.mtime_ns, self.scanned_at_ns) else entry
            for path, entry in ((path, self.entries[path]) for path in paths)
        }

    def to_bytes(self) -> bytes:
        """An Arrow IPC file, sorted by path. Equal snapshots give equal bytes."""
        paths = sorted(self.entries)
        entries = [self.entries[path] for path in paths]
        reasons = pa.array(
            [None if entry.reason is None else _REASON_CODES[entry.reason] for entry in entries], pa.int8()
        )
        columns = [
            pa.array([os.fsencode(path) for path in paths], pa.binary()),
            pa.array([entry.size for entry in entries], pa.uint64()),
            pa.array([entry.mtime_ns for entry in entries], pa.int64()),
            pa.array([entry.inode for entry in entries], pa.uint64()),
            pa.array([entry.digest or None for entry in entries], pa.binary(DIGEST_BYTES)),
            pa.DictionaryArray.from_arrays(reasons, pa.array([str(reason) for reason in _REASONS], pa.string())),
        ]
        schema = _SCHEMA.with_metadata({_SCANNED_AT_KEY: str(self.scanned_at_ns).encode()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
        content: bytes = sink.getvalue().to_pybytes()
        return content

    @classmethod
    def from_bytes(cls, content: bytes | pa.Buffer, name: str = "snapshot") -> Snapshot:
        """Read what `to_bytes` wrote. Raises CorruptManifest(name, problem) for anything else."""
        try:
            table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
            if not table.schema.equals(_SCHEMA):
                raise CorruptManifest(name, "its columns are not those of a snapshot")
            table.validate(full=True)
            scanned_at_ns = int((table.schema.metadata or {})[_SCANNED_AT_KEY])
            columns = {column: table.column(column).to_pylist() for column in table.column_names}
            paths = [os.fsdecode(path) for path in columns["path"]]
            reasons = [None if reason is None else SkipReason(reason) for reason in columns["reason"]]
        except KeyError:
            raise CorruptManifest(name, "the time of its walk is missing") from None
        except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError) as error:
            raise CorruptManifest(name, f"it is no readable Arrow file: {error}") from error
        if not all(map(_is_possible, columns["digest"], reasons)):
            raise CorruptManifest(name, "a file has neither digest nor reason, or both")
        entries = map(
            SnapshotEntry,
            columns["size"],
            columns["mtime_ns"],
            columns["inode"],
            [digest or b"" for digest in columns["digest"]],
            reasons,
        )
        by_path = dict(zip(paths, entries, strict=True))
        if len(by_path) != len(paths):
            raise CorruptManifest(name, "a path occurs twice")
        return cls(scanned_at_ns, by_path)


def _is_possible(digest: bytes | None, reason: SkipReason | None) -> bool:
    if digest is None:
        return reason is not None
    return reason is None or reason in QUARANTINES


class Classification(NamedTuple):
    """What a walk means for an earlier snapshot. Entries of the snapshot that appear in none of these lists
    belong to files that are gone or are left out now."""

    unchanged: list[FileStat]  # their entries hold
    to_hash: list[FileStat]  # new, changed in status, or racy
    kept: list[str]  # paths below folders that could not be listed; their entries stay, see `Snapshot.carried`


def classify(listing: TreeListing, previous: Snapshot | None) -> Classification:
    """Tell which files of a walk must be read, by size, modification time and inode, as git's index does."""
    if previous is None:
        return Classification([], list(listing.files), [])
    unchanged: list[FileStat] = []
    to_hash: list[FileStat] = []
    entries = previous.entries
    for file in listing.files:
        entry = entries.get(file.path)
        holds = entry is not None and _holds(entry, file, previous.scanned_at_ns)
        (unchanged if holds else to_hash).append(file)
    return Classification(unchanged, to_hash, _kept(listing, previous))


def _holds(entry: SnapshotEntry, file: FileStat, scanned_at_ns: int) -> bool:
    if entry.reason is not None and entry.reason not in _REASONS_OF_CONTENT:
        return False
    if (entry.mtime_ns, entry.size, entry.inode) != (file.mtime_ns, file.size, file.inode):
        return False
    return not _is_racy(entry.mtime_ns, scanned_at_ns)


def _is_racy(mtime_ns: int, scanned_at_ns: int) -> bool:
    """True where the file may have changed after the look at it without a change of its status.

    File systems stamp times in steps. A file that was written, looked at, and written again to the same
    size within one step has the same status with other content. Git's index has the same problem ("racy
    git", Documentation/technical/racy-git.txt). Only files written within a step of the look, or later,
    are in doubt, and they are read. A time of whole seconds suggests a coarse file system.
    """
    granularity_ns = COARSE_GRANULARITY_NS if mtime_ns % SECOND_NS == 0 else FINE_GRANULARITY_NS
    return mtime_ns + granularity_ns >= scanned_at_ns


def _kept(listing: TreeListing, previous: Snapshot) -> list[str]:
    if not listing.unreadable_folders:
        return []
    if "" in listing.unreadable_folders:
        return sorted(previous.entries)
    prefixes = tuple(f"{folder}/" for folder in listing.unreadable_folders)
    return sorted(path for path in previous.entries if path.startswith(prefixes))
