"""Texts of the likeliest hits of a shard. They come with its candidates: a query mostly needs no third round."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from raycontext.search.query import Candidates, Description, SearchRequest
from raycontext.search.ranking.merge import FurtherChunk, RankedChunk, finish
from raycontext.search.ranking.ranker import ranker_of

__all__ = ["described_by", "with_likely_hits"]

SPARE_HITS = 2
"""Number of hits that a shard describes beyond its equal share: some shards have more of the hits than others."""


def likely_hits(hits: int, shards: int) -> int:
    """Return of how many chunks each of `shards` shards sends the texts when a query wants `hits` hits."""
    return min(hits, math.ceil(hits / shards) + SPARE_HITS)


def with_likely_hits(
    found: Candidates,
    request: SearchRequest,
    shards: int,
    describe: Callable[[Sequence[RankedChunk]], Sequence[Description]],
) -> Candidates:
    """Return candidates with what hits show of the best chunks of their shard.

    The shard ranks its own candidates alone. That is a guess: what it means for the answer is decided where the
    candidates of all shards are ranked together, and a chunk that is missing here is described afterwards.

    shards: number of shards of the collection. describe: returns what hits show of chunks.
    """
    ranker = ranker_of(request.weights)
    ranked = finish(ranker, replace(request, explain=False), [found], likely_hits(request.hits, shards), 0.0)
    # A hit of this shard may become a further place of another one, so its own place is asked for as well.
    asked = [chunk._replace(more=(FurtherChunk(chunk.row, 0.0), *chunk.more)) for chunk in ranked]
    shown: dict[int, Description] = {}
    places: dict[int, tuple[int, str]] = {}
    for chunk, description in zip(asked, describe(asked), strict=True):
        shown[chunk.row] = replace(description, more=())
        places.update(zip((further.row for further in chunk.more), description.more, strict=True))
    return replace(found, shown=shown, places=places)


def described_by(candidates: Candidates, chunk: RankedChunk) -> Description | None:
    """Return what a hit shows of a chunk, from the candidates of its shard; None where they do not have all of it."""
    description = candidates.shown.get(chunk.row)
    if description is None or any(further.row not in candidates.places for further in chunk.more):
        return None
    return replace(description, more=tuple(candidates.places[further.row] for further in chunk.more))
