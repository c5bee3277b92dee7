"""BM25F over the postings of a shard's segments.

Field weights, per-field length normalisation and one saturation after the fields are summed: Robertson, Zaragoza,
Taylor, "Simple BM25 extension to multiple weighted fields" (CIKM 2004), with the idf of Lucene,
log(1 + (N - df + 0.5) / (df + 0.5)), which is never negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.kernel import kernel
from raycontext.analyse.postings import Postings
from raycontext.search.query import Statistics
from raycontext.store.segment import FIELDS, Segment

__all__ = ["Bm25f", "FieldSlices", "TermSlices", "document_frequencies", "score_rows"]


SHORTEST_MEAN = 1e-9
"""Stands for the mean length of a field that is empty everywhere, terms."""


@dataclass(frozen=True, slots=True)
class Bm25f:
    """Parameters of the score."""

    k1: float = 1.2
    body_weight: float = 1.0
    symbol_weight: float = 2.5
    path_weight: float = 1.5
    body_b: float = 0.75
    symbol_b: float = 0.4
    path_b: float = 0.3

    def inverse_document_frequencies(self, statistics: Statistics) -> NDArray[np.float64]:
        """[terms]"""
        frequencies = statistics.document_frequencies.astype(np.float64)
        return np.log1p((statistics.rows - frequencies + 0.5) / (frequencies + 0.5))


class FieldSlices(NamedTuple):
    """Where the postings of a query's terms lie in one field of one segment."""

    starts: NDArray[np.int64]  # [terms]
    ends: NDArray[np.int64]  # [terms]; equal to the start where the term does not occur
    rows: NDArray[np.uint32]
    frequencies: NDArray[np.uint8]
    lengths: NDArray[np.uint32]

    @classmethod
    def find(cls, postings: Postings, terms: NDArray[np.uint64]) -> FieldSlices:
        """Look all terms up in the sorted dictionary at once."""
        places = np.searchsorted(postings.terms, terms)
        found = np.zeros(len(terms), np.bool_)
        inside = places < len(postings.terms)
        found[inside] = postings.terms[places[inside]] == terms[inside]
        places = np.where(found, places, 0)
        starts = postings.offsets[places].astype(np.int64)
        ends = np.where(found, postings.offsets[np.minimum(places + 1, len(postings.offsets) - 1)], starts)
        return cls(starts, ends.astype(np.int64), postings.rows, postings.frequencies, postings.lengths)


class TermSlices(NamedTuple):
    """The postings of a query's terms in one segment: rows of body and symbol are chunks, rows of path are files."""

    body: FieldSlices
    symbol: FieldSlices
    path: FieldSlices
    first_rows: NDArray[np.uint32]  # [files]
    row_counts: NDArray[np.uint32]  # [files]

    @classmethod
    def find(cls, segment: Segment, terms: NDArray[np.uint64]) -> TermSlices:
        """Look the terms up in all fields."""
        body, symbol, path = (FieldSlices.find(segment.postings(field), terms) for field in FIELDS)
        return cls(body, symbol, path, segment.first_rows, segment.row_counts)


class _Weights(NamedTuple):
    """Weight, length normalisation and mean length of each field."""

    body: tuple[float, float, float]
    symbol: tuple[float, float, float]
    path: tuple[float, float, float]


def document_frequencies(slices: TermSlices, alive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Live rows of one segment that have each term in any field, [terms]."""
    counts = np.zeros(len(slices.body.starts), np.int64)
    _count_rows(slices, alive, np.zeros(len(alive), np.int32), counts)
    return counts


def score_rows(
    parameters: Bm25f,
    statistics: Statistics,
    weights: NDArray[np.float64],
    slices: TermSlices,
    scores: NDArray[np.float64],
) -> None:
    """Add the BM25F score of every row of one segment to `scores` [rows], which is zero where no term occurs.

    `weights` [terms]: idf times the weight of the term in the query. A row's score depends on the row and on the
    statistics alone, and is summed in the order of the query's terms, so it is the same bit for bit in any segment.
    """
    rows = max(statistics.rows, 1)
    fields = _Weights(
        (parameters.body_weight, parameters.body_b, max(statistics.body_length / rows, SHORTEST_MEAN)),
        (parameters.symbol_weight, parameters.symbol_b, max(statistics.symbol_length / rows, SHORTEST_MEAN)),
        (parameters.path_weight, parameters.path_b, max(statistics.path_length / rows, SHORTEST_MEAN)),
    )
    accumulated = np.zeros(len(scores), np.float64)
    touched = np.empty(len(scores), np.int64)
    _score_terms(parameters.k1, fields, weights, slices, accumulated, touched, scores)


@kernel
def _count_rows(
    slices: TermSlices, alive: NDArray[np.bool_], marks: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    body, symbol, path = slices.body, slices.symbol, slices.path
    for term in range(counts.size):
        mark = term + 1
        count = 0
        for place in range(body.starts[term], body.ends[term]):
            row = body.rows[place]
            if alive[row]:
                marks[row] = mark
                count += 1
        for place in range(symbol.starts[term], symbol.ends[term]):
            row = symbol.rows[place]
            if alive[row] and marks[row] != mark:
                marks[row] = mark
                count += 1
        for place in range(path.starts[term], path.ends[term]):
            file = path.rows[place]
            first = slices.first_rows[file]
            for row in range(first, first + slices.row_counts[file]):
                if alive[row] and marks[row] != mark:
                    marks[row] = mark
                    count += 1
        counts[term] = count


@kernel
def _score_terms(
    k1: float,
    fields: _Weights,
    weights: NDArray[np.float64],
    slices: TermSlices,
    accumulated: NDArray[np.float64],
    touched: NDArray[np.int64],
    scores: NDArray[np.float64],
) -> None:
    body, symbol, path = slices.body, slices.symbol, slices.path
    body_weight, body_b, body_mean = fields.body
    symbol_weight, symbol_b, symbol_mean = fields.symbol
    path_weight, path_b, path_mean = fields.path
    for term in range(weights.size):
        count = 0
        for place in range(body.starts[term], body.ends[term]):
            row = body.rows[place]
            touched[count] = row
            count += 1
            norm = 1.0 - body_b + body_b * body.lengths[row] / body_mean
            accumulated[row] = body_weight * body.frequencies[place] / norm
        for place in range(symbol.starts[term], symbol.ends[term]):
            row = symbol.rows[place]
            if accumulated[row] == 0.0:
                touched[count] = row
                count += 1
            norm = 1.0 - symbol_b + symbol_b * symbol.lengths[row] / symbol_mean
            accumulated[row] += symbol_weight * symbol.frequencies[place] / norm
        for place in range(path.starts[term], path.ends[term]):
            file = path.rows[place]
            norm = 1.0 - path_b + path_b * path.lengths[file] / path_mean
            gain = path_weight * path.frequencies[place] / norm
            first = slices.first_rows[file]
            for row in range(first, first + slices.row_counts[file]):
                if accumulated[row] == 0.0:
                    touched[count] = row
                    count += 1
                accumulated[row] += gain
        for position in range(count):
            row = touched[position]
            frequency = accumulated[row]
            accumulated[row] = 0.0
            scores[row] += weights[term] * frequency * (k1 + 1.0) / (frequency + k1)
