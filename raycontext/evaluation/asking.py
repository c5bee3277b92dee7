"""Questions that tasks ask a collection: the hits of each, or the candidates from which any weights can rank them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.runtime.task import task
from raycontext.search.query import Candidates, SearchRequest, Statistics
from raycontext.search.ranking.merge import RankedChunk, finish
from raycontext.search.ranking.ranker import Ranker, ranker_of
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Location

__all__ = ["Answered", "Asked", "Place", "ask", "gather"]


class Place(NamedTuple):
    """Lines of a file, from 1 and inclusive."""

    path: str
    start_line: int
    end_line: int


class Answered(NamedTuple):
    """Answer to a question: the places of its hits, best first."""

    places: tuple[Place, ...]
    milliseconds: float
    """Duration of the search in the task, in milliseconds."""


class Asked(NamedTuple):
    """Question with all candidates, so that it can be answered with any weights of the ranker."""

    request: SearchRequest
    candidates: tuple[Candidates, ...]
    """Candidates of each shard."""
    paths: tuple[tuple[str, ...], ...]
    """Paths of the candidate files of each shard."""
    lines: tuple[NDArray[np.int64], ...]
    """First and last line of the candidate chunks of each shard, [2, n]."""

    def answer(self, ranker: Ranker, limit: int) -> list[Place]:
        """Return the places of the hits with a ranker, best first."""
        by_shard = {part.shard: number for number, part in enumerate(self.candidates)}
        return [
            self._place(by_shard[chunk.shard], chunk)
            for chunk in finish(ranker, self.request, self.candidates, limit, 0.0)
        ]

    def _place(self, number: int, chunk: RankedChunk) -> Place:
        part = self.candidates[number]
        at = int(np.flatnonzero(part.rows == chunk.row)[0])
        file = int(np.searchsorted(part.row_offsets, at, side="right")) - 1
        first, last = self.lines[number][:, at].tolist()
        return Place(self.paths[number][file], first, last)


@task()
def ask(location: Location, requests: Sequence[SearchRequest], limit: int) -> list[Answered]:
    """Ask a collection some questions and return the answers. Raises what `ShardSearch.search` raises."""
    shards = _shards(location)
    answers = []
    for request in requests:
        begun = time.perf_counter()
        total, candidates = _candidates(shards, request)
        ranked = finish(ranker_of(request.weights), request, candidates, limit, 0.0)
        described = {
            (shard, chunk.row): description
            for shard, search in enumerate(shards)
            if (mine := [chunk for chunk in ranked if chunk.shard == shard])
            for chunk, description in zip(mine, search.describe(total.version, mine, request.text), strict=True)
        }
        found = [described[chunk.shard, chunk.row] for chunk in ranked]
        places = tuple(Place(each.path, each.start_line, each.end_line) for each in found)
        answers.append(Answered(places, (time.perf_counter() - begun) * 1e3))
    return answers


@task()
def gather(location: Location, requests: Sequence[SearchRequest]) -> list[Asked]:
    """Ask a collection some questions and return their candidates. Raises what `ShardSearch.candidates` raises."""
    shards = _shards(location)
    asked = []
    for request in requests:
        total, candidates = _candidates(shards, request)
        paths = tuple(
            tuple(search.path(total.version, file) for file in part.files.tolist())
            for search, part in zip(shards, candidates, strict=True)
        )
        lines = tuple(search.lines(total.version, part.rows) for search, part in zip(shards, candidates, strict=True))
        asked.append(Asked(request, tuple(candidates), paths, lines))
    return asked


def _shards(location: Location) -> list[ShardSearch]:
    collection = location.open()
    count, _, _ = ShardSearch(collection, 0).shape()
    return [ShardSearch(collection, number) for number in range(count)]


def _candidates(shards: Sequence[ShardSearch], request: SearchRequest) -> tuple[Statistics, list[Candidates]]:
    """Return the statistics of a question over all shards, of one version, and the candidates of each shard."""
    first = shards[0].statistics(request)
    total = Statistics.total([first, *(shard.statistics(request, first.version) for shard in shards[1:])])
    return total, [shard.candidates(request, total) for shard in shards]
