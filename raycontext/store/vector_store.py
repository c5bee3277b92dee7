"""Owner of a collection's data: it begins runs, compares trees, commits, and reports the collection's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from raycontext import __version__
from raycontext.chunk.syntax.parsing import PARSE_ATTEMPTS
from raycontext.discover.commits.names import is_source_of_commit
from raycontext.discover.scan import Scan, scan_places
from raycontext.discover.snapshot import FAULTS, Snapshot, SnapshotEntry
from raycontext.embed.registry import embedder_for
from raycontext.errors import NotIndexedYet
from raycontext.models import CollectionStatus, FailedFile, FileStat, IndexOptions
from raycontext.models.options import RunOptions
from raycontext.store.catalog import options_of_folder
from raycontext.store.changes import Change, Compaction, HistoryChange, TreeChanges, compared
from raycontext.store.collection import Collection
from raycontext.store.fingerprint import chunker_fingerprint
from raycontext.store.garbage import Collected, collect_garbage, grace_of
from raycontext.store.known_files import KnownFiles, WantedFiles, is_usable
from raycontext.store.manifest import CommitHistory, Manifest, SegmentReference
from raycontext.store.pool import pool_limit
from raycontext.store.run_begin import first_options, needs_rebuild
from raycontext.store.segments.columns import number_lists
from raycontext.store.segments.compaction import merges_of
from raycontext.store.segments.segment import Segment
from raycontext.store.writer import CollectionWriter

__all__ = ["CollectionState", "PendingMerge", "VectorStore"]


class CollectionState(NamedTuple):
    """State of a collection at its newest version, and what the next run has to do."""

    version: int  # 0 before the first commit
    options: IndexOptions
    """Options that the next run uses."""
    replace: bool
    """Whether the next run must rebuild everything, since options, chunker or embedder differ from those recorded, or
    since the caller forces it."""
    unrecorded: bool
    """Whether the next run must commit even if no file has changed, since no manifest records these options yet. So a
    model that was moved to another folder is found again."""
    files: int
    chunks: int
    skipped: dict[str, int]
    """Number of skipped files by `SkipReason`."""
    tried_again: tuple[str, ...] = ()
    """Sorted paths of files that the next run takes up again although they have not changed: files that were cut by
    lines, and files that leave quarantine."""


class CollectionShape(NamedTuple):
    """Counts of a version's segments, files and chunks."""

    segments: int
    files: int
    chunks: int
    tombstone_share: float
    """Share of dead files among the files of all segments, from 0 to 1."""


class PendingMerge(NamedTuple):
    """Segments of a shard that should be merged into one, with the fingerprints of their embedder and chunker."""

    shard: int
    sources: tuple[SegmentReference, ...]
    embedder: str
    chunker: str
    others: tuple[SegmentReference, ...] = ()
    """Other segments of the shard, its pool included: dead files that they have are not kept another time."""
    pool_bytes: int = 0
    """Largest size in bytes of the pool of the shard."""


