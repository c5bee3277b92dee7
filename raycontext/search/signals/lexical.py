"""BM25F over the postings of a segment: weights of the terms of a query, scores of rows, and proposals of files.

Each field has a weight and a length normalisation of its own, and one saturation follows the sum of the fields:
Robertson, Zaragoza, Taylor, "Simple BM25 extension to multiple weighted fields" (CIKM 2004). The idf is that of
Lucene, log(1 + (N - df + 0.5) / (df + 0.5)), which is never negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.posting_lists import lookup
from raycontext.kernel import lexical as kernels
from raycontext.search.query import Statistics
from raycontext.store.segments.segment import FIELDS, Segment

__all__ = [
    "FIELD_COUNT",
    "Bm25f",
    "Normalisation",
    "TermSlices",
    "field_frequencies",
    "lexical_proposals",
    "proposing",
    "score_rows",
]

FIELD_COUNT = len(FIELDS)
"""Number of fields: body, symbol and path."""

SHORTEST_MEAN = 1e-9
"""Smallest mean length of a field in terms. It keeps the scores finite where a field is empty in all rows."""

PROPOSING_POSTINGS = 250_000
"""Largest number of postings in the collection, over all fields, of the terms that propose chunks.

The rarest terms propose, and at least one. All terms score the chunks that are proposed. So common words cost no scan
of a large collection.
"""


@dataclass(frozen=True, slots=True)
class Bm25f:
    """Parameters of BM25F: saturation k1, and weight and length normalisation b of each field."""

    k1: float = 1.2
    body_weight: float = 1.0
    symbol_weight: float = 2.0
    path_weight: float = 1.0
    body_b: float = 0.75
    symbol_b: float = 0.5
    path_b: float = 0.5

    def inverse_document_frequencies(self, statistics: Statistics) -> NDArray[np.float64]:
        """Return the idf of each term, [terms]."""
        frequencies = statistics.document_frequencies.astype(np.float64)
        return np.log1p((statistics.rows - frequencies + 0.5) / (frequencies + 0.5))

    def normalisation(self, statistics: Statistics) -> Normalisation:
        """Return the parameters together with the mean lengths of the fields in the collection."""
        rows, files = max(statistics.rows, 1), max(statistics.files, 1)
        return Normalisation(
            self.k1,
            (self.body_weight, self.body_b, max(statistics.body_length / rows, SHORTEST_MEAN)),
            (self.symbol_weight, self.symbol_b, max(statistics.symbol_length / rows, SHORTEST_MEAN)),
            (self.path_weight, self.path_b, max(statistics.path_length / rows, SHORTEST_MEAN)),
            (self.symbol_b, max(statistics.symbol_length / files, SHORTEST_MEAN)),
        )


class Normalisation(NamedTuple):
    """Parameters of BM25F for one collection.

    A field has its weight, its length normalisation b and its mean length in terms.
    """

    k1: float
    body: tuple[float, float, float]
    symbol: tuple[float, float, float]
    path: tuple[float, float, float]
    definitions: tuple[float, float]  # normalisation b and mean number of terms of all symbols of a file


@dataclass(frozen=True, eq=False)
class TermSlices:
    """Postings of a query's terms in all fields of one segment. In the field of paths, a row is a file."""

    body: kernels.FieldArrays
    symbol: kernels.FieldArrays
    path: kernels.FieldArrays
    row_files: NDArray[np.uint32]  # [rows]
    first_rows: NDArray[np.uint32]  # [files]
    row_counts: NDArray[np.uint32]  # [files]

    @classmethod
    def find(cls, segment: Segment, terms: NDArray[np.uint64]) -> TermSlices:
        """Look the terms up in all fields of a segment, and return their postings."""
        lists = (segment.posting_lists(field) for field in FIELDS)
        body, symbol, path = (kernels.FieldArrays(*lookup(field, terms), field.lengths) for field in lists)
        return cls(body, symbol, path, segment.chunk_column("file"), segment.first_rows, segment.row_counts)

    @cached_property
    def pointed(self) -> kernels.PointedSlices:
        """Postings in the form that kernels take. Raises `CorruptArrays` where the arrays contradict each other."""
        fields = self.body, self.symbol, self.path
        return kernels.PointedSlices(fields, self.row_files, self.first_rows, self.row_counts)


def field_frequencies(slices: TermSlices, dead_files: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of live rows that have each term in the body, the symbol and the path, [3, terms].

    `dead_files` are the ordinals of the segment's dead files, ascending.
    """
    return kernels.count_rows(slices.pointed, dead_files)


def proposing(statistics: Statistics, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of the terms, [terms]. Terms that do not propose have weight 0, see `PROPOSING_POSTINGS`."""
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
) -> NDArray[np.float64]:
    """Return the scores by which terms propose the files of one segment, [3, files].

    They are BM25F of the best three eligible chunks (summed with weights 1, 1/2, 1/4) by `chunk_weights`, BM25 of all
    symbols and BM25 of the path by `weights`. All three are 0 where no chunk is eligible.

    weights, chunk_weights: idf of each term times its weight in the query, [terms]. eligible: bool[rows].
    symbol_lengths: number of terms in all symbols of each file, [files]. A score depends only on the file and on the
    statistics, and it is summed in the order of the terms. So it is the same, bit for bit, in any segment.
    """
    return kernels.propose_files(normalisation, weights, chunk_weights, slices.pointed, eligible, symbol_lengths)


def score_rows(normalisation: Normalisation, weights: NDArray[np.float64], slices: TermSlices) -> NDArray[np.float64]:
    """Return the BM25F of all rows of one segment, [rows]."""
    return kernels.score_rows(normalisation, weights, slices.pointed)
