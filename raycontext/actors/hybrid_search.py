"""The actor that answers queries over its shards: mostly one, beyond a node's budget several small ones."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol, TypeVar

from raycontext.actors.calls import calls_of, counted
from raycontext.actors.crash_note import CrashNote
from raycontext.actors.metrics import timed
from raycontext.actors.process import process_status
from raycontext.errors import RuntimeUnavailable
from raycontext.models import ActorStatus
from raycontext.models.hits import Hits
from raycontext.search.query import Candidates, Description, SearchRequest, Statistics
from raycontext.search.ranking.merge import RankedChunk
from raycontext.search.related import RelatedCandidates, RelatedRequest, Seed
from raycontext.search.rows.view import View
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Location
from raycontext.store.storage.patience import patience_until

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)

__all__ = ["HybridSearchActor", "Question", "Shard", "search_actor_name"]

DESCRIBE_SECONDS = 5.0
"""Time in seconds that a question without a deadline waits for an object store that does not answer."""

REST_SECONDS = 600.0
"""Time in seconds after which a shard that nobody asks maps nothing any more, where its actor owns others, too."""


def search_actor_name(collection: str, shard: int, replica: int = 0) -> str:
    """Return the name of the actor that is a replica of a shard."""
    return f"rc/{collection}/{shard}/{replica}" if replica else f"rc/{collection}/{shard}"


class Shard(NamedTuple):
    """Shard that a message is for."""

    location: Location
    """Place of the collection."""
    number: int

    @property
    def name(self) -> str:
        """Name of the shard, as messages of errors and notes have it."""
        return f"{self.location.collection}/{self.number}"


class Question(Protocol[Answer_co]):
    """Question that a shard answers from its view."""

    def answer(self, view: View) -> Answer_co: ...


@counted
class HybridSearchActor:
    """Actor that answers queries over its shards, and measures its calls. Messages name the shard.

    name: name of the actor. shards: what it owns from its start on, also when it is started again.
    note: name of the file that tells what a process before this one died of; "" for none.

    A message for a shard that it does not own is refused with `RuntimeUnavailable`: who owns it is known to the
    Coordinator. Other errors are those of `ShardSearch`.
    """

    def __init__(self, name: str, *shards: Shard, note: str = "") -> None:
        self._name = name
        self._note = CrashNote(note) if note else None
        self._owned = {shard: ShardSearch(shard.location.open(), shard.number) for shard in shards}
        self._used_at = dict.fromkeys(shards, time.monotonic())

    def own(self, shard: Shard) -> bool:
        """Own a shard from now on. Return False, and own nothing new, where the process before died of this shard."""
        if self._note is not None and self._note.before == shard.name:
            return False
        if shard not in self._owned:
            self._owned[shard] = ShardSearch(shard.location.open(), shard.number)
        self._used_at[shard] = time.monotonic()
        for other, used_at in self._used_at.items():
            if time.monotonic() - used_at > REST_SECONDS:
                self._owned[other].clear()
        return True

    def disown(self, collection: str) -> None:
        """Let go of all shards of a collection."""
        for shard in [shard for shard in self._owned if shard.location.collection == collection]:
            del self._owned[shard], self._used_at[shard]

    def owned(self) -> list[Shard]:
        """Return the shards that this actor owns."""
        return list(self._owned)

    def search(self, shard: Shard, request: SearchRequest, limit: int, min_score: float) -> Hits:
        with self._step(shard, "search", request.deadline) as search:
            return search.search(request, limit, min_score)

    def statistics(self, shard: Shard, request: SearchRequest, version: int | None = None) -> Statistics:
        with self._step(shard, "statistics", request.deadline) as search:
            return search.statistics(request, version)

    def candidates(self, shard: Shard, request: SearchRequest, statistics: Statistics) -> Candidates:
        with self._step(shard, "candidates", request.deadline) as search:
            return search.candidates(request, statistics)

    def describe(self, shard: Shard, version: int, chunks: Sequence[RankedChunk], query: str = "") -> list[Description]:
        with self._step(shard, "describe", time.time() + DESCRIBE_SECONDS) as search:
            return search.describe(version, chunks, query)

    def relate(self, shard: Shard, question: Question[Answer], version: int | None = None) -> tuple[int, Answer]:
        """Answer a question about relations, at a version or the newest one. Raises `StaleVersion`."""
        with self._step(shard, "relate", time.time() + DESCRIBE_SECONDS) as search:
            return search.look(question.answer, version)

    def seed(self, shard: Shard, path: str, line: int) -> Seed | None:
        with self._search(shard) as search:
            return search.seed(path, line)

    def related_statistics(self, shard: Shard, request: RelatedRequest, version: int | None = None) -> Statistics:
        with self._search(shard) as search:
            return search.related_statistics(request, version)

    def related_candidates(self, shard: Shard, request: RelatedRequest, statistics: Statistics) -> RelatedCandidates:
        with self._search(shard) as search:
            return search.related_candidates(request, statistics)

    def refresh(self, shard: Shard, version: int | None = None) -> int:
        with self._search(shard) as search:
            opened = search.refresh(version)
        self.process()
        return opened

    def shape(self, shard: Shard) -> tuple[int, str, str]:
        with self._search(shard) as search:
            return search.shape()

    def clear(self, shard: Shard) -> None:
        with self._search(shard) as search:
            search.clear()

    def process(self, asked_at: float | None = None) -> ActorStatus:
        return process_status(self._name, calls_of(self).figures(asked_at))

    @contextmanager
    def _search(self, shard: Shard) -> Iterator[ShardSearch]:
        """Yield the search of a shard, and note that it is worked on."""
        found = self._owned.get(shard)
        if found is None:
            raise RuntimeUnavailable(f"The actor {self._name} does not own the shard {shard.name}", "Search again.")
        self._used_at[shard] = time.monotonic()
        if self._note is None:
            yield found
            return
        self._note.write(shard.name)
        try:
            yield found
        finally:
            self._note.write("")

    @contextmanager
    def _step(self, shard: Shard, step: str, deadline: float) -> Iterator[ShardSearch]:
        """Yield the search of a shard for a step of a query, which is measured, and has patience until its deadline."""
        tags = {"collection": shard.location.collection, "shard": str(shard.number)}
        with (
            self._search(shard) as search,
            patience_until(deadline),
            timed("raycontext_search_seconds", step=step, **tags),
        ):
            yield search

    @staticmethod
    def _turn_of(arguments: Sequence[object]) -> object:
        """Return the key by which calls take turns: a shard with many calls, or slow ones, does not keep out others."""
        return arguments[0] if arguments else None
