"""An actor refuses by itself what is too many, whoever calls, and keeps the order of what it takes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from raycontext.errors import Overloaded
from raycontext.runtime.inline import InlineRuntime
from raycontext.runtime.mailbox import Idleness, Mailbox, with_mailbox


class Plain:
    """Actor that handles one call at a time."""

    def __init__(self, start: int = 0) -> None:
        self.taken: list[int] = [start]
        self.threads = {threading.get_ident()}
        self.may_end = threading.Event()

    def take(self, number: int) -> int:
        self.threads.add(threading.get_ident())
        self.may_end.wait()
        self.taken.append(number)
        return number

    def status(self) -> tuple[list[int], int]:
        return self.taken, len(self.threads)

    def fail(self) -> None:
        raise ValueError("no")


class Waiting:
    """Actor whose calls wait side by side."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    async def wait(self) -> str:
        await self.may_end.wait()
        return "ended"

    async def release(self) -> None:
        self.may_end.set()


async def test_an_actor_that_is_full_refuses_and_does_all_that_it_took_in_order_in_one_thread() -> None:
    actor = with_mailbox(Plain, "rc/flask", 4)(7)
    calls = [asyncio.create_task(actor.take(number)) for number in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match=r"rc/flask has 4 calls waiting.*Try again"):
        await actor.take(4)
    looked = asyncio.create_task(actor.status())
    await asyncio.sleep(0)
    actor._actor.may_end.set()
    assert await asyncio.gather(*calls) == [0, 1, 2, 3]
    assert await looked == ([7, 0, 1, 2, 3], 1)
    assert await actor.take(5) == 5, "a place is free again"


async def test_calls_that_fail_or_are_left_give_their_places_back() -> None:
    actor = with_mailbox(Waiting, "rc", 2)()
    left = [asyncio.create_task(actor.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await actor.release()
    for call in left:
        call.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await actor.release()
    assert await actor.wait() == "ended"
    plain = with_mailbox(Plain, "rc/flask", 1)()
    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            await plain.fail()


async def test_the_runtime_of_this_process_bounds_its_actors_too() -> None:
    runtime = InlineRuntime(1)
    actor = await runtime.actor("rc/flask", None, Plain)  # type: ignore[arg-type]
    actor._mailbox = Mailbox("rc/flask", 3)  # type: ignore[attr-defined]
    calls = [asyncio.create_task(actor.call(Plain.take, number)) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await actor.call(Plain.take, 3)
    actor._instance.may_end.set()  # type: ignore[attr-defined]
    assert await asyncio.gather(*calls) == [0, 1, 2]
    await runtime.close()


class Resting(Plain):
    """Actor that may have work of its own."""

    is_busy = True

    def process(self) -> str:
        return "looked at"


async def test_an_actor_that_nobody_calls_ends_and_not_while_it_works_or_has_work_of_its_own() -> None:
    ended = asyncio.Event()
    actor = with_mailbox(Resting, "rc/flask", idleness=Idleness(0.01, ended.set))()
    call = asyncio.create_task(actor.take(1))
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert not ended.is_set()  # a call is under way
    actor._actor.may_end.set()
    await call
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert not ended.is_set()  # it is busy
    used = actor._mailbox.used_at
    assert await actor.process() == "looked at"
    assert actor._mailbox.used_at == used  # who looks at it does not keep it alive
    actor._actor.is_busy = False
    await ended.wait()
