"""A daemon that cannot be started or does not answer: the cause is told as soon as it is known, never by a time limit.

The limits of the product are minutes in these tests: a command that waited for one would not come back.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from raycontext.daemon_client import lifecycle, paths, wire
from raycontext.daemon_client.addresses import tcp_address
from raycontext.daemon_client.wire import PROTOCOL
from raycontext.errors import DaemonFailed, InvalidInput

from ..conftest import CART, write_tree
from ..waiting import until
from .conftest import Command
from .test_without_ray import NO_RAY

pytestmark = pytest.mark.process

STRANGER = 64_123
"""Id of a user that has no account."""


@pytest.fixture
def daemon(root: Path, tmp_path: Path) -> Iterator[Command]:
    """Commands that use a daemon, which needs no Ray here."""
    variables = {"RAYCONTEXT_DAEMON": "on", "RAYCONTEXT_WORKERS": "1", "XDG_STATE_HOME": str(tmp_path / "state")}
    command = Command(root, variables)
    yield command
    command("down")
    assert command.remaining() == []


def up(daemon: Command, *arguments: str, **variables: str) -> dict[str, Any]:
    done = daemon("up", "--json", *arguments, **variables)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def daemons(daemon: Command) -> list[psutil.Process]:
    return [process for process in daemon.processes() if "raycontext.serve.daemon" in process.cmdline()]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8471", ("127.0.0.1", 8471)),
        (":8471", ("127.0.0.1", 8471)),
        ("localhost:0", ("localhost", 0)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::1]:8471", ("::1", 8471)),
    ],
)
def test_address_without_a_host_is_the_loopback(text: str, address: tuple[str, int]) -> None:
    assert tcp_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "::1:80", "*:80", "host:99999", "host:http", "host:-1", "[]:80"])
def test_malformed_address_is_refused_before_anything_starts(daemon: Command, text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an address"):
        tcp_address(text)
    if text == "host:http":
        done = daemon("up", "--tcp", text)
        assert (done.returncode, "is not an address" in done.stderr) == (2, True)
        assert daemons(daemon) == []


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "0:0"])
def test_address_of_all_interfaces_without_names_is_refused(daemon: Command, address: str) -> None:
    done = daemon("up", "--tcp", address)
    assert done.returncode == (7 if address == "0:0" else 2), done.stderr  # the daemon finds out what `0` is
    assert "RAYCONTEXT_HOSTS" in done.stderr
    until(lambda: daemons(daemon) == [])


@pytest.mark.parametrize("host", ["127.0.0.1:", ""])
def test_port_that_is_taken_is_told(daemon: Command, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = daemon("up", "--tcp", f"{host}{port}")
    assert done.returncode == 7
    assert f"cannot listen at 127.0.0.1 port {port}: Address already in use" in done.stderr
    until(lambda: daemons(daemon) == [])


@pytest.mark.ray
def test_port_alone_is_opened_to_this_machine_only(daemon: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    health = up(daemon, "--tcp", str(port))
    listening = [
        connection.laddr
        for connection in psutil.Process(health["pid"]).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    ]
    assert [address.ip for address in listening] == ["127.0.0.1"]


@pytest.mark.ray
def test_daemon_that_is_stopped_is_named_and_ended(daemon: Command, tmp_path: Path) -> None:
    write_tree(tmp_path / "shop", {"cart.py": CART})
    assert daemon("index", tmp_path / "shop", "--runtime", "inline").returncode == 0
    pid = up(daemon)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        searched = daemon("search", "total_price", tmp_path / "shop", "--files")
        assert searched.stdout.splitlines()[0].endswith("cart.py")
        for arguments in (("up",), ("index", tmp_path / "shop")):
            done = daemon(*arguments)
            assert done.returncode == 7
            assert f"the daemon {pid} is stopped" in done.stderr
        found = json.loads(daemon("doctor", "--json").stdout)
        (finding,) = [finding for finding in found if finding["check"] == "daemon"]
        assert (finding["level"], f"{pid} is stopped" in finding["what"]) == ("fault", True)
        done = daemon("down")
        assert done.stdout == f"ended daemon {pid}\n"
    finally:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGCONT)
    until(lambda: not psutil.pid_exists(pid))


@pytest.mark.ray
def test_root_has_one_daemon_however_it_is_spelled(daemon: Command, tmp_path: Path) -> None:
    daemon.root.mkdir(exist_ok=True)
    (tmp_path / "link").symlink_to(daemon.root)
    for name in ("run", "temporary"):
        (tmp_path / name).mkdir(mode=0o700)
    pid = up(daemon)["pid"]
    spellings = (f"{daemon.root}/", str(tmp_path / "link"), f"{daemon.root.parent}/./{daemon.root.name}")
    assert {up(daemon, "--root", spelling)["pid"] for spelling in spellings} == {pid}
    elsewhere = {"XDG_RUNTIME_DIR": str(tmp_path / "run"), "TMPDIR": str(tmp_path / "temporary"), "HOME": str(tmp_path)}
    assert up(daemon, **elsewhere)["pid"] == pid
    assert len(daemons(daemon)) == 1


@pytest.mark.ray
def test_log_lies_in_the_root_where_the_home_cannot_be_written(daemon: Command, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    assert up(daemon)["log"].startswith(f"{daemon.root}/.logs/")
    assert list((daemon.root / ".logs").glob("daemon-*.log"))


def test_folder_that_is_missing_is_told_before_anything_starts(daemon: Command, tmp_path: Path) -> None:
    for command in ("index", "watch"):
        done = daemon(command, tmp_path / "nowhere")
        assert (done.returncode, "is not an existing folder" in done.stderr) == (3, True)
        assert "starting" not in done.stderr
    assert daemons(daemon) == []


SQUAT = """
import os, socket, sys
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
held = socket.socket(socket.AF_UNIX)
held.bind(chr(0) + sys.argv[2])
if sys.argv[3] == "listens":
    held.listen(1)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.ray
