"""Writers that are killed again and again, while their storage fails and their clocks step, lose nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.soak

SECONDS = 20


def test_nothing_acknowledged_is_lost_by_kills_full_disks_errors_and_clocks() -> None:
    soak = Path(__file__).with_name("soak.py")
    done = subprocess.run(
        [sys.executable, soak, "--seconds", str(SECONDS)], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {name: int(count) for count, name in re.findall(r"(\d+) (commits|kills|merges)", done.stdout)}
    assert counts["commits"] > 10
    assert counts["kills"] > 10
    assert counts["merges"] > 0
    if any(map(shutil.which, ("cc", "gcc", "clang"))):  # else there are kills alone
        faults = [int(count) for count, _ in re.findall(r"(\d+) (input|times a full|refused|steps)", done.stdout)]
        assert len(faults) == 4
        assert min(faults) > 0
    assert "lost 0, duplicates 0, unreadable 0" in done.stdout


def test_nothing_is_lost_by_kills_of_users_who_fork_clear_publish_pull_and_read_refs() -> None:
    """They start anew after each kill, which takes most of the time: a short run has few kills."""
    soak = Path(__file__).with_name("sharing_soak.py")
    done = subprocess.run(
        [sys.executable, soak, "--seconds", str(SECONDS)], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) kills; done", done.stdout)[0]) > 0
    assert int(re.findall(r"(\d+) runs acknowledged", done.stdout)[0]) > 0
    assert "lost 0, duplicates 0, unreadable 0" in done.stdout
    assert "changed or removed 0" in done.stdout
