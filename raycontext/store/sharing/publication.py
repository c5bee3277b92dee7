"""Publication: the list of what a published version of a collection consists of, in a place that others pull from.

    <target>/publications/<number>.json      one for each publication, put-if-absent, never changed
             segments/<content>-<ulid>/      the objects of a segment, the description last
             signatures/<blake3>.sig         signature of the publication whose bytes have this BLAKE3
             condemned/<ulid>                names of folders that a pruning is about to remove (`pruning`)
             clock/<ulid>                    empty; tells a pruning the time of the storage

A publication is canonical JSON in the envelope of manifests. It has the size and the BLAKE3 of every object, so that a
signature of it covers all. Nobody trusts a target: what is read from it passes `decode` and `PublishedSegment.check`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated

import blake3
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from raycontext.errors import CorruptManifest, PublicationRefused, UnsupportedFormat
from raycontext.models.options import Globs
from raycontext.store.manifest import (
    FORMAT,
    SegmentReference,
    decode_sealed,
    encode_sealed,
    manifest_name,
    manifest_version,
)
from raycontext.store.segments.segment_folder import DATA_FILES, DESCRIPTION
from raycontext.store.storage.base import Storage
from raycontext.ulid import is_ulid

__all__ = [
    "MOST_PUBLICATION_BYTES",
    "PUBLICATIONS",
    "SEGMENTS",
    "SIGNATURES",
    "Publication",
    "PublishedObject",
    "PublishedOptions",
    "PublishedSegment",
    "content_of",
    "is_segment_folder",
    "numbers_of",
    "publication_place",
    "signature_place",
]

PUBLICATIONS, SEGMENTS, SIGNATURES = "publications", "segments", "signatures"
"""Folders of a target."""

MOST_PUBLICATION_BYTES = 64 << 20
"""Largest size of a publication in bytes. One of 10,000 segments has about 15 MB."""
MOST_OBJECT_BYTES = 8 << 30
"""Largest size of an object of a segment in bytes."""

Count = Annotated[StrictInt, Field(ge=0, le=1 << 40)]
Checksum = Annotated[StrictStr, Field(pattern="^[0-9a-f]{32}$")]
Blake3 = Annotated[StrictStr, Field(pattern="^[0-9a-f]{64}$")]
Words = Annotated[StrictStr, Field(max_length=1000)]
_FOLDER = re.compile(r"([0-9a-f]{64})-([0-9a-z]{26})")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PublishedObject(_Strict):
    """One file of a segment."""

    bytes: Annotated[StrictInt, Field(ge=0, le=MOST_OBJECT_BYTES)]
    blake3: Blake3


class PublishedSegment(_Strict):
    """One segment of a publication. Its fields are those of `SegmentReference`, and where it lies."""

    folder: StrictStr
    """Name of its folder below `segments/`: the `content_of` its objects, a hyphen and a ulid."""
    shard: Annotated[StrictInt, Field(ge=0, lt=4096)]
    checksum: Checksum
    files: Count
    rows: Count
    tombstones: tuple[Count, ...] = ()
    cut_by_lines: Count = 0
    objects: dict[StrictStr, PublishedObject]

    @property
    def total_bytes(self) -> int:
        """Size of all objects in bytes."""
        return sum(each.bytes for each in self.objects.values())

    def reference(self) -> SegmentReference:
        """Return the reference to this segment under the name of its folder."""
        return SegmentReference(
            name=self.folder,
            checksum=self.checksum,
            files=self.files,
            rows=self.rows,
            bytes=self.total_bytes,
            tombstones=self.tombstones,
            cut_by_lines=self.cut_by_lines,
        )

    def problem(self, num_shards: int) -> str:
        """Return what is wrong with this entry of a publication of so many shards; "" where nothing is."""
        found = _FOLDER.fullmatch(self.folder)
        if found is None or found[1] != content_of(self.objects) or not is_ulid(found[2]):
            return "a segment lies in a folder that is not named after its content"
        if not {DESCRIPTION} <= self.objects.keys() <= {*DATA_FILES, DESCRIPTION}:
            return "a segment has other objects than segments have"
        if self.shard >= num_shards:
            return "a segment is of a shard that there is not"
        places = self.tombstones
        if any(after <= before for before, after in pairwise(places)) or (places and places[-1] >= self.files):
            return "tombstones name files that there are not"
        return ""

    def check(self, name: str, data: bytes, target: str) -> None:
        """Raise `PublicationRefused` unless `data` is the object `name` of this segment, bit for bit."""
        expected = self.objects[name]
        if len(data) != expected.bytes or blake3.blake3(data).hexdigest() != expected.blake3:
            raise PublicationRefused(
                f"{target}/{SEGMENTS}/{self.folder}/{name} is not what its publication says",
                "Nothing of it was used. Publish again; where nobody else may write there, look who did.",
            )


class PublishedOptions(_Strict):
    """Options of a collection that decide the rows of a file, or the shard that holds them."""

    num_shards: Annotated[StrictInt, Field(ge=1, le=4096)]
    chunk_bytes: Count
    secrets: StrictBool
    language_of: Globs


class Publication(_Strict):
    """Content of a publication: one version of a collection, without its place and without its snapshot."""

    format: StrictInt = FORMAT
    number: Annotated[StrictInt, Field(ge=1)]
    """Number of the publication in its target, from 1. The highest one counts."""
    published_at: Annotated[StrictStr, Field(max_length=40)]
    """Time in ISO 8601 and UTC, by the clock of who published it. For people alone."""
    embedder: Words
    chunker: Words
    """Fingerprints of what made the segments."""
    options: PublishedOptions
    files: Count
    chunks: Count
    segments: tuple[PublishedSegment, ...]

    def encode(self) -> bytes:
        """Return the bytes of the publication's object."""
        return encode_sealed("publication", self.model_dump(mode="json"))

    @property
    def total_bytes(self) -> int:
        """Size of all objects of all segments in bytes."""
        return sum(segment.total_bytes for segment in self.segments)

    def is_same(self, other: Publication) -> bool:
        """Return whether two publications name the same contents under the same options."""
        changes = {"number": 1, "published_at": ""}
        return self.model_copy(update=changes) == other.model_copy(update=changes)

    @classmethod
    def decode(cls, place: str, data: bytes) -> Publication:
        """Read the publication in `data`. `place` names it in errors. Raises `PublicationRefused`."""
        again = "Publish again with this version of raycontext; segments that are there already are not copied again."
        try:
            publication = cls.model_validate(decode_sealed("publication", place, data))
        except UnsupportedFormat as error:
            raise PublicationRefused(str(error).rstrip("."), again) from error
        except CorruptManifest as error:
            raise PublicationRefused(f"{place} is damaged ({error.problem})", again) from error
        except ValidationError as error:
            problem = f"{error.error_count()} fields are missing or wrong"
            raise PublicationRefused(f"{place} is not a publication ({problem})", again) from error
        if publication.format != FORMAT:
            raise PublicationRefused(
                f"{place} has format {publication.format}, and this version of raycontext takes over rows of format "
                f"{FORMAT} alone",
                again,
            )
        problems = {segment.problem(publication.options.num_shards) for segment in publication.segments} - {""}
        if problems:
            raise PublicationRefused(f"{place} is not a publication ({min(problems)})", again)
        return publication


def content_of(objects: dict[str, PublishedObject]) -> str:
    """Return one BLAKE3 for the names and contents of all objects of a segment, in hexadecimal."""
    lines = "".join(f"{name} {each.blake3}\n" for name, each in sorted(objects.items()))
    return str(blake3.blake3(lines.encode(errors="surrogatepass")).hexdigest())


def is_segment_folder(name: str) -> bool:
    """Return whether publishers name folders of segments like this."""
    found = _FOLDER.fullmatch(name)
    return found is not None and is_ulid(found[2])


def numbers_of(target: Storage) -> list[int]:
    """Return the numbers of the publications of a target, ascending."""
    names = target.list(PUBLICATIONS)
    return sorted(number for name in names if (number := manifest_version(name)) is not None)


def publication_place(number: int) -> str:
    """Return the name of the object that holds a publication."""
    return f"{PUBLICATIONS}/{manifest_name(number)}"


def signature_place(data: bytes) -> str:
    """Return the name of the object that holds the signature of a publication with these bytes."""
    return f"{SIGNATURES}/{blake3.blake3(data).hexdigest()}.sig"
