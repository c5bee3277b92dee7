"""Publishing: the newest version of a collection is put into a target, from which others pull it.

What the target has already stays as it is. Segments come first, then the signature, then the publication,
put-if-absent: whoever reads a publication finds everything that it names. Who publishes at the same time gets another
number, and who is killed leaves folders that nothing names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import blake3

from raycontext.errors import (
    CommitConflict,
    NotIndexedYet,
    PublicationRefused,
)
from raycontext.models import PublishReport
from raycontext.store.collection import Collection
from raycontext.store.manifest import Manifest, SegmentReference
from raycontext.store.segments.segment import Segment
from raycontext.store.segments.segment_folder import DESCRIPTION
from raycontext.store.sharing.pruning import condemned_folders, is_undermined
from raycontext.store.sharing.publication import (
    MOST_PUBLICATION_BYTES,
    SEGMENTS,
    Publication,
    PublishedObject,
    PublishedOptions,
    PublishedSegment,
    content_of,
    numbers_of,
    publication_place,
    signature_place,
)
from raycontext.store.storage.base import Storage
from raycontext.ulid import new_ulid

__all__ = ["publish"]

ATTEMPTS = 5
"""Number of tries while garbage collection removes segments, or others publish at the same time."""

Sign = Callable[[bytes], bytes]


class _Put(NamedTuple):
    """Segment that lies in the target, and how many bytes were written for it."""

    segment: PublishedSegment
    written: int


def publish(collection: Collection, target: Storage, sign: Sign | None = None) -> PublishReport:
    """Put what is missing of the newest version of a collection into a target, and return what was done.

    sign: function that returns the signature of some bytes; None leaves it unsigned. Where the newest publication has
    the same contents, and is signed if that is wanted, there is nothing to do.

    Raises `UnknownCollection`, `NotIndexedYet`, `CorruptSegment`, `StorageError`, `CommitConflict` where others publish
    all the time, and what `sign` raises.
    """
    source = collection.identity().source
    for _ in range(ATTEMPTS):
        manifest = collection.latest()
        if manifest is None:
            raise NotIndexedYet(collection.name, source)
        try:
            put = list(_put_segments(collection, manifest, target))
        except FileNotFoundError:  # garbage collection was faster
            continue
        done = _put_publication(manifest, [each.segment for each in put], target, sign)
        if done is not None:
            publication, is_new = done
            if is_new and is_undermined(target, {each.segment.folder for each in put}):
                target.delete(publication_place(publication.number))
                continue
            return PublishReport(
                collection=collection.name,
                version=manifest.version,
                target=target.location,
                number=publication.number,
                changed=is_new,
                signed=sign is not None,
                segments=len(put),
                bytes=publication.total_bytes,
                written_segments=sum(each.written > 0 for each in put),
                written_bytes=sum(each.written for each in put),
            )
    if loss := collection.loss():
        raise loss
    raise CommitConflict(
        target.location, max(numbers_of(target), default=0), "publishes at the same time, again and again"
    )


def _put_segments(collection: Collection, manifest: Manifest, target: Storage) -> Iterator[_Put]:
    """Put the segments of a version into the target, and yield each of them. Pools are left out.

    Raises `FileNotFoundError` where a segment was removed meanwhile.
    """
    condemned = condemned_folders(target)
    there = [name for name in target.list(SEGMENTS) if name not in condemned]
    for number, shard in enumerate(manifest.shards):
        for reference in shard.segments:
            yield _put_segment(collection, number, reference, target, there)


def _put_segment(
    collection: Collection, shard: int, reference: SegmentReference, target: Storage, there: list[str]
) -> _Put:
    """Put a segment into the target unless a folder with its content is there, whole by its size."""
    segment = Segment(collection.storage, collection.name, reference)
    contents = {name: segment.content(name) for name in (*segment.data_files, DESCRIPTION)}
    objects = {
        name: PublishedObject(bytes=len(memoryview(data)), blake3=blake3.blake3(data, max_threads=2).hexdigest())
        for name, data in contents.items()
    }
    content = content_of(objects)
    size = sum(each.bytes for each in objects.values())
    found = [name for name in there if name.startswith(f"{content}-") and _is_whole(target, name, size)]
    folder = found[0] if found else f"{content}-{new_ulid()}"
    if not found:
        target.write(f"{SEGMENTS}/{folder}", dict(contents))
    published = PublishedSegment(
        folder=folder,
        shard=shard,
        checksum=reference.checksum,
        files=reference.files,
        rows=reference.rows,
        tombstones=reference.tombstones,
        cut_by_lines=reference.cut_by_lines,
        objects=objects,
    )
    return _Put(published, 0 if found else size)


def _is_whole(target: Storage, folder: str, size: int) -> bool:
    """Return whether a folder has its description, which is written last, and objects of this size together."""
    place = f"{SEGMENTS}/{folder}"
    return target.exists(f"{place}/{DESCRIPTION}") and target.size(place) == size


def _put_publication(
    manifest: Manifest, segments: list[PublishedSegment], target: Storage, sign: Sign | None
) -> tuple[Publication, bool] | None:
    """Put the publication of a version, and return it with whether it is new.

    Return None where others were faster, again and again, or have removed segments that it names.
    """
    for _ in range(ATTEMPTS):
        numbers = numbers_of(target)
        publication = Publication(
            number=max(numbers, default=0) + 1,
            published_at=datetime.now(UTC).isoformat(timespec="seconds"),
            embedder=manifest.embedder,
            chunker=manifest.chunker,
            options=PublishedOptions(
                num_shards=manifest.options.num_shards,
                chunk_bytes=manifest.options.chunk_bytes,
                secrets=manifest.options.secrets,
                language_of=manifest.options.language_of,
            ),
            files=manifest.files,
            chunks=manifest.chunks,
            segments=tuple(segments),
        )
        before = _newest(target, numbers)
        is_done = before is not None and before[0].is_same(publication)
        if before is not None and is_done and (sign is None or target.exists(signature_place(before[1]))):
            return before[0], False
        data = publication.encode()
        if sign is not None:
            target.create(signature_place(data), sign(data))
        if target.create(publication_place(publication.number), data):
            return publication, True
    return None


def _newest(target: Storage, numbers: list[int]) -> tuple[Publication, bytes] | None:
    """Return the newest publication of a target and its bytes; None where it cannot be used, or there is none."""
    if not numbers:
        return None
    place = publication_place(numbers[-1])
    try:
        data = target.read(place, MOST_PUBLICATION_BYTES)
        return Publication.decode(f"{target.location}/{place}", data), data
    except (PublicationRefused, FileNotFoundError):
        return None
