"""Where Ray cannot be started, work goes on without it; who asks for Ray gets the error."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from .conftest import Command

pytestmark = pytest.mark.process

NO_RAY = {"RAYCONTEXT_OBJECT_STORE_BYTES": "1"}
"""Environment in which no Ray of our own can be started: its object store is smaller than Ray allows."""

QUESTION = "where is a credit card charged?"


def test_commands_without_daemon_go_on_without_ray_and_say_why(command: Command, source: Path) -> None:
    done = command("index", source, "--json", **NO_RAY)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == 5
    (told,) = [line for line in done.stderr.splitlines() if "Ray" in line]
    assert "going on without Ray" in told
    assert "object store" in told
    assert "raycontext doctor" in told
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
