"""Raw features of files from their names, and the selection of the chunks that may be hits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.names import folded_hash, identifiers, name_hash
from raycontext.analyse.posting_lists import lookup
from raycontext.kernel import features as kernels
from raycontext.search.query import FEATURES
from raycontext.search.signals.evidence import RowsOfFiles
from raycontext.store.segments.columns import WEIGHT_UNITS
from raycontext.store.segments.segment import Segment

__all__ = ["ExactNames", "best_rows_of_files", "exact_names", "feature_matrix", "name_features"]

FOLDED_MATCH = 0.6
"""Match of a definition whose name differs from an identifier of the query only in case or underscores."""

PART_MATCH = 0.6
"""Match of a definition whose name has all words of the query. A name that equals an identifier of it has 1."""


class ExactNames(NamedTuple):
    """Hashes of the identifiers in a query, which are compared with the names of definitions."""

    names: NDArray[np.uint32]
    """Hashes of the identifiers, each 32 bits, [k]."""
    folded: NDArray[np.uint32]
    """Hashes of the identifiers in lower case without underscores, [k]."""


def exact_names(query: str) -> ExactNames:
    """Return the hashes of the words of a query that may be names."""
    names = identifiers(query)
    return ExactNames(
        np.array([name_hash(name) for name in names], np.uint64).astype(np.uint32),
        np.array([folded_hash(name) for name in names], np.uint64).astype(np.uint32),
    )


def best_rows_of_files(
    evidence: NDArray[np.float64], eligible: NDArray[np.bool_], offsets: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the best eligible rows of each file, at most `count`, and how many each file has, int64[m].

    Rows are places in `evidence`, ascending within a file. evidence: BM25F, cosine and match of the best definition of
    each row, float64[3, n]; BM25F counts as a share of the largest one of the file. eligible: bool[n]. offsets:
    [m + 1], see `RowsOfFiles`.
    """
    return kernels.best_rows(evidence, eligible, offsets, count)


def name_features(
    segment: Segment,
    chosen: RowsOfFiles,
    terms: NDArray[np.uint64],
    weights: NDArray[np.float64],
    exact: ExactNames,
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Return the features of the names of files, and the match of each row's best definition with the query.

    The features are columns [m] by name; the matches are 0 to 1, [n]. `terms` and `weights` are those of the query,
    [terms].
    """
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
    """Return the features as a matrix, [m, len(FEATURES)], from a column [m] for each feature."""
    matrix = np.empty((len(columns[FEATURES[0]]), len(FEATURES)), np.float64)
    for number, name in enumerate(FEATURES):
        matrix[:, number] = columns[name]
    return matrix
