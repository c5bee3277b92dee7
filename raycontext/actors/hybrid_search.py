"""The actor that answers queries over one shard of a collection."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from raycontext.actors.calls import calls_of, counted
from raycontext.actors.metrics import timed
from raycontext.actors.process import process_status
from raycontext.errors import RuntimeUnavailable
from raycontext.models import ActorStatus
from raycontext.models.hits import Hits
from raycontext.runtime.base import ActorHandle, Runtime
from raycontext.search.query import Candidates, Description, SearchRequest, Statistics
from raycontext.search.ranking.merge import RankedChunk
from raycontext.search.rows.view import View
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Location
from raycontext.store.storage.patience import patience_until

Answer = TypeVar("Answer")
Parameters = ParamSpec("Parameters")
Answer_co = TypeVar("Answer_co", covariant=True)

__all__ = ["HybridSearchActor", "Question", "of_running", "search_actor_name", "search_actors"]

DESCRIBE_SECONDS = 5.0
"""Time in seconds that a question without a deadline waits for an object store that does not answer."""


def search_actor_name(collection: str, shard: int, replica: int = 0) -> str:
    """Return the name of the actor that is a replica of a shard."""
    return f"rc/{collection}/{shard}/{replica}" if replica else f"rc/{collection}/{shard}"


async def search_actors(
    runtime: Runtime, collection: str, num_shards: int
) -> dict[str, ActorHandle[HybridSearchActor]]:
    """Return the search actors of a collection that run, by name, over all shards and replicas."""
    found: dict[str, ActorHandle[HybridSearchActor]] = {}
    for shard in range(num_shards):
        for replica in itertools.count():
            name = search_actor_name(collection, shard, replica)
            actor = await runtime.find(name, HybridSearchActor)
            if actor is None:
                break
            found[name] = actor
    return found


async def of_running(
    runtime: Runtime,
    collection: str,
    num_shards: int,
    method: Callable[Concatenate[HybridSearchActor, Parameters], Answer],
    /,
    *arguments: Parameters.args,
    **named: Parameters.kwargs,
) -> list[Answer]:
    """Call a method of each search actor of a collection that runs, and return the answers.

    An actor that ends meanwhile is left out: it is idle, and opens the newest version when it comes back.
    """
    actors = await search_actors(runtime, collection, num_shards)
    asked = (actor.call(method, *arguments, **named) for actor in actors.values())
    found = await asyncio.gather(*asked, return_exceptions=True)
    for outcome in found:
        if isinstance(outcome, BaseException) and not isinstance(outcome, RuntimeUnavailable):
            raise outcome
    return [outcome for outcome in found if not isinstance(outcome, BaseException)]


class Question(Protocol[Answer_co]):
    """Question that a shard answers from its view."""

    def answer(self, view: View) -> Answer_co: ...


@counted
class HybridSearchActor(ShardSearch):
    """Actor that makes a `ShardSearch` a process of its own, and measures its calls."""

    def __init__(self, location: Location, shard: int, replica: int = 0) -> None:
        super().__init__(location.open(), shard)
        self._name = search_actor_name(location.collection, shard, replica)
        self._tags = {"collection": location.collection, "shard": str(shard)}

    def search(self, request: SearchRequest, limit: int, min_score: float) -> Hits:
        with patience_until(request.deadline), timed("raycontext_search_seconds", step="search", **self._tags):
            return super().search(request, limit, min_score)

    def statistics(self, request: SearchRequest, version: int | None = None) -> Statistics:
        with patience_until(request.deadline), timed("raycontext_search_seconds", step="statistics", **self._tags):
            return super().statistics(request, version)

    def candidates(self, request: SearchRequest, statistics: Statistics) -> Candidates:
        with patience_until(request.deadline), timed("raycontext_search_seconds", step="candidates", **self._tags):
            return super().candidates(request, statistics)

    def describe(self, version: int, chunks: Sequence[RankedChunk], query: str = "") -> list[Description]:
        limit = patience_until(time.time() + DESCRIBE_SECONDS)
        with limit, timed("raycontext_search_seconds", step="describe", **self._tags):
            return super().describe(version, chunks, query)

    def relate(self, question: Question[Answer], version: int | None = None) -> tuple[int, Answer]:
        """Answer a question about relations, at a version or the newest one. Raises `StaleVersion`."""
        limit = patience_until(time.time() + DESCRIBE_SECONDS)
        with limit, timed("raycontext_search_seconds", step="relate", **self._tags):
            return self.look(question.answer, version)

    def refresh(self, version: int | None = None) -> int:
        opened = super().refresh(version)
        self.process()
        return opened

    def process(self, asked_at: float | None = None) -> ActorStatus:
        return process_status(self._name, calls_of(self).figures(asked_at))
