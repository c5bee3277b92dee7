"""Asking an embedding server: forms of request, pace, tries, budget. Against a real one on this machine."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from email.utils import formatdate

import numpy as np
import pytest

from raycontext.embed.names import absolute_name
from raycontext.embed.registry import embedder_for, opened_embedder
from raycontext.embed.remote.allowance import Backoff, Budget, Limits, Pace, retry_after_seconds
from raycontext.embed.remote.providers import KINDS, RemoteEmbedder, tokens_at_most
from raycontext.embed.remote.server import EmbeddingServer
from raycontext.errors import EmbeddingBudgetExceeded, EmbeddingFailed, InvalidInput

from ...embedding_server import DIMENSION, Fault, embedding_server, vector_of
from ...embedding_server import EmbeddingServer as Fake
from ...waiting import WAIT_SECONDS, until_async

TEXTS = ["charge the card", "route a request to its handler", "sum of all prices", "def f(): return 1"]
NO_LIMITS = Limits()
QUICK = Backoff(first_seconds=0.01, most_seconds=0.02, tries=3)


@pytest.fixture
def fake() -> Iterator[Fake]:
    with embedding_server() as server:
        yield server


@asynccontextmanager
async def asking(name: str, limits: Limits = NO_LIMITS, backoff: Backoff = QUICK) -> AsyncIterator[EmbeddingServer]:
    embedder = opened_embedder(name)
    assert isinstance(embedder, RemoteEmbedder)
    server = EmbeddingServer(embedder, limits, backoff)
    try:
        yield server
    finally:
        await server.close()


async def vectors_of(server: EmbeddingServer, texts: list[str], budget: Budget | None = None) -> np.ndarray:
    """Of all texts, in their order. Raises what went wrong."""
    found = await server.embed(texts, "document", budget or Budget(None))
    if found.error is not None:
        raise found.error
    assert sorted(found.places) == list(range(len(texts)))
    return found.vectors[np.argsort(found.places)]


def unit(text: str) -> np.ndarray:
    vector = np.array(vector_of(text))
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize(
    ("kind", "key", "path", "extra"),
    [
        ("openai", "OPENAI_API_KEY", "/embeddings", {"encoding_format": "float"}),
        ("voyage", "VOYAGE_API_KEY", "/embeddings", {"input_type": "document", "truncation": True}),
        ("ollama", "", "/api/embed", {"truncate": True}),
    ],
)
async def test_each_kind_of_server_is_asked_in_its_form(
    fake: Fake, kind: str, key: str, path: str, extra: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    if key:
        monkeypatch.setenv(key, "secret-key")
    own = replace(KINDS[kind], url=fake.url)  # the server that the key belongs to
    monkeypatch.setitem(KINDS, kind, own)  # type: ignore[arg-type]
    async with asking(f"{kind}:some/model:latest@{fake.url}/") as server:
        vectors = await vectors_of(server, TEXTS, budget := Budget(None))
    np.testing.assert_allclose(vectors, [unit(text) for text in TEXTS], atol=1e-6)
    assert vectors.dtype == np.float32
    ((asked, body, authorization),) = fake.requests
    assert asked == path
    assert body == {"model": "some/model:latest", "input": sorted(TEXTS, key=len), **extra}
    assert authorization == ("Bearer secret-key" if key else "")
    assert budget.spent == sum(len(text) // 4 + 1 for text in TEXTS)


def test_name_holds_model_and_server() -> None:
    assert absolute_name("openai:bge@m3") == "openai:bge@m3@https://api.openai.com/v1"
    assert absolute_name("ollama:nomic:v1@http://gpu:1/") == "ollama:nomic:v1@http://gpu:1"
    here, there = embedder_for("openai:m@http://a"), embedder_for("openai:m@http://b")
    assert here.fingerprint != there.fingerprint
    for name in ("openai:", "openai:two words", "openai:@http://a"):
        with pytest.raises(InvalidInput):
            absolute_name(name)


async def test_texts_go_in_requests_that_the_server_takes(fake: Fake) -> None:
    fake.most_texts = 3
    fake.most_characters = 5000
    texts = [f"text number {number}" for number in range(20)] + ["word " * 3000]
    async with asking(f"openai:m@{fake.url}") as server:
        vectors = await vectors_of(server, texts)
    np.testing.assert_allclose(vectors[:20], [unit(text) for text in texts[:20]], atol=1e-6)
    assert all(len(body["input"]) <= 3 for _, body, _ in fake.requests)
    assert np.linalg.norm(vectors[20]) == pytest.approx(1.0)  # of its beginning


async def test_failures_are_tried_again(fake: Fake) -> None:
    fake.faults.extend([Fault(500), Fault(503)])
    async with asking(f"openai:m@{fake.url}") as server:
        vectors = await vectors_of(server, TEXTS)
        assert len(fake.times) == 3
        assert vectors.shape == (len(TEXTS), DIMENSION)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(500), "status 500, 3 times"),
        (Fault(404), "status 404"),
        (Fault(401), r"refused us \(401\).*OPENAI_API_KEY"),
        (Fault(400), r"refused a text of 15 characters \(400\)"),
        (Fault(200, body=b"<html>"), "no JSON"),
        (Fault(200, body=b'{"data": []}'), "not 1 vectors"),
        (Fault(200, body=b'{"data": [{"index": 0, "embedding": ["x"]}]}'), "form"),
        (Fault(200, body=b'{"data": [{"index": 0, "embedding": [NaN]}]}'), "no number"),
        (Fault(429, headers={"retry-after": "100000"}), "wants us to wait for 100000 s"),
        (Fault(200, hangs=True), "did not answer in time"),
    ],
)
async def test_server_that_does_not_serve_is_an_error_that_says_why(fake: Fake, fault: Fault, told: str) -> None:
    fake.faults.extend([fault] * 3)
    async with asking(f"openai:m@{fake.url}", Limits(seconds=0.3 if fault.hangs else WAIT_SECONDS)) as server:
        with pytest.raises(EmbeddingFailed, match=told) as raised:
            await vectors_of(server, TEXTS[:1])
        assert TEXTS[0] not in str(raised.value)
        fake.faults.clear()

        async def is_up_again() -> bool:
            with suppress(EmbeddingFailed):  # on a busy machine it may be late once more
                return len(await vectors_of(server, TEXTS)) == len(TEXTS)
            return False

        await until_async(is_up_again)


async def test_no_server(fake: Fake) -> None:
    async with asking("openai:m@http://127.0.0.1:1") as server:
        with pytest.raises(EmbeddingFailed, match="cannot be reached"):
            await vectors_of(server, TEXTS)


async def test_vectors_must_keep_their_length(fake: Fake) -> None:
    async with asking(f"openai:m@{fake.url}") as server:
        await vectors_of(server, TEXTS)
        fake.faults.append(Fault(200, body=b'{"data": [{"index": 0, "embedding": [1.0, 2.0]}]}'))
        with pytest.raises(EmbeddingFailed, match=f"2 components after those of {DIMENSION}"):
            await vectors_of(server, TEXTS[:1])


async def test_all_wait_as_long_as_the_server_asks(fake: Fake) -> None:
    fake.faults.append(Fault(429, headers={"retry-after": "0.4"}))
    async with asking(f"openai:m@{fake.url}", Limits(seconds=WAIT_SECONDS)) as server:
        budget = Budget(None)
        first = asyncio.create_task(vectors_of(server, TEXTS[:1], budget))
        await until_async(lambda: fake.times and not budget.under_way, pause=0.0)  # its answer has arrived
        await asyncio.gather(first, *(vectors_of(server, [text]) for text in TEXTS[1:]))
    refused, *others = fake.times
    assert len(others) == len(TEXTS)
    assert min(others) - refused >= 0.4


async def test_budget_is_never_exceeded_and_what_was_paid_for_is_there(fake: Fake) -> None:
    texts = [f"function number {number} does something " * 20 for number in range(1200)]
    whole = sum(map(tokens_at_most, texts))
    budget = Budget(whole // 2)
    async with asking(f"openai:m@{fake.url}") as server:
        found = await server.embed(texts, "document", budget)
    assert isinstance(found.error, EmbeddingBudgetExceeded)
    assert f"may use {whole // 2} tokens" in str(found.error)
    counted = sum(len(text.encode()) // 4 + 1 for text in fake.texts)
    assert 0 < counted <= whole // 2
    assert budget.under_way == 0
    assert budget.spent == found.tokens == counted
    assert {texts[place] for place in found.places} == set(fake.texts)
    np.testing.assert_allclose(found.vectors[0], unit(texts[found.places[0]]), atol=1e-6)


async def test_who_waits_no_more_stops_the_requests(fake: Fake) -> None:
    fake.faults.extend([Fault(200, hangs=True)] * 8)
    async with asking(f"openai:m@{fake.url}", Limits(seconds=WAIT_SECONDS)) as server:
        asked = asyncio.create_task(vectors_of(server, TEXTS))
        await until_async(lambda: fake.times)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        fake.faults.clear()
        vectors = await vectors_of(server, TEXTS)
        assert len(vectors) == len(TEXTS)


def test_pace_spreads_what_is_reserved() -> None:
    pace = Pace(per_minute=60.0)
    waits = [pace.reserve(1, now=100.0) for _ in range(8)]
    assert waits == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0]  # a burst of five seconds, and the one that is begun
    pace.give_back(2)
    assert pace.reserve(1, now=100.0) == 1.0
    assert Pace(0.0).reserve(1e9, now=0.0) == 0.0


def test_budget_counts_what_is_under_way() -> None:
    budget = Budget(10)
    assert budget.allows(10)
    budget.begin(6)
    assert not budget.allows(5)
    budget.end(6, 2)
    assert budget.allows(8)
    assert not budget.allows(9)


def test_pauses_grow_and_are_spread() -> None:
    chance = random.Random(1)
    backoff = Backoff(first_seconds=1.0, most_seconds=8.0)
    for failures, most in ((1, 1.0), (2, 2.0), (4, 8.0), (30, 8.0)):
        pauses = [backoff.pause(failures, chance) for _ in range(200)]
        assert 0.0 <= min(pauses) < 0.2 * most
        assert 0.8 * most < max(pauses) <= most


def test_retry_after_is_seconds_or_a_date() -> None:
    now = time.time()
    assert retry_after_seconds("1.5", now) == 1.5
    assert retry_after_seconds(formatdate(now + 30, usegmt=True), now) == pytest.approx(30, abs=1.5)
    assert retry_after_seconds("-3", now) == 0.0
    assert retry_after_seconds("soon", now) is None
    assert retry_after_seconds(None, now) is None
