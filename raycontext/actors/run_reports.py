"""What an index run tells of itself: its progress, and its report at the end."""

from __future__ import annotations

from raycontext.index.planning.planner import ReindexPlanner
from raycontext.index.work.pooled_embedder import EmbeddingUse
from raycontext.models import IndexReport, JobProgress
from raycontext.store.collection import CollectionIdentity
from raycontext.store.vector_store import CollectionState

__all__ = ["progress_of", "report_of"]


def progress_of(
    collection: str,
    planner: ReindexPlanner | None,
    *,
    is_cancelled: bool,
    error: str,
    next_try: float | None,
    seconds: float,
) -> JobProgress:
    """Return how far a run is.

    planner: planner of the run; None before the run begins.
    error: problem of a run that has failed, else "".
    next_try: seconds until the next try of work that was lost; None where none waits.
    seconds: time that the run has lasted, in seconds.
    """
    if planner is None:
        return JobProgress(collection=collection, stage="failed" if error else "queued", seconds=seconds, error=error)
    return JobProgress(
        collection=collection,
        stage="cancelled" if is_cancelled else "failed" if error else planner.stage,
        files_found=planner.scan.files_found if planner.scan else 0,
        files_to_hash=planner.files_to_hash,
        files_hashed=planner.files_hashed,
        files_to_index=planner.files_to_index,
        files_indexed=planner.files_indexed,
        bytes_to_index=planner.bytes_to_index,
        bytes_indexed=planner.bytes_indexed,
        files_waiting=planner.files_waiting,
        seconds_to_next_try=next_try,
        seconds=seconds,
        error=error,
    )


def report_of(
    identity: CollectionIdentity,
    state: CollectionState,
    planner: ReindexPlanner,
    embedding: EmbeddingUse,
    *,
    changed: bool,
    seconds: float,
) -> IndexReport:
    """Return the report of a run that has ended.

    state: state of the collection after the run.
    embedding: what the run has asked of embedders.
    changed: whether the index has changed.
    seconds: time that the run has lasted, in seconds.
    """
    return IndexReport(
        collection=identity.name,
        source=identity.source,
        version=state.version,
        changed=changed,
        files=state.files,
        chunks=state.chunks,
        added=planner.added,
        modified=planner.modified,
        removed=planner.removed,
        indexed_bytes=planner.source_bytes,
        reused_files=planner.reused.files,
        reused_from=tuple(sorted(planner.reused.collections)),
        skipped=state.skipped,
        pending_files=tuple(sorted(planner.pending_files)),
        cut_by_lines=tuple(sorted(planner.cut_by_lines)),
        without_vectors=tuple(sorted(planner.without_vectors)),
        unreadable_folders=planner.scan.unreadable_folders if planner.scan else (),
        embedded_texts=embedding.embedded,
        reused_vectors=embedding.reused,
        embedding_tokens=embedding.tokens,
        seconds=seconds,
    )
