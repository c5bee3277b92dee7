"""A batch as a job of a real Ray: the same work, submitted twice, runs once."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

import raycontext

from ..conftest import write_tree
from ..waiting import PATIENCE, WAIT_SECONDS, until

pytestmark = pytest.mark.ray


def environment() -> dict[str, str]:
    """With a token, and with the `python` of this environment first, as on a node that was set up for raycontext."""
    package, scripts = str(Path(raycontext.__file__).parents[1]), str(Path(sys.executable).parent)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAYCONTEXT_")},
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": package,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
        **PATIENCE,
    }


TOKEN = secrets.token_hex(32)


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@pytest.fixture(scope="module")
def dashboard() -> Iterator[str]:
    """The address of the dashboard of a Ray, all of whose ports are its own."""
    gcs, http, agent, client = free_ports(4)
    with tempfile.TemporaryDirectory(prefix="b", ignore_cleanup_errors=True) as folder:
        command = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2"),
            *(f"--port={gcs}", f"--dashboard-port={http}", f"--dashboard-agent-listen-port={agent}"),
            *(f"--ray-client-server-port={client}", f"--temp-dir={folder}", f"--object-store-memory={100 << 20}"),
        ]
        variables = {**environment(), "TMPDIR": folder}
        process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: listens(http))
        yield f"http://127.0.0.1:{http}"
        started = psutil.Process(process.pid).children(recursive=True)
        for each in (process, *started):  # its own way to end takes half a minute
            each.kill()
        process.wait()
        psutil.wait_procs(started)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_two_submissions_of_the_same_work_join(dashboard: str, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", {"a.py": "def charge_card():\n    return 1\n"})
    path = tmp_path / "repos.yaml"
    path.write_text(yaml.safe_dump({"sources": [{"folder": "src"}, {"folder": "gone"}]}))
    root = tmp_path / "root"
    command = [sys.executable, "-m", "raycontext", "batch", str(path), "--root", str(root), "--submit", "--json"]
    processes = [
        subprocess.Popen(
            [*command, "--address", dashboard],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    results = []
    ended = [(process.communicate(timeout=WAIT_SECONDS), process.returncode) for process in processes]
    for (stdout, stderr), code in ended:
        assert code == 8, stderr
        assert "failed gone: " in stderr
        results.append(json.loads(stdout))
    identity = raycontext.read_batch_list(path).identity(str(root))
    assert {result["submission_id"] for result in results} == {f"raycontext-batch-{identity}-1"}
    assert sorted(result["joined"] for result in results) == [False, True]
    assert [result["exit_code"] for result in results] == [8, 8]
    with raycontext.connect(root=root, runtime="inline") as context:
        assert context.search("charge_card", collection="src")[0].path == "a.py"
