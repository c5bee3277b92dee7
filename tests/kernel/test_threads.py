"""Kernels run side by side with Python code: they release the interpreter's lock."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from raycontext.kernel.text import blank_bodies

MOST_CALLS = 2000


@pytest.fixture
def threads_take_turns_only_where_one_waits() -> Iterator[None]:
    """No thread has to give the interpreter's lock up: only who waits for something outside of Python does."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000.0)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("threads_take_turns_only_where_one_waits")
def test_python_runs_while_a_kernel_does() -> None:
    data = np.full(2_000_000, ord("("), np.uint8)
    state = {"inside": False, "seen": False}

    def call() -> None:
        for _ in range(MOST_CALLS):
            state["inside"] = True
            blank_bodies(data, 0)
            state["inside"] = False
            if state["seen"]:
                return

    thread = threading.Thread(target=call)
    thread.start()
    while thread.is_alive() and not state["seen"]:
        state["seen"] = state["inside"]
        time.sleep(0)
    thread.join()
    assert state["seen"]
