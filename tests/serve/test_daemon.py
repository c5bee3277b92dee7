"""The daemon, as a process: one for each root whatever races, killed and left alone, and what commands do with it."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from raycontext.cli.application import application
from raycontext.cli.doctor import CHECKS
from raycontext.cli.main import COMMANDS
from raycontext.daemon_client import paths, wire

from ..conftest import CART, PAYMENT, write_tree
from ..waiting import WAIT_SECONDS, until
from .conftest import Command
from .open_ports import kernels_list
from .test_without_ray import NO_RAY

pytestmark = pytest.mark.process

SKIPPED = [word for check in CHECKS if check != "ports" for word in ("--skip", check)]
"""Options of `doctor` that leave nothing but the check of ports."""

QUESTION = "where is a credit card charged?"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root, and beside it an indexed project."""
    folder = tmp_path_factory.mktemp("d")
    write_tree(folder / "shop", {"cart.py": CART, "payment.py": PAYMENT})
    assert Command(folder / "root")("index", folder / "shop", "--runtime", "inline").returncode == 0
    return folder


@pytest.fixture(scope="module")
def daemon(place: Path) -> Iterator[Command]:
    """Commands that use and start a daemon, which ends with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("run", "state"):
            (place / name).mkdir(mode=0o700)
        variables = {"XDG_RUNTIME_DIR": str(place / "run"), "XDG_STATE_HOME": str(place / "state")}
        for name, value in variables.items():
            patch.setenv(name, value)  # for `client`, which looks for the same daemon
        command = Command(place / "root", {**variables, "RAYCONTEXT_DAEMON": "on", "RAYCONTEXT_WORKERS": "1"})
        yield command
        command("down")
        assert command.remaining() == []


def ready(command: Command) -> dict[str, Any]:
    """What the daemon says of itself as soon as it serves."""
    done = command("up", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def on_ray(command: Command) -> dict[str, Any]:
    """What the daemon says of itself once it works on Ray, which starts behind the work."""
    ready(command)

    def found() -> dict[str, Any] | None:
        health = wire.health(str(command.root), WAIT_SECONDS)
        return health if health is not None and health["ray"] == "ready" else None

    return until(found) or {}


def daemons(command: Command) -> list[int]:
    found = []
    for process in command.processes():
        try:
            if "raycontext.serve.daemon" in process.cmdline():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.ray
def test_one_daemon_whatever_races_and_whatever_lies_at_its_socket(daemon: Command) -> None:
    path = Path(paths.socket_path(str(daemon.root)))
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))  # closed without being removed, as by a kill -9
    racing = [
        daemon.start("--root", str(daemon.root), program=(sys.executable, "-m", "raycontext.serve.daemon"))
        for _ in range(8)
    ]
    health = ready(daemon)
    losers = [process for process in racing if process.pid != health["pid"]]
    assert len(losers) == len(racing) - 1
    assert [process.wait(WAIT_SECONDS) for process in losers] == [0] * len(losers)
    until(lambda: daemons(daemon) == [health["pid"]])  # `up` may have started one more
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    daemon("down")
    for process in racing:
        process.communicate()
    assert not path.exists()


@pytest.mark.ray
def test_answers_and_exit_codes_are_those_of_a_process_without_daemon(daemon: Command, place: Path) -> None:
    ready(daemon)
    for arguments in (
        ("search", QUESTION, "shop"),
        ("search", QUESTION, "shop", "--limit", "1", "--offset", "1", "--json-hits"),
        ("search", QUESTION, "--all", "--max-tokens", "40", "--around", "2"),
        ("search", QUESTION, "--all", "--max-tokens", "400", "--context"),
        ("search", "xyzzyplugh", "shop"),
        ("search", QUESTION, "shop", "--kind", "klass"),
        ("search", QUESTION, "--limit", "0"),
        ("search", QUESTION, "-c", "nope"),
        ("search", "\n"),
        ("related", "shop/payment.py:9"),
        ("clear", "-c", "nope"),
        ("index", "gone"),
    ):
        with_daemon = daemon(*arguments)
        without = daemon(*arguments, RAYCONTEXT_DAEMON="off", RAYCONTEXT_RUNTIME="inline")
        assert with_daemon.returncode == without.returncode, (arguments, with_daemon.stderr)
        assert with_daemon.stdout == without.stdout
        assert with_daemon.stderr == without.stderr


@pytest.mark.ray
def test_folder_that_was_never_indexed_is_indexed_by_the_daemon(daemon: Command, place: Path) -> None:
    health = ready(daemon)
    write_tree(place / "new", {"payment.py": PAYMENT})
    done = daemon("search", QUESTION, "new", "--json-hits")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["collection"] == "new"
    assert done.stderr.splitlines()[0] == f"{place / 'new'} is not indexed yet"
    assert daemon("clear", "new").stdout == "removed new\n"
    assert daemons(daemon) == [health["pid"]]


@pytest.mark.ray
@pytest.mark.parametrize("imports", ["raycontext, sys", "ray, raycontext, sys"], ids=["alone", "Ray imported before"])
def test_sdk_joins_the_ray_of_the_daemon(daemon: Command, imports: str) -> None:
    health = on_ray(daemon)
    code = (
        f"import {imports}\n"
        "with raycontext.connect() as context:\n"
        "    import ray\n"
        "    print(ray.get_runtime_context().gcs_address, context.search(sys.argv[1], collection='shop')[0].path)\n"
    )
    process = daemon.start(QUESTION, program=(sys.executable, "-c", code))
    stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
    assert stdout.split() == [health["ray_address"], "payment.py"], stderr


@pytest.mark.ray
def test_open_ports_are_those_that_doctor_and_the_documentation_list(daemon: Command) -> None:
    pid = on_ray(daemon)["pid"]

    def listed() -> list[tuple[str, str, int]]:
        told = [found["what"] for found in json.loads(daemon("doctor", "--json", *SKIPPED).stdout)]
        (line,) = [what for what in told if f"daemon {pid} listens" in what]
        found = re.findall(r"(\S+) (?:\[([\da-f:]+)\]|([\d.]+)):(\d+)(?:;|$)", line)
        return [(program, v6 or v4, int(port)) for program, v6, v4, port in found]

    def open_now() -> set[tuple[str, int]]:
        below = psutil.Process(pid).children(recursive=True)
        return kernels_list([pid, *(process.pid for process in below)])

    def found() -> list[tuple[str, str, int]]:
        before, told, after = open_now(), listed(), open_now()  # workers come and go
        return told if before == {(address, port) for _, address, port in told} == after else []

    ports = until(found) or []
    assert {ipaddress.ip_address(address).is_loopback for _, address, _ in ports} == {True}
    table = (
        (Path(__file__).parents[2] / "docs" / "security.md").read_text().partition("## Ports")[2].partition("\n## ")[0]
    )
    documented = {name: int(count) for name, count in re.findall(r"^\| `([^`]+)`[^|]*\| (\d)", table, re.MULTILINE)}
    programs = Counter(program for program, _, _ in ports)
    workers = {name for name in programs if name.startswith("ray::") and name not in documented}
    assert {name: count for name, count in programs.items() if name not in workers} == documented
    helpers = [below.name() for below in psutil.Process(pid).children(recursive=True) if "Agent" in below.name()]
    assert helpers == [], "a single machine needs none of Ray's agents"
    # Whoever comes without a token is sent away, by each port that speaks HTTP; the others speak gRPC.
    with httpx.Client(trust_env=False, timeout=WAIT_SECONDS) as stranger:
        for program, address, port in ports:
            with suppress(httpx.TransportError):
                answer = stranger.get(f"http://{address}:{port}/api/job_agent/jobs/")
                assert answer.status_code in (401, 403, 404), (program, answer.status_code)
                assert b"shop" not in answer.content


@pytest.mark.ray
@pytest.mark.parametrize("victim", ["daemon", "gcs_server", "raylet"])
def test_daemon_serves_again_after_a_kill(daemon: Command, victim: str) -> None:
    health = on_ray(daemon)
    process = psutil.Process(health["pid"])
    pids = (
        [health["pid"]]
        if victim == "daemon"
        else [child.pid for child in process.children(recursive=True) if child.name().startswith(victim)]
    )
    assert len(pids) == 1
    os.kill(pids[0], signal.SIGKILL)

    def noticed() -> bool:
        """Whether the daemon is gone, or has seen that its Ray is."""
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        found = wire.health(str(daemon.root), WAIT_SECONDS)
        return found is not None and (found["state"] != "ready" or found["ray_address"] != health["ray_address"])

    until(noticed)
    assert daemon("search", QUESTION, "shop", "--files").stdout.splitlines()[0].endswith("payment.py")
    again = on_ray(daemon)
    assert again["ray_address"] != health["ray_address"]
    assert daemons(daemon) == [again["pid"]]


@pytest.fixture
def many(place: Path) -> int:
    """A folder that takes a while to index; how many files it has."""
    files = {f"f{number}.py": f"def function_{number}():\n    return {number}\n" * 30 for number in range(600)}
    write_tree(place / "many", files)
    return len(files)


def begun(command: Command) -> subprocess.Popen[str]:
    """An index command whose job has begun."""
    running = command.start("index", "many")

    def known() -> bool:
        jobs = wire.ask(str(command.root), "GET", "/api/jobs").body["jobs"]
        return any(job["collection"] == "many" for job in jobs)

    until(known)
    return running


def check_whole(command: Command, count: int) -> None:
    done = command("index", "many", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == count
    assert command("verify", "many", "--deep").returncode == 0
    assert command("clear", "many").returncode == 0


@pytest.mark.ray
def test_kill_breaks_off_no_index_run_and_no_watch(daemon: Command, place: Path, many: int) -> None:
    health = ready(daemon)
    assert daemon("watch", "shop").returncode == 0
    running = begun(daemon)
    os.kill(health["pid"], signal.SIGKILL)
    _, stderr = running.communicate(timeout=WAIT_SECONDS)  # starts another daemon, and goes on there
    assert running.returncode == 0, stderr
    write_tree(place / "shop", {"later.py": "def written_later():\n    return 1\n"})
    until(lambda: daemon("search", "written_later", "shop", "--files").stdout.rstrip().endswith("later.py"))
    assert [watched["collection"] for watched in json.loads(daemon("watch", "--list", "--json").stdout)] == ["shop"]
    assert json.loads(daemon("watch", "shop", "--stop", "--json").stdout)["stopped"]
    (place / "shop/later.py").unlink()
    daemon("index", "shop")
    check_whole(daemon, many)


@pytest.mark.ray
def test_interrupt_of_an_index_command_stops_its_job(daemon: Command, many: int) -> None:
    ready(daemon)
    running = begun(daemon)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=WAIT_SECONDS)
    assert running.returncode in (0, 130), stderr  # it may have been quicker than the signal
    assert running.returncode == 0 or "what was committed stays" in stderr
    check_whole(daemon, many)


@pytest.mark.ray
def test_those_who_have_the_token_are_served_over_tcp(daemon: Command, place: Path) -> None:
    assert daemon("up").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"0.0.0.0:{port}"
    named = {"RAYCONTEXT_HOSTS": "build.example, other.example:80"}
    done = daemon("up", "--tcp", address, RAYCONTEXT_ALLOWED=str(place), **named)
    assert done.returncode == 0, done.stderr
    assert "listens at no address: it ends after its jobs" in done.stderr  # the one without an address
    (page,) = re.findall(rf"page http://build\.example:{port}/#code=([\w-]+)", done.stdout)
    elsewhere = daemon("up", "--tcp", "127.0.0.1:1")
    assert (elsewhere.returncode, elsewhere.stdout) == (2, "")
    assert f"listens only at {address}" in elsewhere.stderr
    token = Path(paths.token_path(str(daemon.root)))
    assert str(token) in done.stdout
    assert token.stat().st_mode & 0o777 == 0o600
    asked = {"query": QUESTION, "collection": "shop", "limit": 1}
    assert token.read_text() not in done.stdout + done.stderr
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=WAIT_SECONDS) as stranger:
        assert stranger.post("/api/search", json=asked).status_code == 401
        for host in ("evil.example", f"evil.example:{port}", "evil", "other.example"):
            assert stranger.get("/", headers={"Host": host}).status_code == 403
        for host in (f"build.example:{port}", "other.example:80", f"localhost:{port}", f"[::1]:{port}", address):
            assert stranger.get("/", headers={"Host": host}).status_code == 200
        told = [stranger.post("/api/token", json={"code": page}, headers={"Host": "build.example"}) for _ in range(2)]
        assert [answer.status_code for answer in told] == [200, 401]
        assert told[0].json() == {"token": token.read_text()}
        again = json.loads(daemon("up", "--json").stdout)["page"]
        assert stranger.post("/api/token", json={"code": again.rpartition("=")[2]}).status_code == 200
        assert stranger.post("/api/page").status_code == 401
        headers = {"Authorization": f"Bearer {token.read_text().strip()}"}
        answer = stranger.post("/api/search", json=asked, headers=headers)
        assert answer.json()["hits"][0]["path"] == "payment.py"
        health = stranger.get("/api/health", headers=headers).json()
        assert (health["ray_address"], health["ray_token_path"]) == ("", "")
    daemon("down")
    until(lambda: not token.exists())


@pytest.mark.ray
def test_daemon_that_no_one_asks_ends(daemon: Command) -> None:
    daemon("down")
    root = str(daemon.root)
    process = daemon.start(
        "--root", root, program=(sys.executable, "-m", "raycontext.serve.daemon"), RAYCONTEXT_IDLE_SECONDS="0.5"
    )
    process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0
    assert daemon.remaining() == []
    assert "idle: ending" in daemon("logs").stdout


@pytest.mark.ray
def test_ray_that_has_nothing_to_do_ends_and_comes_back_with_the_next_run(daemon: Command, place: Path) -> None:
    daemon("down")
    assert daemon("up", RAYCONTEXT_RAY_IDLE_SECONDS="0.5").returncode == 0
    health = on_ray(daemon)

    def rests() -> bool:
        found = wire.health(str(daemon.root), WAIT_SECONDS)
        return found is not None and found["ray"] == "off"

    until(rests)
    children = psutil.Process(health["pid"]).children(recursive=True)
    until(lambda: not any(child.is_running() and child.name().startswith("raylet") for child in children))
    assert daemon("search", QUESTION, "shop", "--files").stdout.splitlines()[0].endswith("payment.py")
    assert "processes of its own" in daemon("status").stdout
    write_tree(place / "shop", {"later.py": "def written_later():\n    return 1\n"})
    assert json.loads(daemon("index", "shop", "--json").stdout)["added"] == 1
    again = on_ray(daemon)
    assert (again["pid"], again["ray_address"] != health["ray_address"]) == (health["pid"], True)
    (place / "shop/later.py").unlink()
    assert json.loads(daemon("index", "shop", "--json").stdout)["removed"] == 1
    daemon("down")


def test_daemon_whose_ray_died_too_often_goes_on_without_it_and_says_so(daemon: Command) -> None:
    daemon("down")
    done = daemon("up", RAYCONTEXT_DAEMON_RESTARTS=",".join([f"{time.time():.0f}"] * 4))
    assert done.returncode == 0, done.stderr
    assert "Ray died 4 times" in done.stdout
    assert "going on without Ray" in done.stdout
    assert daemon("search", QUESTION, "shop", "--files").stdout.splitlines()[0].endswith("payment.py")
    assert "Ray died 4 times" in daemon("logs").stdout
    assert daemon("down").returncode == 0


def test_daemon_without_ray_indexes_searches_and_says_why(daemon: Command, place: Path) -> None:
    daemon("down")
    write_tree(place / "first", {"payment.py": PAYMENT})
    done = daemon("index", "first", "--json", **NO_RAY)
    assert (done.returncode, json.loads(done.stdout)["files"]) == (0, 1), done.stderr
    assert daemon("search", QUESTION, "first", "--files").stdout.splitlines()[0].endswith("payment.py")

    def told() -> bool:
        found = wire.health(str(daemon.root), WAIT_SECONDS)
        return found is not None and found["ray"] == "failed"

    until(told)
    again = daemon("index", "first")
    assert again.returncode == 0
    (line,) = [line for line in again.stderr.splitlines() if "going on without Ray" in line]
    assert "object store" in line
    assert "raycontext doctor" in line
    assert "going on without Ray" in daemon("status").stdout
    assert json.loads(daemon("up", "--json").stdout)["ray"] == "failed"
    assert daemon("clear", "first").returncode == 0
    daemon("down")


def test_search_of_a_daemon_imports_nothing_heavy(daemon: Command, tmp_path: Path) -> None:
    """Asked of a socket that answers as a daemon does."""
    answer = json.dumps(
        {
            "hits": [],
            "commits": [],
            "version": 1,
            "indexing": [],
            "shards_answered": 1,
            "shards_total": 1,
            "cut": False,
            "notes": [],
            "surroundings": [],
        }
    )
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from raycontext.cli import main\nfrom raycontext.daemon_client import wire\n"
        f"wire.ask = lambda *_: wire.Reply(200, {answer!r} and __import__('json').loads({answer!r}))\n"
        "try:\n    main.main()\n"
        "except SystemExit as end:\n    print(end.code)\n"
        "heavy = {'ray', 'numpy', 'pyarrow', 'pydantic', 'typer', 'rich', 'asyncio', 'subprocess', 'inspect',\n"
        "    'argparse', 'dataclasses', 'hashlib', 'pathlib', 'platformdirs', 'shutil', 'socket', 'typing'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))\n"
    )
    process = daemon.start("search", "x", str(tmp_path), program=(sys.executable, "-c", code))
    stdout, stderr = process.communicate()
    assert stdout.splitlines() == ["1", "[]"], stderr


def test_overview_tells_of_every_command() -> None:
    registered = {command.name or command.callback.__name__: command for command in application.registered_commands}
    assert set(COMMANDS) == set(registered)
    for name, command in registered.items():
        told = (command.help or command.callback.__doc__ or "").partition("\n\n")[0]
        assert COMMANDS[name] == " ".join(told.split())


def test_colours_and_links_are_for_terminals(place: Path, daemon: Command) -> None:
    code = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    script = str(Path(sys.executable).parent / "raycontext")
    arguments = (script, "search", QUESTION, "shop", "--limit", "1")
    environment = daemon.environment(RAYCONTEXT_DAEMON="off", TERM="xterm")
    shown = {
        name: subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**environment, **extra},
            cwd=place,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=True,
        ).stdout
        for name, extra in (("terminal", {}), ("plain", {"NO_COLOR": "1"}))
    }
    assert b"\x1b]8;;file://" in shown["terminal"]
    assert b"\x1b[" in shown["terminal"]
    assert b"\x1b" not in shown["plain"]
