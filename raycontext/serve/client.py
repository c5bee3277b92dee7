"""Finds, starts and asks the daemon. Imports nothing but the standard library: a command has 100 ms in all."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from raycontext.errors import RaycontextError

__all__ = [
    "STARTING",
    "UNAVAILABLE",
    "DaemonFailed",
    "DaemonGone",
    "Refused",
    "Reply",
    "ask",
    "checked",
    "ensure_ready",
    "events",
    "folders_path",
    "health",
    "is_possible",
    "is_wanted",
    "log_path",
    "ray_of",
    "root_folder",
    "runtime_folder",
    "socket_path",
    "start",
    "start_quietly",
    "token_path",
    "watches_path",
]

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 600.0
START_SECONDS = 90.0
"""How long the daemon may take until Ray is up."""

POLL_SECONDS = 0.05
MAX_SOCKET_PATH_BYTES = 100
"""Of 107 that the kernel takes: one is bound under a longer name first."""

DAEMON_SWITCH = "RAYCONTEXT_DAEMON"
_OFF = {"0", "off", "false", "no", "n", "f"}


UNAVAILABLE = 503
"""Status of HTTP where the daemon cannot serve, or not yet."""

STARTING = "DaemonStarting"
"""What it calls the latter, if it was asked not to wait (`?wait=0`)."""


class DaemonGone(ConnectionError):
    """No daemon answers at the socket."""


class Refused(RaycontextError):
    """What the daemon says instead of an answer: `Refused(error, message, exit_code)`."""

    def __init__(self, error: str, message: str, exit_code: int) -> None:
        super().__init__(error, message, exit_code)
        self.message = message
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.message


class DaemonFailed(RaycontextError):
    """The daemon cannot be started, or runs but cannot serve: `DaemonFailed(problem, log)`."""

    exit_code = 7

    def __init__(self, problem: str, log: str) -> None:
        super().__init__(problem, log)
        self.problem = problem
        self.log = log

    def __str__(self) -> str:
        return f"{self.problem} Its log is {self.log} (raycontext logs)."


class Reply(NamedTuple):
    """An answer of the daemon: the status of HTTP, and what the body holds."""

    status: int
    body: Any


def is_wanted() -> bool:
    """Whether commands may use and start a daemon: not with RAYCONTEXT_DAEMON=off, nor with a cluster or without Ray,
    nor where such sockets lack."""
    if os.environ.get("RAYCONTEXT_ADDRESS") or os.environ.get("RAYCONTEXT_RUNTIME") == "inline":
        return False
    return is_possible()


def is_possible() -> bool:
    """Whether there may be a daemon at all, for what cannot do without one: also one that does without Ray."""
    return hasattr(socket, "AF_UNIX") and (os.environ.get(DAEMON_SWITCH) or "on").lower() not in _OFF


def root_folder(given: str | None = None) -> str:
    """Where the collections lie, as `Settings` has it: an absolute path, or a URL as it was given."""
    root = given or os.environ.get("RAYCONTEXT_ROOT")
    if not root:
        from platformdirs import user_data_path

        return str(user_data_path("raycontext", appauthor=False))
    if "://" in root:
        return root
    return os.path.abspath(os.path.expanduser(root))  # noqa: PTH100, PTH111 - pathlib takes longer to import


def runtime_folder() -> str:
    """A folder for sockets that belongs to this user alone; made where there is none. Raises `OSError`."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = f"{base}/raycontext" if base else f"{_temporary()}/raycontext-{os.getuid()}"
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} must be a folder that belongs to you alone (chmod 700)")
    return folder


def _temporary() -> str:
    return os.environ.get("TMPDIR", "/tmp").rstrip("/") or "/tmp"


def _key(root: str) -> str:
    return hashlib.sha256(root.encode(errors="surrogateescape")).hexdigest()[:16]


def socket_path(root: str) -> str:
    """The socket of the daemon of a root. Raises `OSError` where its folder cannot be used."""
    path = f"{runtime_folder()}/{_key(root)}.sock"
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise OSError(f"{path} is too long for a socket: set XDG_RUNTIME_DIR to a shorter folder")
    return path


def log_path(root: str) -> str:
    """The log of the daemon of a root."""
    from platformdirs import user_log_path

    return str(user_log_path("raycontext", appauthor=False) / f"daemon-{_key(root)}.log")


def token_path(root: str) -> str:
    """The token for callers over TCP and for those who join the Ray of the daemon, 0600."""
    return f"{runtime_folder()}/{_key(root)}.token"


def folders_path(root: str) -> str:
    """Where the daemon of a root notes the temporary folders of its Ray."""
    return f"{runtime_folder()}/{_key(root)}.folders"


def watches_path(root: str) -> str:
    """What the daemon of a root watches, for the next one."""
    return log_path(root).removesuffix(".log") + ".watches.json"


