"""A task in a process of its own, whose end tells what ended it."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
from collections.abc import Mapping
from typing import Any

import pytest

from raycontext.runtime.base import ActorHandle, WorkerDied, WorkerLost
from raycontext.runtime.child import run_in_child
from raycontext.runtime.task import task
from raycontext.runtime.worker_process import Task

pytestmark = pytest.mark.process


@task()
def doubled(number: int) -> int:
    return 2 * number


@task()
def crashes() -> None:
    ctypes.string_at(0)


@task()
def is_killed(number: int) -> None:
    os.kill(os.getpid(), number)


@task()
def fails() -> None:
    raise LookupError("not there")


class Adder:
    def add(self, number: int) -> int:
        return number + 1


class Handle(ActorHandle[Adder]):
    """Handle of an object of this process, which cannot be pickled."""

    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        raise AssertionError

    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        return getattr(Adder(), method)(*arguments, **named)

    def __reduce__(self) -> Any:
        raise AssertionError


@task()
def asks(actor: ActorHandle[Adder]) -> int:
    return actor.wait(Adder.add, 4)


def test_result_and_error_of_a_child_are_those_of_its_task() -> None:
    assert run_in_child(Task(doubled, (21,), {})) == 42
    with pytest.raises(LookupError, match="not there"):
        run_in_child(Task(fails, (), {}))


def test_task_of_a_child_calls_actors() -> None:
    assert run_in_child(Task(asks, (Handle(),), {})) == 5


def test_end_of_a_child_is_told_with_its_signal_and_node() -> None:
    with pytest.raises(WorkerDied) as died:
        run_in_child(Task(crashes, (), {}))
    assert (died.value.args[0], died.value.node, died.value.is_known) == ("SIGSEGV", platform.node(), True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_signal_from_outside_is_no_fault_of_the_task(number: int) -> None:
    with pytest.raises(WorkerLost):
        run_in_child(Task(is_killed, (number,), {}))
