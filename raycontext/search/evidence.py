"""All that the terms of a query say about some files of one segment and about each of their chunks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.kernel import as_int, kernel
from raycontext.search.lexical import Normalisation, TermSlices

__all__ = ["LexicalEvidence", "RowsOfFiles", "best_three", "lexical_evidence"]


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


class LexicalEvidence(NamedTuple):
    """Scores of n rows and of m files (see `RowsOfFiles`), zero where no term of the query occurs."""

    chunk: NDArray[np.float64]  # [n] BM25F over the three fields
    body: NDArray[np.float64]  # [n] BM25 of the body alone
    cover: NDArray[np.float64]  # [n] sum of the weights of the terms that the chunk has in any field
    file_cover: NDArray[np.float64]  # [m] the same for the file
    file: NDArray[np.float64]  # [m] BM25 of the file's bodies together
    definitions: NDArray[np.float64]  # [m] BM25 of the file's symbols together
    path: NDArray[np.float64]  # [m] BM25 of the path


def lexical_evidence(
    normalisation: Normalisation,
    weights: NDArray[np.float64],
    slices: TermSlices,
    chosen: RowsOfFiles,
    file_lengths: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> LexicalEvidence:
    """`weights` [terms]: idf times the weight of the term in the query. `file_lengths`: terms in all bodies and in all
    symbols of each file of the segment."""
    rows, files = len(chosen.rows), len(chosen.files)
    found = LexicalEvidence(*(np.zeros(size, np.float64) for size in (rows, rows, rows, files, files, files, files)))
    _evidence(normalisation, weights, slices, chosen, file_lengths[0], file_lengths[1], found)
    return found


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
    body_lengths: NDArray[np.int64],
    symbol_lengths: NDArray[np.int64],
    found: LexicalEvidence,
) -> None:
    body, symbol, path = slices.body, slices.symbol, slices.path
    k1 = normalisation.k1
    body_weight, body_b, body_mean = normalisation.body
    symbol_weight, symbol_b, symbol_mean = normalisation.symbol
    path_weight, path_b, path_mean = normalisation.path
    file_b, file_mean = normalisation.file
    definitions_b, definitions_mean = normalisation.definitions
    in_body = np.zeros(found.chunk.size, np.float64)
    in_any = np.zeros(found.chunk.size, np.float64)
    for term in range(weights.size):
        weight = weights[term]
        if weight <= 0.0:
            continue
        gain = weight * (k1 + 1.0)
        body_place, body_end = body.starts[term], body.ends[term]
        symbol_place, symbol_end = symbol.starts[term], symbol.ends[term]
        path_place, path_end = path.starts[term], path.ends[term]
        for number in range(chosen.files.size):
            file = chosen.files[number]
            offset, end = chosen.offsets[number], chosen.offsets[number + 1]
            first = as_int(slices.first_rows[file])
            last = first + end - offset
            body_count = symbol_count = 0
            touched = False
            body_place += np.searchsorted(body.rows[body_place:body_end], first)
            while body_place < body_end and as_int(body.rows[body_place]) < last:
                row = as_int(body.rows[body_place])
                frequency = body.frequencies[body_place] / (1.0 - body_b + body_b * body.lengths[row] / body_mean)
                in_body[offset + row - first] = frequency
                in_any[offset + row - first] = body_weight * frequency
                body_count += as_int(body.frequencies[body_place])
                body_place += 1
                touched = True
            symbol_place += np.searchsorted(symbol.rows[symbol_place:symbol_end], first)
            while symbol_place < symbol_end and as_int(symbol.rows[symbol_place]) < last:
                row = as_int(symbol.rows[symbol_place])
                norm = 1.0 - symbol_b + symbol_b * symbol.lengths[row] / symbol_mean
                in_any[offset + row - first] += symbol_weight * symbol.frequencies[symbol_place] / norm
                symbol_count += as_int(symbol.frequencies[symbol_place])
                symbol_place += 1
                touched = True
            path_place += np.searchsorted(path.rows[path_place:path_end], file)
            if path_place < path_end and as_int(path.rows[path_place]) == file:
                frequency = path.frequencies[path_place] / (1.0 - path_b + path_b * path.lengths[file] / path_mean)
                found.path[number] += gain * frequency / (frequency + k1)
                for place in range(offset, end):
                    in_any[place] += path_weight * frequency
                touched = True
            if not touched:
                continue
            found.file_cover[number] += weight
            if body_count:
                frequency = body_count / (1.0 - file_b + file_b * body_lengths[file] / file_mean)
                found.file[number] += gain * frequency / (frequency + k1)
            if symbol_count:
                norm = 1.0 - definitions_b + definitions_b * symbol_lengths[file] / definitions_mean
                frequency = symbol_count / norm
                found.definitions[number] += gain * frequency / (frequency + k1)
            for place in range(offset, end):
                frequency = in_any[place]
                if frequency > 0.0:
                    found.chunk[place] += gain * frequency / (frequency + k1)
                    found.cover[place] += weight
                    frequency = in_body[place]
                    found.body[place] += gain * frequency / (frequency + k1)
                    in_any[place] = in_body[place] = 0.0


@kernel
def _best_three(
    scores: NDArray[np.float64], offsets: NDArray[np.int64], best: NDArray[np.float64], three: NDArray[np.float64]
) -> None:
    for file in range(best.size):
        first = second = third = 0.0
        for row in range(offsets[file], offsets[file + 1]):
            score = scores[row]
            if score > first:
                first, second, third = score, first, second
            elif score > second:
                second, third = score, second
            elif score > third:
                third = score
        best[file] = first
        three[file] = first + 0.5 * second + 0.25 * third
