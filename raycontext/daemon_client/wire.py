"""HTTP over the daemon's Unix socket: requests, answers and streams of events."""

from __future__ import annotations

import _socket  # without the classes of `socket` around it, which take 3 ms to load
import json
import time
from contextlib import closing

from raycontext.daemon_client.framing import EventReader, ResponseReader, request_bytes
from raycontext.daemon_client.paths import socket_path
from raycontext.errors import RemoteError
from raycontext.files.foreign_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = [
    "ANY_PROTOCOL",
    "PROTOCOL",
    "PROTOCOL_HEADER",
    "DaemonDiffers",
    "DaemonGone",
    "Reply",
    "ask",
    "checked",
    "events",
    "health",
]

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 600.0
READ_BYTES = 1 << 18


PROTOCOL = 3
"""Number of the language that commands and daemon speak. It rises with every change that one side must know of."""

PROTOCOL_HEADER = "x-raycontext-protocol"
"""Header of requests and responses with that number. A daemon without it is older than the first number."""

SILENT_SECONDS = 1.0
"""Time without a byte of an answer after which the daemon is asked whether it is alive."""

ANY_PROTOCOL = ("/api/health", "/api/shutdown")
"""What every version may ask: how the daemon is, and that it ends."""


class DaemonGone(ConnectionError):
    """No daemon answers at the socket."""


class DaemonDiffers(DaemonGone):
    """A daemon that speaks another protocol: `DaemonDiffers(protocol)`. It has done nothing of what was asked."""

    def __init__(self, protocol: int) -> None:
        super().__init__(protocol)
        self.protocol = protocol

    @property
    def is_older(self) -> bool:
        """Whether the daemon is of an older version than this command."""
        return self.protocol < PROTOCOL

    def __str__(self) -> str:
        age = "older" if self.is_older else "newer"
        return f"the daemon that runs is of {'an' if self.is_older else 'a'} {age} version"


class Reply:
    """Answer of the daemon: the status of HTTP, and the value that its JSON body holds."""

    __slots__ = ("body", "status")

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body


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
    """Return what the daemon says of itself, or None where no daemon answers within `seconds`."""
    try:
        found: dict[str, Any] = ask(root, "GET", "/api/health", seconds=seconds).body
    except DaemonGone:
        return None
    return found


def _connected(root: str, seconds: float) -> _socket.socket:
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
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
    request = request_bytes(method, target, content, {PROTOCOL_HEADER: str(PROTOCOL)})
    is_health = target == "/api/health"
    with closing(_connected(root, seconds)) as connection:
        try:
            connection.sendall(request)
            while not response.is_complete:
                received = response.feed(_arriving(connection, root, seconds, is_asked_for_life=is_health))
                if response.status and not target.startswith(ANY_PROTOCOL):
                    _check_protocol(response)
                yield received
        except DaemonGone:
            raise
        except (OSError, ValueError) as error:
            raise DaemonGone(f"the daemon did not answer to the end: {error}") from error


def _arriving(connection: _socket.socket, root: str, seconds: float, *, is_asked_for_life: bool) -> bytes:
    """Return the next bytes of an answer. Raises `OSError` after `seconds`, or once the daemon is known to be silent.

    A daemon that is stopped takes requests and never answers. So it is asked whether it lives while nothing arrives,
    unless that is the question itself.
    """
    if is_asked_for_life:
        return connection.recv(READ_BYTES)
    deadline = time.monotonic() + seconds
    while True:
        connection.settimeout(max(min(SILENT_SECONDS, deadline - time.monotonic()), 0.01))
        try:
            return connection.recv(READ_BYTES)
        except TimeoutError:
            if time.monotonic() >= deadline:
                raise
            if health(root) is None:
                raise TimeoutError("it is silent") from None


def _check_protocol(response: ResponseReader) -> None:
    """Raise `DaemonDiffers` where the answer is of a daemon that speaks another protocol."""
    named = response.headers.get(PROTOCOL_HEADER, "0")
    if named != str(PROTOCOL):
        raise DaemonDiffers(int(named) if named.isascii() and named.isdecimal() else 0)


def _decoded(content: bytes | str) -> Any:
    try:
        return read_json(content)
    except ValueError as error:
        raise DaemonGone("the answer of the daemon is no JSON") from error
