"""Lexical evidence of a query for some files of one segment and for each of their chunks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel.features import best_three
from raycontext.kernel.lexical import score_chosen
from raycontext.search.signals.lexical import Normalisation, TermSlices

__all__ = ["RowsOfFiles", "best_three", "lexical_evidence"]


class RowsOfFiles(NamedTuple):
    """Rows of m files of a segment, n rows in the order of the files."""

    files: NDArray[np.int64]
    """Ordinals of the files, ascending, [m]."""
    offsets: NDArray[np.int64]
    """Offsets of the rows, [m + 1]. Rows of file i stand from offset i to offset i + 1 in `rows`."""
    rows: NDArray[np.int64]
    """Row numbers in the segment, ascending, [n]."""

    @classmethod
    def of(
        cls, files: NDArray[np.int64], first_rows: NDArray[np.uint32], row_counts: NDArray[np.uint32]
    ) -> RowsOfFiles:
        """Return the rows of `files`. `first_rows` and `row_counts` are those of all files of the segment."""
        counts = row_counts[files].astype(np.int64)
        offsets = np.zeros(len(files) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        rows = np.arange(offsets[-1]) + np.repeat(first_rows[files].astype(np.int64) - offsets[:-1], counts)
        return cls(files, offsets, rows)


def lexical_evidence(
    normalisation: Normalisation, weights: NDArray[np.float64], slices: TermSlices, chosen: RowsOfFiles
) -> NDArray[np.float64]:
    """Return the BM25F of each chosen row, [n].

    `weights` holds for each term its idf times its weight in the query, [terms].
    """
    return score_chosen(normalisation, weights, slices.pointed, chosen.files, chosen.offsets, len(chosen.rows))
