"""Files whose rows exist already, in any segment: they are found by path and content, and never parsed again.

A file is known where a segment holds the same path with the same digest, made by the same embedder and chunker under
the same options. The digest covers what `.gitattributes` says about the file. Whether anything else that decides the
rows is the same as today (detected language, encoding, secrets, kinds) is for the caller, who has the content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.embed.registry import embedder_for
from raycontext.errors import InvalidInput, RaycontextError
from raycontext.models import IndexOptions
from raycontext.store.collection import Collection
from raycontext.store.fingerprint import chunker_fingerprint
from raycontext.store.manifest import Manifest, SegmentReference
from raycontext.store.segments.segment import Segment, path_hash

__all__ = ["KnownFiles", "WantedFiles", "find_in_collections", "find_in_version", "is_usable"]

MOST_COLLECTIONS = 32
"""Largest number of collections that are searched for known files."""

SAME_OPTIONS = ("num_shards", "chunk_bytes", "secrets", "language_of")
"""Options that decide the rows of a file, or the shard that holds them."""


class KnownFiles(NamedTuple):
    """Files of one segment whose rows can be used again."""

    collection: str
    """Name of the collection that the segment belongs to."""
    shard: int
    segment: SegmentReference
    ordinals: tuple[int, ...]
    """Ordinals of the files in the segment, ascending. They may have tombstones there."""
    places: tuple[int, ...]
    """Place of each file in the sequence that was asked for."""


class WantedFiles:
    """Files that are looked for in segments. Each is found at most once."""

    def __init__(self, hashes: NDArray[np.uint64], digests: NDArray[np.uint64]) -> None:
        """Take hashes of paths, uint64[n], and digests of contents in two halves, uint64[n, 2]."""
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]
        self._digests = digests[self._order]
        self._missing = np.ones(len(hashes), np.bool_)

    @classmethod
    def of_pairs(cls, files: Sequence[tuple[str, bytes]]) -> WantedFiles:
        """Take pairs of a path and the digest of its content (xxh3_128, 16 bytes)."""
        hashes = np.fromiter((path_hash(path) for path, _ in files), np.uint64, len(files))
        return cls(hashes, np.frombuffer(b"".join(digest for _, digest in files), "<u8").reshape(-1, 2))

    @classmethod
    def of_segment(cls, segment: Segment) -> WantedFiles:
        """Take all files of a segment, dead ones included, in the order of their ordinals."""
        return cls(segment.path_hashes, _digests(segment))

    @property
    def missing(self) -> int:
        """Number of files that were not found yet."""
        return int(np.count_nonzero(self._missing))

    def matches(self, segment: Segment) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ordinals of files of a segment that are wanted and not found yet, and their places.

        A file that was cut by lines, since parsing it took too long, is not among them: it is tried again.
        """
        if not len(self._hashes):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        slots = np.searchsorted(self._hashes, segment.path_hashes)
        slots = np.minimum(slots, len(self._hashes) - 1)
        is_found = (self._hashes[slots] == segment.path_hashes) & self._missing[slots]
        is_found &= (self._digests[slots] == _digests(segment)).all(axis=1)
        is_found &= segment.file_column("parse_attempts") == 0
        ordinals = np.flatnonzero(is_found)
        return ordinals, slots[ordinals]

    def places_in(self, segment: Segment, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the places of those files that are in a segment under the mask, bool[files]. They stay missing."""
        keys, others = _keys(self._hashes, self._digests), _keys(segment.path_hashes, _digests(segment))
        return self._order[np.isin(keys, others[mask])]

    def take(self, collection: str, segments: Iterable[tuple[int, Segment]]) -> Iterator[KnownFiles]:
        """Yield what numbered shards' segments hold of the files that are missing, which then count as found."""
        for shard, segment in segments:
            ordinals, slots = self.matches(segment)
            _, first = np.unique(slots, return_index=True)  # a segment holds a path once; a damaged one may not
            ordinals, slots = ordinals[np.sort(first)], slots[np.sort(first)]
            if len(ordinals):
                self._missing[slots] = False
                places = tuple(self._order[slots].tolist())
                yield KnownFiles(collection, shard, segment.reference, tuple(ordinals.tolist()), places)


def _digests(segment: Segment) -> NDArray[np.uint64]:
    """Return a view of the digests of a segment's files, two halves each, uint64[files, 2]."""
    column = segment.files.column("digest")
    if not column.num_chunks:
        return np.empty((0, 2), np.uint64)
    digests = column.chunk(0)
    halves = np.frombuffer(digests.buffers()[1], "<u8")
    return halves[2 * digests.offset : 2 * (digests.offset + len(digests))].reshape(-1, 2)


def _keys(hashes: NDArray[np.uint64], digests: NDArray[np.uint64]) -> NDArray[np.void]:
    """Return one value for each file that holds the hash of its path and its digest, [files]."""
    rows = np.ascontiguousarray(np.column_stack([hashes, digests]).astype(np.uint64))
    return rows.view([("path", "u8"), ("high", "u8"), ("low", "u8")]).reshape(len(hashes))


def is_usable(segment: Segment, options: IndexOptions) -> bool:
    """Return whether the rows of a segment are those that this version would make with `options`."""
    made = segment.embedder, segment.chunker
    fingerprints = embedder_for(options.embedder).fingerprint, chunker_fingerprint()
    return segment.has_trigrams and made == fingerprints  # formats with trigrams have the same columns as the present


def find_in_version(
    own: Collection, manifest: Manifest, options: IndexOptions, files: Sequence[tuple[str, bytes]]
) -> list[KnownFiles]:
    """Return where one version of a collection has rows of files, given as pairs of path and digest, also dead ones."""
    return list(WantedFiles.of_pairs(files).take(own.name, _usable(own, manifest, options)))


def find_in_collections(
    own: Collection,
    others: Sequence[str],
    options: IndexOptions,
    files: Sequence[tuple[str, bytes]],
    *,
    is_demanded: bool = False,
) -> list[KnownFiles]:
    """Return where the rows of files lie, in the kept versions of a collection and in other collections.

    others: names of collections on the same storage, nearest first; of equally good ones the first is taken. A
    collection that cannot be read, or was built with other options, is passed over. With `is_demanded` it raises
    `InvalidInput` for other options, and what reading it raises.
    """
    wanted = WantedFiles.of_pairs(files)
    found: list[KnownFiles] = []
    for version in reversed(own.versions()):
        if not wanted.missing:
            return found
        try:
            found += wanted.take(own.name, _usable(own, own.manifest(version), options))
        except (RaycontextError, FileNotFoundError):
            continue
    offers: list[tuple[int, int, str, list[tuple[int, Segment]]]] = []
    for place, name in enumerate(others[:MOST_COLLECTIONS]):
        try:
            segments = _segments_of(own, name, options, is_demanded)
            count = sum(len(wanted.matches(segment)[0]) for _, segment in segments)
        except (RaycontextError, FileNotFoundError):
            if is_demanded:
                raise
            continue
        offers.append((-count, place, name, segments))
    for count, _, name, segments in sorted(offers, key=lambda offer: offer[:2]):
        if count and wanted.missing:
            found += wanted.take(name, segments)
    return found


def _segments_of(own: Collection, name: str, options: IndexOptions, is_demanded: bool) -> list[tuple[int, Segment]]:
    """Return the usable segments of the newest version of another collection, with the numbers of their shards."""
    collection = Collection(own.storage, name)
    manifest = collection.latest()
    if manifest is None:
        return []
    different = [option for option in SAME_OPTIONS if getattr(manifest.options, option) != getattr(options, option)]
    fingerprints = embedder_for(options.embedder).fingerprint, chunker_fingerprint()
    if (manifest.embedder, manifest.chunker) != fingerprints:
        different.append("embedder" if manifest.embedder != fingerprints[0] else "version of raycontext")
    if different and is_demanded:
        raise InvalidInput(
            f"'{name}' was built with another {different[0]}",
            "Leave the option out, index that collection again, or name another collection.",
        )
    return [] if different else _usable(collection, manifest, options)


def _usable(collection: Collection, manifest: Manifest, options: IndexOptions) -> list[tuple[int, Segment]]:
    """Return the usable segments of a version, with the numbers of their shards, largest first."""
    if len(manifest.shards) != options.num_shards or any(
        getattr(manifest.options, option) != getattr(options, option) for option in SAME_OPTIONS
    ):
        return []
    found = [
        (number, Segment(collection.storage, collection.name, reference))
        for number, shard in enumerate(manifest.shards)
        for reference in (*shard.segments, *shard.pool)
    ]
    usable = [(number, segment) for number, segment in found if is_usable(segment, options)]
    return sorted(usable, key=lambda entry: -entry[1].reference.files)
