"""All that the terms of a query say about some files of one segment and about each of their chunks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel import as_int, kernel
from raycontext.search.lexical import Normalisation, TermSlices
from raycontext.search.scoring import insert, normalised, weighted

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
    """BM25F of each chosen row, [n]; weights [terms]: idf times the weight of the term in the query."""
    scores = np.zeros(len(chosen.rows), np.float64)
    _evidence(normalisation, weights, slices, chosen, scores)
    return scores


def best_three(
    scores: NDArray[np.float64], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each file its best row's score, and the best three summed with weights 1, 1/2, 1/4, [m] each; what is below
    zero counts as zero. scores [n], offsets [m + 1] as in `RowsOfFiles`."""
    best = np.zeros(len(offsets) - 1, np.float64)
    three = np.zeros(len(offsets) - 1, np.float64)
    _best_three(scores, offsets, best, three)
    return best, three


@kernel
def _evidence(
    normalisation: Normalisation,
    weights: NDArray[np.float64],
    slices: TermSlices,
    chosen: RowsOfFiles,
    scores: NDArray[np.float64],
) -> None:
    body, symbol, path = slices.body, slices.symbol, slices.path
    k1 = normalisation.k1
    body_weight, body_b, body_mean = normalisation.body
    symbol_weight, symbol_b, symbol_mean = normalisation.symbol
    path_weight, path_b, path_mean = normalisation.path
    frequencies = np.zeros(scores.size, np.float64)
    for term in range(weights.size):
        if weights[term] <= 0.0:
            continue
        gain = weights[term] * (k1 + 1.0)
        body_place, body_end = body.starts[term], body.ends[term]
        symbol_place, symbol_end = symbol.starts[term], symbol.ends[term]
        path_place, path_end = path.starts[term], path.ends[term]
        for number in range(chosen.files.size):
            file = chosen.files[number]
            offset, end = chosen.offsets[number], chosen.offsets[number + 1]
            first = as_int(slices.first_rows[file])
            last = first + end - offset
            touched = False
            body_place += np.searchsorted(body.rows[body_place:body_end], first)
            while body_place < body_end and as_int(body.rows[body_place]) < last:
                row = as_int(body.rows[body_place])
                frequencies[offset + row - first] = body_weight * normalised(
                    body.frequencies[body_place], body.lengths[row], body_b, body_mean
                )
                body_place += 1
                touched = True
            symbol_place += np.searchsorted(symbol.rows[symbol_place:symbol_end], first)
            while symbol_place < symbol_end and as_int(symbol.rows[symbol_place]) < last:
                row = as_int(symbol.rows[symbol_place])
                frequencies[offset + row - first] += symbol_weight * normalised(
                    symbol.frequencies[symbol_place], symbol.lengths[row], symbol_b, symbol_mean
                )
                symbol_place += 1
                touched = True
            path_place += np.searchsorted(path.rows[path_place:path_end], file)
            if path_place < path_end and as_int(path.rows[path_place]) == file:
                frequency = normalised(path.frequencies[path_place], path.lengths[file], path_b, path_mean)
                for place in range(offset, end):
                    frequencies[place] += path_weight * frequency
                touched = True
            if touched:
                for place in range(offset, end):
                    frequency = frequencies[place]
                    scores[place] += gain * frequency / (frequency + k1)
                    frequencies[place] = 0.0


@kernel
def _best_three(
    scores: NDArray[np.float64], offsets: NDArray[np.int64], best: NDArray[np.float64], three: NDArray[np.float64]
) -> None:
    for file in range(best.size):
        first = second = third = 0.0
        for row in range(offsets[file], offsets[file + 1]):
            first, second, third = insert(scores[row], first, second, third)
        best[file] = first
        three[file] = weighted(first, second, third)
