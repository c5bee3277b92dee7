"""Stateless steps of an index run and of maintenance, as plain functions that run as tasks.

An index run calls `scan_tree`, `hash_files` and `index_files`, in this order. Each function opens what it needs and
returns small values. A step that runs twice, or dies half way, leaves at most a segment that no manifest names. Modules
that only a worker needs (grammars, compiled kernels) are imported inside the functions, so that a process that only
names these functions stays light.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import NamedTuple

from raycontext.discover.read import without_secrets
from raycontext.discover.scan import Scan, compared
from raycontext.discover.snapshot import SnapshotEntry
from raycontext.discover.trees import Tree, tree_of
from raycontext.embed.names import STATIC
from raycontext.embed.registry import embedder_for
from raycontext.embed.remote.providers import RemoteEmbedder
from raycontext.embed.vectors import quantized
from raycontext.index.work.limits import allow
from raycontext.index.work.pooled_embedder import EmbeddingRun, EmbeddingUse, PooledEmbedder
from raycontext.index.work.worker import index_process
from raycontext.models import FileDigest, FileStat, IndexOptions, SkipReason
from raycontext.runtime.task import task
from raycontext.settings import FILE_SECONDS
from raycontext.sources.workplace import Brought, Origin, bring
from raycontext.store.checking.repair import repair
from raycontext.store.checking.reports import RepairReport, VerificationReport
from raycontext.store.checking.verification import verify
from raycontext.store.collection import Location
from raycontext.store.manifest import SegmentReference
from raycontext.store.pool import keep_dead_files
from raycontext.store.segments.compaction import merge_segments
from raycontext.store.segments.content_vectors import ContentVectors
from raycontext.store.segments.segment_writer import write_segment

__all__ = [
    "IndexedBatch",
    "bring_source",
    "compact_segments",
    "hash_files",
    "index_files",
    "mend_collection",
    "merge_vectors",
    "pool_dead_files",
    "repair_collection",
    "scan_tree",
    "verify_collection",
]

_log = logging.getLogger("raycontext")


class IndexedBatch(NamedTuple):
    """Result of `index_files`."""

    segment: SegmentReference | None
    """Segment with the chunks of the batch; None where no file of the batch could be indexed."""
    entries: dict[str, SnapshotEntry]
    """Entry of every file of the batch, by path: the digest of the indexed content, or the reason why it is skipped."""
    source_bytes: int
    """Total size in bytes of the indexed files."""
    cut_by_lines: tuple[str, ...] = ()
    """Paths of files that have a grammar and were cut by lines, because parsing them takes too long."""
    embedding: EmbeddingUse = EmbeddingUse()
    """Counts of texts and tokens that embedder actors embedded. All are 0 where the task embeds by itself."""
    chunker: str = ""
    """Fingerprint of the chunker that made the segment; "" where there is none."""
    without_vectors: tuple[str, ...] = ()
    """Paths of files of which the embedding server refuses a text. They are found by their words alone."""


@task()
def scan_tree(source: str, location: Location, version: int, options: IndexOptions, again: Sequence[str] = ()) -> Scan:
    """List the files of the tree and compare the status of the selected ones with the snapshot of a version.

    version: version of the collection; 0 stands for an empty snapshot. again: paths of files that are read again even
    if their status has not changed. Raises `RootNotFound`, and `CorruptManifest` where manifest or snapshot cannot be
    read.
    """
    collection = location.open()
    previous = collection.snapshot(collection.manifest(version)) if version else None
    listing = tree_of(source).walk(options.max_file_bytes)
    return compared(listing, options, previous.with_doubts(again) if previous else None)


@task(priority="background")
def hash_files(source: str, files: Sequence[FileStat], max_file_bytes: int) -> list[FileDigest]:
    """Return the digest of each file's content, or the reason why it has none, in the order of `files`.

    A file of more than `max_file_bytes` bytes has no digest. Raises `RootNotFound` where files are missing because the
    source folder is gone.
    """
    tree = tree_of(source)
    reader = tree.reader([file.path for file in files], max_file_bytes)
    digests = [reader.digest(file.path) for file in files]
    _check_source(tree, [digest.reason for digest in digests])
    return digests


# The planner tries a failed batch again, in smaller pieces.
@task(retries=0, priority="background", around=index_process)
def index_files(
    source: str,
    location: Location,
    files: Sequence[FileStat],
    options: IndexOptions,
    embedding: EmbeddingRun | None = None,
    again: Collection[str] = (),
    file_seconds: float = FILE_SECONDS,  # for `index_process`, which holds the task to it
) -> IndexedBatch:
    """Read, chunk, analyse and embed files of one shard, and write them as one segment.

    embedding: actors that embed; None: this task embeds by itself. again: paths of files whose content an earlier run
    gave up parsing. file_seconds: CPU time in seconds that each file may take beside the time for its size; limits hold
    only in processes that run nothing but tasks.

    A file that cannot be read is skipped. Raises `StorageError` where the segment cannot be written, `RootNotFound`
    where files are missing because the source folder is gone, `InvalidInput` where a model cannot be used, and
    `EmbeddingFailed` or `EmbeddingBudgetExceeded` from the actors.
    """
    from raycontext.index.languages import LanguageChoice
    from raycontext.index.work.segment_builder import Batch
    from raycontext.store.fingerprint import chunker_fingerprint, rules_fingerprint

    batch, tree = Batch(LanguageChoice(options.language_of)), tree_of(source)
    reader = tree.reader([file.path for file in files], options.max_file_bytes)
    entries: dict[str, SnapshotEntry] = {}
    for file in files:
        content = reader.content(file.path)
        if isinstance(content, SkipReason):
            entries[file.path] = SnapshotEntry(file.size, file.mtime_ns, file.inode, b"", content)
            continue
        shown = content if options.secrets else without_secrets(file.path, content)
        if shown is None:
            entries[file.path] = SnapshotEntry(file.size, file.mtime_ns, file.inode, content.digest, SkipReason.SECRET)
            continue
        allow(len(shown.data))
        batch.add(file.path, shown, options.chunk_bytes, is_again=file.path in again)
        entries[file.path] = SnapshotEntry(file.size, file.mtime_ns, file.inode, content.digest, None)
    _check_source(tree, [entry.reason for entry in entries.values()])
    if not batch.files:
        return IndexedBatch(None, entries, 0)
    embedder = embedder_for(options.embedder)
    # The built-in table gets the time of a file as large as the batch. The time that a model takes is not limited.
    allow(sum(file.size for file in batch.files) if options.embedder == STATIC else None)
    storage = location.open().storage
    without_vectors: tuple[str, ...] = ()
    if embedding is not None:
        pooled = PooledEmbedder(embedding, ContentVectors(storage, embedder.fingerprint))
        columns, use = batch.content(pooled), pooled.use
        without_vectors = batch.files_of(pooled.refused)
    else:
        assert not isinstance(embedder, RemoteEmbedder)
        columns, use = batch.content(quantized(embedder)), EmbeddingUse()
    reference = write_segment(
        storage,
        location.collection,
        columns,
        embedder=embedder.fingerprint,
        chunker=chunker_fingerprint(),
        rules=rules_fingerprint(),
    )
    return IndexedBatch(
        reference,
        entries,
        sum(file.size for file in batch.files),
        tuple(batch.cut_by_lines),
        use,
        chunker_fingerprint(),
        without_vectors,
    )


def _check_source(tree: Tree, reasons: Sequence[SkipReason | None]) -> None:
    """Raise `RootNotFound` if a file has vanished together with its tree: then nobody has deleted the file."""
    if not {SkipReason.VANISHED, SkipReason.SYMLINK}.isdisjoint(reasons):
        tree.check()


@task(priority="background")
def compact_segments(
    location: Location, sources: Sequence[SegmentReference], embedder: str, chunker: str
) -> SegmentReference | None:
    """Write one segment with the living files of several segments. Details and errors: see `merge_segments`."""
    return merge_segments(location.open().storage, location.collection, sources, embedder=embedder, chunker=chunker)


@task(priority="background")
def pool_dead_files(
    location: Location,
    sources: Sequence[SegmentReference],
    others: Sequence[SegmentReference],
    limit: int,
    embedder: str,
    chunker: str,
) -> SegmentReference | None:
    """Write one segment with the dead files of segments that are merged. Details and errors: see `keep_dead_files`."""
    collection = location.open()
    return keep_dead_files(
        collection.storage, collection.name, sources, others, limit, embedder=embedder, chunker=chunker
    )


@task(priority="background")
def merge_vectors(location: Location, fingerprint: str) -> int:
    """Merge the small files of the cache of vectors by content, and return how many. See `ContentVectors.merge`."""
    return ContentVectors(location.open().storage, fingerprint).merge()


@task()
def verify_collection(location: Location, deep: bool) -> VerificationReport:
    """Return a report on the damage to a collection. Details and errors: see `verify`."""
    return verify(location.open(), deep=deep)


@task()
def repair_collection(location: Location) -> RepairReport:
    """Commit a version of a collection without what is damaged. Details and errors: see `repair`."""
    return repair(location.open())


@task()
def mend_collection(location: Location) -> None:
    """Commit a version of a collection without the objects that are missing; see `repair`.

    Raises what `repair` raises.
    """
    report = repair(location.open(), deep=False)
    if report.damage:  # a writer may have been faster
        _log.warning("%s: objects of the index were missing; what they held is indexed again", report.collection)


@task()
def bring_source(work: str, name: str, origin: Origin) -> Brought:
    """Fetch a source into the working folder, or update it there. Details and errors: see `bring`."""
    return bring(work, name, origin)
