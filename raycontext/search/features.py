"""Raw features of files: what their names say about a query, and which of their chunks may be hits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.names import folded_hash, identifiers, name_hash
from raycontext.analyse.posting_lists import lookup
from raycontext.kernel import features as kernels
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
    return kernels.best_rows(evidence, eligible, offsets, count)


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
    rows = segment.definition_column("row")
    first = segment.first_rows[files]
    starts = np.searchsorted(rows, first)
    ends = np.searchsorted(rows, first + segment.row_counts[files])
    offsets = np.concatenate(([0], np.cumsum(ends - starts)))
    list_starts, list_ends, definitions, _ = lookup(segment.posting_lists("name"), terms)
    names = kernels.DefinitionArrays(
        rows,
        segment.definition_column("name_hash"),
        segment.definition_column("folded_hash"),
        segment.definition_column("terms"),
        segment.definition_column("weight"),
    )
    best, exact_definition, defined = kernels.score_definitions(
        names,
        starts,
        ends,
        chosen.offsets[:-1] - first.astype(np.int64),
        offsets,
        kernels.match_names((list_starts, list_ends, definitions), weights, starts, ends, offsets),
        float(weights.sum()),
        (WEIGHT_UNITS, FOLDED_MATCH, PART_MATCH),
        exact,
        len(chosen.rows),
    )
    columns = {
        "stem_cover": kernels.stem_cover(files, *segment.stem_terms, terms),
        "best_definition": best,
        "exact_definition": exact_definition,
    }
    return columns, defined


def feature_matrix(columns: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """[m, len(FEATURES)] from one column [m] for each feature."""
    matrix = np.empty((len(columns[FEATURES[0]]), len(FEATURES)), np.float64)
    for number, name in enumerate(FEATURES):
        matrix[:, number] = columns[name]
    return matrix
