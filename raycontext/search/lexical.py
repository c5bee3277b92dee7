"""BM25F over the postings of a shard's segments: what the terms of a query are worth, and which files they propose.

Field weights, per-field length normalisation and one saturation after the fields are summed: Robertson, Zaragoza,
Taylor, "Simple BM25 extension to multiple weighted fields" (CIKM 2004), with the idf of Lucene,
log(1 + (N - df + 0.5) / (df + 0.5)), which is never negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.posting_lists import lookup
from raycontext.analyse.postings import PostingLists
from raycontext.kernel import as_int, kernel
from raycontext.search.query import Statistics
from raycontext.search.scoring import insert, normalised, weighted
from raycontext.store.segments.segment import FIELDS, Segment

__all__ = [
    "FIELD_COUNT",
    "Bm25f",
    "FieldSlices",
    "Normalisation",
    "TermSlices",
    "field_frequencies",
    "lexical_proposals",
    "proposing",
    "score_rows",
]

FIELD_COUNT = len(FIELDS)

SHORTEST_MEAN = 1e-9
"""Stands for the mean length of a field that is empty everywhere, terms."""

PROPOSING_POSTINGS = 250_000
"""Chunks are proposed by the rarest terms of a query that have together at most so many postings in the collection,
and by one at least; what is proposed is scored by all terms. So common words cost no scan of a large collection."""


@dataclass(frozen=True, slots=True)
class Bm25f:
    """Parameters of the scores."""

    k1: float = 1.2
    body_weight: float = 1.0
    symbol_weight: float = 2.0
    path_weight: float = 1.0
    body_b: float = 0.75
    symbol_b: float = 0.5
    path_b: float = 0.5

    def inverse_document_frequencies(self, statistics: Statistics) -> NDArray[np.float64]:
        """[terms]"""
        frequencies = statistics.document_frequencies.astype(np.float64)
        return np.log1p((statistics.rows - frequencies + 0.5) / (frequencies + 0.5))

    def normalisation(self, statistics: Statistics) -> Normalisation:
        """The parameters with the mean lengths of the collection."""
        rows, files = max(statistics.rows, 1), max(statistics.files, 1)
        return Normalisation(
            self.k1,
            (self.body_weight, self.body_b, max(statistics.body_length / rows, SHORTEST_MEAN)),
            (self.symbol_weight, self.symbol_b, max(statistics.symbol_length / rows, SHORTEST_MEAN)),
            (self.path_weight, self.path_b, max(statistics.path_length / rows, SHORTEST_MEAN)),
            (self.symbol_b, max(statistics.symbol_length / files, SHORTEST_MEAN)),
        )


class Normalisation(NamedTuple):
    """k1, and weight, length normalisation and mean length of each field; of all symbols of a file without weight."""

    k1: float
    body: tuple[float, float, float]
    symbol: tuple[float, float, float]
    path: tuple[float, float, float]
    definitions: tuple[float, float]  # normalisation and mean length of all symbols of a file


class FieldSlices(NamedTuple):
    """Where the postings of a query's terms lie in one field of one segment."""

    starts: NDArray[np.int64]  # [terms]
    ends: NDArray[np.int64]  # [terms]; equal to the start where the term does not occur
    rows: NDArray[np.uint32]
    frequencies: NDArray[np.uint8]
    lengths: NDArray[np.uint32]

    @classmethod
    def find(cls, lists: PostingLists, terms: NDArray[np.uint64]) -> FieldSlices:
        """Look all terms up in the sorted dictionary at once, and decode their lists."""
        return cls(*lookup(lists, terms), lists.lengths)


class TermSlices(NamedTuple):
    """The slices of all fields of one segment. Rows of the path's postings are files."""

    body: FieldSlices
    symbol: FieldSlices
    path: FieldSlices
    row_files: NDArray[np.uint32]  # [rows]
    first_rows: NDArray[np.uint32]  # [files]
    row_counts: NDArray[np.uint32]  # [files]

    @classmethod
    def find(cls, segment: Segment, terms: NDArray[np.uint64]) -> TermSlices:
        """Look the terms up in all fields."""
        body, symbol, path = (FieldSlices.find(segment.posting_lists(field), terms) for field in FIELDS)
        return cls(body, symbol, path, segment.chunk_column("file"), segment.first_rows, segment.row_counts)


