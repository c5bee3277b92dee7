"""Snapshot as a tree of parts by subtree, copied on write: a commit writes the parts of the files that it changes.

Files are sorted by folder, then by name, and cut into parts of about 128. The digests of folders, which are the inner
nodes of the Merkle tree, stand beside the files of the folder that they lie in. So a change of one file reads and
writes its part and those of the folders above it, whatever the size of the tree.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

import pyarrow as pa

from raycontext.discover.merkle import MerkleTree, folder_digest
from raycontext.discover.snapshot import Snapshot, SnapshotEntry, is_racy
from raycontext.discover.snapshot_parts import (
    Packs,
    Part,
    Place,
    Rows,
    Summary,
    ends_a_node,
    key_of,
    object_of,
    pack_sizes,
    path_of,
    placed,
    read_part,
    read_root,
    write_part,
    write_root,
)

__all__ = ["SnapshotTree", "needed_packs"]

Value = TypeVar("Value")

KEPT_PARTS = 64
"""Number of parts that a tree keeps in memory, about 80 kB each."""
MOST_PACKS = 32
"""Number of packs above which the parts of small ones are copied into the next pack."""
SMALL_SHARE = 0.25
"""Largest share of a tree, from 0 to 1, that the parts of a pack have which is copied then."""
LEAST_LIVE = 0.5
"""Share of a pack, from 0 to 1, that must still be in use; what is left of others is copied into the next pack."""


def needed_packs(name: str, content: pa.Buffer) -> list[str]:
    """Return the names of the earlier packs that the tree in a pack refers to, sorted. Raises `CorruptManifest`."""
    return sorted(pack_sizes(name, content))


class SnapshotTree:
    """Record of all files of a tree, of which the parts are read as they are needed. A value: it never changes.

    Methods that read raise `CorruptManifest` where a part is damaged.
    """

    def __init__(
        self, scanned_at_ns: int, digest: bytes, parts: Sequence[Part], nodes: Sequence[Place], packs: Packs
    ) -> None:
        """Take what `open`, `of` and `updated` make."""
        self.scanned_at_ns = scanned_at_ns
        """Time in nanoseconds before which no file was looked at; see `Snapshot.scanned_at_ns`."""
        self.root_digest = digest
        """Digest of the root folder in the Merkle tree over the indexed files (16 bytes)."""
        self._parts = parts
        self._lasts = [part.last for part in parts]
        self._nodes = nodes
        self._packs = packs
        self._kept: OrderedDict[Place, Rows] = OrderedDict()

    @classmethod
    def open(cls, name: str, packs: Packs) -> SnapshotTree:
        """Open the tree whose root lies in the pack `name`. All packs that it refers to must be given."""
        root = read_root(name, packs)
        return cls(root.scanned_at_ns, root.digest, root.parts, root.nodes, packs)

    @classmethod
    def of(cls, snapshot: Snapshot) -> SnapshotTree:
        """Return a tree that is not in any pack yet, with the entries of a snapshot."""
        empty = cls(snapshot.scanned_at_ns, MerkleTree.from_digests({}).root_digest, (), (), {})
        return empty.updated(snapshot.entries, snapshot.scanned_at_ns)

    @property
    def packs(self) -> Packs:
        """Contents of the packs that this tree refers to, by name."""
        return self._packs

    @property
    def files(self) -> int:
        """Number of files that are in the index."""
        return sum(part.summary.files for part in self._parts)

    @property
    def source_bytes(self) -> int:
        """Size of the files that are in the index, in bytes."""
        return sum(part.summary.source_bytes for part in self._parts)

    @property
    def skipped(self) -> dict[str, int]:
        """Number of files that are not in the index, by reason, in the order of the reasons' names."""
        found: Counter[str] = Counter()
        for part in self._parts:
            found.update(dict(part.summary.skipped))
        return dict(sorted(found.items()))

    def get(self, path: str) -> SnapshotEntry | None:
        """Return the entry of a file; None where there is none."""
        key = key_of(path)
        number = bisect_left(self._lasts, key)
        return self._rows(number).files.get(key) if number < len(self._parts) else None

    def whole(self) -> Snapshot:
        """Return the whole snapshot in memory."""
        entries: dict[str, SnapshotEntry] = {}
        for part in self._parts:
            if part.rows is not None:
                entries.update((path_of(key), entry) for key, entry in part.rows.files.items())
            else:
                assert part.place is not None
                content = placed(self._packs, part.place)
                entries.update(Snapshot.part_from_bytes(content, object_of(part.place.pack))[0].entries)
        return Snapshot(self.scanned_at_ns, entries)

    def below(self, places: Iterable[str]) -> Snapshot:
        """Return the entries of some files, and of all files below some folders; "" is the whole tree."""
        wanted = set(places)
        if "" in wanted:
            return self.whole()
        entries: dict[str, SnapshotEntry] = {}
        for place in sorted(wanted):
            if (entry := self.get(place)) is not None:
                entries[place] = entry
            folder = os.fsencode(place)
            for ending in (b"\0", b"/"):
                found = self._between(folder + ending).files
                entries.update((path_of(key), each) for key, each in found.items())
        return Snapshot(self.scanned_at_ns, entries)

    def noted(self, reasons: Collection[str] | None = None) -> Snapshot:
        """Return the entries that have a reason, or one of `reasons`, or that note a failure."""
        entries: dict[str, SnapshotEntry] = {}
        for number, part in enumerate(self._parts):
            there = any(reasons is None or reason in reasons for reason, _ in part.summary.skipped)
            if not (there or part.summary.failures):
                continue
            for key, entry in self._rows(number).files.items():
                is_wanted = entry.reason is not None and (reasons is None or entry.reason in reasons)
                if is_wanted or entry.failure is not None:
                    entries[path_of(key)] = entry
        return Snapshot(self.scanned_at_ns, entries)

    def carried(self, paths: Iterable[str]) -> dict[str, SnapshotEntry]:
        """Return entries for a later snapshot; see `Snapshot.carried`. Paths without an entry are left out."""
        entries = {path: entry for path in sorted(paths, key=key_of) if (entry := self.get(path)) is not None}
        racy = {path: entry for path, entry in entries.items() if is_racy(entry.mtime_ns, self.scanned_at_ns)}
        return Snapshot(self.scanned_at_ns, racy).carried(racy)

    def emptied(self) -> SnapshotTree:
        """Return a tree without files that knows the packs of this one."""
        return SnapshotTree(self.scanned_at_ns, MerkleTree.from_digests({}).root_digest, (), (), {})

    def updated(self, changes: Mapping[str, SnapshotEntry | None], scanned_at_ns: int) -> SnapshotTree:
        """Return a tree with other entries for some paths; None takes a file out. It is not in any pack yet."""
        files: dict[bytes, SnapshotEntry | None] = {key_of(path): entry for path, entry in changes.items()}
        folders, digest = self._digests_with(files)
        parts = self._parts_with(files, folders)
        tree = SnapshotTree(scanned_at_ns, digest, parts, self._nodes, self._packs)
        tree._kept = self._kept  # parts are found by their places, which mean the same for both
        return tree

    def packed(self, name: str) -> tuple[SnapshotTree, bytes]:
        """Return this tree with all new parts in a pack called `name`, and the content of that pack.

        The pack must be written before the tree is read.
        """
        copied = self._packs_to_copy()
        contents: list[tuple[Part, bytes | None]] = []
        for part in self._parts:
            if part.place is None:
                assert part.rows is not None
                contents.append((part, write_part(part.rows)))
            elif part.place.pack in copied:
                contents.append((part, placed(self._packs, part.place).to_pybytes()))
            else:
                contents.append((part, None))
        nodes = [place for place in self._nodes if place.pack not in copied]
        content = write_root(name, self._packs, contents, nodes, self.scanned_at_ns, self.root_digest)
        buffer = pa.py_buffer(content)
        packs = {each: self._packs[each] for each in needed_packs(name, buffer)} | {name: buffer}
        return SnapshotTree.open(name, packs), content

    def mapped(self, name: str, content: pa.Buffer) -> SnapshotTree:
        """Return this tree with another buffer for the same content of a pack, such as that of a mapped file."""
        packs = {**self._packs, name: content}
        return SnapshotTree(self.scanned_at_ns, self.root_digest, self._parts, self._nodes, packs)

    def _packs_to_copy(self) -> set[str]:
        """Return the packs of which nothing should be used any more from the next pack on."""
        live: Counter[str] = Counter()
        for part in self._parts:
            if part.place is not None:
                live[part.place.pack] += part.place.size
        total = live.total()
        copied = {name for name, size in live.items() if size < LEAST_LIVE * len(self._packs[name])}
        if len(live) - len(copied) > MOST_PACKS:
            copied |= {name for name, size in live.items() if size <= SMALL_SHARE * total}
        return copied

    def _rows(self, number: int) -> Rows:
        """Return the content of a part. The most recently read ones are kept."""
        part = self._parts[number]
        if part.rows is not None:
            return part.rows
        assert part.place is not None
        rows = self._kept.get(part.place)
        if rows is None:
            rows = read_part(placed(self._packs, part.place), object_of(part.place.pack))
            if len(self._kept) >= KEPT_PARTS:
                self._kept.popitem(last=False)
            self._kept[part.place] = rows
        else:
            self._kept.move_to_end(part.place)
        return rows

    def _folder(self, key: bytes) -> bytes | None:
        """Return the digest of a folder, given by key; None where no indexed file is below it."""
        number = bisect_left(self._lasts, key)
        return self._rows(number).folders.get(key) if number < len(self._parts) else None

    def _between(self, prefix: bytes) -> Rows:
        """Return all rows whose keys begin with `prefix`."""
        files: dict[bytes, SnapshotEntry] = {}
        folders: dict[bytes, bytes] = {}
        end = prefix[:-1] + bytes([prefix[-1] + 1])
        for number in range(bisect_left(self._lasts, prefix), len(self._parts)):
            rows = self._rows(number)
            files.update((key, entry) for key, entry in rows.files.items() if prefix <= key < end)
            folders.update((key, digest) for key, digest in rows.folders.items() if prefix <= key < end)
            if self._lasts[number] >= end:
                break
        return Rows(files, folders)

    def _digests_with(self, files: Mapping[bytes, SnapshotEntry | None]) -> tuple[dict[bytes, bytes | None], bytes]:
        """Return the changed digests of folders, by key, and that of the root. None: no indexed file is below."""
        by_folder: dict[bytes, dict[bytes, SnapshotEntry | None]] = defaultdict(dict)
        for key, entry in files.items():
            by_folder[key.partition(b"\0")[0]][key] = entry
        folders: dict[bytes, bytes | None] = {}
        below: dict[bytes, dict[bytes, bytes | None]] = defaultdict(dict)  # changed digests, by the folder above
        root = self.root_digest
        waiting: dict[int, set[bytes]] = defaultdict(set)
        for folder in by_folder:
            waiting[_depth(folder)].add(folder)
        for depth in range(max(waiting, default=-1), -1, -1):
            for folder in sorted(waiting.pop(depth, ())):
                found = self._between(folder + b"\0")
                here = {**found.files, **by_folder.get(folder, {})}
                inside = {**found.folders, **below.get(folder, {})}
                digest = folder_digest(
                    {_name(key): entry.digest for key, entry in here.items() if entry and entry.reason is None},
                    {_name(key): digest for key, digest in inside.items() if digest is not None},
                )
                if not folder:
                    root = digest
                    continue
                is_there = any(entry and entry.reason is None for entry in here.values()) or any(inside.values())
                key = key_of(os.fsdecode(folder), is_folder=True)
                now = digest if is_there else None
                if now == self._folder(key):
                    continue
                above = folder.rpartition(b"/")[0]
                folders[key] = below[above][key] = now
                waiting[_depth(above)].add(above)
        return folders, root

    def _parts_with(
        self, files: Mapping[bytes, SnapshotEntry | None], folders: Mapping[bytes, bytes | None]
    ) -> list[Part]:
        """Return the parts of a tree with these changes."""
        changed: dict[int, list[bytes]] = defaultdict(list)
        most = max(len(self._parts) - 1, 0)
        for key in sorted((*files, *folders)):
            changed[min(bisect_left(self._lasts, key), most)].append(key)
        parts: list[Part] = []
        held_files: dict[bytes, SnapshotEntry] = {}  # rows whose part does not end with them any more
        held_folders: dict[bytes, bytes] = {}
        following = 0
        pending = sorted(changed)
        while pending or held_files or held_folders:
            number = following if held_files or held_folders else pending[0]
            if pending and pending[0] == number:
                pending.pop(0)
            if number >= len(self._parts) > 0:  # behind the last part: what is held is the last part
                break
            parts.extend(self._parts[following:number])
            before = self._rows(number) if self._parts else Rows({}, {})
            merged_files, merged_folders = {**held_files, **before.files}, {**held_folders, **before.folders}
            _apply(files, changed.get(number, ()), merged_files)
            _apply(folders, changed.get(number, ()), merged_folders)
            following = number + 1
            held_files, held_folders = {}, {}
            for key in sorted((*merged_files, *merged_folders)):
                if key in merged_files:
                    held_files[key] = merged_files[key]
                else:
                    held_folders[key] = merged_folders[key]
                if ends_a_node(key, 0):
                    parts.append(_part(held_files, held_folders, key))
                    held_files, held_folders = {}, {}
            if not self._parts:
                break
        if held_files or held_folders:
            parts.append(_part(held_files, held_folders, max((*held_files, *held_folders))))
        parts.extend(self._parts[following:])
        return parts


def _part(files: dict[bytes, SnapshotEntry], folders: dict[bytes, bytes], last: bytes) -> Part:
    return Part(last, Summary.of(files.values()), None, Rows(files, folders))


def _apply(changes: Mapping[bytes, Value | None], keys: Iterable[bytes], rows: dict[bytes, Value]) -> None:
    """Make those changes of rows that belong to some keys."""
    for key in keys:
        if key in changes:
            value = changes[key]
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value


def _name(key: bytes) -> str:
    """Return the name of a file or folder in its folder."""
    return os.fsdecode(key.split(b"\0")[1])


def _depth(folder: bytes) -> int:
    """Return the number of components of a folder; 0 for the root."""
    return folder.count(b"/") + 1 if folder else 0
