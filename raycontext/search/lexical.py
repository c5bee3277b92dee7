"""BM25F over the postings of a shard's segments, of chunks and of whole files.

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

__all__ = ["Bm25f", "FieldSlices", "LexicalScores", "TermSlices", "document_frequencies", "score_segment"]

SHORTEST_MEAN = 1e-9
"""Stands for the mean length of a field that is empty everywhere, terms."""


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
    file_b: float = 0.6

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
    row_files: NDArray[np.uint32]  # [rows]
    first_rows: NDArray[np.uint32]  # [files]
    row_counts: NDArray[np.uint32]  # [files]

    @classmethod
    def find(cls, segment: Segment, terms: NDArray[np.uint64]) -> TermSlices:
        """Look the terms up in all fields."""
        body, symbol, path = (FieldSlices.find(segment.postings(field), terms) for field in FIELDS)
        return cls(body, symbol, path, segment.chunk_column("file"), segment.first_rows, segment.row_counts)


class LexicalScores(NamedTuple):
    """Scores of one segment: [rows] and [files], zero where no term of the query occurs."""

    chunk: NDArray[np.float64]  # BM25F over the three fields
    body: NDArray[np.float64]  # BM25 of the body alone
    cover: NDArray[np.float64]  # sum of the weights of the terms that the chunk has in any field
    file_cover: NDArray[np.float64]  # the same for the file
    file: NDArray[np.float64]  # BM25 of the file's bodies together
    definitions: NDArray[np.float64]  # BM25 of the file's symbols together
    path: NDArray[np.float64]  # BM25 of the path

    @classmethod
    def zeros(cls, rows: int, files: int) -> LexicalScores:
        return cls(*(np.zeros(size, np.float64) for size in (rows, rows, rows, files, files, files, files)))


class _Normalisation(NamedTuple):
    """k1, and weight, length normalisation and mean length of each field; of whole files the means alone."""

    k1: float
    body: tuple[float, float, float]
    symbol: tuple[float, float, float]
    path: tuple[float, float, float]
    file: tuple[float, float]  # normalisation and mean length of all bodies of a file
    definitions: tuple[float, float]  # normalisation and mean length of all symbols of a file


class _Scratch(NamedTuple):
    """Accumulators that are all zero between two terms, and lists of what was touched."""

    row: NDArray[np.float64]
    row_body: NDArray[np.float64]
    file_body: NDArray[np.float64]
    file_symbol: NDArray[np.float64]
    file_seen: NDArray[np.int32]
    rows: NDArray[np.int64]
    files: NDArray[np.int64]


def document_frequencies(slices: TermSlices, alive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Live rows of one segment that have each term in any field, [terms]."""
    counts = np.zeros(len(slices.body.starts), np.int64)
    _count_rows(slices, alive, np.zeros(len(alive), np.int32), counts)
    return counts


