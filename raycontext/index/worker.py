"""The process of an index task: what it loads once, and the limits that it runs under."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from raycontext.embed.registry import STATIC
from raycontext.index.limits import limited
from raycontext.index.pooled_embedder import EmbeddingRun
from raycontext.models import FileStat, IndexOptions
from raycontext.settings import FILE_SECONDS
from raycontext.store.collection import Location

__all__ = ["index_process"]

YOUNG_OBJECTS = 50_000
"""How many objects a worker makes between two looks of the garbage collector: a batch makes millions that stay until
its end, and few cycles."""


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
    """Prepare the process and hold the limits of a task inside. The arguments are those of `index_files`."""
    _prepare_process()
    # The memory that a model takes is not known.
    with limited(memory=options.embedder == STATIC or embedding is not None, file_seconds=file_seconds):
        yield


@cache
def _prepare_process() -> None:
    """Load all modules of a task once in a process: what they hold is never garbage."""
    import raycontext.index.segment_builder  # noqa: F401

    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 50, 100)
