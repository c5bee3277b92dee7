"""What the terms of a query say about some files of one segment and about each of their chunks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel.features import best_three
from raycontext.kernel.lexical import score_chosen
from raycontext.search.lexical import Normalisation, TermSlices

__all__ = ["RowsOfFiles", "best_three", "lexical_evidence"]


class RowsOfFiles(NamedTuple):
    """The rows of some files of a segment, file by file."""

    files: NDArray[np.int64]
    """[m] ordinals, ascending"""
    offsets: NDArray[np.int64]
    """[m + 1] file i has the rows from offset i to i + 1"""
    rows: NDArray[np.int64]
    """[n] rows of the segment, ascending"""

    @classmethod
    def of(
        cls, files: NDArray[np.int64], first_rows: NDArray[np.uint32], row_counts: NDArray[np.uint32]
    ) -> RowsOfFiles:
        counts = row_counts[files].astype(np.int64)
        offsets = np.zeros(len(files) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        rows = np.arange(offsets[-1]) + np.repeat(first_rows[files].astype(np.int64) - offsets[:-1], counts)
        return cls(files, offsets, rows)


def lexical_evidence(
    normalisation: Normalisation, weights: NDArray[np.float64], slices: TermSlices, chosen: RowsOfFiles
) -> NDArray[np.float64]:
    """Return the BM25F of each chosen row, [n]; weights [terms]: idf times the weight of the term in the query."""
    return score_chosen(normalisation, weights, slices.pointed, chosen.files, chosen.offsets, len(chosen.rows))
