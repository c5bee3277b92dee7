"""The process that holds a cluster together is killed: nothing that was acknowledged goes with it."""

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

SCENARIO = Path(__file__).with_name("head_scenario.py")


def test_lost_head_is_told_and_a_new_one_finds_everything(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="h", ignore_cleanup_errors=True) as folder:  # short, for Ray's sockets
        done = subprocess.run(
            [sys.executable, str(SCENARIO), str(tmp_path), "1"],
            env={**os.environ, "RAY_TMPDIR": folder, "TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=2 * WAIT_SECONDS,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("seen:")]
    assert lines, done.stderr[-4000:]
    seen = json.loads(lines[0].removeprefix("seen:"))
    version, files = seen["acknowledged"]
    assert (version, files) == (1, 20)
    assert seen["before"]
    assert seen["without_head"] == seen["before"]
    assert seen["index"].startswith("RuntimeUnavailable: The head of the Ray cluster at ")
    assert seen["afterwards"].startswith("RuntimeUnavailable: ")
    assert seen["damage"] == [0]
    assert seen["after"] == seen["before"]
    assert (seen["files"], seen["new"]) == (21, ["new.py"])
