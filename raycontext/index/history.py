"""Reading of the history of a source into segments of its collection, a batch of commits at a time.

Which commits a batch has depends on the history and on what is indexed already, never on the speed of a machine. So a
history that was read in steps, over many versions, holds the same commits as one that was read at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from raycontext.analyse.names import path_text
from raycontext.analyse.postings import Postings
from raycontext.analyse.references import ReferenceReader
from raycontext.analyse.terms import analyse_texts
from raycontext.discover.commits.log import CommitList, LoggedCommit, list_commits, read_commits, state_of
from raycontext.embed.vectors import Documents, QuantizedVectors, quantized
from raycontext.errors import CommitUnreadable, CorruptSegment, NotIndexedYet, UnsupportedFormat
from raycontext.kernel.trigrams import collect
from raycontext.models import ChunkKind
from raycontext.runtime.task import task
from raycontext.store.collection import Collection, Location
from raycontext.store.commits import (
    COMMITS_FINGERPRINT,
    commit_text,
    fits_history,
    names_of,
    parts_of_message,
    text_embedder,
)
from raycontext.store.manifest import CommitHistory, SegmentReference, ShardManifest
from raycontext.store.segments.compaction import merge_segments, merges_of
from raycontext.store.segments.segment import Segment, path_hash
from raycontext.store.segments.segment_writer import IndexedFile, SegmentContent, write_segment

__all__ = ["BATCH_COMMITS", "HistoryStep", "read_history"]

BATCH_COMMITS = 5_000
"""Largest number of commits that one step reads."""


class HistoryStep(NamedTuple):
    """Result of `read_history`."""

    base: CommitHistory | None
    """History that the newest version has."""
    history: CommitHistory
    """History that the next version is to have."""


@task(priority="background")
def read_history(source: str, location: Location) -> HistoryStep:
    """Take the next batch of commits into a new segment, and return the history with it.

    Commits that do not belong to the history any more, such as amended ones, get tombstones. `history` equals `base`
    where there is nothing to do. Raises `NotIndexedYet` and `StorageError`.
    """
    collection = location.open()
    manifest = collection.latest()
    if manifest is None:
        raise NotIndexedYet(collection.name)
    base = manifest.history
    is_current = base is not None and base.is_read and fits_history(base)
    is_current = is_current and base is not None and (base.head, base.boundary) == state_of(source)
    if base is not None and is_current and not collection.lacks(base.segments):
        return HistoryStep(base, base)
    listed = list_commits(source)
    if listed.problem:
        return HistoryStep(base, _without(base, listed))
    segments = _usable(collection, base)
    indexed = names_of(segments)
    missing = [name for name in listed.commits if name not in indexed]
    gone = indexed.difference(listed.commits)
    dead = np.fromiter(map(path_hash, gone), np.uint64, len(gone))
    kept = [_buried(segment, dead) for segment in segments]
    try:
        commits = read_commits(source, missing[:BATCH_COMMITS])
    except CommitUnreadable as error:
        return HistoryStep(base, _without(base, listed._replace(problem=f"git cannot read it: {error.problem}")))
    added = (_write(collection, commits),) if commits else ()
    living = [segment for segment in kept if len(segment.tombstones) < segment.files]
    merged = _merged(collection, [*living, *added])
    complete = len(missing) <= BATCH_COMMITS
    return HistoryStep(base, _history(listed.head, merged, complete=complete, boundary=listed.boundary))


def _without(base: CommitHistory | None, listed: CommitList) -> CommitHistory:
    """Return the history of a source whose commits cannot be read: what was read before, and why there is no more."""
    kept = base.segments if base is not None and fits_history(base) else ()
    return _history(listed.head if not kept or base is None else base.head, kept, problem=listed.problem)


def _history(
    head: str, segments: Sequence[SegmentReference], *, complete: bool = False, problem: str = "", boundary: str = ""
) -> CommitHistory:
    return CommitHistory(
        head=head,
        segments=tuple(segments),
        embedder=text_embedder().fingerprint,
        chunker=COMMITS_FINGERPRINT,
        complete=complete,
        problem=problem,
        boundary=boundary,
    )


def _usable(collection: Collection, base: CommitHistory | None) -> list[Segment]:
    """Return the opened segments of a history, without those whose commits must be read anew."""
    if base is None or not fits_history(base):
        return []
    usable = []
    for reference in base.segments:
        with suppress(CorruptSegment, UnsupportedFormat, FileNotFoundError):
            segment = Segment(collection.storage, collection.name, reference)
            segment.check_presence()
            _ = segment.files
            usable.append(segment)
    return usable


def _buried(segment: Segment, dead: NDArray[np.uint64]) -> SegmentReference:
    """Return the reference to a segment with tombstones for the commits whose hashes are in `dead`."""
    tombstones = np.union1d(np.array(segment.reference.tombstones, np.int64), segment.ordinals(dead))
    return segment.reference.model_copy(update={"tombstones": tuple(tombstones.tolist())})


def _merged(collection: Collection, references: Sequence[SegmentReference]) -> tuple[SegmentReference, ...]:
    """Return the segments after the merges that are due, which are those of a shard."""
    segments = list(references)
    for group in merges_of(ShardManifest(segments=tuple(references))):
        merged = merge_segments(
            collection.storage,
            collection.name,
            group,
            embedder=text_embedder().fingerprint,
            chunker=COMMITS_FINGERPRINT,
        )
        segments = [segment for segment in segments if segment not in group]
        segments += [merged] if merged is not None else []
    return tuple(segments)


def _write(collection: Collection, commits: Sequence[LoggedCommit]) -> SegmentReference:
    """Write a segment with some commits, and return the reference to it."""
    return write_segment(
        collection.storage,
        collection.name,
        _content(commits),
        embedder=text_embedder().fingerprint,
        chunker=COMMITS_FINGERPRINT,
    )


def _content(commits: Sequence[LoggedCommit]) -> SegmentContent:
    """Return the columns of a segment with n commits.

    The body of a row is the message, its symbol the subject, its path the touched files.
    """
    count = len(commits)
    texts = [commit_text(commit) for commit in commits]
    subjects = [parts_of_message(commit.message)[0] for commit in commits]
    sizes = np.fromiter(map(len, texts), np.uint32, count)
    nothing = np.zeros(count, np.int64)
    body, subject = analyse_texts([commit.message for commit in commits]), analyse_texts(subjects)
    touched = [" ".join(map(path_text, commit.files)) for commit in commits]
    paths = analyse_texts(touched)
    references = ReferenceReader()
    for _ in commits:
        references.add(b"", "", 0)
    of_subjects, of_paths = _vectors(subject, subjects), _vectors(paths, touched)
    return SegmentContent(
        files=[
            IndexedFile(
                commit.name,
                "",
                len(text),
                xxhash.xxh3_128_digest(text),
                1,
                text_bytes=len(text),
                text_hash=xxhash.xxh3_64_intdigest(text),
            )
            for commit, text in zip(commits, texts, strict=True)
        ],
        start_lines=np.ones(count, np.uint32),
        end_lines=np.ones(count, np.uint32),
        start_bytes=np.zeros(count, np.uint32),
        end_bytes=sizes,
        kinds=[ChunkKind.BLOCK.value] * count,
        symbols=[""] * count,
        scopes=[""] * count,
        definitions=[],
        texts=texts,
        body=body,
        symbol=subject,
        path=paths,
        references=references.references(nothing, nothing),
        trigrams=collect(np.empty(0, np.uint8), nothing, nothing),
        vectors=_vectors(body, [commit.message for commit in commits]),
        name_vectors=of_subjects,
        path_vectors=of_paths,
    )


def _vectors(postings: Postings, texts: Sequence[str]) -> QuantizedVectors:
    return quantized(text_embedder())(Documents(postings, lambda: texts))
