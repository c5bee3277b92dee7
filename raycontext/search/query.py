"""What travels between the steps of a search: small, immutable, made of numbers and strings.

caller ── statistics(text) ──> every shard        live rows, lengths, document frequencies of its terms
caller ── candidates(text, summed statistics) ──> every shard        raw features of its best rows
caller: cut, normalise, rank
caller ── texts(rows) ──> the shards of the hits
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from raycontext.models import SearchFilters

__all__ = ["FEATURES", "Candidates", "SearchRequest", "Statistics"]

FEATURES = ("lexical", "vector")
"""Columns of `Candidates.features`: BM25F score; cosine similarity of chunk and query."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One query as the shards see it."""

    text: str
    filters: SearchFilters
    candidates: int
    """How many rows each side (lexical, vector) proposes over the whole collection."""
    embedder: str
    """Fingerprint of the embedder that the collection must have been built with; "" accepts any known one."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Exact statistics of the live rows of some shards; `a + b` is that of both, whatever the order."""

    version: int
    num_shards: int
    """Of the collection, at this version."""
    rows: int
    """Live chunks."""
    body_length: int
    """Terms in all live chunks, per field; the path of a file counts once for each of its chunks."""
    symbol_length: int
    path_length: int
    document_frequencies: NDArray[np.int64]
    """[terms of the query]: live chunks that have the term in any field."""

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(
            version=self.version,
            num_shards=self.num_shards,
            rows=self.rows + other.rows,
            body_length=self.body_length + other.body_length,
            symbol_length=self.symbol_length + other.symbol_length,
            path_length=self.path_length + other.path_length,
            document_frequencies=self.document_frequencies + other.document_frequencies,
        )

    @staticmethod
    def total(parts: Sequence[Statistics]) -> Statistics:
        """Sum over shards; at least one part, all of one version."""
        return reduce(Statistics.__add__, parts)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best rows of one shard with their raw features; `n` rows."""

    shard: int
    version: int
    rows: NDArray[np.int64]
    """[n] row numbers within the shard's view of `version`."""
    order: NDArray[np.uint64]
    """[n] tie breaker: a function of path and line alone, so it is the same however files are spread."""
    features: NDArray[np.float64]
    """[n, len(FEATURES)]"""
    paths: tuple[str, ...]
    start_lines: NDArray[np.uint32]
    end_lines: NDArray[np.uint32]
    languages: tuple[str, ...]
    kinds: tuple[str, ...]
    symbols: tuple[str, ...]
    scopes: tuple[str, ...]
