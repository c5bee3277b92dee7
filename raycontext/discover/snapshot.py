"""Snapshots: what the index knows about the files of its tree, and how a later walk compares with that."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from raycontext.discover.merkle import MerkleTree
from raycontext.errors import CorruptManifest
from raycontext.files.arrow import read_uncompressed
from raycontext.files.foreign_json import read_json
from raycontext.models import Failure, FileStat, SkipReason, TreeListing

__all__ = ["FAULTS", "QUARANTINES", "Classification", "Snapshot", "SnapshotEntry", "classify", "is_racy"]

DIGEST_BYTES = 16
"""Size of a digest (xxh3_128), in bytes."""
UNKNOWN_INODE = 0
"""Inode of an entry whose file must be read again. No file has this inode, so the file counts as changed."""

SECOND_NS = 1_000_000_000
FINE_GRANULARITY_NS = 100_000_000
"""Step of the times of a usual file system, in nanoseconds, with a margin. Kernels use the time of their last tick,
every 1 to 10 ms."""
COARSE_GRANULARITY_NS = 2 * SECOND_NS
"""Step of the times of a coarse file system, in nanoseconds: 2 s on FAT; 1 s on HFS+, ext3 and some network ones."""

_SCANNED_AT_KEY = b"scanned_at_ns"
_FAILURES_KEY = b"failures"
_FOLDERS_KEY = b"folders"
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

FAULTS = frozenset({SkipReason.QUARANTINED, SkipReason.WORKER_DIED, SkipReason.OUT_OF_MEMORY})
"""Reasons of files in quarantine: indexing the content failed."""
QUARANTINES = FAULTS | {SkipReason.SECRET}
"""Reasons that belong to a content: indexing it failed, or it holds a secret. It is recognised by its digest."""

# Reasons that lie in the content of a file. Such a file is not read again while its status stays the same.
_REASONS_OF_CONTENT = frozenset({SkipReason.BINARY, SkipReason.UNDECODABLE, SkipReason.LFS_POINTER, *QUARANTINES})


class SnapshotEntry(NamedTuple):
    """State of one file when it was last looked at."""

    size: int
    """Size of the file, in bytes."""
    mtime_ns: int
    """Time of the last modification, in nanoseconds since the Unix epoch."""
    inode: int
    """Inode number of the file, or `UNKNOWN_INODE`."""
    digest: bytes
    """Digest of the content (xxh3_128, 16 bytes). It is empty when `reason` is set and is not one of `QUARANTINES`."""
    reason: SkipReason | None
    """Why the file is not in the index; None when it is in the index."""
    failure: Failure | None = None
    """What ended the last attempt to index the file. None where that succeeded, or where nobody has noted it. A file
    that is in the index and has a failure is pending: the index holds what it was before."""

    @property
    def is_pending(self) -> bool:
        """Whether the next run tries the file again, since nothing about the file made the last attempt fail."""
        return self.reason is SkipReason.WORKER_LOST or (self.reason is None and self.failure is not None)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Record of all files of a tree, indexed and skipped ones, at the time of one walk."""

    scanned_at_ns: int
    """Time in nanoseconds of the wall clock. Each file was looked at no earlier. Entries that are copied from an
    earlier snapshot, without a new look at their files, must go through `carried`."""
    entries: Mapping[str, SnapshotEntry]
    """State of each file, by its path relative to the root of the tree."""

    def tree(self) -> MerkleTree:
        """Build the Merkle tree of the indexed files."""
        return MerkleTree.from_digests(
            {path: entry.digest for path, entry in self.entries.items() if entry.reason is None}
        )

    def quarantined(self, *, apart_from: Collection[str] = ()) -> dict[bytes, SnapshotEntry]:
        """Return an entry of each content that is not tried again, by the digest of the content.

        apart_from: paths of files that are tried again.
        """
        return {
            entry.digest: entry
            for path, entry in self.entries.items()
            if entry.digest and entry.reason in QUARANTINES and path not in apart_from
        }

    def faulty(self, *, apart_from_version: str | None = None) -> list[str]:
        """Return the sorted paths of the files in quarantine. Files that hold a secret are not among them.

        apart_from_version: leave out what this version of raycontext has put there.
        """
        return sorted(
            path
            for path, entry in self.entries.items()
            if entry.reason in FAULTS and (apart_from_version is None or _version_of(entry) != apart_from_version)
        )

    def failures(self) -> dict[str, Failure]:
        """Return what ended the last attempt to index a file, by path, where somebody has noted it."""
        return {path: entry.failure for path, entry in self.entries.items() if entry.failure is not None}

    def pending(self) -> list[str]:
        """Return the sorted paths of the files that the next run tries again; see `SnapshotEntry.is_pending`."""
        return sorted(path for path, entry in self.entries.items() if entry.is_pending)

    def skipped(self) -> dict[str, SkipReason]:
        """Return the paths of the files that are not in the index, with the reason of each."""
        return {path: entry.reason for path, entry in self.entries.items() if entry.reason is not None}

    def carried(self, paths: Iterable[str]) -> dict[str, SnapshotEntry]:
        """Return entries for a later snapshot, for files that were not looked at since this snapshot.

        The later time would hide that racy entries (see `is_racy`) may be out of date. Their inode becomes
        `UNKNOWN_INODE`, so that the next walk has their files read. Raises `KeyError` for a path without an entry.
        """
        return {
            path: entry._replace(inode=UNKNOWN_INODE) if is_racy(entry.mtime_ns, self.scanned_at_ns) else entry
            for path, entry in ((path, self.entries[path]) for path in paths)
        }

    def with_doubts(self, paths: Iterable[str]) -> Snapshot:
        """Return this snapshot without the inodes of some files: a walk reads these whatever their status says."""
        doubted = {path: self.entries[path]._replace(inode=UNKNOWN_INODE) for path in paths if path in self.entries}
        return Snapshot(self.scanned_at_ns, {**self.entries, **doubted}) if doubted else self

    def to_bytes(self, folders: Mapping[str, str] | None = None) -> bytes:
        """Return the snapshot as an Arrow IPC file, sorted by path. Equal snapshots give equal bytes.

        folders: digests of folders, in hexadecimal, by path; they stand in the metadata of the file.
        """
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
        metadata = {_SCANNED_AT_KEY: str(self.scanned_at_ns).encode()}
        if failures := self.failures():
            metadata[_FAILURES_KEY] = json.dumps(failures, sort_keys=True, separators=(",", ":")).encode()
        if folders:
            metadata[_FOLDERS_KEY] = json.dumps(folders, sort_keys=True, separators=(",", ":")).encode()
        schema = _SCHEMA.with_metadata(metadata)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
        content: bytes = sink.getvalue().to_pybytes()
        return content

    @classmethod
    def from_bytes(cls, content: bytes | pa.Buffer, name: str = "snapshot") -> Snapshot:
        """Read a snapshot that `to_bytes` wrote. Raises `CorruptManifest`, which names `name`, for anything else."""
        return cls.part_from_bytes(content, name)[0]

    @classmethod
    def part_from_bytes(cls, content: bytes | pa.Buffer, name: str = "snapshot") -> tuple[Snapshot, dict[str, str]]:
        """Return what `from_bytes` returns, and the folders that `to_bytes` was given. Raises like `from_bytes`."""
        try:
            table = read_uncompressed(pa.py_buffer(content))
            if not table.schema.equals(_SCHEMA):
                raise CorruptManifest(name, "its columns are not those of a snapshot")
            table.validate(full=True)
            metadata = table.schema.metadata or {}
            scanned_at_ns = int(metadata[_SCANNED_AT_KEY])
            failures = _failures(metadata.get(_FAILURES_KEY, b"{}"))
            folders = read_json(metadata.get(_FOLDERS_KEY, b"{}"))
            if not isinstance(folders, dict):
                raise ValueError("the folders are no table")
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
            map(failures.get, paths),
        )
        by_path = dict(zip(paths, entries, strict=True))
        if len(by_path) != len(paths):
            raise CorruptManifest(name, "a path occurs twice")
        return cls(scanned_at_ns, by_path), folders


