"""HTTP over the daemon's Unix socket: requests, answers and streams of events."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

from raycontext.daemon_client.paths import socket_path
from raycontext.errors import RemoteError

__all__ = ["DaemonGone", "Reply", "ask", "checked", "events", "health"]

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 600.0


class DaemonGone(ConnectionError):
    """No daemon answers at the socket."""


class Reply(NamedTuple):
    """An answer of the daemon: the status of HTTP, and what the body holds."""

    status: int
    body: Any


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
    """Return the body of an answer. Raises `RemoteError` with the error that the daemon answers instead."""
    if reply.status == 200:
        return reply.body
    raise RemoteError(reply.body["error"], reply.body["message"], reply.body["exit_code"])


def health(root: str, seconds: float = CONNECT_SECONDS) -> dict[str, Any] | None:
    """What the daemon says of itself; None where none answers."""
    try:
        found: dict[str, Any] = ask(root, "GET", "/api/health", seconds=seconds).body
    except DaemonGone:
        return None
    return found


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
