"""The examples of Ray Data, Ray Serve and traces do what they say."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from .scenarios import seen_by

pytestmark = pytest.mark.ray

EXAMPLES = Path(__file__).parents[2] / "examples"

NEEDED = {"data": "pandas", "serve": "fastapi"}
"""Packages without which the libraries of Ray cannot be imported; they are no dependency of the tests."""


def test_examples_on_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tracing.py` has its spans; `ray_data_search.py` and `serve_search.py` answer where their libraries are."""
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES))
    wanted = [name for name, package in NEEDED.items() if find_spec(package) is not None]
    seen = seen_by("examples_scenario", tmp_path, *wanted)
    processes = {process for process, _, _ in seen["spans"]}
    assert seen["pid"] in processes
    assert len(processes) >= 3  # the driver, actors, and a worker of tasks
    by_trace: dict[str, set[str]] = {}
    for process, _, trace in seen["spans"]:
        by_trace.setdefault(trace, set()).add(process)
    assert max(map(len, by_trace.values())) >= 3  # an index run is one trace over all of them
    if "data" in seen:
        assert "sessions.py" in seen["data"]
    if "serve" in seen:
        (status, answer), (wrong, told) = seen["serve"]
        assert (status, wrong) == (200, 400)
        assert answer["hits"]
        assert "limit" in str(told)