class VectorStore:
    """Owner of a collection, with the newest manifest in memory, and the parts of its snapshot that were read last."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    @cached_property
    def _writer(self) -> CollectionWriter:
        # Opened by the first call, not by the constructor: damage on disk then raises in a call and kills no actor.
        return CollectionWriter(self._collection)

    def begin(self, options: RunOptions, force: bool = False) -> CollectionState:
        """Start an index run: read what others have committed and determine the options.

        force: whether the run rebuilds everything in any case. Raises `pydantic.ValidationError` for an option that is
        out of range, and what reading the collection raises.
        """
        self._writer.reload()
        manifest = self._writer.manifest
        before = self._of_folder() or (
            manifest.options if manifest else first_options(self._collection.storage, options)
        )
        return self._state(options.applied_to(before), force, bool(options.retry_quarantined))

    def _of_folder(self) -> IndexOptions | None:
        """Return the options of the collection of its folder, for a collection of a commit, which has always those."""
        source = self._collection.identity().source
        return options_of_folder(self._collection.storage, source) if is_source_of_commit(source) else None

    def scan_places(self, source: str, options: IndexOptions, places: Iterable[str]) -> Scan:
        """Compare some paths of the source with the newest version; see `discover.scan.scan_places`.

        Only the parts of the snapshot with these paths are read, so this takes a few milliseconds whatever the size of
        the tree. Raises `RootNotFound`.
        """
        return scan_places(Path(source), options, self._writer.snapshot.below, places)

    def compare(
        self,
        hashed: Iterable[tuple[FileStat, bytes]],
        removed: Iterable[str],
        skips: Mapping[str, SnapshotEntry],
        again: Iterable[str] = (),
    ) -> TreeChanges:
        """Compare the indexed files with the files of the current tree; see `compared`."""
        return compared(self._writer.snapshot, hashed, removed, skips, frozenset(again))

    def known(self, options: IndexOptions, files: Sequence[tuple[str, bytes]]) -> list[KnownFiles]:
        """Return where the newest version has rows of files, given as pairs of path and digest, also of dead ones."""
        manifest = self._writer.manifest
        if manifest is None:
            return []
        wanted = WantedFiles.of_pairs(files)
        segments = self._writer.lists.opened(manifest.shards)
        return list(wanted.take(self._collection.name, (entry for entry in segments if is_usable(entry[1], options))))

    def commit(self, change: Change) -> CollectionState:
        """Commit `change` and return the new state. A second call with the same txn changes nothing.

        Raises what `CollectionWriter.commit` raises.
        """
        embedder = embedder_for(change.options.embedder).fingerprint
        manifest = self._writer.commit(change, embedder=embedder, chunker=chunker_fingerprint())
        return self._state(manifest.options)

    def merges(self) -> list[PendingMerge]:
        """Return the merges that are due; see `merges_of`. There are none while another writer owns the collection."""
        manifest = self._writer.manifest
        if manifest is None or not self._writer.is_owner:
            return []
        return [
            PendingMerge(
                number,
                sources,
                manifest.embedder,
                manifest.chunker,
                tuple(other for other in (*shard.segments, *shard.pool) if other not in sources),
                pool_limit(shard.segments),
            )
            for number, shard in enumerate(manifest.shards)
            for sources in merges_of(shard)
        ]

    def compact(self, compaction: Compaction) -> int | None:
        """Commit a merge and return the new version, or None where the merge came too late.

        Raises what `CollectionWriter.compact` raises.
        """
        manifest = self._writer.compact(compaction)
        return manifest.version if manifest else None

    def record_history(self, change: HistoryChange) -> int | None:
        """Commit another history of commits and return the new version; None where the history was another one already.

        Raises what `CollectionWriter.record_history` raises.
        """
        manifest = self._writer.record_history(change)
        return manifest.version if manifest else None

    def collect_garbage(self) -> Collected:
        """Remove the garbage of the collection, if this writer owns it. Return what was removed."""
        if not self._writer.is_owner:
            return Collected(0, 0, 0)
        return collect_garbage(self._collection, grace_of(self._collection.storage.location))

    def status(self) -> CollectionStatus:
        """Return the state of the newest version on disk.

        Raises `NotIndexedYet` before the first commit, and what `Collection.loss` returns.
        """
        try:
            return self._status()
        except FileNotFoundError as error:
            raise (self._collection.loss() or error) from None

    def _status(self) -> CollectionStatus:
        self._writer.reload()
        manifest = self._writer.manifest
        if manifest is None:
            raise NotIndexedYet(self._collection.name)
        references = manifest.segments
        languages: Counter[str] = Counter()
        cut_by_lines: list[str] = []
        with_definitions: set[str] = set()
        encodings: Counter[str] = Counter()
        guessed: list[str] = []
        redacted: dict[str, int] = {}
        for reference in references:
            segment = Segment(self._collection.storage, self._collection.name, reference)
            languages.update(_live_counts(segment, "language"))
            with_definitions |= _languages_with_definitions(segment)
            cut_by_lines += cut_paths(segment)
            encodings.update(_live_counts(segment, "encoding"))
            guessed += guessed_paths(segment)
            redacted.update(redacted_paths(segment))
        tree = self._writer.snapshot
        snapshot = tree.noted()
        skipped = sorted(snapshot.skipped().items())
        return CollectionStatus(
            name=manifest.collection,
            source=manifest.source,
            version=manifest.version,
            epoch=manifest.epoch,
            indexed_at=manifest.committed_at,
            num_shards=manifest.options.num_shards,
            embedder=manifest.embedder,
            include=manifest.options.include,
            exclude=manifest.options.exclude,
            secrets=manifest.options.secrets,
            language_of=manifest.options.language_of,
            max_file_bytes=manifest.options.max_file_bytes,
            files=manifest.files,
            chunks=manifest.chunks,
            languages=dict(languages.most_common()),
            without_definitions=tuple(sorted(languages.keys() - with_definitions)),
            encodings={name: count for name, count in encodings.most_common() if name not in ("", "utf-8")},
            guessed_encodings=tuple(sorted(guessed)),
            redacted=dict(sorted(redacted.items())),
            segments=len(references),
            tombstones=sum(len(reference.tombstones) for reference in references),
            source_bytes=tree.source_bytes,
            bytes_on_disk=self._collection.storage.size(self._collection.name),
            shared_bytes=self._collection.storage.shared_size(self._collection.name),
            skipped=dict(Counter(reason.value for _, reason in skipped)),
            skipped_files=tuple((path, reason.value) for path, reason in skipped),
            failed_files=failed_files(snapshot),
            pending_files=tuple(snapshot.pending()),
            **_told_history(manifest.history),
            cut_by_lines=tuple(sorted(cut_by_lines)),
        )

    def shape(self) -> CollectionShape:
        """Return counts of the newest version that this writer knows. They are zero before the first commit."""
        manifest = self._writer.manifest
        if manifest is None:
            return CollectionShape(0, 0, 0, 0.0)
        references = manifest.segments
        files = sum(reference.files for reference in references)
        dead = sum(len(reference.tombstones) for reference in references)
        return CollectionShape(len(references), manifest.files, manifest.chunks, dead / files if files else 0.0)

    def _state(self, options: IndexOptions, force: bool = False, retry_quarantined: bool = False) -> CollectionState:
        manifest = self._writer.manifest
        replace = manifest is not None and (force or needs_rebuild(manifest, options))
        return CollectionState(
            version=manifest.version if manifest else 0,
            options=options,
            replace=replace,
            unrecorded=manifest is None or manifest.options != options,
            files=manifest.files if manifest else 0,
            chunks=manifest.chunks if manifest else 0,
            skipped=self._writer.snapshot.skipped,
            tried_again=() if manifest is None or replace else self._tried_again(manifest, retry_quarantined),
        )

    def _tried_again(self, manifest: Manifest, retry_quarantined: bool) -> tuple[str, ...]:
        storage, name = self._collection.storage, self._collection.name
        cut = [Segment(storage, name, reference) for reference in manifest.segments if reference.cut_by_lines]
        paths = {path for segment in cut for path in cut_paths(segment, below=PARSE_ATTEMPTS)}
        kept = None if retry_quarantined else __version__
        faulty = self._writer.snapshot.noted(FAULTS).faulty(apart_from_version=kept)
        return tuple(sorted(paths.union(faulty)))


def _told_history(history: CommitHistory | None) -> dict[str, Any]:
    """Return what the status says about the commits of the source; nothing where they were never asked for."""
    if history is None:
        return {}
    state = "none" if not history.commits else "complete" if history.is_read else "partial"
    return {
        "history": state,
        "history_commits": history.commits,
        "history_head": history.head,
        "history_problem": history.problem,
    }


def failed_files(snapshot: Snapshot) -> tuple[FailedFile, ...]:
    """Return the failures that a snapshot notes, sorted by path."""
    return tuple(
        FailedFile(
            path=path,
            reason=snapshot.entries[path].reason or "",
            why=failure.why,
            node=failure.node,
            failed_at=datetime.fromtimestamp(failure.at_ns / 1e9, UTC).isoformat(timespec="seconds"),
            version=failure.version,
        )
        for path, failure in sorted(snapshot.failures().items())
    )


def cut_paths(segment: Segment, below: int | None = None) -> list[str]:
    """Return the paths of live files that have a grammar and were cut by lines.

    below: only files that fewer runs than that have tried to parse.
    """
    attempts = segment.file_column("parse_attempts")
    cut = segment.alive_files() & (attempts > 0)
    if below is not None:
        cut &= attempts < below
    return [segment.path(int(ordinal)) for ordinal in np.flatnonzero(cut)]


def guessed_paths(segment: Segment) -> list[str]:
    """Return the paths of live files whose encoding nothing tells."""
    guessed = segment.alive_files() & (segment.file_column("encoding_guessed") > 0)
    return [segment.path(int(ordinal)) for ordinal in np.flatnonzero(guessed)]


def redacted_paths(segment: Segment) -> dict[str, int]:
    """Return the number of secrets that each live file has and its chunks do not show, by path, without zeros."""
    offsets, _ = number_lists(segment.files, "redactions")
    counts = np.diff(offsets) // 2
    wanted = np.flatnonzero(segment.alive_files() & (counts > 0))
    return {segment.path(int(ordinal)): int(counts[ordinal]) for ordinal in wanted}


def _languages_with_definitions(segment: Segment) -> set[str]:
    """Return the languages of the files of a segment, also of dead ones, that define at least one name."""
    rows = segment.definition_column("row")
    ends = segment.file_column("first_row") + segment.file_column("row_count")
    ordinals = np.unique(np.searchsorted(ends, rows, side="right"))
    column = segment.files.column("language").chunk(0)
    codes = column.indices.to_numpy(zero_copy_only=True)[ordinals]
    return {str(column.dictionary[int(code)].as_py()) for code in np.unique(codes)}


def _live_counts(segment: Segment, column: str) -> dict[str, int]:
    """Return the number of living files of a segment by the value of a column, such as `language`."""
    codes = segment.files.column(column).chunk(0)
    alive = codes.indices.to_numpy(zero_copy_only=True)[segment.alive_files()]
    counts = np.bincount(alive, minlength=len(codes.dictionary))
    return {value: int(count) for value, count in zip(codes.dictionary.to_pylist(), counts, strict=True) if count}
