"""A cluster that grows with the work and shrinks afterwards: the tasks of a run follow its nodes, searches go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from .namespaces import alone, skip_without_namespaces
from .scenarios import seen_by

pytestmark = pytest.mark.ray


def test_run_uses_nodes_that_come_and_leaves_those_that_are_drained(tmp_path: Path) -> None:
    skip_without_namespaces()
    seen = seen_by("growth_scenario", tmp_path, below=alone())
    assert seen["nodes"] == [1, 3, 2, 1]
    assert seen["used"] == 3
    answered, total, paths = seen["before"]
    assert (answered, total, len(paths)) == (1, 1, 3)
    assert seen["while_indexing"] == [seen["before"]] * 3
    assert seen["while_drained"] == []
    assert seen["after_drain"] == 0
    assert seen["report"] == [24, {}, []]
    assert seen["after"] == seen["before"]
    assert seen["verified"] == [0]
