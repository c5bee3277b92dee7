"""Parts of a snapshot tree: runs of files, and nodes that list parts, as bytes in packs.

A **pack** is what one commit has written: parts and nodes, one after the other, the root of the tree at its end. A tree
refers to the parts of earlier packs that have not changed since. See `snapshot_tree`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow as pa
import xxhash

from raycontext.discover.snapshot import Snapshot, SnapshotEntry
from raycontext.errors import CorruptManifest
from raycontext.files.foreign_json import read_json
from raycontext.models import SkipReason
from raycontext.ulid import is_ulid

__all__ = [
    "Packs",
    "Part",
    "Place",
    "Root",
    "Rows",
    "Summary",
    "ends_a_node",
    "key_of",
    "object_of",
    "read_part",
    "read_root",
    "seal",
    "write_part",
    "write_root",
]

PART_FILES = 128
"""Number of files of a part, on average: a part ends behind a key whose hash is a multiple of it."""
NODE_PARTS = 64
"""Number of parts, or of nodes, that a node lists, on average."""
TRAILER_BYTES = 8
"""Size of the number at the end of a pack that tells where its root begins, in bytes, little endian."""


class Place(NamedTuple):
    """Place of a part or a node."""

    pack: str
    offset: int  # bytes
    size: int  # bytes
    checksum: str  # xxh3_128, hexadecimal


class Summary(NamedTuple):
    """Sums over the files of a part."""

    files: int  # that are in the index
    source_bytes: int  # of these files
    skipped: tuple[tuple[str, int], ...]  # reason and number of files, sorted
    failures: int  # entries that note a failure

    @classmethod
    def of(cls, entries: Iterable[SnapshotEntry]) -> Summary:
        """Return the sums over some entries."""
        files = source_bytes = failures = 0
        skipped: Counter[str] = Counter()
        for entry in entries:
            failures += entry.failure is not None
            if entry.reason is None:
                files += 1
                source_bytes += entry.size
            else:
                skipped[entry.reason.value] += 1
        return cls(files, source_bytes, tuple(sorted(skipped.items())), failures)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Content of a part: entries of files, and digests of folders in the Merkle tree, both by key, see `key_of`."""

    files: Mapping[bytes, SnapshotEntry]
    folders: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Run of files of a tree, up to the key `last`. It lies in a pack, or has `rows` until it is written."""

    last: bytes
    summary: Summary
    place: Place | None
    rows: Rows | None = None


class Root(NamedTuple):
    """What the root of a tree says."""

    scanned_at_ns: int
    digest: bytes  # of the root folder in the Merkle tree
    packs: dict[str, int]  # sizes in bytes of the packs that the tree refers to, this one included
    parts: list[Part]
    nodes: list[Place]


Packs = Mapping[str, pa.Buffer]
"""Contents of packs, by name."""


def object_of(pack: str) -> str:
    """Return where a pack lies in the folder of its collection."""
    return f"snapshots/{pack}/parts"


def key_of(path: str, *, is_folder: bool = False) -> bytes:
    """Return what a path is sorted by: first its folder, then its name, so that the entries of a folder lie together.

    Folders have other keys than files.
    """
    folder, _, name = path.rpartition("/")
    return os.fsencode(folder) + b"\0" + os.fsencode(name) + (b"\0" if is_folder else b"")


def path_of(key: bytes) -> str:
    """Return the path that a key is of."""
    folder, name = key.split(b"\0")[:2]
    return os.fsdecode(folder + b"/" + name if folder else name)


def ends_a_node(key: bytes, height: int) -> bool:
    """Return whether a part (height 0), or a node of this height, ends behind a key.

    The key alone decides, so that the parts of a tree do not depend on how it came about.
    """
    keys: int = PART_FILES * NODE_PARTS**height
    return xxhash.xxh3_64_intdigest(key) % keys == 0


def write_part(rows: Rows) -> bytes:
    """Return a part as an Arrow IPC file."""
    folders = {path_of(key): digest.hex() for key, digest in rows.folders.items()}
    return Snapshot(0, {path_of(key): entry for key, entry in rows.files.items()}).to_bytes(folders)


def read_part(content: pa.Buffer, name: str) -> Rows:
    """Read what `write_part` wrote. Raises `CorruptManifest`, which names `name`, for anything else."""
    snapshot, folders = Snapshot.part_from_bytes(content, name)
    try:
        return Rows(
            {key_of(path): entry for path, entry in snapshot.entries.items()},
            {key_of(path, is_folder=True): bytes.fromhex(digest) for path, digest in folders.items()},
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise CorruptManifest(name, f"its folders are not those of a snapshot: {error}") from error


def placed(packs: Packs, place: Place) -> pa.Buffer:
    """Return the content of a part or node after comparing its checksum. Raises `CorruptManifest`."""
    pack = packs.get(place.pack)
    if pack is None or not 0 <= place.offset <= place.offset + place.size <= len(pack):
        raise CorruptManifest(object_of(place.pack), "it does not have a part that belongs to it")
    content = pa.py_buffer(pack.slice(place.offset, place.size).to_pybytes())  # aligned, as Arrow likes it
    if xxhash.xxh3_128_hexdigest(content) != place.checksum:
        raise CorruptManifest(object_of(place.pack), "checksum of a part does not match")
    return content


def write_root(
    name: str,
    older: Packs,
    parts: Sequence[tuple[Part, bytes | None]],
    known_nodes: Iterable[Place],
    scanned_at_ns: int,
    digest: bytes,
) -> bytes:
    """Return the content of a new pack called `name`.

    parts: in order, each with its content where it has to be written. known_nodes: nodes of earlier packs, which are
    not written again where they say the same.
    """
    pieces: list[bytes] = []
    size = 0

    def add(content: bytes) -> Place:
        nonlocal size
        place = Place(name, size, len(content), xxhash.xxh3_128_hexdigest(content))
        pieces.append(content)
        size += len(content)
        return place

    written = [part if content is None else Part(part.last, part.summary, add(content)) for part, content in parts]
    nodes = {place.checksum: place for place in known_nodes}
    entries: list[tuple[bytes, list[Any]]] = [
        (part.last, [os.fsdecode(part.last), *(part.place or ()), *part.summary]) for part in written
    ]
    height = 0
    used = {part.place.pack for part in written if part.place is not None}
    while len(entries) > NODE_PARTS:
        height += 1
        above: list[tuple[bytes, list[Any]]] = []
        children: list[Any] = []
        for number, (last, entry) in enumerate(entries):
            children.append(entry)
            if ends_a_node(last, height) or number == len(entries) - 1:
                content = _encoded({"children": children})
                checksum = xxhash.xxh3_128_hexdigest(content)
                place = nodes.get(checksum) or add(content)
                used.add(place.pack)
                above.append((last, [os.fsdecode(last), *place]))
                children = []
        entries = above
    root = _encoded(
        {
            "children": [entry for _, entry in entries],
            "digest": digest.hex(),
            "height": height,
            "packs": {pack: len(older[pack]) for pack in sorted(used - {name})},
            "scanned_at_ns": scanned_at_ns,
        }
    )
    return b"".join((*pieces, root, size.to_bytes(TRAILER_BYTES, "little")))


def seal(content: bytes | pa.Buffer) -> str:
    """Return the checksum of a pack's root and trailer, which covers the whole tree: xxh3_128 in hexadecimal."""
    return xxhash.xxh3_128_hexdigest(memoryview(content)[_root_at(content) :])


