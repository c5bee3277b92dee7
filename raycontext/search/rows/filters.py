"""Filters of a query: they select the chunks of a segment that may be hits."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycontext.discover.rules.globs import path_filter
from raycontext.models import SearchFilters
from raycontext.store.segments.segment import Segment

__all__ = ["admitted", "admitted_files", "admitting"]


def admitted(segment: Segment, filters: SearchFilters) -> NDArray[np.bool_]:
    """Return True for each chunk of a segment that the filters let through, bool[rows]."""
    if segment.reference.rows == 0:
        return np.empty(0, np.bool_)
    admitted: NDArray[np.bool_] = admitted_files(segment, filters)[segment.chunk_column("file")]
    if filters.kinds:
        admitted = admitted & _among(segment.chunks.column("kind"), filters.kinds)
    if filters.lines is not None:
        admitted = admitted & _touching(segment, dict(filters.lines))
    return admitted


def admitted_files(segment: Segment, filters: SearchFilters) -> NDArray[np.bool_]:
    """Return True for each file of a segment that the filters of files let through, bool[files]."""
    if segment.reference.files == 0:
        return np.empty(0, np.bool_)
    files = np.ones(len(segment.files), np.bool_)
    if filters.languages:
        files &= _among(segment.files.column("language"), filters.languages)
    if filters.paths or filters.inside:
        paths = segment.files.column("path").to_pylist()
        admits = admitting(filters)
        files &= np.fromiter((admits(os.fsdecode(path)) for path in paths), np.bool_, len(paths))
    return files


def admitting(filters: SearchFilters) -> Callable[[str], bool]:
    """Return a predicate for paths that `paths` and `inside` of the filters let through."""
    place, below = filters.inside, f"{filters.inside}/"
    admits = _admits(filters.paths) if filters.paths else None
    return lambda path: (not place or path == place or path.startswith(below)) and (admits is None or admits(path))


def _touching(segment: Segment, lines: Mapping[str, Sequence[tuple[int, int]]]) -> NDArray[np.bool_]:
    """Return True for each chunk of a segment that has a line in one of its file's ranges, bool[rows]."""
    touching = np.zeros(segment.reference.rows, np.bool_)
    starts, ends = segment.chunk_column("start_line"), segment.chunk_column("end_line")
    files = segment.chunk_column("file")
    for ordinal, path in enumerate(segment.files.column("path").to_pylist()):
        ranges = lines.get(os.fsdecode(path))
        if ranges is None:
            continue
        rows = np.flatnonzero(files == ordinal)
        firsts, lasts = (np.array(values, np.int64) for values in zip(*ranges, strict=True))
        # Ranges ascend and do not overlap: the first that ends at or after a chunk's start is the only one to look at.
        places = np.searchsorted(lasts, starts[rows])
        inside = places < len(firsts)
        touching[rows[inside]] = firsts[places[inside]] <= ends[rows[inside]]
    return touching


def _among(column: pa.ChunkedArray, wanted: Sequence[str]) -> NDArray[np.bool_]:
    """Return True for each row of a dictionary column whose value is one of `wanted`, bool[rows]."""
    codes = column.chunk(0)
    known = np.array([value in wanted for value in codes.dictionary.to_pylist()], np.bool_)
    among: NDArray[np.bool_] = known[codes.indices.to_numpy(zero_copy_only=True)]
    return among


def _admits(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return a predicate for paths.

    A path must match a pattern without "!", if there are any, and none of the patterns with "!".
    """
    return path_filter(
        (pattern for pattern in patterns if not pattern.startswith("!")),
        (pattern[1:] for pattern in patterns if pattern.startswith("!")),
    )
