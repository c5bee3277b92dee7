"""Preparation of a process for index tasks: modules that it loads once, and the limits of each task."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from raycontext.embed.names import STATIC
from raycontext.index.work.limits import limited
from raycontext.index.work.pooled_embedder import EmbeddingRun
from raycontext.models import FileStat, IndexOptions
from raycontext.settings import FILE_SECONDS
from raycontext.store.collection import Location

__all__ = ["index_process"]

YOUNG_OBJECTS = 50_000
"""Number of new objects after which Python's garbage collector looks for cycles.

A batch makes millions of objects that stay until its end, and few cycles, so that frequent collections cost much time.
"""


@contextmanager
def index_process(
    source: str,
    location: Location,
    files: Sequence[FileStat],
    options: IndexOptions,
    embedding: EmbeddingRun | None = None,
    again: Collection[str] = (),
    file_seconds: float = FILE_SECONDS,
) -> Iterator[None]:
    """Prepare this process once, and apply the limits of an index task inside the context.

    The arguments are those of `index_files`. Memory is not limited where the task runs a model itself.
    """
    _prepare_process()
    # Nobody knows how much memory a model takes.
    with limited(memory=options.embedder == STATIC or embedding is not None, file_seconds=file_seconds):
        yield


@cache
def _prepare_process() -> None:
    """Load all modules of a task, exempt their objects from garbage collection, and choose the allocator of Arrow.

    Arrow's own allocator commits a gigabyte when it is first used, which is all the memory that a task may have. Later
    calls do nothing.
    """
    import pyarrow

    import raycontext.index.work.segment_builder  # noqa: F401

    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 50, 100)
