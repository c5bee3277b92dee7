"""Raw features of files: what their names say about a query, and which of their chunks may be hits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.names import folded_hash, identifiers, name_hash
from raycontext.analyse.posting_lists import lookup
from raycontext.kernel import as_int, kernel
from raycontext.search.evidence import RowsOfFiles
from raycontext.search.query import FEATURES
from raycontext.store.segments.columns import WEIGHT_UNITS
from raycontext.store.segments.segment import Segment

__all__ = ["ExactNames", "best_rows_of_files", "exact_names", "feature_matrix", "name_features"]

FOLDED_MATCH = 0.6
"""Worth of a definition whose name equals an identifier of the query but for case and underscores."""

PART_MATCH = 0.6
"""Worth of a chunk whose definition's name has all words of the query, next to one that has its identifier."""


class ExactNames(NamedTuple):
    """Hashes to compare names with."""

    names: NDArray[np.uint32]
    """Of the query's identifiers."""
    folded: NDArray[np.uint32]
    """Of the same, without case and underscores."""


def exact_names(query: str) -> ExactNames:
    """What of a query may be a name."""
    names = identifiers(query)
    return ExactNames(
        np.array([name_hash(name) for name in names], np.uint64).astype(np.uint32),
        np.array([folded_hash(name) for name in names], np.uint64).astype(np.uint32),
    )


