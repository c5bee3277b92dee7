"""Segments of a shard that are whole. A search answers from these and says how many files are in others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from raycontext.errors import CorruptArrays, CorruptSegment
from raycontext.store.collection import Collection
from raycontext.store.manifest import Manifest, SegmentReference
from raycontext.store.segments.segment import POSTINGS, Segment

__all__ = ["Opened", "WholeSegments", "notes_on_missing"]

MISSING = "it is missing"


class Opened(NamedTuple):
    """Segments of one shard of a version that are whole."""

    segments: list[Segment]
    first_rows: list[int]
    """Number of the first row of each. Rows of segments that are left out count as well, so that a number means the
    same row to a reader that has not met the damage."""
    missing_files: int
    """Number of live files in segments that are left out."""


class WholeSegments:
    """Opener of the segments of a shard that leaves out those that are missing or damaged.

    Damage that is met while a segment is used is kept in mind until the next version.
    """

    def __init__(self, collection: Collection, shard: int) -> None:
        self._collection = collection
        self._shard = shard
        self._version = 0
        self._damaged: dict[str, CorruptSegment] = {}

    def open(self, manifest: Manifest, opened: Mapping[str, Segment]) -> Opened:
        """Open the segments of the shard in a version; `opened` holds those that are open already, by name.

        Raises `CorruptSegment` where no segment of a collection with one shard is whole, and `FileNotFoundError` where
        garbage collection has removed the version.
        """
        if manifest.version != self._version:
            self._version, self._damaged = manifest.version, {}
        references = manifest.shards[self._shard].segments
        segments: list[Segment] = []
        first_rows: list[int] = []
        row = missing_files = 0
        for reference in references:
            segment = self._open_one(manifest, reference, opened)
            if segment is None:
                missing_files += reference.files - len(reference.tombstones)
            else:
                segments.append(segment)
                first_rows.append(row)
            row += reference.rows
        if references and not segments and len(manifest.shards) == 1:
            place = f"{self._collection.storage.location}/{self._collection.name}/segments"
            missing = CorruptSegment(self._collection.name, place, MISSING)
            raise next(iter(self._damaged.values()), missing)
        return Opened(segments, first_rows, missing_files)

    def leave_out(self, error: CorruptSegment | CorruptArrays, segments: Iterable[Segment]) -> bool:
        """Leave out from now on what is damaged among the open `segments`, where a use of one has raised `error`.

        Return False where none is found that was not left out before: then nothing is gained by another try.
        """
        found: dict[str, CorruptSegment] = {}
        for segment in segments:
            name = segment.reference.name
            if name not in self._damaged:
                problem = (
                    error if f"/{name}/" in error.path and isinstance(error, CorruptSegment) else damage_of(segment)
                )
                if problem is not None:
                    found[name] = problem
        self._damaged.update(found)
        return bool(found)

    def is_left_out(self, name: str) -> bool:
        """Return whether the segment `name` was found to be damaged."""
        return name in self._damaged

    def _open_one(
        self, manifest: Manifest, reference: SegmentReference, opened: Mapping[str, Segment]
    ) -> Segment | None:
        """Open a segment. Return None where it is damaged, or where one of its files is missing though the version that
        names it is there.

        Garbage collection removes a version before its segments: then it raises `FileNotFoundError`.
        """
        if reference.name in self._damaged:
            return None
        if reference.name in opened:  # an open segment has been verified
            return opened[reference.name].under(reference)
        try:
            segment = Segment(self._collection.storage, self._collection.name, reference)
            segment.check_presence()
            segment.live_rows()  # a view reads these columns at once
            segment.chunk_column("file")
        except CorruptSegment as error:
            self._damaged[reference.name] = error
            return None
        except FileNotFoundError:
            if self._collection.has_version(manifest.version):
                return None
            raise
        return segment


def damage_of(segment: Segment) -> CorruptSegment | None:
    """Return the damage that a look at all files of a segment finds, and None where there is none."""
    try:
        for name in segment.data_files:
            segment.check_content(name)
        for table in (segment.files, segment.chunks, segment.definitions, segment.vectors, segment.name_vectors):
            assert table is not None
        for field in POSTINGS:
            segment.postings(field)
        if segment.has_references:
            assert segment.references is not None
            assert segment.imports is not None
    except CorruptSegment as error:
        return error
    except FileNotFoundError as error:
        return CorruptSegment(segment.collection, str(error), MISSING)
    return None


def notes_on_missing(collection: str, files: int) -> list[str]:
    """Return what an answer says about files whose segments are missing or damaged; nothing where all are whole."""
    if not files:
        return []
    what = "1 file is" if files == 1 else f"{files:,} files are"
    return [
        f"{what} missing from the answer: segments of '{collection}' are missing or damaged. "
        f"`raycontext repair {collection}` indexes these files again."
    ]
