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
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from raycontext.errors import RaycontextError
from raycontext.serve.mcp.channel import ChannelClosed, exchange
from raycontext.serve.mcp.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    Batch,
    Message,
    ProtocolError,
    Reply,
    encoded,
    failure,
    is_number,
    is_response,
    parsed,
    success,
    told,
)
from raycontext.serve.mcp.revisions import (
    SHOWN_CHARACTERS,
    answer_here,
    enveloped,
    is_identifier,
    progress_token,
    version_of,
    without_envelope,
)
from raycontext.serve.mcp.standard_streams import MAX_LINE_BYTES, Outbox, read_lines, watch_client
from raycontext.serve.mcp.tools import (
    MODERN_VERSIONS,
    TOOLS,
)

__all__ = ["Relay", "relay"]

MAX_CALLS = 64
"""Largest number of calls at once."""
HEARTBEAT_SECONDS = 1.0
"""Pause between two progress notifications while the daemon starts, in seconds."""
CALL_SECONDS = 50.0  # clients commonly wait 60
BATCH_VERSION = "2025-03-26"
"""The only revision of the protocol with batches."""
TOOL_NAMES = frozenset(tool["name"] for tool in TOOLS)


class Relay:
    """Conversation with one client. Its methods run in one event loop."""

    def __init__(self, send: Callable[[Message | list[Message]], None], find_daemon: Callable[[], str]) -> None:
        """Begin a conversation.

        send: sends a message, or a batch of responses, to the client.
        find_daemon: starts the daemon when none runs, and returns the path of its socket. It may block, and raise
        `RaycontextError`.
        """
        self._send = send
        self._find_daemon = find_daemon
        self._finding: asyncio.Future[str] | None = None
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._takes_batches = False

    def prepare(self) -> None:
        """Begin to look for the daemon, so that it is there when the first call comes."""
        self._daemon()

    def receive(self, line: bytes) -> None:
        """Handle one line from the client: a message, or a batch of them where the negotiated revision has batches."""
        try:
            message = parsed(line)
        except ValueError:
            self._send(failure(None, ProtocolError(PARSE_ERROR, "Parse error")))
            return
        if isinstance(message, list) and message and self._takes_batches:
            batch = Batch(len(message), self._send)
            for entry in message:
                self._handle(entry, batch.take, in_batch=True)
        else:
            self._handle(message, self._reply)

    def _reply(self, response: Message | None) -> None:
        """Send the response to a message that came alone."""
        if response is not None:
            self._send(response)

    def _handle(self, message: Any, reply: Reply, in_batch: bool = False) -> None:
        """Handle one message. `reply` is called once, now or later."""
        identifier, method = (message.get(key) if isinstance(message, dict) else None for key in ("id", "method"))
        if isinstance(message, dict) and method is None and ("result" in message or "error" in message):
            reply(None)  # it answers a request, and this server never sends one
        elif isinstance(method, str) and "id" not in message:
            self._notified(method, message.get("params"))
            reply(None)
        elif not isinstance(method, str) or not is_identifier(identifier):
            reply(failure(None, ProtocolError(INVALID_REQUEST, "Invalid request")))
        elif in_batch and method == "initialize":
            reply(failure(identifier, ProtocolError(INVALID_REQUEST, "initialize cannot stand in a batch")))
        else:
            self._requested(identifier, method, message.get("params"), reply)

    def refuse_line(self) -> None:
        """Answer a line that is too long."""
        self._send(failure(None, ProtocolError(INVALID_REQUEST, f"The message is longer than {MAX_LINE_BYTES} bytes")))

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

    def _requested(self, identifier: Any, method: str, params: Any, reply: Reply) -> None:
        """Answer a request, or start its call. Errors of the protocol become answers."""
        try:
            if method == "tools/call":
                self._start_call(identifier, params, reply)
            else:
                result = answer_here(method, params)
                if method == "initialize":
                    self._takes_batches = result["protocolVersion"] == BATCH_VERSION
                reply(success(identifier, result))
        except ProtocolError as refused:
            reply(failure(identifier, refused))

    def _start_call(self, identifier: Any, params: Any, reply: Reply) -> None:
        """Start a call as a task. Raises `ProtocolError` when it is malformed or there are too many."""
        version = version_of(params)
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
        call = asyncio.get_running_loop().create_task(self._call(identifier, name, params, version, reply))
        self._calls[key] = call
        call.add_done_callback(lambda ended: self._ended(key, ended, reply))

    def _ended(self, key: str, call: asyncio.Task[None], reply: Reply) -> None:
        """Forget a call. One that was cancelled has no response."""
        del self._calls[key]
        if call.cancelled():
            reply(None)

    async def _call(self, identifier: Any, name: str, params: Message, version: str | None, reply: Reply) -> None:
        """Carry out a call and send its response."""
        progress = _Progress(self._send, progress_token(params))
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": enveloped(params, version)}
        headers = {"MCP-Protocol-Version": version or MODERN_VERSIONS[-1], "Mcp-Method": "tools/call", "Mcp-Name": name}
        try:
            async with asyncio.timeout(CALL_SECONDS):
                response = await self._relayed(request, headers, progress)
        except TimeoutError:
            response = told(
                f"No answer within {CALL_SECONDS:.0f} s: the raycontext daemon is starting or busy. Call again; "
                "`raycontext logs` shows what it does."
            )
        except (RaycontextError, OSError) as error:
            response = told(f"The raycontext daemon cannot be reached: {error}")
        except ValueError:  # it could be read, but not passed on
            response = failure(None, ProtocolError(INVALID_PARAMS, "Invalid request parameters", ""))
        if version is None:
            without_envelope(response)
        reply({**response, "jsonrpc": "2.0", "id": identifier})

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

    def pass_on(self, params: Any) -> None:
        """Send on a notification of the daemon, as far as it is a valid one."""
        if isinstance(params, dict) and is_number(params.get("progress")):
            total, text = params.get("total"), params.get("message")
            self.report(params["progress"], total if is_number(total) else None, text if isinstance(text, str) else "")


