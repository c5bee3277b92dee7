"""HTTP over the daemon's Unix socket: requests, answers and streams of events."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

from raycontext.daemon_client.framing import EventReader, ResponseReader, request_bytes
from raycontext.daemon_client.paths import socket_path
from raycontext.errors import RemoteError

__all__ = ["DaemonGone", "Reply", "ask", "checked", "events", "health"]

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 600.0
READ_BYTES = 1 << 18


class DaemonGone(ConnectionError):
    """No daemon answers at the socket."""


class Reply(NamedTuple):
    """An answer of the daemon: the status of HTTP, and what the body holds."""

    status: int
    body: Any


def ask(root: str, method: str, target: str, body: Any = None, seconds: float = ANSWER_SECONDS) -> Reply:
    """Send one request and return its answer. Raises `DaemonGone` where no daemon answers, or not to the end."""
    response = ResponseReader()
    content = b"".join(_received(root, method, target, body, seconds, response))
    return Reply(response.status, _decoded(content))


def events(root: str, target: str) -> Iterator[Any]:
    """Yield what each event of a stream of server-sent events holds, until the stream ends.

    Raises `DaemonGone` where no daemon answers, or not to the end, and `RemoteError` where it answers with an error.
    """
    response = ResponseReader()
    reader = EventReader()
    refused: list[bytes] = []
    for content in _received(root, "GET", target, None, ANSWER_SECONDS, response):
        if response.status != 200:
            refused.append(content)
            continue
        for data in reader.feed(content):
            yield _decoded(data)
    if response.status != 200:
        checked(Reply(response.status, _decoded(b"".join(refused))))


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


def _received(
    root: str, method: str, target: str, body: Any, seconds: float, response: ResponseReader
) -> Iterator[bytes]:
    """Send a request, and yield the content of the response as it arrives. Raises `DaemonGone`."""
    content = b"" if body is None else json.dumps(body).encode()
    request = request_bytes(method, target, content, {})
    with _connected(root, seconds) as connection:
        try:
            connection.sendall(request)
            while not response.is_complete:
                yield response.feed(connection.recv(READ_BYTES))
        except (OSError, ValueError) as error:
            raise DaemonGone(f"the daemon did not answer to the end: {error}") from error


def _decoded(content: bytes | str) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise DaemonGone("the answer of the daemon is no JSON") from error
