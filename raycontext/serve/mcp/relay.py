"""`raycontext mcp`: MCP over stdin and stdout, relayed to the daemon, which all editor windows share.

The relay starts in a fraction of a second, since it imports very little. It answers `initialize` and `tools/list` from
`tools`, while the daemon is started at the same time. A call waits for the daemon, with progress notifications for
clients that ask for them, but never longer than clients commonly wait. Then the answer says that the daemon is not
ready. Requests of both eras of the protocol reach the daemon in the modern form, in which each is complete in itself.
So a restart of the daemon loses no client.

One event loop owns all state. Threads stand at its borders: one reads stdin, one writes stdout, and one at a time looks
for the daemon.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from raycontext import __version__
from raycontext.errors import RaycontextError
from raycontext.serve.mcp.channel import ChannelClosed, exchange
from raycontext.serve.mcp.tools import (
    HANDSHAKE_VERSIONS,
    INSTRUCTIONS,
    MODERN_VERSIONS,
    SERVER_NAME,
    SERVER_TITLE,
    TOOLS,
)

__all__ = ["Relay", "relay"]

Message = dict[str, Any]

MAX_LINE_BYTES = 4 << 20
"""Largest size of a message from the client, in bytes."""
MAX_CALLS = 64
"""Largest number of calls at once."""
HEARTBEAT_SECONDS = 1.0
"""Pause between two progress notifications while the daemon starts, in seconds."""
CALL_SECONDS = 50.0  # clients commonly wait 60
READ_BYTES = 1 << 16

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
UNSUPPORTED_VERSION = -32022
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
SERVER_KEY = "io.modelcontextprotocol/serverInfo"
SERVER_INFO = {"name": SERVER_NAME, "title": SERVER_TITLE, "version": __version__}
CAPABILITIES = {"tools": {"listChanged": False}}
TOOL_NAMES = frozenset(tool["name"] for tool in TOOLS)


class ProtocolError(Exception):
    """Request that is answered with an error of the protocol: `ProtocolError(code, message, data)`."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(code, message, data)
        self.error: Message = {"code": code, "message": message, **({} if data is None else {"data": data})}


