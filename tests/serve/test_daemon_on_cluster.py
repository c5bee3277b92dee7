"""A daemon that serves the root of a cluster: warm commands and MCP, and the cluster's token stays its user's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import TextContent

from raycontext.daemon_client import wire

from ..conftest import CART, PAYMENT, write_tree
from ..waiting import WAIT_SECONDS
from .conftest import SCRIPT, Command

pytestmark = [pytest.mark.ray, pytest.mark.process]

QUESTION = "where is a credit card charged?"


@pytest.fixture
def cluster(local_ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Commands of a user whose environment names a Ray that runs, and the file with its token."""
    import ray

    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    token = tmp_path / "token"
    token.write_text(os.environ["RAY_AUTH_TOKEN"])
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    variables = {
        "XDG_RUNTIME_DIR": str(folder),
        "XDG_STATE_HOME": str(folder),
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAYCONTEXT_ADDRESS": ray.get_runtime_context().gcs_address,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)  # for `wire`, which looks for the same daemon
    command = Command(tmp_path / "root", {**variables, "RAYCONTEXT_DAEMON": "on"})
    yield command
    command("down")
    assert command.remaining() == []


async def test_daemon_serves_the_root_of_a_cluster(
    cluster: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, source = str(cluster.root), tmp_path / "shop"
    write_tree(source, {"cart.py": CART, "payment.py": PAYMENT})
    token = Path(cluster.variables["RAY_AUTH_TOKEN_PATH"])
    written = token.read_text()
    done = cluster("index", source, "--json")
    assert (done.returncode, json.loads(done.stdout)["files"]) == (0, 2), done.stderr
    assert wire.health(root) is None, "a command starts no daemon on a cluster"

    up = cluster("up", "--json")
    assert up.returncode == 0, up.stderr
    health = json.loads(up.stdout)
    assert (health["state"], health["ray"]) == ("ready", "ready")
    assert health["ray_address"] == cluster.variables["RAYCONTEXT_ADDRESS"]
    assert token.read_text() == written
    # The address and a token that is no more prove that this command does not join the cluster itself.
    token.rename(tmp_path / "away")
    done = cluster("search", QUESTION, source, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["hits"][0]["path"] == "payment.py"
    status = json.loads(cluster("status", source, "--json").stdout)
    assert {actor["name"] for actor in status["actors"]} == {"rc", "rc/shop", "rc/shop/0"}
    assert all(actor["pid"] != health["pid"] for actor in status["actors"])

    environment = cluster.environment()
    server = StdioServerParameters(command=str(SCRIPT), args=["mcp"], env=environment)
    async with Client(server, read_timeout_seconds=WAIT_SECONDS) as client:
        answer = await client.call_tool("search_code", {"path": str(source), "query": QUESTION})
    (content,) = answer.content
    assert isinstance(content, TextContent)
    assert "payment.py" in content.text
    assert (wire.health(root) or {})["pid"] == health["pid"]

    (tmp_path / "away").rename(token)
    monkeypatch.delenv("RAYCONTEXT_ADDRESS")
    assert wire.health(root) is None, "without the address the root has another daemon"
    monkeypatch.setenv("RAYCONTEXT_ADDRESS", cluster.variables["RAYCONTEXT_ADDRESS"])
    assert cluster("clear", source).stdout == "removed shop\n"
    assert cluster("down").returncode == 0
    assert token.read_text() == written
