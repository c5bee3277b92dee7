"""`raycontext batch --submit` against a dashboard that drops connections."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import ray

from raycontext.batch import ray_job

from .conftest import Command

BASE = "raycontext-batch-0"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test of this process may have joined a Ray that asks for a token, and nobody here waits for a cluster."""
    monkeypatch.setattr(ray_job, "POLL_SECONDS", 0.02)
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)


JOB = ray_job.BatchJob(BASE, "/root-of-collections", b'{"sources": []}')

Answer = Callable[[str, str], Any]
"""Makes the answer to a method and a path; None drops the connection."""


@contextmanager
def dashboard(answer: Answer, received: list[bytes] | None = None) -> Iterator[str]:
    """Serve like the dashboard of a Ray, as far as jobs go. `received` gets what is posted."""
    received = [] if received is None else received

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "POST":
                received.append(body)
            told = answer(self.command, self.path)
            if told is None:
                self.close_connection = True
                return
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = _handle  # noqa: N815 - names that http.server looks for

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Jobs:
    """The jobs of a dashboard that drops some requests."""

    def __init__(self, drops: Callable[[str, str, int], bool]) -> None:
        self.submitted: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self._drops = drops

    def answer(self, method: str, path: str) -> Any:
        self.asked.append((method, path))
        if method == "POST" and path == "/api/jobs/":
            self.submitted.append(f"{BASE}-{len(self.submitted) + 1}")
        if self._drops(method, path, self.asked.count((method, path))):
            return None
        if path == "/api/version":
            return {"version": "4", "ray_version": ray.__version__, "ray_commit": "", "session_name": ""}
        if path == "/api/jobs/" and method == "GET":
            return [self._job(name) for name in self.submitted]
        if path == "/api/jobs/":
            return {"job_id": self.submitted[-1], "submission_id": self.submitted[-1]}
        return self._job(path.rpartition("/")[2])

    @staticmethod
    def _job(name: str, status: str = "RUNNING") -> dict[str, str]:
        return {"type": "SUBMISSION", "submission_id": name, "status": status, "entrypoint": "python"}


class Waiting(Jobs):
    """The jobs of a dashboard whose cluster has no room."""

    def __init__(self) -> None:
        super().__init__(lambda *_: False)

    @staticmethod
    def _job(name: str, status: str = "PENDING") -> dict[str, str]:
        return Jobs._job(name, status)


def test_requests_that_were_dropped_are_sent_again() -> None:
    jobs = Jobs(lambda method, path, number: method == "GET" and number <= 2)
    with dashboard(jobs.answer) as address:
        found = ray_job.submit_batch(address, JOB, wait=False, on_log=print)
    assert found == (f"{BASE}-1", False, "RUNNING", 0)
    assert jobs.submitted == [f"{BASE}-1"]


@pytest.mark.parametrize(("root", "expected"), [("/shared/index", "/shared/index"), (None, None)])
def test_root_of_the_submitter_stays_here(root: str | None, expected: str | None) -> None:
    jobs, received = Jobs(lambda *_: False), []  # type: ignore[var-annotated]
    with dashboard(jobs.answer, received) as address:
        ray_job.submit_batch(address, JOB._replace(root=root), wait=False, on_log=print)
    (body,) = received
    assert json.loads(body)["runtime_env"]["env_vars"].get("RAYCONTEXT_ROOT") == expected


@pytest.mark.process
def test_job_that_does_not_start_is_told_and_ctrl_c_leaves_it(command: Command, tmp_path: Path) -> None:
    (tmp_path / "repos.yaml").write_text('{"sources": [{"folder": "src"}]}')
    code = (
        "from raycontext.batch import ray_job\nray_job.START_SECONDS = 0.0\n"
        "from raycontext.cli.main import main\nmain()\n"
    )
    with dashboard(Waiting().answer) as address:
        arguments = ("batch", tmp_path / "repos.yaml", "--submit", "--address", address)
        with command.start(*arguments, program=(sys.executable, "-c", code)) as process:
            assert process.stderr is not None
            told = next(line for line in iter(process.stderr.readline, "") if "has not started" in line)
            process.send_signal(signal.SIGINT)
            _, rest = process.communicate()
    stop = f"ray job stop --address {address} {BASE[:-1]}"
    assert "has not started after 0 s" in told
    assert stop in told
    assert process.returncode == 130
    assert " goes on; to stop it: " in rest
    assert stop in rest


def test_job_whose_acknowledgement_was_dropped_is_submitted_once() -> None:
    jobs = Jobs(lambda method, path, number: method == "POST" and number == 1)
    with dashboard(jobs.answer) as address:
        found = ray_job.submit_batch(address, JOB, wait=False, on_log=print)
    assert found == (f"{BASE}-1", False, "RUNNING", 0)
    assert jobs.submitted == [f"{BASE}-1"]


def test_log_is_passed_on_once_when_its_stream_breaks() -> None:
    """The stream begins at the begin of the log each time, and breaks in the middle of a line."""

    class Client:
        def __init__(self) -> None:
            self.streams = [["one\n", "tw"], ["one\ntwo\n", "thr"], ["one\n", "two\nthree\n"]]

        async def tail_job_logs(self, _: str) -> Any:
            parts = self.streams.pop(0)
            for part in parts:
                yield part
            if self.streams:
                raise RuntimeError("WebSocket connection closed unexpectedly")

        def get_job_status(self, _: str) -> Any:
            return ray_job.JobStatus.RUNNING if self.streams else ray_job.JobStatus.SUCCEEDED

    told: list[str] = []
    ray_job.follow(Client(), "job", told.append)
    assert "".join(told) == "one\ntwo\nthree\n"


@pytest.mark.process
def test_without_the_extra_the_command_names_it(command: Command, tmp_path: Path) -> None:
    (tmp_path / "repos.yaml").write_text('{"sources": [{"folder": "src"}]}')
    code = "import sys\nsys.modules['aiohttp'] = None\nfrom raycontext.cli.main import main\nmain()\n"
    arguments = ("batch", tmp_path / "repos.yaml", "--submit", "--address", "http://localhost:1")
    with command.start(*arguments, program=(sys.executable, "-c", code)) as process:
        stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (2, ""), stderr
    assert "pip install 'raycontext[cluster]'" in stderr


@pytest.mark.process
@pytest.mark.parametrize("answer", [lambda *_: None, lambda *_: {}, lambda *_: []], ids=["drops", "object", "list"])
def test_what_is_no_dashboard_is_code_7(command: Command, tmp_path: Path, answer: Answer) -> None:
    (tmp_path / "repos.yaml").write_text('{"sources": [{"folder": "src"}]}')
    code = (
        "from raycontext.batch import ray_job\nray_job.PATIENCE_SECONDS = 1.0\n"
        "from raycontext.cli.main import main\nmain()\n"
    )
    with dashboard(answer) as address:
        arguments = ("batch", tmp_path / "repos.yaml", "--submit", "--address", address)
        with command.start(*arguments, program=(sys.executable, "-c", code)) as process:
            stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (7, ""), stderr
    (line,) = stderr.splitlines()
    assert line.startswith(f"error: The job cannot be submitted to {address} (")
    assert "Check the address of the dashboard" in line
