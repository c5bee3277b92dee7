"""Work on many collections: bounded, in time, and with an honest count of what is missing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import DeadlineExceeded, RuntimeUnavailable, StorageError
from raycontext.models.hits import Hits
from raycontext.runtime.inline import InlineRuntime
from raycontext.sdk.clients.several import AT_ONCE, answers, in_time, looked_at
from raycontext.sdk.connection import settings_of
from raycontext.sdk.context import Context
from raycontext.search.ranking.merge import merged

from ...conftest import settle


def one_shard(name: str) -> int:
    return 0  # not known yet


async def test_work_is_done_some_at_once_and_given_up_at_the_end_of_the_time() -> None:
    begun: list[int] = []
    go = asyncio.Event()

    async def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise StorageError("damaged", "Repair it.")
        if number >= AT_ONCE:
            go.set()
            await asyncio.Event().wait()
        return number

    running = asyncio.ensure_future(in_time(range(10 * AT_ONCE), work, asyncio.get_running_loop().time() + 3600))
    await go.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(begun) == 2 * AT_ONCE  # as many as there were, and as many again that never end
    running.cancel()
    found = await in_time(range(10 * AT_ONCE), work, asyncio.get_running_loop().time() + 0.01)
    assert found[:3] == [0, 1, 2]
    assert isinstance(found[3], StorageError)
    assert found[AT_ONCE:] == [None] * (9 * AT_ONCE)


async def test_no_work_needs_no_time() -> None:
    async def work(_: str) -> raycontext.Hits:
        raise AssertionError

    assert await in_time([], work, 0.0) == []
    assert await looked_at([], work, 1.0) == {}  # type: ignore[arg-type]


def test_what_was_asked_is_counted_and_named_in_few_words() -> None:
    names = [f"c{number:03}" for number in range(1000)]
    found: list[Hits | BaseException | None] = [Hits() for _ in range(320)]
    found += [None] * 600 + [StorageError(f"damage {number}", "Repair it.") for number in range(80)]
    hits = merged(answers(names, found, lambda name: 4 if name == "c999" else 0), 10)
    assert (hits.shards_answered, hits.shards_total, hits.complete) == (320, 1003, False)
    assert len(hits.notes) == 2
    assert hits.notes[0].startswith("600 collections could not be searched: 'c320', 'c321', 'c322' and 597 more.")
    assert "damage 0" in hits.notes[1]


def test_few_are_named_each_with_its_error() -> None:
    hits = merged(answers(["a", "b", "c"], [Hits(), StorageError("x", "y"), None], one_shard), 10)
    assert (hits.shards_answered, hits.shards_total) == (1, 3)
    assert [note.partition(" could")[0] for note in hits.notes] == ["'b'", "'c'"]


def test_time_that_was_too_short_is_no_error_and_all_else_is_where_nothing_answers() -> None:
    hits = merged(answers(["a", "b"], [DeadlineExceeded("a"), None], one_shard), 10)
    assert (list(hits), hits.shards_answered, hits.shards_total) == ([], 0, 2)
    with pytest.raises(RuntimeUnavailable):
        answers(["a", "b"], [None, RuntimeUnavailable("gone", "Wait.")], one_shard)
    with pytest.raises(ZeroDivisionError):
        answers(["a", "b"], [Hits(), ZeroDivisionError()], one_shard)


class SlowStart(InlineRuntime):
    """A runtime on which search actors, or the Coordinator, begin to start and do not come up."""

    def __init__(self, slow: str) -> None:
        super().__init__(1)
        self.slow = slow
        self.asked = 0

    async def actor(self, name, *rest, **named):  # type: ignore[no-untyped-def]
        if name.startswith(self.slow) and self.slow.count("/") <= name.count("/"):
            self.asked += 1
            await asyncio.Event().wait()
        return await super().actor(name, *rest, **named)


@pytest.mark.parametrize("slow", ["rc/shop/0", "rc"])
async def test_search_answers_what_it_can_where_its_first_actor_does_not_start_in_time(
    root: Path, source: Path, slow: str
) -> None:
    settle(source)
    async with raycontext.connect(root=root, runtime="inline") as context:
        await context.index(source, collection="shop")
        await context.index(source / "web", collection="web")
    runtime = SlowStart(slow)
    context = Context(str(root), runtime, settings_of(root=root, search_seconds=0.2))
    hits = await context.search("cart", collection="shop", refresh=False)
    assert (list(hits), hits.shards_answered, hits.shards_total) == ([], 0, 1)
    assert len(hits.notes) == 1
    assert runtime.asked == 1  # and the time was not spent again on further tries
    if slow == "rc/shop/0":
        both = await context.search("router", collections=["shop", "web"], refresh=False)
        assert (both.shards_answered, both.shards_total) == (1, 2)
        assert both[0].collection == "web"
        assert both.notes[0].startswith("'shop' could not be searched.")
        related = await context.related("shop/cart.py", 1, collection="shop")
        assert (related.shards_answered, related.shards_total) == (0, 1)
    await context._close()
    await runtime.close()
