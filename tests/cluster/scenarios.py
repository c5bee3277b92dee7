"""Scenarios: programs of their own that use a cluster and print what they saw, since a process can use one Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..waiting import WAIT_SECONDS

__all__ = ["seen_by"]

HERE = Path(__file__).parent
BEFORE = "seen:"
"""What stands before the JSON in the line of a scenario."""


def seen_by(
    scenario: str,
    *arguments: str | Path,
    below: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run the scenario of this name, and return what it saw.

    below: command that runs the scenario as its arguments. environment: variables of the scenario; None stands for
    those of this process.
    """
    # Ray puts sockets below this folder, so that its path is short.
    with tempfile.TemporaryDirectory(prefix="s", ignore_cleanup_errors=True) as folder:
        path = os.pathsep.join((str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")))
        inherited = os.environ if environment is None else environment
        programs = os.pathsep.join((str(Path(sys.executable).parent), inherited["PATH"]))
        places = {"RAY_TMPDIR": folder, "TMPDIR": folder, "PYTHONPATH": path, "PATH": programs}
        done = subprocess.run(
            [*below, sys.executable, str(HERE / f"{scenario}.py"), *map(str, arguments)],
            env={**inherited, **places},
            capture_output=True,
            text=True,
            timeout=2 * WAIT_SECONDS,
            check=False,
        )
    told = [line for line in done.stdout.splitlines() if line.startswith(BEFORE)]
    assert told, done.stderr[-4000:]
    seen: dict[str, Any] = json.loads(told[0].removeprefix(BEFORE))
    return seen
