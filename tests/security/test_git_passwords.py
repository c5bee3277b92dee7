"""A password in the URL of a repository is in no command line, no message and no file."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from raycontext.errors import InvalidInput, SourceUnavailable
from raycontext.sources.git import check_repository, update

from ..repositories import commit
from ..waiting import WAIT_SECONDS

pytestmark = pytest.mark.process

USER, PASSWORD = "a user", "p@ss/w:rd$(id)`'\"%"
LOGIN = "a%20user:p%40ss%2Fw%3Ard%24%28id%29%60%27%22%25@"


class Repository(BaseHTTPRequestHandler):
    """A repository behind a user name and a password. It looks at all command lines while git waits."""

    folder: str
    seen: list[str]
    logins: list[str]

    def answer(self) -> None:
        self.seen += command_lines()
        given = self.headers.get("Authorization", "")
        self.logins.append(given)
        if given != "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="repository"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        variables = {"GIT_PROJECT_ROOT": self.folder, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path}
        variables |= {"QUERY_STRING": query, "REQUEST_METHOD": self.command, "PATH": os.environ["PATH"]}
        variables |= {"CONTENT_TYPE": self.headers.get("Content-Type", "")}
        variables |= {"GIT_PROTOCOL": self.headers.get("Git-Protocol", "")}
        variables |= {"HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", "")}
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        done = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        self.send_response(200)
        for line in head.decode().splitlines():
            self.send_header(*line.split(": ", 1))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815 - names of the standard library

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def command_lines() -> list[str]:
    """Return the command lines of all processes."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.append((process / "cmdline").read_bytes().decode(errors="replace"))
    return found


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, type[Repository]]]:
    """Serve a repository; yields HOST:PORT and the handler."""
    handler = type("Handler", (Repository,), {"folder": str(folder), "seen": [], "logins": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    commit(tmp_path / "served" / "shop", {"a.py": "x = 1\n"})
    return tmp_path / "served"


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="this system shows no command lines in /proc")
def test_password_gets_a_repository_and_is_in_no_command_line(repository: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    with served(repository) as (host, handler):
        update(f"http://{LOGIN}{host}/shop/.git", "", tree, WAIT_SECONDS)
    assert (tree / "a.py").read_text() == "x = 1\n"
    assert any("git-remote-http" in line or "remote-http" in line for line in handler.seen)
    assert [line for line in handler.seen if "p@ss" in line or LOGIN in line or "w:rd" in line] == []
    for kept in tree.rglob("*"):
        assert not kept.is_file() or b"p@ss" not in kept.read_bytes(), kept
        assert not kept.is_file() or LOGIN.encode() not in kept.read_bytes(), kept


def test_wrong_password_is_told_without_it(repository: Path, tmp_path: Path) -> None:
    with served(repository) as (host, handler), pytest.raises(SourceUnavailable) as told:
        update(f"http://somebody:s3cret-word@{host}/shop/.git", "", tmp_path, WAIT_SECONDS)
    assert len([given for given in handler.logins if given]) >= 1
    assert "s3cret" not in str(told.value)
    assert told.value.source == f"http://{host}/shop/.git"


@pytest.mark.parametrize("login", ["a%0Apassword=b:c@", "a:b%0d%0ahost=evil@", "a:%00@", "a:%7f@"])
def test_login_that_would_say_more_to_git_is_refused(login: str) -> None:
    with pytest.raises(InvalidInput, match="control character") as told:
        check_repository(f"https://{login}host/a.git", "")
    assert "evil" not in str(told.value)


def test_url_that_cannot_be_read_is_refused_without_being_shown() -> None:
    with pytest.raises(InvalidInput, match="cannot be read") as told:
        check_repository("https://user:s3cret@[::1/a.git", "")
    assert "s3cret" not in str(told.value)