def ray_of(root: str, seconds: float) -> tuple[str, str] | None:
    """Address of the Ray of the daemon of a root, and the file with its token, as soon as it is ready; None where no
    daemon can serve in that time."""
    deadline = time.monotonic() + seconds
    while (found := health(root)) is not None and time.monotonic() < deadline:
        if found["state"] == "ready":
            return found["ray_address"], found["ray_token_path"]
        if found["state"] == "failed":
            return None
        time.sleep(POLL_SECONDS)
    return None


def ask(root: str, method: str, target: str, body: Any = None, seconds: float = ANSWER_SECONDS) -> Reply:
    """One request. Raises `DaemonGone` where no daemon answers."""
    with _connected(root, seconds) as connection:
        try:
            _send(connection, method, target, body)
            head, content = _parted(_everything(connection))
        except OSError as error:
            raise DaemonGone(str(error)) from error
    status = _status(head)
    if b"transfer-encoding: chunked" in head.lower():
        content = b"".join(_chunks(content))
    try:
        return Reply(status, json.loads(content))
    except ValueError as error:
        raise DaemonGone("the daemon ended in the middle of an answer") from error


def events(root: str, target: str) -> Iterator[Any]:
    """What a stream of server-sent events tells, until it ends. Raises `DaemonGone`."""
    with _connected(root, ANSWER_SECONDS) as connection:
        try:
            _send(connection, "GET", target, None)
            pending = b""
            while received := connection.recv(65536):
                pending += received
                *lines, pending = pending.split(b"\n")
                for line in lines:
                    if line.startswith(b"data:"):
                        yield json.loads(line[5:])
        except OSError as error:
            raise DaemonGone(str(error)) from error


def checked(reply: Reply) -> Any:
    """The body of an answer. Raises `Refused`."""
    if reply.status == 200:
        return reply.body
    raise Refused(reply.body["error"], reply.body["message"], reply.body["exit_code"])


def health(root: str, seconds: float = CONNECT_SECONDS) -> dict[str, Any] | None:
    """What the daemon says of itself; None where none answers."""
    try:
        found: dict[str, Any] = ask(root, "GET", "/api/health", seconds=seconds).body
    except DaemonGone:
        return None
    return found


def start(root: str, tcp: str | None = None) -> None:
    """Start a daemon in the background; it ends at once where another one has the root. Raises `OSError`.

    tcp: HOST:PORT to listen at as well.
    """
    import subprocess

    log = log_path(root)
    os.makedirs(os.path.dirname(log), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        subprocess.Popen(
            [sys.executable, "-m", "raycontext.serve.daemon", "--root", root, *(("--tcp", tcp) if tcp else ())],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(descriptor)


def start_quietly(root: str) -> None:
    """Start a daemon for the next command; this one does not need it, so what goes wrong is told there."""
    with suppress(OSError):
        start(root)


def ensure_ready(root: str, seconds: float = START_SECONDS, tcp: str | None = None) -> str:
    """Start the daemon where none runs, wait until it serves, and return the path of its socket.

    tcp: as in `start`.

    Raises `DaemonFailed` where it cannot serve, or not in time.
    """
    deadline = time.monotonic() + seconds
    started = 0.0
    while True:
        found = health(root)
        if found is None:
            if time.monotonic() - started > 10.0:  # the one that we started may have met one that was just ending
                try:
                    start(root, tcp)
                except OSError as error:
                    raise DaemonFailed(f"The daemon cannot be started: {error}.", log_path(root)) from error
                started = time.monotonic()
        elif found["state"] == "ready":
            return socket_path(root)
        elif found["state"] == "failed":
            raise DaemonFailed(f"The daemon cannot serve: {found['problem']}", found["log"])
        if time.monotonic() > deadline:
            raise DaemonFailed(f"The daemon was not ready within {seconds:g} s.", log_path(root))
        time.sleep(POLL_SECONDS)


def _connected(root: str, seconds: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(socket_path(root))
        connection.settimeout(seconds)
    except OSError as error:
        connection.close()
        raise DaemonGone(str(error)) from error
    return connection


def _send(connection: socket.socket, method: str, target: str, body: Any) -> None:
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    connection.sendall(head.encode() + content)


def _everything(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(1 << 18):
        parts.append(part)
    return b"".join(parts)


def _parted(message: bytes) -> tuple[bytes, bytes]:
    head, parting, content = message.partition(b"\r\n\r\n")
    if not parting:
        raise DaemonGone("the daemon ended before it answered")
    return head, content


def _status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1])


def _chunks(content: bytes) -> Iterator[bytes]:
    while content:
        size, _, content = content.partition(b"\r\n")
        length = int(size, 16)
        yield content[:length]
        content = content[length + 2 :]
