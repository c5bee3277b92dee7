"""What travels between the steps of a search: small, immutable, made of numbers and strings.

caller ── statistics(request) ──> every shard        live rows, lengths, document frequencies of its terms
caller ── candidates(request, summed statistics) ──> every shard        raw features of its best files
caller: cut, normalise, rank
caller ── describe(rows) ──> the shards of the hits
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from raycontext.models import SearchFilters

__all__ = ["COSINE_UNIT", "FEATURES", "PROPOSERS", "Candidates", "Description", "SearchRequest", "Statistics"]

FEATURES = (
    "chunks",  # BM25F of the best three chunks: 1, 1/2, 1/4
    "stem_cover",  # share of the words of the file's stem that the query has
    "best_definition",  # best definition: idf share of the query in its name, times share of its name in the query
    "exact_definition",  # an identifier of the query is defined here: 1, 0.6 where case or underscores differ
    "vector_best",  # cosine of the query with the best chunk
    "vector_three",  # sum of the best three cosines: 1, 1/2, 1/4
    "vector_names",  # cosine of the query with the file's path and the names that it defines
    "vector_path",  # cosine of the query with the path alone
    "size",  # natural logarithm of 1 + bytes of the file
)
"""Columns of `Candidates.features`, one row a file, not normalised."""

PROPOSERS = ("chunks", "definitions", "path", "vector")
"""Rows of `Candidates.proposals`: the scores by which files become candidates."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One query as the shards see it."""

    text: str
    filters: SearchFilters
    files: int
    """How many files each of `PROPOSERS` proposes over the whole collection."""
    rows: int
    """How many chunks of one file may be hits."""
    repeat_factor: float = 0.25
    """What remains of a file's score at its second hit, and once more at its third; 0: one hit a file."""
    explain: bool = False
    """Whether hits carry the contribution of each feature to their score."""
    vector: tuple[str, NDArray[np.float32]] | None = None
    """Fingerprint of the embedder and the vector of the text, where a server has the embedder."""
    deadline: float = math.inf
    """Seconds since the epoch after which no one waits for the answer."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Exact statistics of the live rows of some shards; `a + b` is that of both, whatever the order."""

    version: int
    num_shards: int
    """Of the collection, at this version."""
    files: int
    """Live files."""
    rows: int
    """Live chunks."""
    body_length: int
    """Terms in all live chunks, per field; the path of a file counts once for each of its chunks."""
    symbol_length: int
    path_length: int
    field_frequencies: NDArray[np.int64]
    """[3, terms of the query]: live chunks that have the term in the body, the symbol, the path."""

    @property
    def document_frequencies(self) -> NDArray[np.int64]:
        """[terms]: live chunks with the term in the field that most of them have it in: at most the number of those
        that have it in any, and the sum over shards of what is stored, so nothing has to be counted for a query."""
        most: NDArray[np.int64] = np.max(self.field_frequencies, axis=0, initial=0)
        return most

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(
            version=self.version,
            num_shards=self.num_shards,
            files=self.files + other.files,
            rows=self.rows + other.rows,
            body_length=self.body_length + other.body_length,
            symbol_length=self.symbol_length + other.symbol_length,
            path_length=self.path_length + other.path_length,
            field_frequencies=self.field_frequencies + other.field_frequencies,
        )

    @staticmethod
    def total(parts: Sequence[Statistics]) -> Statistics:
        """Sum over shards; at least one part, all of one version."""
        return reduce(Statistics.__add__, parts)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best files of one shard, `m` of them, with raw features, and their best chunks."""

    shard: int
    version: int
    files: NDArray[np.int64]
    """[m] numbers of the files within the shard's view of `version`, ascending."""
    order: NDArray[np.uint64]
    """[m] tie breaker: a function of the path alone, so it is the same however files are spread."""
    kinds: NDArray[np.uint16]
    """[m] bits of `path_kinds`"""
    proposals: NDArray[np.float64]
    """[len(PROPOSERS), m]"""
    features: NDArray[np.float64]
    """[m, len(FEATURES)]"""
    row_offsets: NDArray[np.int64]
    """[m + 1] the chunks of file i are from offset i to i + 1 of the following."""
    rows: NDArray[np.int64]
    """Row numbers within the shard's view of `version`, ascending within a file."""
    lexical: NDArray[np.float64]
    """BM25F of each row."""
    vector: NDArray[np.float64]
    """Cosine of each row with the query."""
    defined: NDArray[np.float64]
    """How well the best definition of each row matches the query, 0 to 1."""
    cosine_sums: tuple[int, int, int]
    """Rows of the shard that are in the sample, and the sums of their cosines and of their squares, in units of
    `COSINE_UNIT` (squared): whole numbers, so that sums over shards do not depend on their order."""


COSINE_UNIT = 2.0**-20


@dataclass(frozen=True, slots=True)
class Description:
    """What a hit shows of a chunk."""

    source: str
    """Folder of the collection."""
    path: str
    digest: str
    """Of the file, hexadecimal."""
    language: str
    start_line: int
    end_line: int
    kind: str
    symbol: str
    scope: str
    text: str
