"""Two machines as far as the network knows: a head and a worker with addresses of their own, whose cable is pulled."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

import raycontext

from .scenarios import seen_by

pytestmark = pytest.mark.ray

HEAD, WORKER = "10.71.0.1", "10.71.0.2"
"""No one else sees them: they are addresses of namespaces that only this test knows."""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@contextmanager
def namespace(name: str) -> Iterator[str]:
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "delete", name)


@pytest.fixture
def machines() -> Iterator[tuple[str, str]]:
    """Network namespaces of a head and a worker, on a bridge in a third one."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need root and the program ip (iproute2)")
    prefix = f"rc{secrets.token_hex(3)}"
    with ExitStack() as stack:
        try:
            switch = stack.enter_context(namespace(f"{prefix}s"))
            head, worker = (stack.enter_context(namespace(f"{prefix}{end}")) for end in "hw")
            ip("-n", switch, "link", "add", "hub", "type", "bridge")
            ip("-n", switch, "link", "set", "hub", "up")
            for name, address in ((head, HEAD), (worker, WORKER)):
                port = f"port-{name[-1]}"
                ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "cable", "netns", name)
                ip("-n", switch, "link", "set", port, "master", "hub", "up")
                ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
                ip("-n", name, "link", "set", "cable", "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this system lets us make no network namespaces: {error.stderr.strip()}")
        yield head, worker


@contextmanager
def started(machine: str, environment: dict[str, str], *options: str) -> Iterator[None]:
    """A node of a Ray of real processes in the namespace of a machine."""
    with tempfile.TemporaryDirectory(prefix="n", ignore_cleanup_errors=True) as folder:
        ray = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1")
        # The namespaces have their ports to themselves.
        common = (f"--object-store-memory={100 << 20}", "--disable-usage-stats", *options)
        process = subprocess.Popen(
            ["ip", "netns", "exec", machine, *ray, *common],
            env={**environment, "RAY_TMPDIR": folder, "TMPDIR": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            children = psutil.Process(process.pid).children(recursive=True)
            for each in (psutil.Process(process.pid), *children):
                each.kill()
            process.wait()
            psutil.wait_procs(children)


def test_search_outlives_the_network_of_a_node(machines: tuple[str, str], tmp_path: Path) -> None:
    head, worker = machines
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(raycontext.__file__).parents[1]),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAYCONTEXT_REPLICAS": "2",
    }
    address = f"{HEAD}:6379"
    with (
        started(head, environment, "--head", f"--node-ip-address={HEAD}", "--port=6379", "--include-dashboard=false"),
        started(worker, environment, f"--address={address}", f"--node-ip-address={WORKER}"),
    ):
        cut = ("ip", "-n", worker, "link", "set", "cable", "down")
        seen = seen_by(
            "network_scenario",
            *(tmp_path, address, *cut),
            below=("ip", "netns", "exec", head),
            environment=environment,
        )
    assert seen["addresses"] == [HEAD, WORKER]
    assert seen["files"] == 40
    assert seen["nodes_of_replicas"] == [2, 2]
    answered, total, hits = seen["before"]
    assert (answered, total, bool(hits)) == (2, 2, True)
    assert seen["answers"] == [seen["before"]] * len(seen["answers"])
