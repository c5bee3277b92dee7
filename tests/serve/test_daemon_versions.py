"""Two installations and one root: a command uses a daemon of its protocol, replaces an older, spares a newer one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from starlette.testclient import TestClient

from raycontext.daemon_client.wire import PROTOCOL, PROTOCOL_HEADER
from raycontext.serve.http.guard import Guard

from ..conftest import CART, write_tree
from ..waiting import until
from .conftest import SCRIPT, Command

pytestmark = [pytest.mark.process, pytest.mark.ray]

OTHER = """
import sys
from raycontext.daemon_client import wire
wire.PROTOCOL = {protocol}
sys.argv[0] = {script!r}
from raycontext.cli.main import main
main()
"""


@pytest.fixture
def daemon(root: Path, tmp_path: Path) -> Iterator[Command]:
    variables = {"RAYCONTEXT_DAEMON": "on", "RAYCONTEXT_WORKERS": "1", "XDG_STATE_HOME": str(tmp_path / "state")}
    command = Command(root, variables)
    write_tree(tmp_path / "shop", {"cart.py": CART})
    yield command
    command("down")
    assert command.remaining() == []


def of_protocol(daemon: Command, protocol: int, *arguments: str | Path) -> tuple[int, str, str]:
    """Run a command of an installation that speaks this protocol: its exit code and both streams."""
    program = (sys.executable, "-c", OTHER.format(protocol=protocol, script=str(SCRIPT)))
    process = daemon.start(*arguments, program=program)
    stdout, stderr = process.communicate()
    return process.returncode, stdout, stderr


def test_request_of_another_protocol_is_refused_but_for_health_and_the_end() -> None:
    async def application(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"{}"})  # type: ignore[operator]

    client = TestClient(Guard(application, protocol=7))  # type: ignore[arg-type]
    for path, named, status in (
        ("/api/search", "7", 200),
        ("/api/search", "6", 426),
        ("/api/search", "8", 426),
        ("/api/search", None, 200),
        ("/mcp", "6", 426),
        ("/api/health", "6", 200),
        ("/api/shutdown", "8", 200),
    ):
        response = client.post(path, headers={} if named is None else {PROTOCOL_HEADER: named})
        assert (response.status_code, response.headers[PROTOCOL_HEADER]) == (status, "7")


def test_newer_command_answers_by_itself_and_the_older_daemon_ends(daemon: Command, tmp_path: Path) -> None:
    assert daemon("index", tmp_path / "shop", "--runtime", "inline").returncode == 0
    pid = json.loads(daemon("up", "--json").stdout)["pid"]
    code, stdout, stderr = of_protocol(daemon, PROTOCOL + 1, "search", "total_price", tmp_path / "shop", "--files")
    assert (code, stdout.strip().endswith("cart.py")) == (0, True), stderr
    assert "the daemon that runs is of an older version: this command answers by itself" in stderr
    until(lambda: not psutil.pid_exists(pid))


def test_older_command_answers_by_itself_and_never_ends_the_newer_daemon(daemon: Command, tmp_path: Path) -> None:
    health = json.loads(daemon("up", "--json").stdout)
    assert (health["protocol"], health["version"] != "") == (PROTOCOL, True)
    for arguments in (("index", tmp_path / "shop"), ("search", "total_price", tmp_path / "shop", "--files")):
        code, _, stderr = of_protocol(daemon, PROTOCOL - 1, *arguments)
        assert (code, "is of a newer version" in stderr) == (0, True), stderr
    code, _, stderr = of_protocol(daemon, PROTOCOL - 1, "up")
    assert (code, "use that raycontext" in stderr) == (7, True)
    assert json.loads(daemon("up", "--json").stdout)["pid"] == health["pid"]
    assert daemon("search", "total_price", tmp_path / "shop").stderr == ""