@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can run a process as another user")
@pytest.mark.parametrize("how", ["listens", "only binds"])
def test_name_that_another_user_holds_gives_way_to_the_next(daemon: Command, how: str) -> None:
    up(daemon)
    daemon("down")
    secret = Path(paths.claim_path(0)).read_text()
    name = f"raycontext-{secret}-{Path(paths.socket_path(str(daemon.root))).name}"
    squatter = subprocess.Popen(
        [sys.executable, "-I", "-c", SQUAT, str(STRANGER), name, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with squatter:
        assert squatter.stdout is not None
        assert squatter.stdout.readline() == "held\n"
        pid = up(daemon)["pid"]
        racing = daemon.start("--root", str(daemon.root), program=(sys.executable, "-m", "raycontext.serve.daemon"))
        assert racing.wait() == 0  # the other one is ours
        racing.communicate()
        # A process that it starts looks like itself until it becomes another program.
        until(lambda: [process.pid for process in daemons(daemon)] == [pid])
        squatter.communicate("")


def test_folder_of_sockets_is_private_and_none_that_others_have_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = Path(paths.runtime_folder())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_uid == os.getuid()
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with pytest.raises(PermissionError, match="belongs to you alone"):
        paths.require_private(str(open_to_all))


class Answers(threading.Thread):
    """A socket that answers the first requests as a daemon that starts, the others as one that is ready."""

    def __init__(self, path: str, starting: int) -> None:
        super().__init__(daemon=True)
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(path)
        self.listening.listen(16)
        self._starting = starting

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                self._starting -= 1
                state = "starting" if self._starting > 0 else "ready"
                body = json.dumps({"state": state, "problem": "", "log": "", "protocol": PROTOCOL})
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                connection.sendall((head + body).encode())


def test_wait_is_told_and_a_silent_daemon_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(tmp_path / "root")
    monkeypatch.setattr(lifecycle, "TELL_SECONDS", 0.0)
    answers = Answers(paths.socket_path(root), starting=5)
    answers.start()
    told: list[str] = []
    try:
        assert lifecycle.ensure_ready(root, tell=told.append) == paths.socket_path(root)
    finally:
        answers.listening.close()
        Path(paths.socket_path(root)).unlink()
    assert told == ["waiting: the daemon is starting (raycontext logs)"]


def test_daemon_that_ends_at_once_is_told_with_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(lifecycle.sys, "executable", "/bin/false")
    with pytest.raises(DaemonFailed, match="cannot be started: the daemon ended at once"):
        lifecycle.ensure_ready(str(tmp_path / "root"))


@pytest.mark.ray
def test_down_does_not_wait_for_a_ray_that_starts(daemon: Command) -> None:
    health = up(daemon)
    assert wire.ask(str(daemon.root), "POST", "/api/ray", {}).status == 200

    def part_of_ray() -> psutil.Process | None:
        children = psutil.Process(health["pid"]).children(recursive=True)
        return next((child for child in children if child.name().startswith("gcs_server")), None)

    (until(part_of_ray) or psutil.Process()).suspend()  # so that its start never ends
    assert daemon("down").stdout == f"ended daemon {health['pid']}\n"
    assert daemon.remaining() == []
    log = daemon("logs").stdout
    assert "ended" in log.splitlines()[-1]
    assert "Ray is ready" not in log


def test_search_as_the_very_first_command_leaves_all_work_to_the_daemon(daemon: Command, source: Path) -> None:
    code = (
        "import sys\n"
        "from raycontext.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n"
        "    print(end.code, sorted({'numpy', 'pyarrow', 'raycontext.kernel.library'} & set(sys.modules)))\n"
    )
    asked = ("search", "where is a credit card charged?", source, "--files")
    process = daemon.start(*asked, program=(sys.executable, "-c", code), **NO_RAY)
    stdout, stderr = process.communicate()
    first, *_, last = stdout.splitlines()
    assert first.endswith("payment.py"), stderr
    assert last == "0 []"
    assert stderr.startswith("starting the daemon")
    assert f"{source} is not indexed yet" in stderr


def test_daemon_of_a_user_who_asks_for_ray_starts_it_at_once(daemon: Command) -> None:
    variables = {**NO_RAY, "RAYCONTEXT_RUNTIME": "ray"}
    up(daemon, **variables)

    def told() -> bool:
        found = wire.health(str(daemon.root))
        return found is not None and found["ray"] == "failed"

    until(told)
