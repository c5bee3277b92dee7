"""The stateless steps of an index run as Ray tasks."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import ray

from raycontext import stages
from raycontext.embed.embedder import STATIC
from raycontext.embedding import EmbeddingRun
from raycontext.estimate import estimate_tree
from raycontext.limits import limited
from raycontext.models import FileStat, IndexOptions
from raycontext.stages import IndexedBatch
from raycontext.store.collection import Location

__all__ = ["TASKS"]

# One retry by Ray outlives a lost node. Batches of files are tried again by the planner, in ever smaller ones.
_stateless = ray.remote(num_cpus=1, max_retries=1)


YOUNG_OBJECTS = 50_000
"""How many objects a worker makes between two looks of the garbage collector: a batch makes millions that stay until
its end, and few cycles."""


@cache
def _spare_collector() -> None:
    """Once in a process, with all modules loaded: what they hold is never garbage."""
    import raycontext.batch  # noqa: F401

    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 50, 100)


def index_files(
    source: str,
    location: Location,
    files: Sequence[FileStat],
    options: IndexOptions,
    embedding: EmbeddingRun | None = None,
) -> IndexedBatch:
    _spare_collector()
    # What the memory of a model comes to is not known.
    with limited(memory=options.embedder == STATIC or embedding is not None):
        return stages.index_files(source, location, files, options, embedding)


TASKS: dict[Callable[..., Any], Any] = {
    stages.scan_tree: _stateless(stages.scan_tree),
    stages.hash_files: _stateless(stages.hash_files),
    stages.index_files: ray.remote(num_cpus=1, max_retries=0)(index_files),
    stages.merge_vectors: _stateless(stages.merge_vectors),
    stages.compact_segments: _stateless(stages.compact_segments),
    stages.verify_collection: _stateless(stages.verify_collection),
    estimate_tree: _stateless(estimate_tree),
    stages.missing_paths: ray.remote(num_cpus=0, memory=1)(stages.missing_paths),
    stages.bring_source: _stateless(stages.bring_source),
    stages.repair_collection: _stateless(stages.repair_collection),
}
"""Each plain function with its remote form."""
