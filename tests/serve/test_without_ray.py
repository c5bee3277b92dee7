"""Where Ray cannot be started, work goes on without it; who asks for Ray gets the error."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest

from ..waiting import WAIT_SECONDS
from .conftest import SCRIPT, Command

pytestmark = pytest.mark.process

NO_RAY = {"RAYCONTEXT_OBJECT_STORE_BYTES": "1"}
"""Environment in which no Ray of our own can be started: its object store is smaller than Ray allows."""

QUESTION = "where is a credit card charged?"


@pytest.mark.parametrize(
    "cause, wrapper, told",
    [
        ("object store", (), "object store"),
        ("no ports", ("unshare", "--net"), "Network is unreachable"),
    ],
    ids=["small object store", "no network at all"],
)
def test_commands_without_daemon_go_on_without_ray_and_say_why(
    command: Command, source: Path, cause: str, wrapper: tuple[str, ...], told: str
) -> None:
    if wrapper and subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets us make no network namespace")
    variables = NO_RAY if cause == "object store" else {}
    with command.start("index", source, "--json", program=(*wrapper, SCRIPT), **variables) as process:
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["files"] == 5
    waits, line = [line for line in stderr.splitlines() if "Ray" in line]
    assert waits.startswith("starting Ray, ")
    assert "going on without Ray" in line
    assert told in line
    assert "raycontext doctor" in line
    assert command("search", QUESTION, source, "--files").stdout.splitlines()[0].endswith("payment.py")
    assert command.remaining() == []


def test_who_asks_for_ray_or_for_a_cluster_gets_the_error(command: Command, source: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    for arguments, variables in (
        (("--runtime", "ray"), NO_RAY),
        ((), {**NO_RAY, "RAYCONTEXT_RUNTIME": "ray"}),
        (("--address", address), {}),
    ):
        done = command("index", source, *arguments, **variables)
        assert done.returncode == 7, (arguments, done.stderr)
        assert "going on" not in done.stderr
        assert "Traceback" not in done.stderr
    assert command("list").stdout == ""