def _failures(content: bytes) -> dict[str, Failure]:
    """Return the failures that `Snapshot.to_bytes` has written. Raises `ValueError` or `TypeError` for all else."""
    found = read_json(content)
    if not isinstance(found, dict):
        raise ValueError("the failures are no table")
    failures = {path: Failure(*values) for path, values in found.items()}
    for why, node, at_ns, version in failures.values():
        if not (isinstance(why, str) and isinstance(node, str) and isinstance(version, str)):
            raise ValueError("a failure has fields of other types")
        if not (isinstance(at_ns, int) and 0 <= at_ns < 2**63):
            raise ValueError("a failure has an impossible time")
    return failures


def _version_of(entry: SnapshotEntry) -> str:
    """Return the version of raycontext that has put a file into quarantine; "" where nobody has noted it."""
    return "" if entry.failure is None else entry.failure.version


def _is_possible(digest: bytes | None, reason: SkipReason | None) -> bool:
    """Return whether one entry may have this digest together with this reason."""
    if digest is None:
        return reason is not None
    return reason is None or reason in QUARANTINES


class Classification(NamedTuple):
    """Result of the comparison of a walk with an earlier snapshot.

    An entry of the snapshot that is in none of these lists belongs to a file that is gone or is now left out.
    """

    unchanged: list[FileStat]
    """Files whose entries are still valid."""
    to_hash: list[FileStat]
    """Files that must be read: they are new, their status has changed, or their entries are racy (see `is_racy`)."""
    kept: list[str]
    """Paths of the snapshot below folders that could not be listed. Their entries stay (see `Snapshot.carried`)."""


