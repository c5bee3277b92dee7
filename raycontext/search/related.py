"""Search for code that is similar to a given chunk: by its vector, and by the rare terms that it shares.

The steps are like those of a search (see `query`). The chunk is found in its shard, the statistics of its terms are
summed over the shards, each shard returns its best rows, and the merge ranks them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.terms import query_terms
from raycontext.models import SearchFilters
from raycontext.search.prepared_query import FoundTerms
from raycontext.search.query import Statistics
from raycontext.search.query_terms import SearchTerms
from raycontext.search.ranking.merge import RankedChunk
from raycontext.search.ranking.proposals import propose
from raycontext.search.rows.view import View, concatenate
from raycontext.search.signals.lexical import Bm25f, TermSlices, score_rows
from raycontext.search.signals.vector import QueryVector, all_cosines

__all__ = [
    "RelatedCandidates",
    "RelatedRequest",
    "Seed",
    "best_related",
    "related_candidates",
    "related_terms",
    "seed_at",
]

SHARED_TERMS = 24
"""Number of terms of a chunk that count: the ones with the largest weights, which are rare in the collection."""

LEXICAL_SHARE = 0.5
"""Share of the lexical evidence in a score. The cosine has the rest."""


@dataclass(frozen=True, slots=True)
class Seed:
    """Chunk with which others are compared."""

    version: int
    path: str
    start_line: int
    text: str
    fingerprint: str
    """Fingerprint of the embedder that made the vector."""
    vector: NDArray[np.float32]
    """Stored vector of the chunk, float32[dimension]. Nothing has to be embedded."""


@dataclass(frozen=True, slots=True)
class RelatedRequest:
    """Request for related chunks, as the caller sends it to the shards."""

    seed: Seed
    filters: SearchFilters
    rows: int
    """Number of rows that BM25F and the cosine each propose over the whole collection."""
    deadline: float = math.inf
    """Time in seconds since the epoch after which nobody waits for the answer."""


@dataclass(frozen=True, slots=True)
class RelatedCandidates:
    """Rows of one shard that are similar to the seed, n of them."""

    shard: int
    rows: NDArray[np.int64]
    """Row numbers in the shard's view, [n]."""
    order: NDArray[np.uint64]
    """Key that decides between equal scores, [n]. It depends on the file's path and the row's place in the file."""
    proposals: NDArray[np.float64]
    """Scores by which the rows were proposed, [n, 2]: BM25F and cosine."""


def seed_at(view: View, path: str, path_hash: int, line: int) -> Seed | None:
    """Return the chunk that holds line `line` of a file, or the next one below it, else the last one of the file.

    `path_hash` is the hash of `path`. Return None where the view has no such file or the file has no chunk.
    """
    for part in view.parts:
        for file in np.flatnonzero((part.segment.path_hashes == np.uint64(path_hash)) & part.alive_files):
            first, count = int(part.segment.first_rows[file]), int(part.segment.row_counts[file])
            if count == 0 or part.segment.path(int(file)) != path:
                continue
            ends = part.segment.chunk_column("end_line")[first : first + count]
            row = first + min(int(np.searchsorted(ends, line)), count - 1)
            start = int(part.segment.chunk_column("start_line")[row])
            codes, scales = part.segment.vectors_for(np.array([row]))
            vector = codes[row].astype(np.float32) * scales[row]
            return Seed(view.version, path, start, part.segment.text(row), view.fingerprint, vector)
    return None


def related_terms(text: str) -> SearchTerms:
    """Return the terms of a chunk, each weighted by the square root of its frequency."""
    found = query_terms(text)
    return SearchTerms(found.terms, np.sqrt(found.frequencies.astype(np.float64)), np.zeros(len(found.terms), np.bool_))


def related_candidates(
    shard: int, request: RelatedRequest, found: FoundTerms, statistics: Statistics, parameters: Bm25f
) -> RelatedCandidates:
    """Return the rows of a shard that are most similar to the seed by BM25F or by cosine.

    `found` holds the terms of the seed in the shard's view; `statistics` are those of the whole collection.
    """
    view = found.view
    vector = QueryVector(request.seed.vector)
    weights = _weights(found.terms, statistics, parameters)
    normalisation = parameters.normalisation(statistics)
    blocks, orders = [], []
    eligible = view.eligible(request.filters)
    for part, slices, open_rows in zip(view.parts, found.slices, eligible, strict=True):
        lexical = score_rows(normalisation, weights, slices)
        similar = all_cosines(vector, *part.segment.vectors)
        blocks.append(np.where(open_rows[:, np.newaxis], np.stack([lexical, similar], axis=1), 0.0))
        orders.append(_row_order(slices, part.segment.path_hashes))
    proposals = concatenate(blocks, (0, 2))
    order = concatenate(orders, (0,), np.uint64)
    rows = propose(proposals.T, order, request.rows)
    numbers = concatenate([np.arange(len(part.alive_rows)) + part.first_row for part in view.parts], (0,), np.int64)
    return RelatedCandidates(shard, numbers[rows], order[rows], proposals[rows])


def best_related(
    parts: Sequence[RelatedCandidates], request: RelatedRequest, statistics: Statistics, parameters: Bm25f
) -> list[RankedChunk]:
    """Return the proposed rows of all shards, best first. The seed itself is among them."""
    order = np.concatenate([part.order for part in parts])
    proposals = np.concatenate([part.proposals for part in parts])
    shards = np.concatenate([np.full(len(part.rows), part.shard, np.int64) for part in parts])
    rows = np.concatenate([part.rows for part in parts])
    kept = propose(proposals.T, order, request.rows)
    terms = related_terms(request.seed.text)
    weights = _weights(terms, statistics, parameters)
    most = float(weights.sum()) * (parameters.k1 + 1.0) or 1.0
    lexical, similar = proposals[kept].T
    scores = LEXICAL_SHARE * np.sqrt(lexical / most) + (1.0 - LEXICAL_SHARE) * np.maximum(similar, 0.0)
    return [
        RankedChunk(
            shard=int(shards[kept[place]]),
            row=int(rows[kept[place]]),
            order=int(order[kept[place]]),
            score=float(scores[place]),
            lexical=float(lexical[place]),
            vector=float(similar[place]),
            explanation=(),
        )
        for place in np.lexsort((order[kept], -scores))
    ]


def _weights(terms: SearchTerms, statistics: Statistics, parameters: Bm25f) -> NDArray[np.float64]:
    """Return the weights of the terms, [terms]. All but the `SHARED_TERMS` largest are set to zero."""
    weights = terms.weighted(parameters.inverse_document_frequencies(statistics), statistics.document_frequencies)
    kept = np.lexsort((terms.terms, -weights))[:SHARED_TERMS]
    rarest = np.zeros_like(weights)
    rarest[kept] = weights[kept]
    return rarest


def _row_order(slices: TermSlices, path_hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return for each row of a segment the key that decides between equal scores, uint64[rows]."""
    files = slices.row_files
    place_in_file = np.arange(len(files), dtype=np.uint64) - slices.first_rows[files]
    order: NDArray[np.uint64] = path_hashes[files] + place_in_file
    return order