class Relay:
    """Conversation with one client. Its methods run in one event loop."""

    def __init__(self, send: Callable[[Message], None], find_daemon: Callable[[], str]) -> None:
        """Begin a conversation.

        send: sends a message to the client.
        find_daemon: starts the daemon when none runs, and returns the path of its socket. It may block, and raise
        `RaycontextError`.
        """
        self._send = send
        self._find_daemon = find_daemon
        self._finding: asyncio.Future[str] | None = None
        self._calls: dict[str, asyncio.Task[None]] = {}

    def prepare(self) -> None:
        """Begin to look for the daemon, so that it is there when the first call comes."""
        self._daemon()

    def receive(self, line: bytes) -> None:
        """Handle one line from the client."""
        try:
            message = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            self._send(_failure(None, ProtocolError(PARSE_ERROR, "Parse error")))
            return
        identifier = message.get("id") if isinstance(message, dict) else None
        method = message.get("method") if isinstance(message, dict) else None
        if isinstance(message, dict) and method is None and ("result" in message or "error" in message):
            return  # it answers a request, and this server never sends one
        if not isinstance(method, str) or isinstance(identifier, bool | float | list | dict):
            self._send(_failure(None, ProtocolError(INVALID_REQUEST, "Invalid request")))
        elif "id" not in message:
            self._notified(method, message.get("params"))
        else:
            self._requested(identifier, method, message.get("params"))

    def refuse_line(self) -> None:
        """Answer a line that is too long."""
        self._send(_failure(None, ProtocolError(INVALID_REQUEST, f"The message is longer than {MAX_LINE_BYTES} bytes")))

    async def close(self) -> None:
        """End all calls."""
        for call in self._calls.values():
            call.cancel()
        await self.settled()

    async def settled(self) -> None:
        """Wait until no call runs."""
        await asyncio.gather(*self._calls.values(), return_exceptions=True)

    def _notified(self, method: str, params: Any) -> None:
        """Handle a notification: `notifications/cancelled` cancels a call, others are ignored."""
        if method == "notifications/cancelled" and isinstance(params, dict):
            call = self._calls.get(json.dumps(params.get("requestId")))
            if call is not None:
                call.cancel()

    def _requested(self, identifier: Any, method: str, params: Any) -> None:
        """Answer a request, or start its call. Errors of the protocol become answers."""
        try:
            if method == "tools/call":
                self._start_call(identifier, params)
            else:
                self._send(_success(identifier, _answer(method, params)))
        except ProtocolError as refused:
            self._send(_failure(identifier, refused))

    def _start_call(self, identifier: Any, params: Any) -> None:
        """Start a call as a task. Raises `ProtocolError` when it is malformed or there are too many."""
        version = _version(params)
        name = params.get("name") if isinstance(params, dict) else None
        if not isinstance(name, str):
            raise ProtocolError(INVALID_PARAMS, "Invalid request parameters", "")
        if name not in TOOL_NAMES:
            raise ProtocolError(INVALID_PARAMS, f"Unknown tool: {name[:100]}")
        key = json.dumps(identifier)
        if key in self._calls:
            raise ProtocolError(INVALID_REQUEST, "A request with this id is being worked on")
        if len(self._calls) >= MAX_CALLS:
            raise ProtocolError(INVALID_REQUEST, f"More than {MAX_CALLS} calls at once")
        call = asyncio.get_running_loop().create_task(self._call(identifier, name, params, version))
        self._calls[key] = call
        call.add_done_callback(lambda _: self._calls.pop(key))

    async def _call(self, identifier: Any, name: str, params: Message, version: str | None) -> None:
        """Carry out a call and send its response."""
        meta = params.get("_meta")
        progress = _Progress(self._send, meta.get("progressToken") if isinstance(meta, dict) else None)
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": _enveloped(params, version)}
        headers = {"MCP-Protocol-Version": version or MODERN_VERSIONS[-1], "Mcp-Method": "tools/call", "Mcp-Name": name}
        try:
            async with asyncio.timeout(CALL_SECONDS):
                response = await self._relayed(request, headers, progress)
        except TimeoutError:
            response = _told(
                f"No answer within {CALL_SECONDS:.0f} s: the raycontext daemon is starting or busy. Call again; "
                "`raycontext logs` shows what it does."
            )
        except (RaycontextError, OSError) as error:
            response = _told(f"The raycontext daemon cannot be reached: {error}")
        except (ValueError, RecursionError):  # it could be read, but not passed on
            response = _failure(None, ProtocolError(INVALID_PARAMS, "Invalid request parameters", ""))
        if version is None:
            _without_envelope(response)
        self._send({**response, "id": identifier})

    async def _relayed(self, request: Message, headers: dict[str, str], progress: _Progress) -> Message:
        """Return the response of the daemon. A daemon that died on the way is started again, once."""
        socket = await self._reached(progress)
        try:
            return await _response(socket, request, headers, progress)
        except OSError:
            self._finding = None
        socket = await self._reached(progress)
        try:
            return await _response(socket, request, headers, progress)
        except OSError:
            self._finding = None
            raise

    async def _reached(self, progress: _Progress) -> str:
        """Return the path of the daemon's socket, and report progress while the daemon starts."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        daemon = self._daemon()
        while True:
            done, _ = await asyncio.wait([daemon], timeout=HEARTBEAT_SECONDS)
            if done:
                return daemon.result()
            progress.report(0.0, None, f"The raycontext daemon is starting ({loop.time() - began:.0f} s)")

    def _daemon(self) -> asyncio.Future[str]:
        """Return the search for the daemon, and begin it again when it has failed."""
        failed = self._finding is not None and self._finding.done() and self._finding.exception() is not None
        if self._finding is None or failed:
            self._finding = _in_thread(self._find_daemon)
        return self._finding


class _Progress:
    """Progress notifications of one call. Their values only grow, whoever reports."""

    def __init__(self, send: Callable[[Message], None], token: Any) -> None:
        self._send = send
        self._token = token
        self._last = 0.0

    def report(self, value: float, total: float | None, text: str) -> None:
        """Send a notification when the client has asked for progress. `total` is None when it is not known."""
        if self._token is None:
            return
        self._last = max(value, self._last + 0.001)
        params: Message = {"progressToken": self._token, "progress": self._last, "message": text}
        if total is not None:
            params["total"] = total
        self._send({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})


async def _response(socket: str, request: Message, headers: dict[str, str], progress: _Progress) -> Message:
    """Send a request to the daemon, pass on its progress, and return its response. Raises `OSError`."""
    async for message in exchange(socket, request, headers):
        if "method" not in message:
            return message
        params = message.get("params", {})
        if message["method"] == "notifications/progress":
            progress.report(params.get("progress", 0.0), params.get("total"), params.get("message", ""))
    raise ChannelClosed("it ended its answer before the result")


def _answer(method: str, params: Any) -> Message:
    """Return the result of a request that needs no daemon. Raises `ProtocolError`."""
    if method == "initialize":
        asked = params.get("protocolVersion") if isinstance(params, dict) else None
        if not isinstance(asked, str):
            raise ProtocolError(INVALID_PARAMS, "Invalid request parameters", "")
        return {
            "protocolVersion": asked if asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1],
            "capabilities": CAPABILITIES,
            "serverInfo": SERVER_INFO,
            "instructions": INSTRUCTIONS,
        }
    version = _version(params)
    if method == "tools/list":
        result: Message = {"tools": TOOLS}
    elif method == "ping" and version is None:
        return {}
    elif method == "server/discover" and version is not None:
        result = {"supportedVersions": MODERN_VERSIONS, "capabilities": CAPABILITIES, "instructions": INSTRUCTIONS}
    else:
        raise ProtocolError(METHOD_NOT_FOUND, "Method not found", method[:100])
    if version is not None:
        stamp = {"_meta": {SERVER_KEY: SERVER_INFO}}
        result = {**result, "resultType": "complete", "ttlMs": 0, "cacheScope": "private", **stamp}
    return result


def _version(params: Any) -> str | None:
    """Return the version in the envelope of a modern request; None for a request of the era of `initialize`.

    Raises `ProtocolError` when the version is not supported.
    """
    meta = params.get("_meta") if isinstance(params, dict) else None
    if not isinstance(meta, dict) or VERSION_KEY not in meta:
        return None
    version = meta[VERSION_KEY]
    if version not in MODERN_VERSIONS:
        supported = {"supported": list(MODERN_VERSIONS), "requested": version}
        raise ProtocolError(UNSUPPORTED_VERSION, "Unsupported protocol version", supported)
    return str(version)


def _enveloped(params: Message, version: str | None) -> Message:
    """Return the parameters with the envelope of a modern request."""
    if version is not None:
        return params
    meta = params.get("_meta")
    token = {"progressToken": meta["progressToken"]} if isinstance(meta, dict) and "progressToken" in meta else {}
    return {**params, "_meta": {**token, VERSION_KEY: MODERN_VERSIONS[-1], CAPABILITIES_KEY: {}}}


def _without_envelope(response: Message) -> None:
    """Remove from a response what the era of `initialize` does not know."""
    result = response.get("result")
    if isinstance(result, dict):
        result.pop("resultType", None)
        meta = result.get("_meta")
        if isinstance(meta, dict):
            meta.pop(SERVER_KEY, None)
            if not meta:
                del result["_meta"]


def _told(text: str) -> Message:
    """Return a response with a failure of a call that the agent reads."""
    content = [{"type": "text", "text": text}]
    return _success(None, {"content": content, "isError": True, "resultType": "complete"})


def _success(identifier: Any, result: Message) -> Message:
    return {"jsonrpc": "2.0", "id": identifier, "result": result}


def _failure(identifier: Any, refused: ProtocolError) -> Message:
    return {"jsonrpc": "2.0", "id": identifier, "error": refused.error}


def _refuse_constant(name: str) -> None:
    """Raise `ValueError` for NaN and infinities, which JSON does not have."""
    raise ValueError(f"{name} is not JSON")


def _in_thread(function: Callable[[], str]) -> asyncio.Future[str]:
    """Run a blocking function in a thread and return a future of its result. The thread does not keep the process
    alive.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()

    def work() -> None:
        try:
            result = function()
        except Exception as error:  # the callers that wait get the error
            _tell(loop, _fail, future, error)
        else:
            _tell(loop, future.set_result, result)

    threading.Thread(target=work, daemon=True).start()
    return future


