"""Evaluation of search and fit of its weights, on judged queries or on questions mined from the source itself."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from raycontext.actors.coordinator import COORDINATOR, Coordinator
from raycontext.embed.permission import check_permitted
from raycontext.errors import InvalidInput
from raycontext.evaluation.asking import Asked, ask, gather
from raycontext.evaluation.held_out import MINES, Mine, mined
from raycontext.evaluation.scoring import Evaluation, JudgedQueries, evaluation_of
from raycontext.evaluation.tuning import Tuning, fitted, refuse_few
from raycontext.files.paths import real_path
from raycontext.index.reuse.own_sources import forget_own_source, is_own_source
from raycontext.models import IndexOptions, SearchFilters
from raycontext.runtime.base import Runtime
from raycontext.runtime.inline import InlineRuntime
from raycontext.runtime.processes import ProcessRuntime
from raycontext.sdk.access.publishing import PublishAccess
from raycontext.sdk.arguments import check_limits, check_query
from raycontext.sdk.clients.search import SearchClient
from raycontext.search.query import SearchRequest
from raycontext.search.ranking.kept_weights import forget_weights, keep_weights
from raycontext.search.ranking.merge import MOST_FURTHER
from raycontext.store.collection import Location

__all__ = ["CANDIDATE_FILES", "HELD_OUT", "EvaluationAccess"]

CANDIDATE_FILES = 60
"""Smallest number of files that the shards together propose for ranking. It grows with the number of hits asked for."""
LEAST_MINED = 10
"""Smallest number of mined questions that say anything."""
QUESTIONS_OF_TASK = 20
"""Number of questions that one task asks."""
TUNED_ROWS = 4
"""Number of chunks of a file that may be hits where weights are fitted. Further ones hardly ever are."""
HELD_OUT = "held-out"
"""Name of the collection of a held-out state, in a root of its own."""

Answer = TypeVar("Answer")


class _Examined(NamedTuple):
    """Collection to which questions are put, and the questions."""

    runtime: Runtime
    client: SearchClient
    location: Location
    judged: JudgedQueries


class EvaluationAccess(PublishAccess, ABC):
    """Evaluation and tuning: what `Context` offers beside its own searches."""

    async def evaluate(
        self,
        queries: JudgedQueries | None = None,
        *,
        mine: Mine | None = None,
        collection: str | None = None,
        path: str | Path | None = None,
        limit: int = 10,
        questions: int = 300,
    ) -> Evaluation:
        """Score the search of a collection: NDCG, recall and MRR, each with its 95 % interval.

        queries: judged queries, read by `raycontext.evaluation.read_judged`; they are put to the index as it is.
        mine: makes the questions from the source instead, and puts them to a copy that their answers were taken out of.
        "docs" takes first sentences of doc comments, which the copy lacks; the answer is the lines of the definition.
        "commits" takes subjects of the newest commits, whose answers are the files that they changed; the copy is the
        state before them. The copy and its index lie in this user's folder for temporary files until the call ends.
        collection, path: like those of `search`, without a limit to `path`. Weights that `tune` keeps for it count.
        limit: number of hits of each question that count.
        questions: largest number of mined questions.

        Raises what `search` raises, and `InvalidInput` where the source gives too few questions.
        """
        check_limits(limit, 0.0)
        name = await self._resolve(collection, path)
        own = self._client(name)
        async with self._examined(name, queries, mine, questions) as examined:
            request = SearchRequest(
                "", SearchFilters(), max(CANDIDATE_FILES, limit), limit + MOST_FURTHER, 1.0 - self._settings.diversity
            )
            request = await self._answer_of(name, own.with_weights(request))
            asked = await self._requests(examined, request)
            answers = await _in_tasks(asked, lambda part: examined.runtime.run(ask, examined.location, part, limit))
            return evaluation_of(examined.judged, [(answer.places, answer.milliseconds) for answer in answers], limit)

    async def tune(
        self,
        queries: JudgedQueries | None = None,
        *,
        mine: Mine | None = None,
        collection: str | None = None,
        path: str | Path | None = None,
        questions: int = 1000,
        keep: bool = False,
    ) -> Tuning:
        """Fit the weights of the ranker for one collection, and keep them where they are significantly better.

        Questions are those of `evaluate`, at least 200. The gain is measured on questions that the weights have not
        seen. Kept weights are this user's own: they lie in the user's state folder, count in searches of this
        collection alone, and not in a search of several collections, whose scores are compared. `untune` removes them.

        queries, mine, collection, path, questions: like those of `evaluate`.
        keep: True keeps the weights in any case.

        Raises what `evaluate` raises, `InvalidInput` for fewer than 200 questions, and `StorageError` where the weights
        cannot be kept.
        """
        name = await self._resolve(collection, path)
        async with self._examined(name, queries, mine, questions) as examined:
            refuse_few(len(examined.judged.queries))
            request = SearchRequest("", SearchFilters(), CANDIDATE_FILES, TUNED_ROWS, 1.0 - self._settings.diversity)
            requests = await self._requests(examined, request)
            found: list[Asked] = await _in_tasks(
                requests, lambda part: examined.runtime.run(gather, examined.location, part)
            )
            result = await fitted(examined.runtime, examined.judged.queries, found)
        tuning = await asyncio.to_thread(result.tuning, name, mine, keep=keep)
        if tuning.kept:
            tuned = await self._answer_of(name, self._client(name).tuned())
            await asyncio.to_thread(keep_weights, tuned, result.weights)
        return tuning

    async def untune(self, collection: str | None = None, *, path: str | Path | None = None) -> bool:
        """Remove the weights that this user keeps for a collection. Return False where there are none.

        `collection` and `path` are like those of `search`. Raises what `search` raises.
        """
        name = await self._resolve(collection, path)
        tuned = await self._answer_of(name, self._client(name).tuned())
        return await asyncio.to_thread(forget_weights, tuned)

    @abstractmethod
    async def _index_apart(self, root: str, runtime: Runtime, source: str, options: IndexOptions) -> None:
        """Index a folder as the collection `HELD_OUT` of another root. Implemented by `Context`."""

    @asynccontextmanager
    async def _examined(
        self, name: str, queries: JudgedQueries | None, mine: Mine | None, most: int
    ) -> AsyncIterator[_Examined]:
        """Yield the collection that questions are put to, with the questions. A held-out one is gone afterwards."""
        if (queries is None) == (mine is None):
            raise InvalidInput("Give judged queries or what to mine, one of both", "Mine 'docs' or 'commits'.")
        location = Location(self._root, name, self._storage_options)
        if queries is not None:
            yield _Examined(self._runtime, self._client(name), location, queries)
            return
        if mine not in MINES:
            raise InvalidInput(f"Nothing can be mined from {mine!r}", f"Mine one of {', '.join(MINES)}.")
        if isinstance(most, bool) or not isinstance(most, int) or most < LEAST_MINED:
            raise InvalidInput(f"questions is {most!r}", f"Ask for at least {LEAST_MINED} questions.")
        options, source = await self._built_with(name)
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="raycontext-held-out-")
        runtime = InlineRuntime() if self._runtime.name == "inline" else ProcessRuntime(self._settings.workers)
        copy, root = Path(folder) / "source", str(Path(folder) / "root")
        try:
            await asyncio.to_thread(copy.mkdir)
            await runtime.start()
            found = await mined(runtime, mine, source, options, most, copy)
            if len(found.questions) < LEAST_MINED:
                raise InvalidInput(
                    f"The source gives only {len(found.questions)} questions from {mine}",
                    "Mine the other kind, or judge queries.",
                )
            await self._index_apart(root, runtime, str(copy), options)
            held_out = Location(root, HELD_OUT)
            yield _Examined(runtime, SearchClient(runtime, held_out), held_out, JudgedQueries(queries=found.questions))
        finally:
            await _ended(runtime)
            await asyncio.to_thread(forget_own_source, root, await asyncio.to_thread(real_path, copy))
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _built_with(self, name: str) -> tuple[IndexOptions, str]:
        """Return the options that a collection was built with, in one shard, and its source.

        Raises `NotIndexedYet`, `InvalidInput` where this user has not indexed the source under this root, and
        `EmbedderNotAllowed` where nobody but the collection names its embedder.
        """
        location = Location(self._root, name, self._storage_options)
        collection = await asyncio.to_thread(location.open)
        manifest = await asyncio.to_thread(collection.latest)
        if manifest is None:
            raise await self._not_indexed(name)
        source = (await asyncio.to_thread(collection.identity)).source
        if not await asyncio.to_thread(is_own_source, self._root, source):
            raise InvalidInput(
                f"Questions are mined from folders that you have indexed here, and {source} is none",
                "Index it first.",
            )
        options = manifest.options.model_copy(update={"num_shards": 1})
        await asyncio.to_thread(check_permitted, options.embedder)
        return options, source

    async def _requests(self, examined: _Examined, template: SearchRequest) -> list[SearchRequest]:
        """Return the requests of the questions, with vectors where a server has the embedder."""
        requests = []
        for number, judgement in enumerate(examined.judged.queries):
            try:
                check_query(judgement.query)
            except InvalidInput as error:
                raise InvalidInput(f"queries.{number}: {error.what}", error.advice) from error
            requests.append(await examined.client.with_vector(replace(template, text=judgement.query)))
        return requests


async def _in_tasks(
    requests: Sequence[SearchRequest], run: Callable[[list[SearchRequest]], Awaitable[list[Answer]]]
) -> list[Answer]:
    """Return the answers of tasks that each answer some of the requests, in the order of the requests."""
    parts = [list(requests[begin : begin + QUESTIONS_OF_TASK]) for begin in range(0, len(requests), QUESTIONS_OF_TASK)]
    return [answer for answers in await asyncio.gather(*map(run, parts)) for answer in answers]


async def _ended(runtime: Runtime) -> None:
    """End a runtime when the background work of its Coordinator is done."""
    coordinator = await runtime.find(COORDINATOR, Coordinator)
    if coordinator is not None:
        await coordinator.call(Coordinator.settle)
    await runtime.close()
