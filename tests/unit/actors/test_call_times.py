"""What actors count of their calls: those that were sent, not those that they make of themselves."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.actors import calls
from raycontext.actors.calls import CallTimes, calls_of, counted


class Plain:
    def inherited(self) -> int:
        return self.public()

    def public(self) -> int:
        return 1


@counted
class Actor(Plain):
    def fails(self) -> None:
        raise ZeroDivisionError

    def process(self) -> int:
        return 0

    async def waits(self, event: asyncio.Event) -> None:
        await event.wait()
        await self.done()

    async def done(self) -> None:
        return None

    def _hidden(self) -> None:
        return None


def test_calls_are_counted_once_also_inherited_and_failed_ones() -> None:
    actor, other = Actor(), Actor()
    assert actor.inherited() == 1
    with pytest.raises(ZeroDivisionError):
        actor.fails()
    actor._hidden()
    actor.process()
    assert calls_of(actor).answered == 2
    assert calls_of(other).answered == 0
    assert not hasattr(vars(Plain)["public"], "__wrapped__")


async def test_coroutines_are_under_way_until_they_end() -> None:
    actor, event = Actor(), asyncio.Event()
    waiting = [asyncio.create_task(actor.waits(event)) for _ in range(3)]
    await asyncio.sleep(0)
    assert (calls_of(actor).answered, calls_of(actor).ahead(time.time() + 60.0)) == (0, 3)
    event.set()
    await asyncio.gather(*waiting)
    assert (calls_of(actor).answered, calls_of(actor).under_way) == (3, 0)


def test_calls_that_ended_after_a_question_was_sent_waited_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = CallTimes()
    for moment in (10.0, 20.0, 30.0):
        monkeypatch.setattr(calls.time, "time", lambda moment=moment: moment)
        found.end(found.begin())
    assert [found.figures(asked).waiting for asked in (5.0, 15.0, 35.0)] == [3, 2, 0]


@given(st.lists(st.floats(1e-5, 2000.0), min_size=1), st.sampled_from([0.01, 0.5, 0.99, 1.0]))
def test_quantiles_are_right_to_nine_percent(seconds: list[float], share: float) -> None:
    found = CallTimes()
    now = 10_000.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls.time, "perf_counter", lambda: now)
        for value in seconds:
            found.end(now - value)
    quantile = found.quantile(share)
    exact = sorted(seconds)[max(-int(-share * len(seconds) // 1), 1) - 1]
    assert quantile is not None
    assert exact * 0.91 <= quantile <= exact * 1.10


def test_nothing_is_said_of_no_calls() -> None:
    assert CallTimes().figures() == (0, 0, None, None)
