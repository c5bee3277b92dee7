"""The stateless steps of an index run as Ray tasks."""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

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

Result = TypeVar("Result")

# One retry by Ray outlives a lost node. Batches of files are tried again by the planner, in ever smaller ones.
_stateless = ray.remote(num_cpus=1, max_retries=1)


YOUNG_OBJECTS = 50_000
"""How many objects a worker makes between two looks of the garbage collector: a batch makes millions that stay until
its end, and few cycles."""


NICE, NICEST = 15, 19
"""Priorities of index tasks: below that of a search actor, which Ray may have started at the first one."""


@cache
def _let_searches_go_first() -> None:
    if hasattr(os, "setpriority"):
        now = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, NICE if now < NICE else NICEST)


def _background(function: Callable[..., Result]) -> Any:
    """As `_stateless`, at the priority of index tasks."""

    @functools.wraps(function)
    def run(*arguments: Any) -> Result:
        _let_searches_go_first()
        return function(*arguments)

    return _stateless(run)


@cache
def _prepare_process() -> None:
    """Once in a process, with all modules loaded: what they hold is never garbage."""
    import raycontext.batch  # noqa: F401

    _let_searches_go_first()
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
    _prepare_process()
    # What the memory of a model comes to is not known.
    with limited(memory=options.embedder == STATIC or embedding is not None):
        return stages.index_files(source, location, files, options, embedding)


TASKS: dict[Callable[..., Any], Any] = {
    stages.scan_tree: _stateless(stages.scan_tree),
    stages.hash_files: _background(stages.hash_files),
    stages.index_files: ray.remote(num_cpus=1, max_retries=0)(index_files),
    stages.merge_vectors: _background(stages.merge_vectors),
    stages.compact_segments: _background(stages.compact_segments),
    stages.verify_collection: _stateless(stages.verify_collection),
    estimate_tree: _stateless(estimate_tree),
    stages.missing_paths: ray.remote(num_cpus=0, memory=1)(stages.missing_paths),
    stages.bring_source: _stateless(stages.bring_source),
    stages.repair_collection: _stateless(stages.repair_collection),
}
"""Each plain function with its remote form."""
