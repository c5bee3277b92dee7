"""A query as the caller sees it: ask all shards at once, merge, fetch the texts of what is left."""

from __future__ import annotations

import asyncio

from raycontext.actors.hybrid_search import HybridSearchActor, search_actor_name
from raycontext.errors import RuntimeUnavailable, StaleVersion
from raycontext.models import Hit
from raycontext.runtime.base import ActorHandle, Runtime
from raycontext.search.merge import finish, hits_of
from raycontext.search.query import SearchRequest, Statistics
from raycontext.search.ranker import LinearRanker, Ranker
from raycontext.store.collection import Location

__all__ = ["SearchClient"]

ATTEMPTS = 3
"""A query that a commit, garbage collection or the end of an actor overtook is asked again."""


class SearchClient:
    """Searches one collection through its shards' actors; the query never passes through the Coordinator."""

    def __init__(self, runtime: Runtime, location: Location, ranker: Ranker | None = None) -> None:
        self._runtime = runtime
        self._location = location
        self._ranker: Ranker = ranker or LinearRanker()
        self._shards: list[ActorHandle] = []

    async def search(self, request: SearchRequest, limit: int, min_score: float) -> list[Hit]:
        """At most `limit` hits, best first. Raises `UnknownCollection`, `FingerprintMismatch`, `RuntimeUnavailable`."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._attempt(request, limit, min_score)
            except (StaleVersion, RuntimeUnavailable):
                self._shards.clear()
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    async def _attempt(self, request: SearchRequest, limit: int, min_score: float) -> list[Hit]:
        if not self._shards:
            await self._connect()
        if len(self._shards) == 1:
            hits: list[Hit] = await self._shards[0].call("search", request, limit, min_score)
            return hits
        statistics = await self._statistics(request)
        candidates = await asyncio.gather(*(shard.call("candidates", request, statistics) for shard in self._shards))
        ranked = finish(self._ranker, request, candidates, limit, min_score)
        wanted: dict[int, list[int]] = {}
        for chunk in ranked:
            wanted.setdefault(chunk.shard, []).append(chunk.row)
        fetched = await asyncio.gather(
            *(self._shards[shard].call("describe", statistics.version, rows) for shard, rows in wanted.items())
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

    async def _statistics(self, request: SearchRequest) -> Statistics:
        """Of all shards, at one version: shards that have not yet seen the newest are asked again for that one."""
        parts: list[Statistics] = list(
            await asyncio.gather(*(shard.call("statistics", request) for shard in self._shards))
        )
        newest = max(part.version for part in parts)
        for number, part in enumerate(parts):
            if part.version != newest:
                parts[number] = await self._shards[number].call("statistics", request, newest)
            if parts[number].num_shards != len(self._shards):  # rebuilt with another number meanwhile
                raise StaleVersion(self._location.collection, newest)
        return Statistics.total(parts)