def field_frequencies(slices: TermSlices, dead_files: NDArray[np.int64]) -> NDArray[np.int64]:
    """Live rows of one segment that have each term in the body, the symbol, the path: [3, terms].

    `dead_files`: the tombstones, ascending.
    """
    counts = np.zeros((FIELD_COUNT, len(slices.body.starts)), np.int64)
    _count_rows(slices, dead_files, counts)
    return counts


def proposing(statistics: Statistics, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights [terms] with those of terms at zero that do not propose (see `PROPOSING_POSTINGS`)."""
    sizes = np.where(weights > 0.0, statistics.field_frequencies.sum(axis=0), 0)
    if int(sizes.sum()) <= PROPOSING_POSTINGS:
        return weights
    by_size = np.argsort(sizes, kind="stable")
    allowed = np.cumsum(sizes[by_size]) <= PROPOSING_POSTINGS
    allowed[: int(np.searchsorted(sizes[by_size], 1)) + 1] = True
    kept = np.zeros(len(weights), np.bool_)
    kept[by_size[allowed]] = True
    return np.where(kept, weights, 0.0)


def lexical_proposals(
    normalisation: Normalisation,
    weights: NDArray[np.float64],
    chunk_weights: NDArray[np.float64],
    slices: TermSlices,
    eligible: NDArray[np.bool_],
    symbol_lengths: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For each file of one segment, [files] each: BM25F of its best three eligible chunks (1, 1/2, 1/4) by
    `chunk_weights`, BM25 of all its symbols and BM25 of its path by `weights`; zero where no chunk is eligible.

    weights, chunk_weights [terms]: idf times the weight of the term in the query. symbol_lengths [files]: terms in all
    symbols of a file. A score depends on the file and on the statistics alone and is summed in the order of the
    query's terms, so it is the same bit for bit in any segment.
    """
    files = len(slices.first_rows)
    chunks, definitions, path = np.zeros(files), np.zeros(files), np.zeros(files)
    rows, touched = np.zeros(len(slices.row_files), np.float64), np.zeros(files, np.bool_)
    _score_rows(normalisation, chunk_weights, slices, rows, touched)
    _score_files(normalisation, weights, slices, symbol_lengths, definitions, path)
    _best_three_eligible(rows, touched, eligible, slices.first_rows, slices.row_counts, chunks, definitions, path)
    return chunks, definitions, path


def score_rows(normalisation: Normalisation, weights: NDArray[np.float64], slices: TermSlices) -> NDArray[np.float64]:
    """BM25F of all rows of one segment, [rows]."""
    scores = np.zeros(len(slices.row_files), np.float64)
    _score_rows(normalisation, weights, slices, scores, np.zeros(len(slices.first_rows), np.bool_))
    return scores


@kernel
def _count_rows(slices: TermSlices, dead_files: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    body, symbol, path = slices.body, slices.symbol, slices.path
    for term in range(counts.shape[1]):
        counts[0, term] = body.ends[term] - body.starts[term]
        counts[1, term] = symbol.ends[term] - symbol.starts[term]
        for place in range(path.starts[term], path.ends[term]):
            counts[2, term] += as_int(slices.row_counts[path.rows[place]])
        for file in dead_files:
            first = as_int(slices.first_rows[file])
            last = first + as_int(slices.row_counts[file])
            own = body.rows[body.starts[term] : body.ends[term]]
            counts[0, term] -= np.searchsorted(own, last) - np.searchsorted(own, first)
            own = symbol.rows[symbol.starts[term] : symbol.ends[term]]
            counts[1, term] -= np.searchsorted(own, last) - np.searchsorted(own, first)
            own = path.rows[path.starts[term] : path.ends[term]]
            place = np.searchsorted(own, file)
            if place < own.size and own[place] == file:
                counts[2, term] -= last - first


@kernel
def _score_rows(
    normalisation: Normalisation,
    weights: NDArray[np.float64],
    slices: TermSlices,
    scores: NDArray[np.float64],
    touched: NDArray[np.bool_],
) -> None:
    """Add the BM25F of all rows, term by term: a merge of the three fields' postings in the order of rows. `touched`
    becomes true for the files of rows that have a term."""
    body, symbol, path = slices.body, slices.symbol, slices.path
    k1 = normalisation.k1
    body_weight, body_b, body_mean = normalisation.body
    symbol_weight, symbol_b, symbol_mean = normalisation.symbol
    path_weight, path_b, path_mean = normalisation.path
    end = scores.size
    for term in range(weights.size):
        if weights[term] <= 0.0:
            continue
        gain = weights[term] * (k1 + 1.0)
        body_place, body_end = body.starts[term], body.ends[term]
        symbol_place, symbol_end = symbol.starts[term], symbol.ends[term]
        path_place, path_end = path.starts[term], path.ends[term]
        path_row = path_last = end
        path_frequency = 0.0
        body_row = as_int(body.rows[body_place]) if body_place < body_end else end
        symbol_row = as_int(symbol.rows[symbol_place]) if symbol_place < symbol_end else end
        while True:
            while path_row >= path_last and path_place < path_end:
                file = path.rows[path_place]
                path_row = as_int(slices.first_rows[file])
                path_last = path_row + as_int(slices.row_counts[file])
                path_frequency = normalised(path.frequencies[path_place], path.lengths[file], path_b, path_mean)
                path_place += 1
            from_path = path_row if path_row < path_last else end
            row = min(body_row, symbol_row, from_path)
            if row >= end:
                break
            frequency = 0.0
            if body_row == row:
                frequency += body_weight * normalised(
                    body.frequencies[body_place], body.lengths[row], body_b, body_mean
                )
                body_place += 1
                body_row = as_int(body.rows[body_place]) if body_place < body_end else end
            if symbol_row == row:
                frequency += symbol_weight * normalised(
                    symbol.frequencies[symbol_place], symbol.lengths[row], symbol_b, symbol_mean
                )
                symbol_place += 1
                symbol_row = as_int(symbol.rows[symbol_place]) if symbol_place < symbol_end else end
            if from_path == row:
                frequency += path_weight * path_frequency
                path_row += 1
            scores[row] += gain * frequency / (frequency + k1)
            touched[slices.row_files[row]] = True


@kernel
def _score_files(
    normalisation: Normalisation,
    weights: NDArray[np.float64],
    slices: TermSlices,
    symbol_lengths: NDArray[np.int64],
    definitions: NDArray[np.float64],
    paths: NDArray[np.float64],
) -> None:
    symbol, path = slices.symbol, slices.path
    k1 = normalisation.k1
    _, path_b, path_mean = normalisation.path
    definitions_b, definitions_mean = normalisation.definitions
    for term in range(weights.size):
        if weights[term] <= 0.0:
            continue
        gain = weights[term] * (k1 + 1.0)
        place, last = symbol.starts[term], symbol.ends[term]
        while place < last:
            file = slices.row_files[symbol.rows[place]]
            count = 0
            while place < last and slices.row_files[symbol.rows[place]] == file:
                count += as_int(symbol.frequencies[place])
                place += 1
            frequency = normalised(count, symbol_lengths[file], definitions_b, definitions_mean)
            definitions[file] += gain * frequency / (frequency + k1)
        for place in range(path.starts[term], path.ends[term]):
            file = path.rows[place]
            frequency = normalised(path.frequencies[place], path.lengths[file], path_b, path_mean)
            paths[file] += gain * frequency / (frequency + k1)


@kernel
def _best_three_eligible(
    scores: NDArray[np.float64],
    touched: NDArray[np.bool_],
    eligible: NDArray[np.bool_],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    chunks: NDArray[np.float64],
    definitions: NDArray[np.float64],
    paths: NDArray[np.float64],
) -> None:
    for file in range(first_rows.size):
        if not touched[file] and definitions[file] == 0.0 and paths[file] == 0.0:
            continue
        first = second = third = 0.0
        start = as_int(first_rows[file])
        end = start + as_int(row_counts[file])
        for row in range(start, end):
            if scores[row] > third and eligible[row]:  # most rows have no term
                first, second, third = insert(scores[row], first, second, third)
        chunks[file] = weighted(first, second, third)
        if first == 0.0 and not np.any(eligible[start:end]):
            definitions[file] = paths[file] = 0.0