def _tell(loop: asyncio.AbstractEventLoop, handle: Callable[..., object], *arguments: object) -> None:
    """Have the loop call `handle`. Nothing happens after its end, since then nobody waits."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(handle, *arguments)


def _fail(future: asyncio.Future[str], error: Exception) -> None:
    future.set_exception(error)
    future.exception()  # marks the error as seen: without a caller that waits, asyncio would report it on stderr


def relay(find_daemon: Callable[[], str]) -> None:
    """Serve the client at stdin and stdout until it closes stdin. `find_daemon` is like that of `Relay`."""
    wire = os.dup(1)
    os.dup2(2, 1)  # other output goes to stderr, since stdout carries the protocol alone
    outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    writer = threading.Thread(target=_write_all, args=(wire, outbox), daemon=True)
    writer.start()
    try:
        asyncio.run(_serve(lambda message: outbox.put(json.dumps(message).encode() + b"\n"), find_daemon))
    finally:
        outbox.put(None)
        writer.join(timeout=1.0)


async def _serve(send: Callable[[Message], None], find_daemon: Callable[[], str]) -> None:
    """Serve until stdin ends, then end all calls."""
    served = Relay(send, find_daemon)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    threading.Thread(target=_read_all, args=(0, served, ended, partial(_tell, loop)), daemon=True).start()
    served.prepare()
    await ended.wait()
    await served.close()


def _read_all(stdin: int, served: Relay, ended: asyncio.Event, deliver: Callable[..., None]) -> None:
    """Read lines from stdin and deliver them to the event loop. Runs in a thread."""
    rest = bytearray()
    skipping = False  # inside of a line that is too long
    while data := os.read(stdin, READ_BYTES):
        rest += data
        *lines, rest = rest.split(b"\n")
        for line in lines:
            if not skipping and line.strip():
                deliver(served.receive, bytes(line))
            skipping = False
        if len(rest) > MAX_LINE_BYTES:
            if not skipping:
                deliver(served.refuse_line)
            skipping = True
            rest.clear()
    deliver(ended.set)


def _write_all(wire: int, outbox: queue.SimpleQueue[bytes | None]) -> None:
    """Write queued messages to the client until None comes. Runs in a thread."""
    while (data := outbox.get()) is not None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(wire, view) :]
        except OSError:  # the client is gone; stdin ends, too
            print("raycontext mcp: the client has closed its end", file=sys.stderr)  # noqa: T201
            return