def _root_at(content: bytes | pa.Buffer) -> int:
    trailer = bytes(memoryview(content)[-TRAILER_BYTES:])
    return min(int.from_bytes(trailer, "little"), len(content))


def _encoded(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def pack_sizes(name: str, content: pa.Buffer) -> dict[str, int]:
    """Return the sizes of the earlier packs that the tree in a pack refers to, by name. Raises `CorruptManifest`."""
    try:
        packs = _root_of(content)["packs"]
        if not all(is_ulid(pack) and isinstance(size, int) for pack, size in packs.items()):
            raise ValueError("a pack without name or size")
        return dict(packs)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptManifest(name, f"it is no snapshot: {error}") from error


def _root_of(content: pa.Buffer) -> dict[str, Any]:
    root = read_json(bytes(memoryview(content)[_root_at(content) : -TRAILER_BYTES]))
    if not isinstance(root, dict):
        raise ValueError("no root")
    return root


def read_root(name: str, packs: Packs) -> Root:
    """Read the tree whose root lies in the pack `name`. Its checksum was compared. Raises `CorruptManifest`."""
    content = packs[name]
    try:
        root = _root_of(content)
        children, nodes = root["children"], []
        height = int(root["height"])
        if not 0 <= height <= 10:
            raise ValueError("a height that no tree has")
        for _ in range(height):
            below: list[Any] = []
            for _, pack, offset, size, checksum in children:
                place = Place(str(pack), int(offset), int(size), str(checksum))
                nodes.append(place)
                below += read_json(bytes(memoryview(placed(packs, place))))["children"]
            children = below
        parts = [_part(child) for child in children]
        if any(after.last <= before.last for before, after in pairwise(parts)):
            raise ValueError("parts are not in order")
        sizes = {**pack_sizes(name, content), name: len(content)}
        return Root(int(root["scanned_at_ns"]), bytes.fromhex(root["digest"]), sizes, parts, nodes)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptManifest(object_of(name), f"it is no snapshot: {error}") from error


def _part(child: Any) -> Part:
    last, pack, offset, size, checksum, files, source_bytes, skipped, failures = child
    counts = tuple((SkipReason(reason).value, int(count)) for reason, count in skipped)
    place = Place(str(pack), int(offset), int(size), str(checksum))
    return Part(os.fsencode(last), Summary(int(files), int(source_bytes), counts, int(failures)), place)
