"""A number of inputs of each border, and the fuzzer itself: it finds what it is there to find."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from .border import Attempt, Border
from .borders import BORDERS
from .runner import fuzz, try_inputs

pytestmark = pytest.mark.property


@pytest.mark.parametrize("border", BORDERS)
def test_border_holds(border: str) -> None:
    outcome = fuzz(border, seed=1, inputs=BORDERS[border].suite_inputs)
    assert outcome.failures == []
    assert outcome.inputs == BORDERS[border].suite_inputs
    assert len(outcome.kinds) > 1, "the inputs are all of one kind"


def test_input_depends_on_its_number_alone_and_failures_are_told(tmp_path: Path) -> None:
    seen: list[float] = []

    @contextmanager
    def opened(_: Path) -> Iterator[Attempt]:
        def attempt(random: Random) -> str:
            seen.append(random.random())
            assert len(seen) != 3
            return "number"

        yield attempt

    progress = tmp_path / "progress"
    progress.touch()
    told = try_inputs(Border("numbers", 1, opened), 7, 0, 5, 0.0, progress)
    assert told["kinds"] == {"number": 4, "broken promise": 1}
    assert "--seed 7 --first 2 --inputs 1" in told["failures"][0]
    try_inputs(Border("numbers", 1, opened), 7, 3, 1, 0.0, progress)
    assert seen[5] == seen[3]


def test_a_process_that_dies_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stand-in for the interpreter dies by a signal, as after a wrong access in compiled code."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nkill -{int(signal.SIGSEGV)} $$\n")
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", os.fspath(program))
    outcome = fuzz("globs", seed=1, inputs=3)
    assert [failure.rpartition(" ")[2] for failure in outcome.failures] == ["SIGSEGV"] * 3
