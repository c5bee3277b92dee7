"""Actors that embed texts: a pool of them for a heavy model in a folder, one for the server of an embedder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import xxhash
from numpy.typing import NDArray

from raycontext.actors.calls import calls_of, counted
from raycontext.actors.metrics import add
from raycontext.actors.process import process_status
from raycontext.embed.models.local import LocalEmbedder
from raycontext.embed.names import is_remote
from raycontext.embed.permission import check_permitted
from raycontext.embed.registry import opened_embedder
from raycontext.embed.remote.allowance import Budget
from raycontext.embed.remote.providers import RemoteEmbedder
from raycontext.embed.vectors import quantize
from raycontext.errors import EmbeddingFailed
from raycontext.index.request import EmbedderPlan
from raycontext.index.work.pooled_embedder import EmbeddedTexts
from raycontext.models import ActorStatus
from raycontext.runtime.base import ActorHandle, Placement, Runtime

if TYPE_CHECKING:
    from raycontext.embed.remote.server import EmbeddingServer

__all__ = ["EmbedderActor", "actor_count", "embedder_actors", "embedder_name"]

QUERY_SECONDS = 2.0
"""Time that a server has for the vector of a query, further tries included, in seconds. A search then goes without."""

KEPT_QUERIES = 1000
"""Number of queries whose vectors are kept."""
KEPT_RUNS = 1000
"""Number of index runs whose budgets of tokens are kept."""


@counted
class EmbedderActor:
    """Actor that holds one embedder, which index tasks and queries of all processes share."""

    def __init__(self, name: str, plan: EmbedderPlan) -> None:
        self._name = name
        self._embedder = opened_embedder(name, "cuda" if plan.gpus else "cpu")
        self._server: EmbeddingServer | None = None
        if isinstance(self._embedder, RemoteEmbedder):
            from raycontext.embed.remote.server import EmbeddingServer  # imports an HTTP client, which is slow

            self._server = EmbeddingServer(self._embedder, plan.limits)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="raycontext-embedder")
        self._budgets: dict[str, Budget] = {}
        self._queries: dict[str, NDArray[np.float32]] = {}

    async def embed(self, texts: Sequence[str], run: str, most_tokens: int | None, spent_tokens: int) -> EmbeddedTexts:
        """Return the vectors of texts, none of which is blank. A server that fails, or the end of the budget, leaves
        some out.

        run: name of the index run that pays.
        most_tokens: largest cost of that run, in tokens; None means no limit.
        spent_tokens: tokens that the run knows it has spent.

        Raises `InvalidInput` when a model cannot be used, and `EmbedderNotAllowed`.
        """
        check_permitted(self._name)
        if self._server is None:
            model = self._model()
            vectors = await asyncio.get_running_loop().run_in_executor(self._thread, model.embed_texts, texts)
            add("raycontext_embedded_texts_total", len(texts), embedder=self._name)
            return EmbeddedTexts(np.arange(len(texts)), quantize(vectors), 0, None)
        budget = self._budgets.setdefault(run, Budget(most_tokens))
        budget.most, budget.spent = most_tokens, max(budget.spent, spent_tokens)
        for old in list(self._budgets)[:-KEPT_RUNS]:
            del self._budgets[old]
        found = await self._server.embed(texts, "document", budget)
        add("raycontext_embedded_texts_total", len(found.places), embedder=self._name)
        add("raycontext_embedding_tokens_total", found.tokens, embedder=self._name)
        return EmbeddedTexts(found.places, quantize(found.vectors), found.tokens, found.error, found.refused)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a query, float32[dimension], of unit length. Recent ones are kept.

        Only an embedder on a server is asked this way. Raises `EmbeddingFailed`.
        """
        check_permitted(self._name)
        if text not in self._queries:
            assert self._server is not None
            try:
                async with asyncio.timeout(QUERY_SECONDS):
                    found = await self._server.embed([text], "query", Budget(None))
            except TimeoutError:
                raise EmbeddingFailed(
                    self._name, f"did not answer a query within {QUERY_SECONDS:g} s", "Look whether it is up."
                ) from None
            if found.error is not None:
                raise found.error
            self._queries[text] = found.vectors[0]
            for old in list(self._queries)[:-KEPT_QUERIES]:
                del self._queries[old]
        return self._queries[text]

    async def process(self, asked_at: float | None = None) -> ActorStatus:
        return await asyncio.to_thread(process_status, embedder_name(self._name), calls_of(self).figures(asked_at))

    async def close(self) -> None:
        """End the requests that are under way and the thread of the model."""
        if self._server is not None:
            await self._server.close()
        await asyncio.to_thread(self._thread.shutdown, True, cancel_futures=True)

    def _model(self) -> LocalEmbedder:
        assert isinstance(self._embedder, LocalEmbedder)
        return self._embedder


def embedder_name(name: str, number: int = 0) -> str:
    """Return the name of an actor. `name` is that of the embedder, `number` that of the actor in its pool."""
    identity = f"rc-embedder/{xxhash.xxh3_64_hexdigest(name.encode(errors='surrogateescape'))}"
    return f"{identity}/{number}" if number else identity


def actor_count(name: str, plan: EmbedderPlan) -> int:
    """Return the number of actors that embed; 0 when index tasks embed by themselves. Raises `InvalidInput`."""
    embedder = opened_embedder(name)
    if isinstance(embedder, RemoteEmbedder):
        return 1  # one actor knows all that is asked of the server, and keeps its limits
    return plan.actors if isinstance(embedder, LocalEmbedder) and embedder.is_heavy else 0


async def embedder_actors(runtime: Runtime, name: str, plan: EmbedderPlan) -> tuple[ActorHandle[EmbedderActor], ...]:
    """Return the actors of an embedder, started when needed, also where they have ended since they were last asked.

    Tasks, which get these handles, make no actor anew. Raises `InvalidInput` or `RuntimeUnavailable`.
    """
    count = await asyncio.to_thread(actor_count, name, plan)
    gpus = 0.0 if is_remote(name) else plan.gpus
    made = (
        runtime.actor(embedder_name(name, number), Placement(gpus=gpus), EmbedderActor, name, plan)
        for number in range(count)
    )
    actors = tuple(await asyncio.gather(*made))
    await asyncio.gather(*(actor.call(EmbedderActor.process) for actor in actors))
    return actors
