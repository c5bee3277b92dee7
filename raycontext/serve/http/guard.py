"""The guard of the HTTP interface: a wrapper around an ASGI application that refuses callers and large or slow
requests.

Over the Unix socket, which belongs to one user, only sizes and times are limited.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

from raycontext.daemon_client.wire import ANY_PROTOCOL, PROTOCOL_HEADER
from raycontext.errors import RequestRefused
from raycontext.serve.http.host_names import HostNames
from raycontext.serve.messages import Failure

__all__ = ["MAX_BODY_BYTES", "Guard"]

MAX_BODY_BYTES = 4 << 20
"""Largest size of the body of a request, in bytes."""
BODY_SECONDS = 20.0
"""Time in which the body of a request has to arrive as a whole, in seconds."""

PUBLIC = ("/", "/app.js", "/highlight.js", "/style.css", "/api/token")
"""Paths that need no token. The page holds nothing secret; it gets the token for a code, or from its user."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Guard:
    """Guard before an ASGI application.

    token: token that a caller must send as `Authorization: Bearer …`; None demands none.
    others: applications for callers with other tokens, by token.
    hosts: names that the Host header may have, as in `HostNames`; empty allows any.
    protocol: number that callers who name one must name; None demands and names none.
    """

    def __init__(
        self,
        application: Application,
        *,
        token: str | None = None,
        others: Mapping[str, Application] = MappingProxyType({}),
        hosts: Iterable[str] = (),
        protocol: int | None = None,
    ) -> None:
        self._application = application
        self._protocol = protocol
        self._applications = {} if token is None else {f"Bearer {token}".encode(): application}
        self._applications.update((f"Bearer {other}".encode(), place) for other, place in others.items())
        self._hosts = HostNames(hosts)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        try:
            application = self._checked(scope)
            await application(scope, _limited(receive), self._named(send))
        except RequestRefused as refused:
            await _refuse(self._named(send), refused)

    def _named(self, send: Send) -> Send:
        """Return `send` with the number of the protocol in the head of the response."""
        if self._protocol is None:
            return send
        header = (PROTOCOL_HEADER.encode(), str(self._protocol).encode())

        async def named(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        return named

    def _checked(self, scope: MutableMapping[str, Any]) -> Application:
        """Return the application for a request. Raises `RequestRefused` when host, origin, token or length are not
        allowed.
        """
        headers = {name.lower(): value for name, value in scope["headers"]}
        spoken = headers.get(PROTOCOL_HEADER.encode())
        is_bound = self._protocol is not None and spoken is not None and scope["path"] not in ANY_PROTOCOL
        if is_bound and spoken != str(self._protocol).encode():
            raise RequestRefused(
                426, "OtherProtocol", "The daemon is of another version", "Use the raycontext that started it."
            )
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if not self._hosts.holds(host):
            raise RequestRefused(
                403,
                "ForeignHost",
                "The Host header names another host",
                "Ask by an address of the daemon, or name the host in RAYCONTEXT_HOSTS and restart the daemon.",
            )
        origin = headers.get(b"origin")
        if self._hosts and origin is not None:
            _, _, named = origin.decode("latin-1").lower().partition("://")
            if named != host:
                raise RequestRefused(
                    403, "ForeignOrigin", "Another site's page asks", "The daemon answers only its own page: open that."
                )
        if _length(scope) > MAX_BODY_BYTES:
            raise _too_large()
        if not self._applications or scope["path"] in PUBLIC:
            return self._application
        shown = headers.get(b"authorization", b"")
        # All are compared, so that the time tells nothing of which one fits.
        found = [place for expected, place in self._applications.items() if hmac.compare_digest(shown, expected)]
        if not found:
            raise RequestRefused(
                401, "WrongToken", "The token is missing or wrong", "Send Authorization: Bearer TOKEN."
            )
        return found[0]


def _length(scope: MutableMapping[str, Any]) -> int:
    """Return the length of the body as its header states it, in bytes; 0 without that header."""
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _limited(receive: Receive) -> Receive:
    """Return a `receive` that raises `RequestRefused` when the body is too large or too slow.

    The time runs from the first call on and is that of the whole body: bytes that drip in do not prolong it.
    """
    taken = 0
    complete = False
    deadline = 0.0

    async def limited() -> Message:
        nonlocal taken, complete, deadline
        if complete:
            return await receive()  # waits for the end of the connection
        deadline = deadline or asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise RequestRefused(
                408, "TooSlow", f"The request did not arrive within {BODY_SECONDS:g} s", "Send it again."
            ) from None
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if taken > MAX_BODY_BYTES:
                raise _too_large()
        return message

    return limited


def _too_large() -> RequestRefused:
    return RequestRefused(413, "TooLarge", f"A request has at most {MAX_BODY_BYTES} bytes", "Ask for less at once.")


async def _refuse(send: Send, refused: RequestRefused) -> None:
    """Send the answer to a refused request."""
    told = Failure(error=refused.name, message=str(refused), exit_code=refused.exit_code)
    body = json.dumps(told.model_dump()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
