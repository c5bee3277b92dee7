"""A real disk that is full, a limit on the size of files, and permissions that are taken away, in the middle of a run:
a clear error, the last commit stays, and the next run goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

SCRIPT = Path(__file__).with_name("storage_trouble.py")
NAMESPACE = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")
"""So that a process may mount what no one else sees."""

PROBLEMS = {"full": "No space left on device", "too-large": "File too large", "forbidden": "Permission denied"}


def may_mount(folder: Path) -> bool:
    try:
        tried = subprocess.run(
            [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True, check=False
        )
    except OSError:
        return False
    return tried.returncode == 0


@pytest.mark.parametrize("kind", PROBLEMS)
def test_storage_that_fails_in_a_run_loses_nothing(kind: str, tmp_path: Path) -> None:
    if kind == "full" and not may_mount(tmp_path):
        pytest.skip("mounting a small file system needs root or user namespaces")
    prefix = NAMESPACE if kind == "full" else ()
    done = subprocess.run(
        [*prefix, sys.executable, str(SCRIPT), kind, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for text in (found["message"], found["said"]):
        assert PROBLEMS[kind] in text
        assert str(tmp_path / "root") in text
        assert "run again" in text
    assert (found["error"], found["exit_code"]) == ("StorageError", 5)
    before, meanwhile, after = found["versions"]
    assert before == meanwhile < after
    assert found["damage"] == []
    assert found["answers_stay"]
    assert found["files"] == 101
    assert found["equals_from_scratch"]