def classify(listing: TreeListing, previous: Snapshot | None) -> Classification:
    """Divide the files of a walk into those whose entries are still valid and those that must be read.

    Size, modification time and inode decide, as in git's index. `previous` None stands for an empty snapshot.
    """
    if previous is None:
        return Classification([], list(listing.files), [])
    unchanged: list[FileStat] = []
    to_hash: list[FileStat] = []
    entries = previous.entries
    for file in listing.files:
        entry = entries.get(file.path)
        is_valid = entry is not None and _is_valid(entry, file, previous.scanned_at_ns)
        (unchanged if is_valid else to_hash).append(file)
    return Classification(unchanged, to_hash, _paths_below_unreadable(listing, previous))


def _is_valid(entry: SnapshotEntry, file: FileStat, scanned_at_ns: int) -> bool:
    """Return whether the entry of a file, from a snapshot of the given time, is valid for its present status."""
    if entry.reason is not None and entry.reason not in _REASONS_OF_CONTENT:
        return False
    if (entry.mtime_ns, entry.size, entry.inode) != (file.mtime_ns, file.size, file.inode):
        return False
    return not is_racy(entry.mtime_ns, scanned_at_ns)


def is_racy(mtime_ns: int, scanned_at_ns: int) -> bool:
    """Return whether a file may have changed since the snapshot without a change of its status.

    File systems record times in steps. A file may be written, looked at, and written again to the same size within one
    step. Its status then stays the same while its content differs. Git's index has this problem too ("racy git",
    Documentation/technical/racy-git.txt). Only files that were written within one step before the look, or later, are
    in doubt. A modification time of whole seconds suggests a file system with coarse steps.
    """
    granularity_ns = COARSE_GRANULARITY_NS if mtime_ns % SECOND_NS == 0 else FINE_GRANULARITY_NS
    return mtime_ns + granularity_ns >= scanned_at_ns


def _paths_below_unreadable(listing: TreeListing, previous: Snapshot) -> list[str]:
    """Return the sorted paths of the snapshot that lie below folders that could not be listed."""
    if not listing.unreadable_folders:
        return []
    if "" in listing.unreadable_folders:
        return sorted(previous.entries)
    prefixes = tuple(f"{folder}/" for folder in listing.unreadable_folders)
    return sorted(path for path in previous.entries if path.startswith(prefixes))
