"""Folder of a segment: its description, and its data files, mapped once their size is compared.

Their content is compared block by block, when it is first read; see `checked_file`.
"""

from __future__ import annotations

from functools import partial

import pyarrow as pa
import xxhash

from raycontext.errors import CorruptManifest, CorruptSegment
from raycontext.store.manifest import SegmentReference, check_format
from raycontext.store.segments import checks
from raycontext.store.segments.checked_file import BLOCK_BYTES, CheckedFile
from raycontext.store.storage.base import Storage

__all__ = ["DATA_FILES", "DESCRIPTION", "SegmentFolder"]

FIRST_WITH_REFERENCES, FIRST_WITH_TRIGRAMS = 5, 6
"""First formats whose segments say what their chunks use, and which trigrams their files have."""
FIRST_WITH_BLOCKS = 7
"""First format whose segments have checksums of the blocks of large data files."""

_TABLES = "files chunks labels definitions text vectors names postings references imports trigrams"
DATA_FILES = tuple(f"{table}.arrow" for table in _TABLES.split())
DESCRIPTION = "SEGMENT.json"

LATE_FILES = {
    "labels.arrow": 2,
    **dict.fromkeys(("references.arrow", "imports.arrow"), FIRST_WITH_REFERENCES),
    "trigrams.arrow": FIRST_WITH_TRIGRAMS,
}
"""First format that has each of those data files that not all formats have."""


class SegmentFolder:
    """Folder of a segment that is opened for reading. `Segment` gives its columns.

    All members raise `CorruptSegment` where the description or a data file does not have the recorded checksum or size,
    and `FileNotFoundError` where the segment has been removed meanwhile.
    """

    def __init__(self, storage: Storage, collection: str, reference: SegmentReference) -> None:
        self.reference = reference
        self._storage = storage
        self._collection = collection
        self._checked: dict[str, CheckedFile] = {}
        self._folder = f"{collection}/segments/{reference.name}"
        try:
            encoded = storage.read(f"{self._folder}/{DESCRIPTION}")
        except CorruptManifest as error:
            raise CorruptSegment(collection, error.path, error.problem) from error
        if xxhash.xxh3_128_hexdigest(encoded) != reference.checksum:
            raise self.damaged(DESCRIPTION, "checksum does not match")
        self._encoded = encoded
        self._description = checks.refusing(DESCRIPTION)(lambda _: checks.described(encoded))(self)
        check_format(f"{storage.location}/{self._folder}/{DESCRIPTION}", self._description.get("format"))

    @property
    def collection(self) -> str:
        """Name of the collection."""
        return self._collection

    @property
    def format(self) -> int:
        """Number of the on-disk format of the segment."""
        return int(self._description["format"])

    @property
    def data_files(self) -> tuple[str, ...]:
        """Names of the data files that a segment of this format has."""
        return tuple(name for name in DATA_FILES if self.format >= LATE_FILES.get(name, 1))

    @property
    def has_references(self) -> bool:
        """Whether the segment says what its chunks use."""
        return self.format >= FIRST_WITH_REFERENCES

    @property
    def has_trigrams(self) -> bool:
        """Whether the segment has the trigrams of its files, and all that is needed to give their exact texts."""
        return self.format >= FIRST_WITH_TRIGRAMS

    @property
    def embedder(self) -> str:
        """Fingerprint of the embedder that made the vectors."""
        return str(self._description["embedder"])

    @property
    def chunker(self) -> str:
        """Fingerprint of the chunker and of the analysis."""
        return str(self._description["chunker"])

    @property
    def rules(self) -> str:
        """Fingerprint of the rules that told what each content is; "" where it is not known or not the same for all."""
        return str(self._description.get("rules", ""))

    def check_presence(self) -> None:
        """Raise `FileNotFoundError` unless all data files are there. One listing tells."""
        there = self._storage.list(self._folder)
        missing = [name for name in self.data_files if name not in there]
        if missing:
            raise FileNotFoundError(f"{self._folder}/{missing[0]}")

    def check_size(self, name: str) -> int:
        """Compare the size of one of `DATA_FILES` with the recorded one, and return it in bytes."""
        return len(self._mapped(name))

    def check_content(self, name: str) -> int:
        """Compare size and all checksums of one of `DATA_FILES` with the recorded ones, and return the size in bytes.

        Each call reads the whole file."""
        return len(memoryview(self.content(name)))

    def _file(self, name: str) -> CheckedFile:
        """Return a data file, of which each block is compared once, by whichever version reads it first."""
        if name not in self._checked:
            self._checked[name] = self._opened(name)
        return self._checked[name]

    def content(self, name: str) -> bytes | pa.Buffer:
        """Return the content of the description or of a data file, after comparing its size and all its checksums."""
        if name == DESCRIPTION:
            return self._encoded
        file = self._opened(name)
        file.check_all()
        if xxhash.xxh3_128_hexdigest(file.content) != self._description["objects"][name]["checksum"]:
            raise self.damaged(name, "checksum does not match")
        return file.content

    @checks.refusing(DESCRIPTION)
    def _opened(self, name: str) -> CheckedFile:
        """Return a data file of which nothing but the size is compared yet."""
        content, entry = self._mapped(name), self._description["objects"][name]
        blocks = entry.get("blocks") if self.format >= FIRST_WITH_BLOCKS else None
        if blocks is None and self.format >= FIRST_WITH_BLOCKS and len(content) > BLOCK_BYTES:
            raise self.damaged(DESCRIPTION, f"{name} has no checksums of its blocks")
        place = f"{self._storage.location}/{self._folder}/{name}"
        # Nothing that leads back to this object: files are unmapped as soon as no one has it any more.
        return CheckedFile(content, entry["checksum"], blocks, partial(CorruptSegment, self._collection, place))

    @checks.refusing(DESCRIPTION)
    def _framed(self, name: str) -> CheckedFile:
        """Return a data file whose columns are compared by whoever reads them; the places of these are compared."""
        file = self._file(name)
        file.check_frame()
        return file

    def _mapped(self, name: str) -> pa.Buffer:
        """Return the content of a data file after comparing its size alone."""
        try:
            checksum = str(self._description["objects"][name]["checksum"])
            buffer = self._storage.map(f"{self._folder}/{name}", checksum)
        except CorruptManifest as error:
            raise CorruptSegment(self._collection, error.path, error.problem) from error
        if len(buffer) != self._description["objects"][name]["bytes"]:
            raise self.damaged(name, "size does not match")
        return buffer

    def _table(self, name: str) -> pa.Table:
        """Return the table of a data file that is compared as a whole."""
        return checks.check_table(self._file(name).table())

    def damaged(self, name: str, problem: str) -> CorruptSegment:
        return CorruptSegment(self._collection, f"{self._storage.location}/{self._folder}/{name}", problem)