def score_segment(
    parameters: Bm25f,
    statistics: Statistics,
    weights: NDArray[np.float64],
    slices: TermSlices,
    file_lengths: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> LexicalScores:
    """All lexical scores of one segment.

    `weights` [terms]: idf times the weight of the term in the query. `file_lengths`: terms in all bodies and in all
    symbols of each file, [files] each. A score depends on the row or file and on the statistics alone, and is summed
    in the order of the query's terms, so it is the same bit for bit in any segment.
    """
    row_count, file_count = len(slices.row_files), len(slices.first_rows)
    rows, files = max(statistics.rows, 1), max(statistics.files, 1)
    normalisation = _Normalisation(
        parameters.k1,
        (parameters.body_weight, parameters.body_b, max(statistics.body_length / rows, SHORTEST_MEAN)),
        (parameters.symbol_weight, parameters.symbol_b, max(statistics.symbol_length / rows, SHORTEST_MEAN)),
        (parameters.path_weight, parameters.path_b, max(statistics.path_length / rows, SHORTEST_MEAN)),
        (parameters.file_b, max(statistics.body_length / files, SHORTEST_MEAN)),
        (parameters.symbol_b, max(statistics.symbol_length / files, SHORTEST_MEAN)),
    )
    scores = LexicalScores.zeros(row_count, file_count)
    scratch = _Scratch(
        np.zeros(row_count, np.float64),
        np.zeros(row_count, np.float64),
        np.zeros(file_count, np.float64),
        np.zeros(file_count, np.float64),
        np.zeros(file_count, np.int32),
        np.empty(row_count, np.int64),
        np.empty(file_count, np.int64),
    )
    _score_terms(normalisation, weights, slices, file_lengths[0], file_lengths[1], scratch, scores)
    return scores


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
    normalisation: _Normalisation,
    weights: NDArray[np.float64],
    slices: TermSlices,
    body_lengths: NDArray[np.int64],
    symbol_lengths: NDArray[np.int64],
    scratch: _Scratch,
    scores: LexicalScores,
) -> None:
    body, symbol, path = slices.body, slices.symbol, slices.path
    k1 = normalisation.k1
    body_weight, body_b, body_mean = normalisation.body
    symbol_weight, symbol_b, symbol_mean = normalisation.symbol
    path_weight, path_b, path_mean = normalisation.path
    file_b, file_mean = normalisation.file
    definitions_b, definitions_mean = normalisation.definitions
    for term in range(weights.size):
        weight = weights[term]
        gain = weight * (k1 + 1.0)
        count = 0
        file_count = 0
        mark = term + 1
        for place in range(body.starts[term], body.ends[term]):
            row = body.rows[place]
            scratch.rows[count] = row
            count += 1
            frequency = body.frequencies[place] / (1.0 - body_b + body_b * body.lengths[row] / body_mean)
            scratch.row_body[row] = frequency
            scratch.row[row] = body_weight * frequency
            file = slices.row_files[row]
            scratch.file_body[file] += body.frequencies[place]
            if scratch.file_seen[file] != mark:
                scratch.file_seen[file] = mark
                scratch.files[file_count] = file
                file_count += 1
        for place in range(symbol.starts[term], symbol.ends[term]):
            row = symbol.rows[place]
            if scratch.row[row] == 0.0:
                scratch.rows[count] = row
                count += 1
            norm = 1.0 - symbol_b + symbol_b * symbol.lengths[row] / symbol_mean
            scratch.row[row] += symbol_weight * symbol.frequencies[place] / norm
            file = slices.row_files[row]
            scratch.file_symbol[file] += symbol.frequencies[place]
            if scratch.file_seen[file] != mark:
                scratch.file_seen[file] = mark
                scratch.files[file_count] = file
                file_count += 1
        for place in range(path.starts[term], path.ends[term]):
            file = path.rows[place]
            frequency = path.frequencies[place] / (1.0 - path_b + path_b * path.lengths[file] / path_mean)
            scores.path[file] += gain * frequency / (frequency + k1)
            if scratch.file_seen[file] != mark:
                scratch.file_seen[file] = mark
                scratch.files[file_count] = file
                file_count += 1
            first = slices.first_rows[file]
            for row in range(first, first + slices.row_counts[file]):
                if scratch.row[row] == 0.0:
                    scratch.rows[count] = row
                    count += 1
                scratch.row[row] += path_weight * frequency
        for position in range(count):
            row = scratch.rows[position]
            frequency = scratch.row[row]
            scores.chunk[row] += gain * frequency / (frequency + k1)
            frequency = scratch.row_body[row]
            scores.body[row] += gain * frequency / (frequency + k1)
            scores.cover[row] += weight
            scratch.row[row] = 0.0
            scratch.row_body[row] = 0.0
        for position in range(file_count):
            file = scratch.files[position]
            frequency = scratch.file_body[file] / (1.0 - file_b + file_b * body_lengths[file] / file_mean)
            scores.file[file] += gain * frequency / (frequency + k1)
            frequency = scratch.file_symbol[file] / (
                1.0 - definitions_b + definitions_b * symbol_lengths[file] / definitions_mean
            )
            scores.definitions[file] += gain * frequency / (frequency + k1)
            scores.file_cover[file] += weight
            scratch.file_body[file] = 0.0
            scratch.file_symbol[file] = 0.0