def best_rows_of_files(
    evidence: NDArray[np.float64], eligible: NDArray[np.bool_], offsets: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of at most `count` eligible rows of each file, those of most evidence, ascending file by file; and how
    many each file has, [m].

    evidence: float64[3, n] of lexical scores, cosines and matches of definitions; lexical scores count as shares of
    the file's best. eligible [n]; offsets [m + 1] as in `RowsOfFiles`.
    """
    places = np.empty(int(np.minimum(np.diff(offsets), count).sum()), np.int64)
    counts = np.zeros(len(offsets) - 1, np.int64)
    filled = _best_rows(evidence, eligible, offsets, count, places, counts)
    return places[:filled], counts


def name_features(
    segment: Segment,
    chosen: RowsOfFiles,
    terms: NDArray[np.uint64],
    weights: NDArray[np.float64],
    exact: ExactNames,
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Features of the names of some files, [m] each; and for each of their rows, [n], how well its best definition
    matches the query, 0 to 1. terms, weights: of the query, [terms]."""
    files = chosen.files
    stem_offsets, stem_terms = segment.stem_terms
    cover = np.zeros(len(files), np.float64)
    _stem_cover(files, stem_offsets, stem_terms, terms, cover)
    rows = segment.definition_column("row")
    first = segment.first_rows[files]
    starts = np.searchsorted(rows, first)
    ends = np.searchsorted(rows, first + segment.row_counts[files])
    matched, covered, offsets = _name_matches(segment, terms, weights, starts, ends)
    best = np.zeros(len(files), np.float64)
    exact_definition = np.zeros(len(files), np.float64)
    defined = np.zeros(len(chosen.rows), np.float64)
    _definitions(
        rows,
        starts,
        ends,
        chosen.offsets[:-1] - first.astype(np.int64),
        offsets,
        matched,
        covered,
        segment.definition_column("terms"),
        segment.definition_column("name_hash"),
        segment.definition_column("folded_hash"),
        segment.definition_column("weight"),
        float(weights.sum()),
        exact.names,
        exact.folded,
        best,
        exact_definition,
        defined,
    )
    columns = {
        "stem_cover": cover,
        "best_definition": best,
        "exact_definition": exact_definition,
    }
    return columns, defined


def _name_matches(
    segment: Segment,
    terms: NDArray[np.uint64],
    weights: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Of the definitions `starts[i]` to `ends[i]` of each file i, one after the other: how many terms of the query the
    name has, and what these weigh; and where those of each file begin."""
    offsets = np.concatenate(([0], np.cumsum(ends - starts)))
    matched, covered = np.zeros(offsets[-1], np.int64), np.zeros(offsets[-1], np.float64)
    list_starts, list_ends, definitions, _ = lookup(segment.posting_lists("name"), terms)
    _match(list_starts, list_ends, definitions, weights, starts, ends, offsets, matched, covered)
    return matched, covered, offsets


def feature_matrix(columns: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """[m, len(FEATURES)] from one column [m] for each feature."""
    matrix = np.empty((len(columns[FEATURES[0]]), len(FEATURES)), np.float64)
    for number, name in enumerate(FEATURES):
        matrix[:, number] = columns[name]
    return matrix


@kernel
def _stem_cover(
    files: NDArray[np.int64],
    offsets: NDArray[np.int64],
    stem_terms: NDArray[np.uint64],
    terms: NDArray[np.uint64],
    cover: NDArray[np.float64],
) -> None:
    for number in range(files.size):
        first, last = offsets[files[number]], offsets[files[number] + 1]
        matched = 0
        for place in range(first, last):
            for term in terms:
                if stem_terms[place] == term:
                    matched += 1
                    break
        if last > first:
            cover[number] = matched / (last - first)


@kernel
def _match(
    list_starts: NDArray[np.int64],
    list_ends: NDArray[np.int64],
    definitions: NDArray[np.uint32],
    weights: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    offsets: NDArray[np.int64],
    matched: NDArray[np.int64],
    covered: NDArray[np.float64],
) -> None:
    for term in range(weights.size):
        place, end = list_starts[term], list_ends[term]
        for number in range(starts.size):
            place += np.searchsorted(definitions[place:end], starts[number])
            while place < end and as_int(definitions[place]) < ends[number]:
                position = offsets[number] + as_int(definitions[place]) - starts[number]
                matched[position] += 1
                covered[position] += weights[term]
                place += 1


@kernel
def _definitions(
    rows: NDArray[np.uint32],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    shifts: NDArray[np.int64],
    offsets: NDArray[np.int64],
    matched: NDArray[np.int64],
    covered: NDArray[np.float64],
    term_counts: NDArray[np.uint8],
    names: NDArray[np.uint32],
    folded: NDArray[np.uint32],
    definition_weights: NDArray[np.uint8],
    total: float,
    exact_names: NDArray[np.uint32],
    exact_folded: NDArray[np.uint32],
    best: NDArray[np.float64],
    exact_definition: NDArray[np.float64],
    defined: NDArray[np.float64],
) -> None:
    for number in range(starts.size):
        for definition in range(starts[number], ends[number]):
            position = offsets[number] + definition - starts[number]
            cover = 0.0
            if matched[position] > 0 and total > 0.0:
                cover = covered[position] / total * matched[position] / term_counts[definition]
            best[number] = max(best[number], cover)
            match = 0.0
            for place in range(exact_names.size):
                if names[definition] == exact_names[place]:
                    match = 1.0
                elif folded[definition] == exact_folded[place]:
                    match = max(match, FOLDED_MATCH)
            match *= definition_weights[definition] / WEIGHT_UNITS
            row = rows[definition] + shifts[number]
            defined[row] = max(defined[row], match, PART_MATCH * cover)
            exact_definition[number] = max(exact_definition[number], match)


@kernel
def _best_rows(
    evidence: NDArray[np.float64],
    eligible: NDArray[np.bool_],
    offsets: NDArray[np.int64],
    count: int,
    places: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> int:
    filled = 0
    for number in range(counts.size):
        first, last = offsets[number], offsets[number + 1]
        best = 1e-9
        found = 0
        for place in range(first, last):
            if eligible[place]:
                found += 1
                best = max(best, evidence[0, place])
        if found <= count:
            for place in range(first, last):
                if eligible[place]:
                    places[filled] = place
                    filled += 1
            counts[number] = found
            continue
        worth = np.empty(found, np.float64)
        candidates = np.empty(found, np.int64)
        position = 0
        for place in range(first, last):
            if eligible[place]:
                worth[position] = -(evidence[0, place] / best + max(evidence[1, place], 0.0) + evidence[2, place])
                candidates[position] = place
                position += 1
        chosen = np.sort(candidates[np.argsort(worth, kind="mergesort")[:count]])
        for place in chosen:
            places[filled] = place
            filled += 1
        counts[number] = count
    return filled
