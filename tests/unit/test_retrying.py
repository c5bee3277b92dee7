"""Another try for work that fails: how often, after what, and for whom a pause keeps still."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import raycontext
from raycontext.retrying import Retries


class Work:
    """Fails as often as it is told, then returns how often it was called."""

    def __init__(self, failures: int, failure: Exception | None = None) -> None:
        self.calls = 0
        self.failures = failures
        self.failure = failure or FileNotFoundError("gone")

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.failure
        return self.calls

    async def awaited(self) -> int:
        return self()


Form = Callable[[Retries[Exception], Work], int]


@pytest.fixture(params=["coroutine", "blocking"])
def run(request: pytest.FixtureRequest) -> Form:
    """Both forms: they differ in nothing but how they wait."""
    if request.param == "blocking":
        return lambda retries, work: retries.run_blocking(work)
    return lambda retries, work: asyncio.run(retries.run(work.awaited))


def test_work_is_tried_until_it_succeeds(run: Form) -> None:
    assert run(Retries((FileNotFoundError,), attempts=5), Work(failures=3)) == 4


def test_last_error_is_raised_as_it_is(run: Form) -> None:
    work = Work(failures=9)
    with pytest.raises(FileNotFoundError) as raised:
        run(Retries((FileNotFoundError, TimeoutError), attempts=3), work)
    assert raised.value is work.failure
    assert work.calls == 3


def test_other_errors_are_raised_at_once(run: Form) -> None:
    work = Work(1, ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        run(Retries((FileNotFoundError,), attempts=3), work)
    assert work.calls == 1


def test_error_that_is_not_worth_it_is_raised_at_once(run: Form) -> None:
    retries = Retries((OSError,), attempts=3, when=lambda error: "busy" in str(error))
    for text, calls in (("busy", 3), ("full", 1)):
        work = Work(9, OSError(text))
        with pytest.raises(OSError, match=text):
            run(retries, work)
        assert work.calls == calls


def test_no_attempt_begins_after_the_time_is_over(run: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(failures=9)
    clock = SimpleNamespace(monotonic=lambda: 5.0 * work.calls, sleep=time.sleep)
    monkeypatch.setattr("raycontext.retrying.time", clock)
    with pytest.raises(FileNotFoundError):
        run(Retries((FileNotFoundError,), seconds=10.0), work)
    assert work.calls == 3  # after 5, 10 and 15 seconds


def test_pause_grows_with_the_number_of_the_attempt(run: Form) -> None:
    asked: list[int] = []

    def pause(attempt: int) -> float:
        asked.append(attempt)
        return 0.001 * attempt

    assert run(Retries((FileNotFoundError,), attempts=9, pause=pause), Work(failures=3)) == 4
    assert asked == [1, 2, 3]


async def test_pause_of_a_coroutine_leaves_the_event_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("the event loop was blocked"))
    order: list[str] = []
    paused = asyncio.Event()

    def pause(attempt: int) -> float:
        paused.set()
        return 0.01

    async def other() -> None:
        await paused.wait()
        order.append("other")

    async def retried() -> None:
        await Retries((FileNotFoundError,), attempts=2, pause=pause).run(Work(failures=1).awaited)
        order.append("retried")

    await asyncio.gather(retried(), other())
    assert order == ["other", "retried"]


async def test_cancelled_work_is_not_tried_again() -> None:
    calls: list[int] = []

    async def work() -> None:
        calls.append(1)
        await asyncio.Event().wait()

    running = asyncio.ensure_future(Retries((Exception,), attempts=3).run(work))
    while not calls:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(calls) == 1


def test_no_loop_of_the_product_ends_in_what_cannot_happen() -> None:
    modules = sorted(Path(raycontext.__file__).parent.rglob("*.py"))
    assert [module.name for module in modules if re.search(r"AssertionError\(['\"]", module.read_text())] == []
