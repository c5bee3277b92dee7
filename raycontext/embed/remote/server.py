"""Client of an embedding server: it keeps the pace that server and settings allow, retries, and never exceeds a budget.

One client sends the requests of a whole cluster, so that the pace and the server's `Retry-After` hold for all. Its
state belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Sequence
from typing import NamedTuple

import httpx2
import numpy as np
from numpy.typing import NDArray

from raycontext.batching import cut_into_runs
from raycontext.embed.remote.allowance import Backoff, Budget, Limits, Pace, retry_after_seconds
from raycontext.embed.remote.providers import (
    MOST_CHARACTERS,
    Answer,
    Purpose,
    RemoteEmbedder,
    UnusableAnswer,
    tokens_at_most,
)
from raycontext.errors import EmbeddingBudgetExceeded, EmbeddingFailed
from raycontext.files.foreign_json import read_json

__all__ = ["Embedded", "EmbeddingServer"]

REQUESTS_AT_ONCE = 8
"""Largest number of requests that are under way at the same time."""
CONNECT_SECONDS = 10.0
"""Time in seconds that a connection may take to open."""
MOST_WAIT_SECONDS = 900.0
"""Longest time in seconds that a server may ask us to wait for one request, in all."""

TOO_MUCH = {400, 413, 422}
"""Status codes of servers for which a request has too many texts, or a text too many tokens."""
PROBE = "dimension"
"""Text that no server refuses for what it says. One that refuses it takes no text at all."""
LEAST_CHARACTERS = 500
"""Number of characters below which a refused text is not cut any further."""
AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 529}
"""Status codes after which the request is sent again."""
REFUSED = {401, 403}
"""Status codes of servers that do not accept the key."""


class Embedded(NamedTuple):
    """Result of embedding n texts, of which k have vectors."""

    places: NDArray[np.int64]
    """Indices of the texts that have vectors, int64[k]."""
    vectors: NDArray[np.float32]
    """Vectors of these texts, float32[k, dimension], of unit length or zero."""
    tokens: int
    """Tokens that the server counted for the requests."""
    refused: NDArray[np.int64]
    """Indices of the texts that the server refuses while it takes others: they get no vector."""
    error: BaseException | None
    """Error because of which the other texts have no vectors."""


class _Asked:
    """Batch of texts that waits for its vectors."""

    def __init__(self, places: list[int], texts: list[str], purpose: Purpose, budget: Budget) -> None:
        self.places = places
        self.texts = texts
        self.begun = False
        self.purpose: Purpose = purpose
        self.budget = budget
        self.spent_tokens = 0
        self.answer: asyncio.Future[NDArray[np.float32]] = asyncio.get_running_loop().create_future()


class EmbeddingServer:
    """Client of one embedder's server. It is made and used on one event loop."""

    def __init__(self, embedder: RemoteEmbedder, limits: Limits, backoff: Backoff | None = None) -> None:
        self._embedder = embedder
        self._backoff = backoff or Backoff()
        self._tokens = Pace(limits.tokens_per_minute)
        self._requests = Pace(limits.requests_per_minute)
        self._chance = random.Random()
        self._dimension: int | None = None
        self._paused_until = 0.0
        self._waiting: asyncio.Queue[_Asked] = asyncio.Queue()
        self._askers: list[asyncio.Task[None]] = []
        provider = embedder.provider
        key = os.environ.get(provider.key, "") if provider.key else ""
        if not embedder.may_have_key(os.environ.get(provider.address, "") if provider.address else ""):
            key = ""
        self._client = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(limits.seconds, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=REQUESTS_AT_ONCE),
        )

    async def embed(self, texts: Sequence[str], purpose: Purpose, budget: Budget) -> Embedded:
        """Return the vectors of `texts`, none of which may be blank.

        Where a request fails, the result holds the vectors of the other requests and the error: `EmbeddingFailed`, or
        `EmbeddingBudgetExceeded` before more is sent than the budget allows.
        """
        cut = [text[:MOST_CHARACTERS] for text in texts]
        order = sorted(range(len(cut)), key=lambda place: len(cut[place]))  # servers pad the texts of a request
        provider = self._embedder.provider
        batches = cut_into_runs(
            order,
            lambda place: tokens_at_most(cut[place]),
            most_size=provider.most_tokens,
            most_items=provider.most_texts,
        )
        asked = [_Asked(places, [cut[place] for place in places], purpose, budget) for places in batches]
        for batch in asked:
            self._waiting.put_nowait(batch)
        if not self._askers:
            self._askers = [asyncio.ensure_future(self._ask_on()) for _ in range(REQUESTS_AT_ONCE)]
        answers = [batch.answer for batch in asked]
        try:
            _, waiting = await asyncio.wait(answers, return_when=asyncio.FIRST_EXCEPTION)
            if waiting:  # one failed: begin no other, but await the running ones, which are paid for
                for batch in asked:
                    if not batch.begun:
                        batch.answer.cancel()
                await asyncio.wait(answers)
        finally:
            for answer in answers:
                answer.cancel()
        errors = [error for answer in answers if not answer.cancelled() and (error := answer.exception())]
        if not errors and any(answer.cancelled() for answer in answers):
            raise asyncio.CancelledError  # the client was closed meanwhile
        there = [batch for batch in asked if not batch.answer.cancelled() and batch.answer.exception() is None]
        vectors = np.concatenate([np.empty((0, self._dimension or 0)), *(batch.answer.result() for batch in there)])
        places = np.array([place for batch in there for place in batch.places], np.int64)
        taken = ~np.isnan(vectors[:, :1]).any(axis=1)
        vectors = vectors[taken]
        lengths = np.sqrt(np.sum(vectors.astype(np.float64) ** 2, axis=1, keepdims=True))
        return Embedded(
            places=places[taken],
            vectors=(vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32),
            tokens=sum(batch.spent_tokens for batch in asked),
            refused=places[~taken],
            error=errors[0] if errors else None,
        )

    async def close(self) -> None:
        """Close all connections. Callers that still wait for an answer are cancelled."""
        for asker in self._askers:
            asker.cancel()
        await asyncio.gather(*self._askers, return_exceptions=True)
        while not self._waiting.empty():
            self._waiting.get_nowait().answer.cancel()
        await self._client.aclose()

    async def _ask_on(self) -> None:
        """Carry out waiting batches, one after the other."""
        while True:
            await self._carry_out(await self._waiting.get())

    async def _carry_out(self, asked: _Asked) -> None:
        """Ask for the vectors of a batch and set its answer. Stop asking when the answer is cancelled."""
        if asked.answer.done():  # no one waits any more
            return
        asked.begun = True
        asking = asyncio.ensure_future(self._batch(asked, asked.texts))
        asked.answer.add_done_callback(lambda _: asking.cancel())
        try:
            await asyncio.wait([asking])
        except asyncio.CancelledError:
            asked.answer.cancel()
            raise
        if asked.answer.done() or asking.cancelled():
            return
        problem = asking.exception()
        if problem is None:
            asked.answer.set_result(asking.result())
        else:
            asked.answer.set_exception(problem)

    async def _batch(self, asked: _Asked, texts: list[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`. Split the request, or cut its only text, where the server finds it too large.

        The row of a text that the server refuses, although it takes others, holds no numbers (NaN). Raises
        `EmbeddingFailed` or `EmbeddingBudgetExceeded`.
        """
        answer = await self._answered(asked, texts)
        if isinstance(answer, Answer):
            return answer.vectors
        if len(texts) > 1:
            middle = len(texts) // 2
            return np.concatenate([await self._batch(asked, part) for part in (texts[:middle], texts[middle:])])
        (text,) = texts
        if len(text) < 2 * LEAST_CHARACTERS:
            problem = self._failed(f"refused a text of {len(text)} characters ({answer})")
            if asked.purpose == "query":
                raise problem
            if not isinstance(found := await self._answered(asked, [PROBE]), Answer):
                raise problem
            return np.full((1, found.vectors.shape[1]), np.nan)
        return await self._batch(asked, [text[: len(text) // 2]])

    async def _answered(self, asked: _Asked, texts: list[str]) -> Answer | int:
        """Send a request, again where that helps. Return the answer, or the status code where the request is too large.

        Raises `EmbeddingFailed` or `EmbeddingBudgetExceeded`.
        """
        budget = asked.budget
        tokens = sum(map(tokens_at_most, texts))
        failures, waited = 0, 0.0
        while True:
            if not budget.allows(tokens):
                assert budget.most is not None
                raise EmbeddingBudgetExceeded(self._embedder.name, budget.most, budget.spent)
            budget.begin(tokens)
            used = 0
            try:
                await self._turn(tokens)
                place = self._embedder.url + self._embedder.provider.path
                response = await self._client.post(place, json=self._embedder.body(texts, asked.purpose))
                if response.status_code == 200:
                    answer = self._read(response, len(texts))
                    used = tokens if answer.tokens is None else answer.tokens
                    self._tokens.give_back(tokens - used)
                    return answer
            except httpx2.TimeoutException as error:
                used = tokens  # the server may have counted them
                problem, asked_for = f"did not answer in time ({type(error).__name__})", None
            except httpx2.TransportError as error:
                problem, asked_for = f"cannot be reached ({type(error).__name__})", None
            else:
                if response.status_code in TOO_MUCH:
                    return response.status_code
                problem, asked_for = self._refusal(response)
            finally:
                budget.end(tokens, used)
                asked.spent_tokens += used
            if asked_for is None:
                failures += 1
                if failures == self._backoff.tries:
                    raise self._failed(f"{problem}, {failures} times")
                pause = self._backoff.pause(failures, self._chance)
            else:
                pause = asked_for
                waited += pause
                if waited > MOST_WAIT_SECONDS:
                    raise self._failed(f"{problem} and wants us to wait for {waited:.0f} s")
                self._paused_until = max(self._paused_until, time.monotonic() + pause)
            await asyncio.sleep(pause)

    async def _turn(self, tokens: int) -> None:
        """Wait until the pace, and the server, allow a request of at most `tokens` tokens."""
        now = time.monotonic()
        await asyncio.sleep(max(self._tokens.reserve(tokens, now), self._requests.reserve(1, now)))
        while (pause := self._paused_until - time.monotonic()) > 0:  # noqa: ASYNC110 - the server wants us all to wait
            await asyncio.sleep(pause)

    def _read(self, response: httpx2.Response, count: int) -> Answer:
        """Read the answer to a request with `count` texts. Raises `EmbeddingFailed` where it cannot be used."""
        try:
            answer = self._embedder.read(read_json(response.content), count)
        except (ValueError, UnusableAnswer) as error:
            problem = str(error) if isinstance(error, UnusableAnswer) else "the answer is no JSON"
            raise self._failed(f"gave an answer that cannot be used: {problem}") from error
        dimension = answer.vectors.shape[1]
        self._dimension = self._dimension or dimension
        if dimension != self._dimension:
            raise self._failed(f"gave vectors of {dimension} components after those of {self._dimension}")
        return answer

    def _refusal(self, response: httpx2.Response) -> tuple[str, float | None]:
        """Return what is wrong with an answer, and the pause in seconds that the server asks for, or None.

        Raises `EmbeddingFailed` where another try would not help.
        """
        status = response.status_code
        if status in REFUSED:
            provider = self._embedder.provider
            key = f"{provider.key}, and {provider.address} for a server of yours," if provider.address else provider.key
            raise EmbeddingFailed(
                self._embedder.name,
                f"refused us ({status})",
                f"Set {key} where the actors run; a daemon keeps the environment of its start (raycontext down)."
                if key
                else "Look into its settings.",
            )
        if status not in AGAIN:
            raise self._failed(f"answered with status {status}")
        asked_for = retry_after_seconds(response.headers.get("retry-after"), time.time())
        return f"answered with status {status}", asked_for

    def _failed(self, problem: str) -> EmbeddingFailed:
        return EmbeddingFailed(
            self._embedder.name,
            problem,
            "Look whether the server is up and has this model, then run the command again.",
        )
