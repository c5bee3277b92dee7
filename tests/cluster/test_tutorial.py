"""The tutorial about clusters: its commands print on three nodes what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import pytest

from ..pages import REPOSITORY, commands_of
from .tutorial_scenario import EXAMPLE, PAGE

SECONDS = 1800


@pytest.mark.ray
def test_commands_of_the_tutorial_print_what_it_says() -> None:
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder:  # short, for Ray's sockets
        done = subprocess.run(
            [sys.executable, "-m", "tests.cluster.tutorial_scenario", folder],
            cwd=REPOSITORY,
            env={**os.environ, "RAY_TMPDIR": folder, "TMPDIR": folder},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    assert done.returncode == 0, done.stderr
    *seen, example = json.loads(done.stdout.splitlines()[-1])
    commands = commands_of(PAGE)
    assert len(seen) == len(commands) >= 5
    for command, (line, printed, code) in zip(commands, seen, strict=True):
        assert command.line == line
        assert code == 0, (line, printed, done.stderr)
        assert command.prints(printed), f"{line}\n{printed}\nbut the page has\n{command.output}"
    assert EXAMPLE in (REPOSITORY / PAGE).read_text()
    assert example[2] == 0, done.stderr
    assert "2 of 2 shards answered" in example[1]
    assert "sessions.py:" in example[1]
