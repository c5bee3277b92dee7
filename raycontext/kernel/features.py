"""Calls of `features.c`: features of files from their names and definitions, and the best rows of files."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import CorruptArrays
from raycontext.kernel.arguments import BOOL, FLOAT64, INT64, UINT8, UINT32, UINT64, checked, offsets_of
from raycontext.kernel.library import ffi, kernels

__all__ = ["DefinitionArrays", "best_rows", "best_three", "match_names", "score_definitions", "stem_cover"]


class DefinitionArrays(NamedTuple):
    """Columns of the definitions of one segment, [definitions] each."""

    rows: NDArray[np.uint32]
    names: NDArray[np.uint32]
    folded: NDArray[np.uint32]
    term_counts: NDArray[np.uint8]
    weights: NDArray[np.uint8]


def best_three(
    scores: NDArray[np.float64], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the best score of each file, and the sum of its best three with weights 1, 1/2, 1/4, float64[m] each.

    scores: float64[n]. offsets: [m + 1]; scores of file i stand from offset i to offset i + 1. Scores below zero count
    as zero. Raises `CorruptArrays` where an offset leads outside of the scores.
    """
    files = offsets.size - 1
    found = np.empty((2, files))  # one array and one check of it: the call takes longer than its work
    best = FLOAT64.write(found)
    result = kernels().best_three(
        FLOAT64.read(scores, scores.size, "scores of rows"), scores.size,
        INT64.read(offsets, files + 1, "offsets of files"), files, best, best + files,
    )  # fmt: skip
    checked(result, "offsets of files")
    return found[0], found[1]


def best_rows(
    evidence: NDArray[np.float64], eligible: NDArray[np.bool_], offsets: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the best eligible rows of each file, at most `count`, and how many each file has, int64[m].

    Rows are places in `evidence`, ascending within a file. evidence: BM25F, cosine and match of the best definition of
    each row, float64[3, n]; BM25F counts as a share of the largest one of the file. eligible: bool[n]. offsets:
    [m + 1]. Raises `CorruptArrays` where an offset leads outside.
    """
    rows, files = eligible.size, offsets.size - 1
    if evidence.shape != (3, rows):
        raise CorruptArrays("evidence", f"a shape of {evidence.shape} where {(3, rows)} is needed")
    kept = min(count, rows)
    space = min(rows, files * kept)
    places, counts = np.empty(space, np.int64), np.zeros(files, np.int64)
    filled = kernels().best_rows(
        FLOAT64.read(evidence, 3 * rows, "evidence"), BOOL.read(eligible, rows, "eligible rows"), rows,
        INT64.read(offsets, files + 1, "offsets of files"), files, kept,
        FLOAT64.write(np.empty(kept, np.float64)), INT64.write(np.empty(kept, np.int64)),
        INT64.write(places), space, INT64.write(counts),
    )  # fmt: skip
    return places[: checked(filled, "offsets of files")], counts


def stem_cover(
    files: NDArray[np.int64],
    offsets: NDArray[np.integer[Any]],
    stem_terms: NDArray[np.uint64],
    terms: NDArray[np.uint64],
) -> NDArray[np.float64]:
    """Return for each of m files the share of the terms of its stem that are among `terms`, float64[m].

    files: ordinals, int64[m]. offsets: [all files + 1], 32 or 64 bits; the terms of file i stand from offset i to
    offset i + 1 in `stem_terms`. Raises `CorruptArrays` where a file or an offset leads outside.
    """
    cover = np.zeros(files.size, np.float64)
    result = kernels().stem_cover(
        INT64.read(files, files.size, "chosen files"), files.size,
        *offsets_of(offsets, offsets.size, "offsets of stems"), offsets.size - 1,
        UINT64.read(stem_terms, stem_terms.size, "terms of stems"), stem_terms.size,
        UINT64.read(terms, terms.size, "terms of a query"), terms.size, FLOAT64.write(cover),
    )  # fmt: skip
    checked(result, "offsets of stems")
    return cover


def match_names(
    lists: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]],
    weights: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for definitions of m files how many terms of a query each name has, and the sum of their weights.

    lists: starts [terms], ends [terms] and definitions of the terms' postings. File i has the definitions from
    `starts[i]` to `ends[i]`; in the results they stand from `offsets[i]` to `offsets[i + 1]`. Raises `CorruptArrays`
    where a list or a definition leads outside.
    """
    list_starts, list_ends, definitions = lists
    terms, files = weights.size, starts.size
    size = int(offsets[-1])
    matched, covered = np.zeros(size, np.int64), np.zeros(size, np.float64)
    result = kernels().match_names(
        INT64.read(list_starts, terms, "starts of postings"), INT64.read(list_ends, terms, "ends of postings"), terms,
        UINT32.read(definitions, definitions.size, "definitions of postings"), definitions.size,
        FLOAT64.read(weights, terms, "weights of terms"), INT64.read(starts, files, "definitions of files"),
        INT64.read(ends, files, "definitions of files"), INT64.read(offsets, files + 1, "offsets of definitions"),
        files, size, INT64.write(matched), FLOAT64.write(covered),
    )  # fmt: skip
    checked(result, "definitions of postings")
    return matched, covered


def score_definitions(
    columns: DefinitionArrays,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    shifts: NDArray[np.int64],
    offsets: NDArray[np.int64],
    matches: tuple[NDArray[np.int64], NDArray[np.float64]],
    total: float,
    units: tuple[float, float, float],
    exact: tuple[NDArray[np.uint32], NDArray[np.uint32]],
    rows: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the best definition of each file by terms and by exact name, [m] each, and the best of each row, [rows].

    starts, ends, offsets, matches: see `match_names`. shifts: definition d of file i lies in row `columns.rows[d] +
    shifts[i]`. total: sum of the weights of all terms. units: stored weight that stands for 1, match of a folded name,
    and match of a name with all terms. exact: hashes of the query's identifiers, and of the folded ones. Raises
    `CorruptArrays` where a definition or a row leads outside.
    """
    matched, covered = matches
    names, folded = exact
    count, files, size = columns.rows.size, starts.size, matched.size
    pointers = (
        UINT32.read(columns.rows, count, "rows of definitions"),
        UINT32.read(columns.names, count, "names of definitions"),
        UINT32.read(columns.folded, count, "names of definitions"),
        UINT8.read(columns.term_counts, count, "terms of definitions"),
        UINT8.read(columns.weights, count, "weights of definitions"),
    )
    best, exact_definition = np.zeros(files, np.float64), np.zeros(files, np.float64)
    defined = np.zeros(rows, np.float64)
    result = kernels().score_definitions(
        ffi.new("definition_columns *", (*pointers, count)), INT64.read(starts, files, "definitions of files"),
        INT64.read(ends, files, "definitions of files"), INT64.read(shifts, files, "rows of files"),
        INT64.read(offsets, files + 1, "offsets of definitions"), files,
        INT64.read(matched, size, "matches of definitions"), FLOAT64.read(covered, size, "matches of definitions"),
        size, total, *units, UINT32.read(names, names.size, "names of a query"),
        UINT32.read(folded, names.size, "names of a query"), names.size,
        FLOAT64.write(best), FLOAT64.write(exact_definition), FLOAT64.write(defined), rows,
    )  # fmt: skip
    checked(result, "rows of definitions")
    return best, exact_definition, defined
