"""Client side of a query: ask all shards at once, merge their candidates, fetch the texts of the best."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from raycontext.actors.embedder import EmbedderActor, embedder_actors
from raycontext.actors.hybrid_search import HybridSearchActor, Question, Shard
from raycontext.actors.search_owners import Wanted, own_actor
from raycontext.embed.names import is_remote, server_embedder
from raycontext.errors import (
    DeadlineExceeded,
    EmbedderNotAllowed,
    EmbeddingFailed,
    FingerprintMismatch,
    InvalidInput,
    NotIndexedYet,
    RuntimeUnavailable,
    StaleVersion,
)
from raycontext.index.request import EmbedderPlan
from raycontext.models import SearchFilters
from raycontext.models.hits import Hits, Searched
from raycontext.retrying import Retries
from raycontext.runtime.base import ActorHandle, Runtime
from raycontext.sdk.arguments import not_in_index
from raycontext.sdk.clients.replicas import Replicas
from raycontext.search.query import Candidates, Description, SearchRequest, Statistics
from raycontext.search.ranking.kept_weights import Tuned, kept_weights
from raycontext.search.ranking.likely import described_by
from raycontext.search.ranking.merge import RankedChunk, finish, hits_of
from raycontext.search.ranking.ranker import ranker_of
from raycontext.search.related import RelatedCandidates, RelatedRequest, best_related
from raycontext.search.rows.whole_segments import notes_on_missing
from raycontext.search.signals.lexical import Bm25f
from raycontext.store.collection import Location, shard_sizes

__all__ = ["SearchClient"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Answer = TypeVar("Answer")
Request = TypeVar("Request", SearchRequest, RelatedRequest)

ATTEMPTS = 3
"""Number of tries of a query that was overtaken by a commit or by garbage collection, or that could not reach an actor.
"""

RELATED_ROWS = 200
"""Smallest number of chunks that each shard proposes for "related"."""

STATISTICS_SHARE, CANDIDATES_SHARE = 0.5, 0.8
"""Shares of a query's time at which the wait for statistics and for candidates ends. A shard that is later is left out.
"""


class _Time(NamedTuple):
    """Time that a try of a query has, in seconds of the event loop."""

    begun: float
    end: float

    def until(self, share: float = 1.0) -> float:
        """Return the moment at which this share of the time is over."""
        return self.begun + share * (self.end - self.begun)

    def deadline(self) -> float:
        """Return the end in seconds since the epoch, as actors are told it."""
        return time.time() + self.end - asyncio.get_running_loop().time()


class SearchClient:
    """Client that searches one collection through the actors of its shards. Queries do not pass through the
    Coordinator.

    replicas: number of actors of each shard, on different nodes when there are several nodes.
    owner: returns the actor that owns a replica of a shard; its second argument tells whether the last one could not be
    reached. None: each replica has an actor of its own.
    seconds: longest duration of a query, the starts of actors included. Hits of a shard that is later are missing, and
    the result says so. Where no shard answers in time, queries raise `DeadlineExceeded`.
    """

    def __init__(
        self,
        runtime: Runtime,
        location: Location,
        *,
        replicas: int = 1,
        seconds: float = 30.0,
        plan: EmbedderPlan | None = None,
        owner: Callable[[Wanted, bool], Awaitable[ActorHandle[HybridSearchActor]]] | None = None,
    ) -> None:
        self._runtime = runtime
        self._location = location
        self._replicas = replicas
        self._seconds = seconds
        self._plan = plan or EmbedderPlan()
        self._owner = owner or (lambda wanted, again: own_actor(runtime, wanted))
        self._embedder = ""
        self._id = ""
        self._sizes: tuple[int, ...] = ()
        self.shares = False
        """Whether shards whose actors do not run may share one, since many collections are searched at once."""
        self._shards: list[Replicas[HybridSearchActor]] = []

    async def search(self, request: SearchRequest, limit: int, min_score: float, until: float | None = None) -> Hits:
        """Return at most `limit` hits with at least `min_score`, best first.

        until: time of the event loop at which the query ends; None: after its longest duration.

        Where the embedder of the collection may not be used, is gone or another one by now, or its server fails, words
        alone decide, and a note says so. Raises `UnknownCollection` or `NotIndexedYet`, `DeadlineExceeded` when no
        shard answers in time, and `RuntimeUnavailable` when none can be reached.
        """
        end = self._end() if until is None else until
        try:
            found = await self._repeatedly(lambda allowed: self._search(allowed, request, limit, min_score), end)
            return self._indexed(found)
        except (EmbedderNotAllowed, EmbeddingFailed, FingerprintMismatch, InvalidInput) as error:
            # What is wrong with the request itself is raised again below.
            note = f"'{self._location.collection}' was searched by words alone. {error}"
        by_words = replace(request, words_only=True)
        hits = await self._repeatedly(lambda allowed: self._search(allowed, by_words, limit, min_score), end)
        return hits.replaced(hits, [note])

    async def related(self, path: str, line: int, filters: SearchFilters, limit: int, min_score: float) -> Hits:
        """Return at most `limit` chunks similar to the one at a line of a file, best first, without that chunk.

        Raises what `search` raises, and `InvalidInput` when the collection has no such file.
        """
        return await self._repeatedly(
            lambda allowed: self._related(allowed, path, line, filters, limit, min_score), self._end()
        )

    def _indexed(self, hits: Hits) -> Hits:
        """Return the hits. Raises `NotIndexedYet` when nothing was committed that could be searched."""
        if hits.version == 0:
            raise NotIndexedYet(self._location.collection)
        return hits

    async def relate(
        self, question: Question[Answer], version: int | None = None, *, shards: int | None = None
    ) -> tuple[int, dict[int, Answer]]:
        """Return the version and the answers of the shards to a question about relations, by number of the shard.

        All answers are of one version: `version`, or the newest. shards: number of shards that are asked, the first
        ones; None for all. Raises `StaleVersion` where it is gone, `DeadlineExceeded` when no shard answers in time,
        and `RuntimeUnavailable` when none can be reached.
        """
        until = self._end()
        if not self._shards:
            await self._connect(until)
        found = await self._ask(self._all()[:shards], until, HybridSearchActor.relate, question, version)
        newest = max(at for at, _ in found.values())
        late = [number for number, (at, _) in found.items() if at != newest]
        if late:
            found |= await self._ask(late, until, HybridSearchActor.relate, question, newest)
        return newest, {number: answer for number, (at, answer) in sorted(found.items()) if at == newest}

    @property
    def shards(self) -> int:
        """Number of shards that are connected; 0 where that is not known yet."""
        return len(self._shards)

    async def repeatedly(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Return what `attempt` returns, and try again when a commit or a lost actor interrupts it."""
        return await self._repeatedly(lambda _: attempt(), self._end())

    async def tuned(self, until: float | None = None) -> Tuned:
        """Return what weights of this user are kept for. `until` is like that of `search`; raises what that raises."""
        await self._repeatedly(lambda _: asyncio.sleep(0), self._end() if until is None else until)
        return Tuned(self._location.root, self._location.collection, self._id, self._embedder)

    async def with_weights(self, request: SearchRequest, until: float | None = None) -> SearchRequest:
        """Return a request with the weights that this user keeps for the collection. Raises what `search` raises.

        until: like that of `search`.
        """
        weights = await asyncio.to_thread(kept_weights, await self.tuned(until))
        return request if weights is None else replace(request, weights=weights)

    async def with_vector(self, request: SearchRequest) -> SearchRequest:
        """Return a request with the vector of its text where a server has the embedder. Raises what `search` raises."""
        return replace(request, vector=await self._repeatedly(lambda _: self._vector(request.text), self._end()))

    async def warm(self) -> None:
        """Start the actors of all shards and have them open the newest version, however long that takes.

        Raises `UnknownCollection`, and `RuntimeUnavailable` where an actor cannot be started.
        """
        if not self._shards:
            await self._connect(math.inf)
        await asyncio.gather(*(self._asked(number, HybridSearchActor.refresh, None) for number in self._all()))

    def close(self) -> None:
        """Drop the connections to the shards and cancel the starts of their replicas."""
        while self._shards:
            self._shards.pop().close()

    async def _repeatedly(self, attempt: Callable[[_Time], Awaitable[Result]], end: float) -> Result:
        """Return what `attempt` returns, and try again when a commit or a lost actor interrupts it before `end`.

        Each attempt gets what is left of the time. `end` is a time of the event loop. Raises `DeadlineExceeded` where
        the time ends before the shards are known.
        """

        async def once() -> Result:
            try:
                if not self._shards:
                    await self._connect(end)
                return await attempt(_Time(asyncio.get_running_loop().time(), end))
            except StaleVersion:  # the collection may have another number of shards by now
                self.close()
                raise

        left = end - asyncio.get_running_loop().time()
        return await Retries((StaleVersion, RuntimeUnavailable), attempts=ATTEMPTS, seconds=left).run(once)

    def _end(self) -> float:
        """Return the time of the event loop at which a query that begins now ends."""
        return asyncio.get_running_loop().time() + self._seconds

    async def _search(self, allowed: _Time, request: SearchRequest, limit: int, min_score: float) -> Hits:
        """Ask the shards once and return their merged hits. A single shard ranks and describes by itself."""
        vector = None if request.words_only else await self._vector(request.text)
        request = replace(request, deadline=allowed.deadline(), vector=vector, hits=limit)
        if len(self._shards) == 1:
            found = await self._ask([0], allowed.end, HybridSearchActor.search, request, limit, min_score)
            return found[0]
        shards, total = await self._statistics(allowed, HybridSearchActor.statistics, request)
        candidates = await self._candidates(allowed, HybridSearchActor.candidates, request, shards, total)
        ranked = finish(ranker_of(request.weights), request, list(candidates.values()), limit, min_score)
        hits = await self._hits(allowed, total.version, candidates, ranked, request.text)
        return hits.replaced(hits, notes_on_missing(self._location.collection, total.missing_files))

    async def _related(
        self, allowed: _Time, path: str, line: int, filters: SearchFilters, limit: int, min_score: float
    ) -> Hits:
        """Find the seed chunk, ask the shards for similar ones, and return the best without the seed."""
        until = allowed.until(STATISTICS_SHARE)
        found = await self._ask(self._all(), until, HybridSearchActor.seed, path, line)
        seed = next((seed for seed in found.values() if seed is not None), None)
        if seed is None:
            if len(found) < len(self._shards):
                raise DeadlineExceeded(self._location.collection)
            if await self._asked(0, HybridSearchActor.refresh, None) == 0:
                raise NotIndexedYet(self._location.collection)
            raise not_in_index(path, self._location.collection)
        request = RelatedRequest(seed, filters, rows=max(RELATED_ROWS, limit + 1), deadline=allowed.deadline())
        shards, total = await self._statistics(allowed, HybridSearchActor.related_statistics, request)
        candidates = await self._candidates(allowed, HybridSearchActor.related_candidates, request, shards, total)
        ranked = best_related(list(candidates.values()), request, total, Bm25f())
        ranked = [chunk for chunk in ranked if chunk.score >= min_score][: limit + 1]
        hits = await self._hits(allowed, total.version, candidates, ranked)
        others = [hit for hit in hits if (hit.path, hit.start_line) != (seed.path, seed.start_line)]
        return hits.replaced(others[:limit], notes_on_missing(self._location.collection, total.missing_files))

    async def _statistics(
        self,
        allowed: _Time,
        method: Callable[[HybridSearchActor, Shard, Request, int | None], Statistics],
        request: Request,
    ) -> tuple[list[int], Statistics]:
        """Return the numbers of the shards that answer, and their statistics added up at one version of the collection.

        A shard that answered for an older version than the newest is asked again for the newest.
        """
        until = allowed.until(STATISTICS_SHARE)
        parts = await self._ask(self._all(), until, method, request, None)
        newest = max(part.version for part in parts.values())
        late = [number for number, part in parts.items() if part.version != newest]
        if late:
            again = await self._ask(late, until, method, request, newest)
            parts = {number: again.get(number, part) for number, part in parts.items()}
            parts = {number: part for number, part in parts.items() if part.version == newest}
        if any(
            part.num_shards != len(self._shards) for part in parts.values()
        ):  # rebuilt with another number of shards in the meantime
            raise StaleVersion(self._location.collection, newest)
        shards = sorted(parts)
        return shards, Statistics.total([parts[number] for number in shards])

    async def _candidates(
        self,
        allowed: _Time,
        method: Callable[[HybridSearchActor, Shard, Request, Statistics], Result],
        request: Request,
        shards: list[int],
        total: Statistics,
    ) -> dict[int, Result]:
        """Return the candidates of some shards that come in time, by number of the shard."""
        until = allowed.until(CANDIDATES_SHARE)
        return await self._ask(shards, until, method, request, total)

    async def _hits(
        self,
        allowed: _Time,
        version: int,
        candidates: Mapping[int, Candidates | RelatedCandidates],
        ranked: Sequence[RankedChunk],
        query: str = "",
    ) -> Hits:
        """Return the ranked chunks as hits with their texts. Shards are asked for those that did not come with the
        candidates; chunks of shards that no longer answer are left out.
        """
        described: dict[tuple[int, int], Description] = {}
        wanted: dict[int, list[RankedChunk]] = {}
        for chunk in ranked:
            part = candidates[chunk.shard]
            if isinstance(part, Candidates) and (known := described_by(part, chunk)) is not None:
                described[chunk.shard, chunk.row] = known
            else:
                wanted.setdefault(chunk.shard, []).append(chunk)
        asked = (
            self._ask([shard], allowed.end, HybridSearchActor.describe, version, chunks, query)
            for shard, chunks in wanted.items()
        )
        missing = set(self._all()) - set(candidates)
        for shard, answer in zip(wanted, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(answer, RuntimeUnavailable | DeadlineExceeded):
                missing.add(shard)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                rows = (chunk.row for chunk in wanted[shard])
                described.update({(shard, row): one for row, one in zip(rows, answer[shard], strict=True)})
        there = [chunk for chunk in ranked if (chunk.shard, chunk.row) in described]
        shown = [described[chunk.shard, chunk.row] for chunk in there]
        hits = hits_of(self._location.collection, there, shown)
        total = len(self._shards)
        searched = Searched(collection=self._location.collection, version=version)
        return Hits(hits, shards_answered=total - len(missing), shards_total=total, searched=[searched])

    async def _ask(
        self,
        shards: Iterable[int],
        until: float,
        method: Callable[Concatenate[HybridSearchActor, Shard, Parameters], Result],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> dict[int, Result]:
        """Call a method of some shards and return the answers that come before `until`, by number of the shard.

        `until` is a time of the event loop. Raises what the method raises, `DeadlineExceeded` when no shard answers in
        time, and `RuntimeUnavailable` when none can be reached.
        """
        tasks = {number: asyncio.ensure_future(self._asked(number, method, *arguments, **named)) for number in shards}
        try:
            await asyncio.wait(tasks.values(), timeout=max(until - asyncio.get_running_loop().time(), 0.0))
        finally:
            for task in tasks.values():
                task.cancel()
        answered = {number: task for number, task in tasks.items() if task.done() and not task.cancelled()}
        problems = {number: task.exception() for number, task in answered.items()}
        for problem in problems.values():
            if problem is not None and not isinstance(problem, RuntimeUnavailable | DeadlineExceeded):
                raise problem
        answers = {number: task.result() for number, task in answered.items() if problems[number] is None}
        if not answers:
            unreachable = (problem for problem in problems.values() if isinstance(problem, RuntimeUnavailable))
            raise next(unreachable, DeadlineExceeded(self._location.collection))
        return answers

    async def _asked(
        self,
        number: int,
        method: Callable[Concatenate[HybridSearchActor, Shard, Parameters], Result],
        /,
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result:
        """Call a method of one shard."""
        return await self._shards[number].call(method, self._shard(number), *arguments, **named)

    def _all(self) -> range:
        return range(len(self._shards))

    async def _vector(self, text: str) -> tuple[str, Any] | None:
        """Return the fingerprint and the vector of a query when a server has the embedder; None otherwise.

        The server is asked once for all shards. Raises `EmbeddingFailed`.
        """
        if not self._embedder or not is_remote(self._embedder):
            return None
        (actor,) = await embedder_actors(self._runtime, self._embedder, self._plan)
        return server_embedder(self._embedder).fingerprint, await actor.call(EmbedderActor.embed_query, text)

    async def _connect(self, until: float) -> None:
        """Ask the first shard for the number of shards and the embedder, then start the actors of all shards.

        until: time of the event loop. Raises `DeadlineExceeded` where the first shard does not answer by then; its
        start goes on.
        """
        first = Replicas(partial(self._actor, 0), self._replicas)
        try:
            async with asyncio.timeout_at(until if until < math.inf else None):
                if self._runtime.name == "ray":  # shards are spread over nodes, or share an actor, by their sizes
                    self._sizes = await asyncio.to_thread(shard_sizes, self._location)
                count, self._embedder, self._id = await first.call(HybridSearchActor.shape, self._shard(0))
        except TimeoutError:
            raise DeadlineExceeded(self._location.collection) from None
        self._shards = [first, *(Replicas(partial(self._actor, number), self._replicas) for number in range(1, count))]
        for shard in self._shards:
            shard.warm()

    async def _actor(self, shard: int, replica: int, again: bool) -> ActorHandle[HybridSearchActor]:
        """Return the actor that owns a replica of a shard, and start it when it does not run."""
        size = sum(self._sizes[shard : shard + 1])
        return await self._owner(Wanted(self._shard(shard), replica, self._replicas, size, self.shares), again)

    def _shard(self, number: int) -> Shard:
        return Shard(self._location, number)
