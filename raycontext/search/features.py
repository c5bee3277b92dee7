"""Raw features of files: what their chunks, their names and their vectors say about a query."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.kernel import as_int, kernel
from raycontext.analyse.names import folded_hash, identifiers, name_hash
from raycontext.search.query import FEATURES
from raycontext.store.segment import Segment

__all__ = ["best_rows_of_files", "best_three", "exact_names", "feature_matrix", "name_features"]

FOLDED_MATCH = 0.6
"""Worth of a definition whose name equals an identifier of the query but for case and underscores."""

PART_MATCH = 0.6
"""Worth of a chunk whose definition's name has all words of the query, next to one that has its identifier."""


def best_three(
    scores: NDArray[np.float64], first_rows: NDArray[np.uint32], row_counts: NDArray[np.uint32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each file its best row's score, and the best three summed with weights 1, 1/2, 1/4, [files] each."""
    best = np.zeros(len(first_rows), np.float64)
    three = np.zeros(len(first_rows), np.float64)
    _best_three(scores, first_rows, row_counts, best, three)
    return best, three


def best_rows_of_files(
    evidence: NDArray[np.float64],
    eligible: NDArray[np.bool_],
    files: NDArray[np.int64],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """At most `count` rows of each of some files, those of most evidence, in ascending order file by file; and how
    many each file has, [files].

    evidence: float64[3, rows] of lexical scores, cosines and matches of definitions. Lexical scores count as shares
    of the file's best.
    """
    rows = np.empty(int(np.minimum(row_counts[files], count).sum()), np.int64)
    counts = np.zeros(len(files), np.int64)
    filled = _best_rows(evidence, eligible, files, first_rows, row_counts, count, rows, counts)
    return rows[:filled], counts


def exact_names(query: str) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
    """Hashes to compare names with: of the query's identifiers, of the same folded, and of what may be a file's stem
    (the identifiers and the query as a whole), folded."""
    names = identifiers(query)
    whole = "".join(query.split())
    return (
        np.array([name_hash(name) for name in names], np.uint64),
        np.array([folded_hash(name) for name in names], np.uint64),
        np.array([folded_hash(name) for name in (*names, whole)], np.uint64),
    )


def name_features(
    segment: Segment,
    files: NDArray[np.int64],
    terms: NDArray[np.uint64],
    weights: NDArray[np.float64],
    exact: tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]],
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Features of the names of some files (ordinals [m]), [m] each; and for all rows of the segment, [rows], how well
    the best definition of a row of these files matches the query, 0 to 1.

    terms, weights: of the query, [terms]; exact: from `exact_names`.
    """
    stem_offsets, stem_terms = segment.stem_terms
    cover = np.zeros(len(files), np.float64)
    _stem_cover(files, stem_offsets, stem_terms, terms, cover)
    stems = segment.file_column("stem_hash")[files]
    rows = segment.definition_column("row")
    first = segment.first_rows[files].astype(np.int64)
    starts = np.searchsorted(rows, first)
    ends = np.searchsorted(rows, first + segment.row_counts[files])
    definition_offsets, definition_terms = segment.definition_terms
    best = np.zeros(len(files), np.float64)
    exact_definition = np.zeros(len(files), np.float64)
    exact_type = np.zeros(len(files), np.float64)
    defined = np.zeros(segment.reference.rows, np.float64)
    _definitions(
        rows,
        starts,
        ends,
        definition_offsets,
        definition_terms,
        segment.definition_column("name_hash"),
        segment.definition_column("folded_hash"),
        segment.definition_column("is_type"),
        segment.definition_column("weight"),
        terms,
        weights,
        exact[0],
        exact[1],
        best,
        exact_definition,
        exact_type,
        defined,
    )
    columns = {
        "stem_cover": cover,
        "best_definition": best,
        "exact_definition": exact_definition,
        "exact_type": exact_type,
        "exact_stem": np.isin(stems, exact[2]).astype(np.float64),
    }
    return columns, defined


def feature_matrix(columns: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """[m, len(FEATURES)] from one column [m] for each feature."""
    return np.stack([columns[name] for name in FEATURES], axis=1)


@kernel
def _best_three(
    scores: NDArray[np.float64],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    best: NDArray[np.float64],
    three: NDArray[np.float64],
) -> None:
    for file in range(first_rows.size):
        first = second = third = 0.0
        for row in range(first_rows[file], first_rows[file] + row_counts[file]):
            score = scores[row]
            if score > first:
                first, second, third = score, first, second
            elif score > second:
                second, third = score, second
            elif score > third:
                third = score
        best[file] = first
        three[file] = first + 0.5 * second + 0.25 * third


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
def _definitions(
    rows: NDArray[np.uint32],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    offsets: NDArray[np.int64],
    name_terms: NDArray[np.uint64],
    names: NDArray[np.uint64],
    folded: NDArray[np.uint64],
    is_type: NDArray[np.uint8],
    definition_weights: NDArray[np.float32],
    terms: NDArray[np.uint64],
    weights: NDArray[np.float64],
    exact_names: NDArray[np.uint64],
    exact_folded: NDArray[np.uint64],
    best: NDArray[np.float64],
    exact_definition: NDArray[np.float64],
    exact_type: NDArray[np.float64],
    defined: NDArray[np.float64],
) -> None:
    total = 0.0
    for weight in weights:
        total += weight
    for number in range(starts.size):
        for definition in range(starts[number], ends[number]):
            first, last = offsets[definition], offsets[definition + 1]
            matched = 0
            covered = 0.0
            for place in range(first, last):
                for term in range(terms.size):
                    if name_terms[place] == terms[term]:
                        matched += 1
                        covered += weights[term]
                        break
            cover = covered / total * matched / (last - first) if matched > 0 and total > 0.0 else 0.0
            best[number] = max(best[number], cover)
            match = 0.0
            for place in range(exact_names.size):
                if names[definition] == exact_names[place]:
                    match = 1.0
                elif folded[definition] == exact_folded[place]:
                    match = max(match, FOLDED_MATCH)
            match *= definition_weights[definition]
            row = rows[definition]
            defined[row] = max(defined[row], match, PART_MATCH * cover)
            exact_definition[number] = max(exact_definition[number], match)
            if is_type[definition]:
                exact_type[number] = max(exact_type[number], match)


@kernel
def _best_rows(
    evidence: NDArray[np.float64],
    eligible: NDArray[np.bool_],
    files: NDArray[np.int64],
    first_rows: NDArray[np.uint32],
    row_counts: NDArray[np.uint32],
    count: int,
    rows: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> int:
    filled = 0
    for number in range(files.size):
        first = as_int(first_rows[files[number]])
        last = first + as_int(row_counts[files[number]])
        best = 1e-9
        found = 0
        for row in range(first, last):
            if eligible[row]:
                found += 1
                best = max(best, evidence[0, row])
        if found <= count:
            for row in range(first, last):
                if eligible[row]:
                    rows[filled] = row
                    filled += 1
            counts[number] = found
            continue
        worth = np.empty(found, np.float64)
        candidates = np.empty(found, np.int64)
        position = 0
        for row in range(first, last):
            if eligible[row]:
                worth[position] = -(evidence[0, row] / best + max(evidence[1, row], 0.0) + evidence[2, row])
                candidates[position] = row
                position += 1
        chosen = np.sort(candidates[np.argsort(worth, kind="mergesort")[:count]])
        for row in chosen:
            rows[filled] = row
            filled += 1
        counts[number] = count
    return filled