async def _response(socket: str, request: Message, headers: dict[str, str], progress: _Progress) -> Message:
    """Send a request to the daemon, pass on its progress, and return its response. Raises `OSError`."""
    async for message in exchange(socket, request, headers):
        if is_response(message):
            return message
        if message.get("method") == "notifications/progress":
            progress.pass_on(message.get("params"))
        elif "method" not in message:  # an error of the HTTP interface, or of a daemon that is no daemon
            problem = message.get("message")
            shown = problem if isinstance(problem, str) else "it is not a response of MCP"
            return told(f"The raycontext daemon refused the call: {shown[:SHOWN_CHARACTERS]}")
    raise ChannelClosed("it ended its answer before the result")


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
    """End a future with an error."""
    future.set_exception(error)
    future.exception()  # marks the error as seen: without a caller that waits, asyncio would report it on stderr


def relay(find_daemon: Callable[[], str]) -> None:
    """Serve the client at stdin and stdout until it is gone. `find_daemon` is like that of `Relay`."""
    parent = os.getppid()
    wire = os.dup(1)
    os.dup2(2, 1)  # other output goes to stderr, since stdout carries the protocol alone
    asyncio.run(_serve(wire, parent, find_daemon))


async def _serve(wire: int, parent: int, find_daemon: Callable[[], str]) -> None:
    """Serve until stdin ends and all calls are answered, or until nobody is there who could read the answers."""
    loop = asyncio.get_running_loop()
    deliver = partial(_tell, loop)
    no_more, gone = asyncio.Event(), asyncio.Event()
    outbox = Outbox(wire, partial(deliver, gone.set))
    served = Relay(lambda message: outbox.put(encoded(message)), find_daemon)
    receive, refuse = partial(deliver, served.receive), partial(deliver, served.refuse_line)
    for work in (
        partial(read_lines, 0, receive, refuse, partial(deliver, no_more.set)),
        partial(watch_client, wire, parent, partial(deliver, gone.set)),
    ):
        threading.Thread(target=work, daemon=True).start()
    served.prepare()
    left = loop.create_task(gone.wait())
    done = loop.create_task(_answered(served, no_more))
    await asyncio.wait([left, done], return_when=asyncio.FIRST_COMPLETED)
    left.cancel()
    done.cancel()
    await served.close()
    outbox.close()


async def _answered(served: Relay, no_more: asyncio.Event) -> None:
    """Wait until the client sends no more, and all that it sent is answered."""
    await no_more.wait()
    await served.settled()
