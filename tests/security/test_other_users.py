"""Another user of the machine reads nothing of ours, changes nothing, and takes no socket over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import raycontext
from raycontext.runtime import ray_process

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can run a process as another user"
)

STRANGER = 64_123
"""Id of a user that has no account."""

ENTERED = """
import os, sys
stranger, *paths = sys.argv[1:]
os.setgroups([])
os.setgid(int(stranger))
os.setuid(int(stranger))
reached = []
for path in paths:
    try:
        os.stat(path)
        reached.append(path)
    except PermissionError:
        pass
print("\\n".join(reached))
"""


def reached_by_stranger(paths: list[Path]) -> list[str]:
    """Return those of some paths that a process of another user can look at."""
    # The process becomes the other user only once it runs: the interpreter may lie where no one else can go.
    command = [sys.executable, "-I", "-c", ENTERED, str(STRANGER), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    return done.stdout.split()


@pytest.mark.ray
def test_nothing_of_a_local_ray_can_be_reached_by_another_user(tmp_path: Path) -> None:
    with raycontext.connect(root=tmp_path / "root", runtime="ray", workers=1):
        (folder,) = ray_process.own_folders()
        assert folder.stat().st_mode & 0o777 == 0o700
        below = [path for path in folder.rglob("*") if not path.is_symlink()]
        names = {path.name for path in below}
        assert {"sockets", "logs", "runtime_resources"} <= names
        assert reached_by_stranger(below) == []
        assert reached_by_stranger([Path("/")]) == ["/"]
