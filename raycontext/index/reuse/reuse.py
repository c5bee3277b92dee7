"""Stages of an index run that take rows which exist already, in place of parsing: they find them and bring them over.

The result is that of an index made anew: where a segment was made under other rules than those of this version, what
decides the rows of a file is compared with the file itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.discover.read import without_secrets
from raycontext.discover.snapshot import SnapshotEntry
from raycontext.discover.trees import Reader, tree_of
from raycontext.embed.registry import embedder_for
from raycontext.errors import CorruptSegment
from raycontext.index.reuse.foreign_rows import ForeignRows
from raycontext.index.reuse.relatives import relatives_first
from raycontext.models import FileStat, IndexOptions, SkipReason
from raycontext.runtime.task import task
from raycontext.store.collection import Collection, Location, collection_names
from raycontext.store.fingerprint import rules_fingerprint
from raycontext.store.known_files import KnownFiles, find_in_collections, is_usable
from raycontext.store.manifest import SegmentReference
from raycontext.store.segments.compaction import copy_files
from raycontext.store.segments.segment import DESCRIPTION, Segment
from raycontext.ulid import new_ulid

__all__ = ["SHARED_FROM", "ReusedBatch", "find_known_files", "fitting_files", "is_searched_for", "reuse_files"]

SHARED_FROM = 0.5
"""Share of the files of a segment, from 0 to 1, above which it is shared as it is. Others have their rows copied."""

SEARCHED_FROM = 16
"""Number of new and changed files from which other collections are searched for their rows, beside the first run."""


class ReusedBatch(NamedTuple):
    """Result of `reuse_files`."""

    segment: SegmentReference | None
    """Segment of the run's collection with the rows; its other files have tombstones. None where nothing fits."""
    entries: dict[str, SnapshotEntry]
    """Entry of each file whose rows were taken, by path."""
    rest: tuple[FileStat, ...]
    """Files whose rows do not fit, which have to be indexed."""
    files_from: Mapping[str, int]
    """Number of files whose rows were taken from each collection, by name."""


def is_searched_for(files: int, version: int, fork_from: str | None) -> bool:
    """Return whether other collections and kept versions are searched for so many files, on top of a version.

    A few files are parsed sooner than that. Version 0 stands for an empty collection. fork_from: that of the run.
    """
    return files > 0 and (files >= SEARCHED_FROM or not version or fork_from is not None)


@task(priority="background")
def find_known_files(
    source: str,
    location: Location,
    options: IndexOptions,
    files: Sequence[tuple[str, bytes]],
    fork_from: str | None,
    may_fork: bool,
) -> list[KnownFiles]:
    """Return where rows of files lie, given as pairs of path and digest, in kept versions and in other collections.

    fork_from: name of the only other collection to look into; None: all of the root, relatives of the source first.
    may_fork: whether to look into other collections at all. Raises `UnknownCollection` and `InvalidInput` for a
    `fork_from` that does not fit, and what reading it raises.
    """
    own = location.open()
    if fork_from is not None:
        Collection(own.storage, fork_from).identity()
    others = [fork_from] if fork_from is not None else []
    if may_fork and fork_from is None:
        names = [name for name in collection_names(own.storage) if name != own.name]
        others = relatives_first(location.root, source, own.storage, names)
    return find_in_collections(own, others, options, files, is_demanded=fork_from is not None)


@task(priority="background")
def reuse_files(
    source: str,
    location: Location,
    files: Sequence[FileStat],
    known: Sequence[KnownFiles],
    options: IndexOptions,
    foreign: str = "",
) -> ReusedBatch:
    """Bring rows that exist into one new segment of the collection, for those files that would get the same rows.

    files: the files that `known` leads to, in any order. A segment of which most files are wanted is shared with its
    collection, others are copied row by row. foreign: name of a stage whose rows nobody trusts: they are compared with
    the files and always copied, so that nothing of other files comes along. Raises `FileNotFoundError` where a segment
    was removed meanwhile, `CorruptSegment` where one is damaged, and `StorageError`.
    """
    by_path = {file.path: file for file in files}
    collection = location.open()
    entries: dict[str, SnapshotEntry] = {}
    usable: list[tuple[KnownFiles, Segment, NDArray[np.bool_]]] = []
    files_from: Counter[str] = Counter()
    for place, segment, fitting in fitting_files(source, collection, by_path, known, options, foreign):
        mask = np.zeros(place.segment.files, np.bool_)
        mask[fitting] = True
        files_from[place.collection] += len(fitting)
        usable.append((place, segment, mask))
        for ordinal in fitting:
            file = by_path[segment.path(ordinal)]
            entries[file.path] = SnapshotEntry(file.size, file.mtime_ns, file.inode, segment.digest(ordinal), None)
    rest = tuple(file for file in files if file.path not in entries)
    return ReusedBatch(_taken_over(collection, usable, foreign), entries, rest, files_from)


