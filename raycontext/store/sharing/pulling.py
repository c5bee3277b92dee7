"""Pulling: segments of a publication that hold wanted files are fetched into the root, compared and checked.

They lie in a stage, a hidden folder beside the collections, until the run that wants them has taken over their rows. No
manifest names them. A pull that is killed leaves its stage, which the next one of the collection goes on with. What a
segment lists is kept longer, as hashes, so that a segment that holds nothing of interest is not looked at again.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from raycontext.errors import CorruptSegment, InvalidInput, PublicationRefused, UnsupportedFormat
from raycontext.files.arrow import read_uncompressed
from raycontext.store.checking.consistency import contradictions
from raycontext.store.known_files import KnownFiles, WantedFiles
from raycontext.store.manifest import Manifest, ShardManifest
from raycontext.store.segments import checks
from raycontext.store.segments.columns import numbers
from raycontext.store.segments.segment import Segment, path_hash
from raycontext.store.segments.segment_folder import DESCRIPTION
from raycontext.store.sharing.publication import (
    MOST_PUBLICATION_BYTES,
    SEGMENTS,
    Publication,
    PublishedSegment,
    numbers_of,
    publication_place,
    signature_place,
)
from raycontext.store.sharing.signatures import MOST_SIGNATURE_BYTES, signer_of
from raycontext.store.storage.base import Storage

__all__ = ["Fetched", "fetch_segments", "newest_publication", "remove_stage", "stage_of"]

LISTINGS = ".listings"
"""Folder of a root that remembers which files segments list: a hash and a digest each, by content of the segment."""
_LISTED = "files.arrow"
_KEY_BYTES = 24
"""Size of the hash of a path (8 bytes) and the digest of a content (16 bytes)."""
FETCHES = 8
"""Number of segments that are fetched at once."""

Result = TypeVar("Result")


class Fetched(NamedTuple):
    """Result of `fetch_segments`."""

    known: list[KnownFiles]
    """Where the rows of the wanted files lie now."""
    segments: int
    """Number of segments that were fetched."""
    bytes: int
    """Number of bytes that were fetched."""


def stage_of(collection: str) -> str:
    """Return the name of the stage of a collection. No collection can have it."""
    return f".pulled-{collection}"


def remove_stage(storage: Storage, collection: str) -> bool:
    """Remove the stage of a collection, and return whether there was one."""
    return storage.remove(stage_of(collection))


def newest_publication(target: Storage, signers: Path | None) -> tuple[Publication, str]:
    """Return the newest publication of a target and who has signed it.

    signers: file of allowed signers, of whom one must have signed it. None: no signature is looked at, and nobody has.
    Raises `PublicationRefused`, `InvalidInput` or `StorageError`.
    """
    if signers is not None and not signers.is_file():
        raise InvalidInput(f"{signers} is not a file of allowed signers", "See ssh-keygen(1), ALLOWED SIGNERS.")
    numbers = numbers_of(target)
    if not numbers:
        raise PublicationRefused(
            f"Nothing is published at {target.location}",
            "Publish first: raycontext publish TARGET, with the same target.",
        )
    place = publication_place(numbers[-1])
    data = _present(target, place, MOST_PUBLICATION_BYTES)
    named = f"{target.location}/{place}"
    signer = ""
    if signers is not None:
        try:
            signature = target.read(signature_place(data), MOST_SIGNATURE_BYTES)
        except FileNotFoundError:
            raise PublicationRefused(
                f"{named} is not signed", "Nothing of it was used. Publish with --key, or pull without --signers."
            ) from None
        signer = signer_of(data, signature, signers, named)
    publication = Publication.decode(named, data)
    if publication.number != numbers[-1]:
        raise PublicationRefused(f"{named} is publication {publication.number}", "Publish again.")
    return publication, signer


def fetch_segments(
    own: Storage, collection: str, target: Storage, publication: Publication, files: Sequence[tuple[str, bytes]]
) -> Fetched:
    """Bring those segments of a publication into the stage of a collection that hold wanted files.

    files: pairs of a path and the digest of its content. Each fetched object has the BLAKE3 that the publication says;
    each segment is checked as `verify --deep` does it. Raises `PublicationRefused` or `StorageError`.
    """
    missing = {_key(path, digest) for path, digest in files}
    needed: list[tuple[PublishedSegment, dict[str, bytes]]] = []
    looked = 0
    with ThreadPoolExecutor(FETCHES, thread_name_prefix="raycontext-pull") as threads:
        listings = threads.map(lambda segment: _listing(own, target, segment), publication.segments)
        for segment, (keys, have) in zip(publication.segments, listings, strict=True):
            looked += sum(map(len, have.values()))
            if not missing.isdisjoint(keys):
                missing -= keys
                needed.append((segment, have))
        stage = stage_of(collection)
        sizes = list(threads.map(lambda one: _staged(own, stage, target, *one), needed))
    wanted = WantedFiles.of_pairs(files)
    opened = [(segment.shard, _checked(own, stage, segment, publication, target)) for segment, _ in needed]
    return Fetched(list(wanted.take(stage, opened)), sum(size > 0 for size in sizes), looked + sum(sizes))


def _key(path: str, digest: bytes) -> bytes:
    return path_hash(path).to_bytes(8, "little") + digest


def _listing(own: Storage, target: Storage, segment: PublishedSegment) -> tuple[frozenset[bytes], dict[str, bytes]]:
    """Return the keys of the files that a segment lists, and what was fetched to know them."""
    place = f"{LISTINGS}/{segment.folder.partition('-')[0]}"
    have: dict[str, bytes] = {}
    try:
        keys = own.read(place)
    except FileNotFoundError:
        data = _fetched(target, segment, _LISTED)
        have[_LISTED] = data
        keys = _understood(target, segment, lambda: _keys_in(data, segment))
        own.create(place, keys)
    return frozenset(keys[start : start + _KEY_BYTES] for start in range(0, len(keys), _KEY_BYTES)), have


def _keys_in(data: bytes, segment: PublishedSegment) -> bytes:
    """Return the keys of all files of a table whose parsing was not given up, one after the other."""
    table = checks.check_table(read_uncompressed(pa.py_buffer(data)))
    table = checks.check_files(table, segment.files, segment.rows)
    hashes = numbers(table, "path_hash")
    whole = np.flatnonzero(numbers(table, "parse_attempts") == 0).tolist()
    digests = table.column("digest").to_pylist()
    return b"".join(int(hashes[place]).to_bytes(8, "little") + digests[place] for place in whole)


def _staged(own: Storage, stage: str, target: Storage, segment: PublishedSegment, have: dict[str, bytes]) -> int:
    """Bring a segment into the stage, and return how many bytes were fetched beside what the caller has.

    The objects wait in files without a name, so that a large segment takes no memory, and a killed process leaves none.
    """
    folder = f"{stage}/segments/{segment.folder}"
    if own.exists(f"{folder}/{DESCRIPTION}"):  # of a pull that did not come to its end
        return 0
    own.remove(folder)
    objects: dict[str, bytes | pa.Buffer] = {}
    fetched = 0
    for name in sorted(segment.objects, key=lambda name: (name == DESCRIPTION, name)):
        if name not in have:
            fetched += segment.objects[name].bytes
        objects[name] = _spooled(have[name] if name in have else _fetched(target, segment, name))
    own.write(folder, objects)
    return fetched


def _fetched(target: Storage, segment: PublishedSegment, name: str) -> bytes:
    """Return an object of a segment after comparing it with the publication. Raises `PublicationRefused`."""
    data = _present(target, f"{SEGMENTS}/{segment.folder}/{name}", segment.objects[name].bytes)
    segment.check(name, data, target.location)
    return data


def _present(target: Storage, place: str, most_bytes: int) -> bytes:
    """Return an object of a target. Raises `PublicationRefused` where it is missing."""
    try:
        return target.read(place, most_bytes)
    except FileNotFoundError:
        raise PublicationRefused(f"{target.location}/{place} is missing", "Pull again, or publish again.") from None


def _spooled(data: bytes) -> bytes | pa.Buffer:
    """Return the data mapped from a file without a name."""
    if not data:
        return data
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return pa.py_buffer(mmap.mmap(file.fileno(), len(data), access=mmap.ACCESS_READ))


def _checked(own: Storage, stage: str, segment: PublishedSegment, publication: Publication, target: Storage) -> Segment:
    """Return a segment of the stage, opened, once nothing in it contradicts itself. Raises `PublicationRefused`."""
    version = Manifest.model_construct(
        chunker=publication.chunker,
        embedder=publication.embedder,
        shards=(ShardManifest(),) * publication.options.num_shards,
    )

    def opened() -> Segment:
        found = Segment(own, stage, segment.reference())
        if set(segment.objects) != {*found.data_files, DESCRIPTION}:
            raise ValueError("it has not the objects of a segment")
        if problem := next(contradictions(found, version, segment.shard, deep=True), ""):
            raise ValueError(problem.rstrip("."))
        return found

    return _understood(target, segment, opened)


def _understood(target: Storage, segment: PublishedSegment, read: Callable[[], Result]) -> Result:
    """Return what `read` returns. Raises `PublicationRefused` where it does not find what it expects."""
    try:
        return read()
    except FileNotFoundError:
        raise
    except (CorruptSegment, UnsupportedFormat, *checks.UNUSABLE) as error:
        problem = getattr(error, "problem", "") or str(error) or type(error).__name__
        raise PublicationRefused(
            f"{target.location}/{SEGMENTS}/{segment.folder} holds what no segment holds: {problem[:200]}",
            "Nothing of it was used. Publish again; where nobody else may write there, look who did.",
        ) from error
