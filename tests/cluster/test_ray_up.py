"""`ray up cluster.yaml` against hosts with real SSH servers, then an index and a search there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..waiting import WAIT_SECONDS
from ..wheels import write_checksums
from .namespaces import alone, skip_without_namespaces

pytestmark = pytest.mark.ray

REPOSITORY = Path(__file__).resolve().parents[2]
SCENARIO = Path(__file__).with_name("up_scenario.py")


@pytest.fixture
def office() -> Iterator[Path]:
    """A folder with `cluster.yaml` and `dist/`. Its path is short, for the sockets of Ray."""
    skip_without_namespaces()
    missing = [name for name in ("/usr/sbin/sshd", "ssh", "ssh-keygen", "rsync") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}: on Debian make sshd installs openssh-server and rsync")
    controls = set(Path("/tmp").glob("ray_ssh_*"))  # where Ray keeps connections; the place is fixed
    with tempfile.TemporaryDirectory(prefix="u", ignore_cleanup_errors=True) as folder:
        office = Path(folder, "office")
        build = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(office / "dist"))
        subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
        write_checksums(office / "dist")
        shutil.copy(REPOSITORY / "cluster.yaml", office)
        yield office
    for left in set(Path("/tmp").glob("ray_ssh_*")) - controls:
        shutil.rmtree(left)


def test_cluster_that_the_file_starts_indexes_and_searches(office: Path) -> None:
    done = subprocess.run(
        alone(sys.executable, str(SCENARIO), str(office)),
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(office.parent)},
        capture_output=True,
        text=True,
        timeout=2 * WAIT_SECONDS,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("seen:")]
    assert lines, done.stderr[-4000:]
    seen = json.loads(lines[0].removeprefix("seen:"))
    assert seen["without_token"] == [True, True]
    assert seen["token_mode"] == ["0o600", "0o600"]
    assert seen["wheel_on"] == [1, 1]
    assert seen["indexed"] == 20
    assert seen["found"][0].startswith("d")
    assert seen["down"] == 0
