"""A query as the caller sees it: ask all shards at once, merge, fetch the texts of what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from raycontext.actors.hybrid_search import HybridSearchActor, search_actor_name
from raycontext.errors import InvalidInput, RuntimeUnavailable, StaleVersion
from raycontext.models import Hit, SearchFilters
from raycontext.runtime.base import ActorHandle, Runtime
from raycontext.search.lexical import Bm25f
from raycontext.search.merge import RankedChunk, finish, hits_of
from raycontext.search.query import SearchRequest, Statistics
from raycontext.search.ranker import LinearRanker, Ranker
from raycontext.search.related import RelatedRequest, Seed, best_related
from raycontext.store.collection import Location

__all__ = ["SearchClient"]

Result = TypeVar("Result")

ATTEMPTS = 3
"""A query that a commit, garbage collection or the end of an actor overtook is asked again."""

RELATED_ROWS = 200
"""Chunks that each side proposes as related, at least."""


class SearchClient:
    """Searches one collection through its shards' actors; the query never passes through the Coordinator."""

    def __init__(self, runtime: Runtime, location: Location, ranker: Ranker | None = None) -> None:
        self._runtime = runtime
        self._location = location
        self._ranker: Ranker = ranker or LinearRanker()
        self._shards: list[ActorHandle] = []

    async def search(self, request: SearchRequest, limit: int, min_score: float) -> list[Hit]:
        """At most `limit` hits, best first. Raises `UnknownCollection`, `FingerprintMismatch`, `RuntimeUnavailable`."""
        return await self._repeatedly(lambda: self._search(request, limit, min_score))

    async def related(self, path: str, line: int, filters: SearchFilters, limit: int, min_score: float) -> list[Hit]:
        """At most `limit` chunks that are like the one at a line of a file, best first, without it.

        Raises as `search`, and `InvalidInput` where the collection has no such file.
        """
        return await self._repeatedly(lambda: self._related(path, line, filters, limit, min_score))

    async def _repeatedly(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        for number in range(1, ATTEMPTS + 1):
            try:
                if not self._shards:
                    await self._connect()
                return await attempt()
            except (StaleVersion, RuntimeUnavailable):
                self._shards.clear()
                if number == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    async def _search(self, request: SearchRequest, limit: int, min_score: float) -> list[Hit]:
        if len(self._shards) == 1:
            hits: list[Hit] = await self._shards[0].call("search", request, limit, min_score)
            return hits
        statistics = await self._statistics("statistics", request)
        candidates = await asyncio.gather(*(shard.call("candidates", request, statistics) for shard in self._shards))
        return await self._hits(statistics.version, finish(self._ranker, request, candidates, limit, min_score))

    async def _related(self, path: str, line: int, filters: SearchFilters, limit: int, min_score: float) -> list[Hit]:
        found: list[Seed | None] = list(
            await asyncio.gather(*(shard.call("seed", path, line) for shard in self._shards))
        )
        seed = next((seed for seed in found if seed is not None), None)
        if seed is None:
            raise InvalidInput(
                f"'{path}' is not in the index of '{self._location.collection}'",
                "Give a path below the indexed folder; `raycontext status` lists the files that were skipped.",
            )
        request = RelatedRequest(seed, filters, rows=max(RELATED_ROWS, limit + 1))
        statistics = await self._statistics("related_statistics", request)
        candidates = await asyncio.gather(
            *(shard.call("related_candidates", request, statistics) for shard in self._shards)
        )
        ranked = best_related(candidates, request, statistics, Bm25f())
        hits = await self._hits(
            statistics.version, [chunk for chunk in ranked if chunk.score >= min_score][: limit + 1]
        )
        others = [hit for hit in hits if (hit.path, hit.start_line) != (seed.path, seed.start_line)]
        return others[:limit]

    async def _hits(self, version: int, ranked: Sequence[RankedChunk]) -> list[Hit]:
        wanted: dict[int, list[int]] = {}
        for chunk in ranked:
            wanted.setdefault(chunk.shard, []).append(chunk.row)
        fetched = await asyncio.gather(
            *(self._shards[shard].call("describe", version, rows) for shard, rows in wanted.items())
        )
        queues = {shard: iter(descriptions) for shard, descriptions in zip(wanted, fetched, strict=True)}
        return hits_of(self._location.collection, ranked, [next(queues[chunk.shard]) for chunk in ranked])

    async def _connect(self) -> None:
        first = await self._shard(0)
        count: int = await first.call("num_shards")
        self._shards = [first, *await asyncio.gather(*(self._shard(number) for number in range(1, count)))]

    async def _shard(self, number: int) -> ActorHandle:
        name = search_actor_name(self._location.collection, number)
        return await self._runtime.actor(name, HybridSearchActor, self._location, number)

    async def _statistics(self, method: str, request: SearchRequest | RelatedRequest) -> Statistics:
        """Of all shards, at one version: shards that have not yet seen the newest are asked again for that one."""
        parts: list[Statistics] = list(await asyncio.gather(*(shard.call(method, request) for shard in self._shards)))
        newest = max(part.version for part in parts)
        for number, part in enumerate(parts):
            if part.version != newest:
                parts[number] = await self._shards[number].call(method, request, newest)
            if parts[number].num_shards != len(self._shards):  # rebuilt with another number meanwhile
                raise StaleVersion(self._location.collection, newest)
        return Statistics.total(parts)
