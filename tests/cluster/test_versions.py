"""A node with an older raycontext gets no work, and `doctor` names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .scenarios import seen_by

pytestmark = pytest.mark.ray


def test_node_of_another_version_is_refused_and_named(tmp_path: Path) -> None:
    seen = seen_by("versions_scenario", tmp_path)
    assert (seen["files"], seen["healthy"]) == (1, [])
    assert "has raycontext 0.0.9, " in seen["refused"]
    (fault,) = seen["faults"]
    assert fault.startswith("node ")
    assert " has raycontext 0.0.9, " in fault
    assert seen["files_after"] == 2