def fitting_files(
    source: str,
    collection: Collection,
    paths: Container[str],
    known: Sequence[KnownFiles],
    options: IndexOptions,
    foreign: str = "",
) -> Iterator[tuple[KnownFiles, Segment, list[int]]]:
    """Yield what `known` leads to in each segment: the ordinals of files that would get the same rows when indexed now.

    paths: paths of the wanted files; each is yielded at most once. foreign: like that of `reuse_files`, which also
    says what this raises.
    """
    check = _Check(source, options)
    taken: set[str] = set()
    for place in known:
        segment = Segment(collection.storage, place.collection, place.segment)
        if not is_usable(segment, options):
            continue
        rows = _compared(segment, options) if place.collection == foreign else None
        fitting: list[int] = []
        for ordinal in place.ordinals:
            path = segment.path(ordinal)
            if path in paths and path not in taken and check.fits(segment, ordinal, path, rows):
                taken.add(path)
                fitting.append(ordinal)
        if fitting:
            yield place, segment, fitting


def _compared(segment: Segment, options: IndexOptions) -> ForeignRows:
    """Return the reader of a segment that others have made. Raises `CorruptSegment` where its vectors cannot be those
    of the embedder."""
    dimension = getattr(embedder_for(options.embedder), "dimension", None)  # that of a server is not known
    found = {segment.vectors[0].shape[1], segment.name_vectors[0].shape[1], segment.path_vectors[0].shape[1]}
    if dimension is not None and found != {dimension}:
        raise segment.damaged("vectors.arrow", "vectors have another length than those of the embedder")
    return ForeignRows(segment)


def _taken_over(
    collection: Collection, usable: Sequence[tuple[KnownFiles, Segment, NDArray[np.bool_]]], foreign: str
) -> SegmentReference | None:
    """Return a new segment of `collection` with the masked files of segments; None without any. Those of the stage
    `foreign` are copied in any case."""
    if not usable:
        return None
    if len(usable) == 1:
        place, segment, mask = usable[0]
        if np.count_nonzero(mask) > SHARED_FROM * len(mask) and place.collection != foreign:
            return _shared(collection, place, segment, mask)
    first = usable[0][1]
    wanted = [(segment, mask) for _, segment, mask in usable]
    return copy_files(collection.storage, collection.name, wanted, embedder=first.embedder, chunker=first.chunker)


def _shared(collection: Collection, place: KnownFiles, segment: Segment, mask: NDArray[np.bool_]) -> SegmentReference:
    """Return a segment under a new name whose files are those of `segment`, with tombstones for what is not masked."""
    name = new_ulid()
    folder = f"{collection.name}/segments/{name}"
    tombstones = tuple(np.flatnonzero(~mask).tolist())
    reference = place.segment.model_copy(update={"name": name, "tombstones": tombstones})
    collection.storage.copy(
        f"{place.collection}/segments/{place.segment.name}", folder, [*segment.data_files, DESCRIPTION]
    )
    try:
        shared = Segment(collection.storage, collection.name, reference)
        for data_file in shared.data_files:
            shared.check_size(data_file)
    except (CorruptSegment, FileNotFoundError):
        collection.storage.remove(folder)
        raise
    return reference


class _Check:
    """Comparison of files of the tree with what segments say about them."""

    def __init__(self, source: str, options: IndexOptions) -> None:
        from raycontext.index.languages import LanguageChoice

        self._source = source
        self._options = options
        self._reader: Reader | None = None
        self._languages = LanguageChoice(options.language_of)
        self._rules = rules_fingerprint()

    def fits(self, segment: Segment, ordinal: int, path: str, foreign: ForeignRows | None = None) -> bool:
        """Return whether indexing the file at `path` now would give the rows that a file of a segment has.

        The run has hashed the file just now. Under the rules of that segment nothing else can differ. With `foreign`,
        the rows of the segment are those of others, who may have written anything: they are compared with the file.
        """
        if foreign is None and segment.rules and segment.rules == self._rules:
            return True
        from raycontext.index.marks import is_generated_file, is_vendored_file
        from raycontext.store.segments.segment_writer import kinds_of

        if self._reader is None:
            self._reader = tree_of(self._source).reader((), self._options.max_file_bytes)
        content = self._reader.content(path)
        if isinstance(content, SkipReason) or content.digest != segment.digest(ordinal):
            return False
        shown = content if self._options.secrets else without_secrets(path, content)
        if shown is None:
            return False
        language = self._languages.language(path, shown.data, shown.attributes)
        kinds = kinds_of(path, language, is_generated_file(shown), is_vendored_file(shown))
        return (
            shown.size == segment.file_column("size")[ordinal]
            and language == segment.language(ordinal)
            and shown.encoding == segment.encoding(ordinal)
            and shown.is_guess == bool(segment.file_column("encoding_guessed")[ordinal])
            and shown.redactions == segment.redactions(ordinal)
            and kinds == segment.file_column("kinds")[ordinal]
            and (foreign is None or foreign.are_of(ordinal, shown.data))
        )
