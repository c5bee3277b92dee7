"""A cluster that grows with the work and shrinks afterwards: the tasks of a run follow its nodes, searches go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ..waiting import WAIT_SECONDS
from .namespaces import alone, skip_without_namespaces

pytestmark = pytest.mark.ray

SCENARIO = Path(__file__).with_name("growth_scenario.py")


def test_run_uses_nodes_that_come_and_leaves_those_that_are_drained(tmp_path: Path) -> None:
    skip_without_namespaces()
    with tempfile.TemporaryDirectory(prefix="g", ignore_cleanup_errors=True) as folder:  # short, for Ray's sockets
        programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        places = {"RAY_TMPDIR": folder, "TMPDIR": folder}
        done = subprocess.run(
            alone(sys.executable, str(SCENARIO), str(tmp_path)),
            env={**os.environ, **places, "PATH": programs, "PYTHONPATH": str(SCENARIO.parents[2])},
            capture_output=True,
            text=True,
            timeout=2 * WAIT_SECONDS,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("seen:")]
    assert lines, done.stderr[-4000:]
    seen = json.loads(lines[0].removeprefix("seen:"))
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
