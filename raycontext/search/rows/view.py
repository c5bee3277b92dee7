"""View of one version of a shard: its open segments, and which of their rows and files are alive."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.path_kinds import KIND_BITS, PATH_KINDS
from raycontext.models import SearchFilters, SkipReason
from raycontext.search.query import Statistics
from raycontext.search.rows.filters import admitted
from raycontext.search.rows.matching_rows import rows_matching
from raycontext.search.signals.chunk_priors import rows_of_tests
from raycontext.search.signals.lexical import FIELD_COUNT, TermSlices, field_frequencies
from raycontext.store.manifest import Manifest
from raycontext.store.segments.segment import Segment

__all__ = ["Part", "View", "concatenate"]

KEPT_FILTERS = 16
"""Number of filters whose rows a view keeps: a byte a row each."""


@dataclass(frozen=True, slots=True)
class Part:
    """Segment within a view. Rows and files of a view are numbered through all its parts."""

    segment: Segment
    first_row: int
    """Number in the view of the segment's first row."""
    first_file: int
    """Number in the view of the segment's first file."""
    alive_rows: NDArray[np.bool_]
    """Whether each row is alive, [rows]."""
    alive_files: NDArray[np.bool_]
    """Whether each file is alive, [files]."""
    symbol_lengths: NDArray[np.int64]
    """Number of terms in all symbols of each file, [files]."""
    live_lengths: tuple[int, int, int]
    """Number of terms in the bodies, the symbols and the paths of the live rows."""
    dead_files: NDArray[np.int64]
    """Ordinals of the dead files, ascending."""
    live_rows: int
    """Number of live rows."""
    kind_counts: NDArray[np.int64]
    """Number of live files of each of `PATH_KINDS`, [len(PATH_KINDS)]."""

    @classmethod
    def open(cls, segment: Segment, first_row: int, first_file: int) -> Part:
        """Return the part for a segment whose rows and files begin at the given numbers of the view."""
        alive_files = segment.alive_files()
        row_files = segment.chunk_column("file")
        body, symbol = (
            np.bincount(row_files, segment.chunk_column(name), minlength=len(alive_files)).astype(np.int64)
            for name in ("body_length", "symbol_length")
        )
        path = segment.file_column("path_length").astype(np.int64) * segment.row_counts
        kinds = segment.file_column("kinds")[alive_files]
        return cls(
            segment=segment,
            first_row=first_row,
            first_file=first_file,
            alive_rows=alive_files[row_files],
            alive_files=alive_files,
            symbol_lengths=symbol,
            live_lengths=(int(body[alive_files].sum()), int(symbol[alive_files].sum()), int(path[alive_files].sum())),
            dead_files=np.flatnonzero(~alive_files),
            live_rows=segment.live_rows(),
            kind_counts=np.array([np.count_nonzero(kinds & bit) for bit in KIND_BITS], np.int64),
        )

    def ordinals(self, files: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ordinals in this segment of those files that lie in it.

        `files` are numbers of the view, ascending.
        """
        first, last = np.searchsorted(files, (self.first_file, self.first_file + len(self.alive_files)))
        return files[first:last] - self.first_file


class View:
    """Open version of a shard.

    A view without a manifest stands for an empty collection: version 0, no parts, and no fingerprint.
    """

    def __init__(
        self,
        manifest: Manifest | None,
        segments: Sequence[Segment],
        first_rows: Sequence[int] | None = None,
        missing_files: int = 0,
        skipped: Callable[[], dict[str, SkipReason]] = dict,
        history: Callable[[], list[Segment]] = list,
    ) -> None:
        """Take the whole segments of one shard of a version.

        `first_rows` are the numbers of their first rows, by default without gaps. `missing_files` counts the files of
        segments that are left out. `skipped` returns the files of the version's tree that are not in the index,
        `history` the opened segments with the commits of the source.
        """
        self.skipped = cache(skipped)
        """Function that returns the path and the reason of each file of the tree that is not in the index."""
        self.history = history
        """Function that opens the segments with the commits of the source."""
        self.missing_files = missing_files
        self.version = manifest.version if manifest else 0
        self.num_shards = manifest.options.num_shards if manifest else 1
        self.chunk_bytes = manifest.options.chunk_bytes if manifest else 0
        self.embedder = manifest.options.embedder if manifest else ""
        self.fingerprint = manifest.embedder if manifest else ""
        self.parts: list[Part] = []
        first_file = 0
        if first_rows is None:
            first_rows = list(accumulate((segment.reference.rows for segment in segments), initial=0))
        for first_row, segment in zip(first_rows, segments, strict=False):
            self.parts.append(Part.open(segment, first_row, first_file))
            first_file += segment.reference.files
        self._first_rows = np.array([part.first_row for part in self.parts], np.int64)
        self._first_files = np.array([part.first_file for part in self.parts], np.int64)
        self.order = concatenate([part.segment.path_hashes for part in self.parts], (0,), np.uint64)
        self._eligible: dict[SearchFilters, list[NDArray[np.bool_]]] = {}
        self._sampled: dict[int, list[NDArray[np.int64]]] = {}
        self._tests: list[NDArray[np.bool_]] = []
        self._by_hash: NDArray[np.int64] | None = None
        self.read_files: dict[tuple[int, int], object] = {}
        """What was read of files for questions about relations, by first file of the part and ordinal."""
        self.kept: dict[str, object] = {}
        """What questions have computed of this version and will need again, by a name of theirs."""

    def slices(self, terms: NDArray[np.uint64]) -> list[TermSlices]:
        """Return the postings of the terms, one entry for each part."""
        return [TermSlices.find(part.segment, terms) for part in self.parts]

    def statistics(self, slices: Sequence[TermSlices], terms: int) -> Statistics:
        """Return the statistics of the live rows for the terms of a query.

        `slices` holds the postings of the terms, one entry for each part; `terms` is the number of terms.
        """
        frequencies = np.zeros((FIELD_COUNT, terms), np.int64)
        for part, of_part in zip(self.parts, slices, strict=True):
            frequencies += field_frequencies(of_part, part.dead_files)
        return Statistics(
            version=self.version,
            num_shards=self.num_shards,
            files=sum(len(part.alive_files) - len(part.dead_files) for part in self.parts),
            rows=sum(part.live_rows for part in self.parts),
            body_length=sum(part.live_lengths[0] for part in self.parts),
            symbol_length=sum(part.live_lengths[1] for part in self.parts),
            path_length=sum(part.live_lengths[2] for part in self.parts),
            field_frequencies=frequencies,
            missing_files=self.missing_files,
        )

    def kind_counts(self) -> NDArray[np.int64]:
        """Return the number of live files, then the number of those of each of `PATH_KINDS`, [1 + len(PATH_KINDS)]."""
        files = sum(len(part.alive_files) - len(part.dead_files) for part in self.parts)
        of_parts = [part.kind_counts for part in self.parts]
        return np.concatenate([[files], np.sum(of_parts, axis=0) if of_parts else np.zeros(len(PATH_KINDS), np.int64)])

    def sampled_files(self, stride: int) -> list[NDArray[np.int64]]:
        """Return for each part the ordinals of the live files whose path hash is a multiple of `stride`.

        The sample depends on the paths of the files alone. It is kept for later calls.
        """
        if stride not in self._sampled:
            self._sampled[stride] = [
                np.flatnonzero(part.alive_files & (part.segment.path_hashes % np.uint64(stride) == 0))
                for part in self.parts
            ]
        return self._sampled[stride]

    def test_rows(self) -> list[NDArray[np.bool_]]:
        """Return for each part whether each row is test code by its names, bool[rows]. It is kept for later calls."""
        if not self._tests:
            self._tests = [rows_of_tests(part.segment) for part in self.parts]
        return self._tests

    def eligible(self, filters: SearchFilters, until: float = math.inf) -> list[NDArray[np.bool_]]:
        """Return for each part whether each row is alive and admitted by the filters, bool[rows].

        The results for the last filters are kept: globs over many files and patterns over their texts take time.
        until: time in seconds since the epoch at which the search for a pattern ends with `DeadlineExceeded`.
        """
        kept = self._eligible.pop(filters, None)
        if kept is None:
            kept = [part.alive_rows & admitted(part.segment, filters) for part in self.parts]
            if filters.grep:
                both = zip(self.parts, kept, strict=True)
                kept = [rows_matching(part.segment, filters.grep, rows, until) for part, rows in both]
            while len(self._eligible) >= KEPT_FILTERS:
                del self._eligible[next(iter(self._eligible))]
        self._eligible[filters] = kept
        return kept

    def files_at(self, path_hash: int) -> list[int]:
        """Return the numbers in the view of the files whose paths have a hash, dead ones too."""
        if self._by_hash is None:
            self._by_hash = np.argsort(self.order).astype(np.int64)
        key = np.uint64(path_hash)
        first, last = (int(np.searchsorted(self.order, key, side, sorter=self._by_hash)) for side in ("left", "right"))
        return sorted(self._by_hash[first:last].tolist())

    def locate_file(self, file: int) -> tuple[int, int]:
        """Return the index of the part that holds a file of the view, and the ordinal of the file there."""
        place = int(np.searchsorted(self._first_files, file, side="right")) - 1
        return place, file - self.parts[place].first_file

    def locate_row(self, row: int) -> tuple[Segment, int]:
        """Return the segment that holds a row of the view, and the number of the row there."""
        place = int(np.searchsorted(self._first_rows, row, side="right")) - 1
        return self.parts[place].segment, row - self.parts[place].first_row


def concatenate(arrays: Sequence[NDArray[Any]], shape: tuple[int, ...], dtype: type = np.float64) -> NDArray[Any]:
    """Return the arrays one after the other, or an empty array of `shape` and `dtype` where there are none."""
    return np.concatenate(arrays) if arrays else np.empty(shape, dtype)
