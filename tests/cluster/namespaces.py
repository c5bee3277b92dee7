"""Namespaces of processes, mounts and networks: what runs in them sees no process and no port of this machine, and
everything in them ends with their first process.

Ray's test cluster runs `ray stop`, which ends every Ray that it sees.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

__all__ = ["alone", "skip_without_namespaces"]

UNSHARE = ("unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child", "--mount-proc")
LOOPBACK = 'ip link set lo up && exec "$@"'


def skip_without_namespaces() -> None:
    """Skip the test, with the reason, where this system lets us make no namespaces."""
    if shutil.which("unshare") is None or shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("namespaces need root and the programs unshare and ip (util-linux, iproute2)")
    done = subprocess.run(alone("true"), capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this system lets us make no namespaces: {done.stderr.strip()}")


def alone(*command: str) -> list[str]:
    """Return the command that runs another one in namespaces of its own, with a loopback."""
    return [*UNSHARE, "sh", "-c", LOOPBACK, "sh", *command]
