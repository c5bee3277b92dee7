"""A node with an older raycontext gets no work, and `doctor` names it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ..waiting import WAIT_SECONDS

pytestmark = pytest.mark.ray

SCENARIO = Path(__file__).with_name("versions_scenario.py")


def test_node_of_another_version_is_refused_and_named(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="v", ignore_cleanup_errors=True) as folder:  # short, for Ray's sockets
        done = subprocess.run(
            [sys.executable, str(SCENARIO), str(tmp_path)],
            env={**os.environ, "RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=2 * WAIT_SECONDS,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("seen:")]
    assert lines, done.stderr[-4000:]
    seen = json.loads(lines[0].removeprefix("seen:"))
    assert (seen["files"], seen["healthy"]) == (1, [])
    assert "has raycontext 0.0.9, " in seen["refused"]
    (fault,) = seen["faults"]
    assert fault.startswith("node ")
    assert " has raycontext 0.0.9, " in fault
    assert seen["files_after"] == 2
