"""Channel to the daemon: one MCP request over HTTP on its socket, and the messages that come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from raycontext.daemon_client.framing import EventReader, ResponseReader, request_bytes
from raycontext.daemon_client.wire import PROTOCOL, PROTOCOL_HEADER
from raycontext.serve.mcp.jsonrpc import parsed

__all__ = ["ChannelClosed", "exchange"]

TARGET = "/mcp"
READ_BYTES = 1 << 16
MAX_DOCUMENT_BYTES = 64 << 20
"""Largest size of a response that is one document, in bytes."""
SHOWN_CHARACTERS = 200
"""Number of characters of a malformed response that an error shows."""


class ChannelClosed(ConnectionError):
    """The connection ended, or carried something other than MCP, before the response was there."""


async def exchange(socket: str, request: dict[str, Any], headers: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
    """Post a request, and yield notifications as they come and at last the response.

    When the iterator is closed, or the task that waits for it is cancelled, the connection is closed, and the daemon
    stops working on the request. Raises `OSError` when the socket does not answer, `ChannelClosed` when no response
    comes, and `ValueError` for a request that is no JSON, since it holds an infinite number.
    """
    body = json.dumps(request, allow_nan=False).encode()
    accepted = {"Accept": "application/json, text/event-stream", PROTOCOL_HEADER: str(PROTOCOL)}
    try:
        sent = request_bytes("POST", TARGET, body, {**accepted, **headers})
    except ValueError as error:
        raise ChannelClosed(str(error)) from error
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(sent)
        async for message in _messages(reader):
            yield message
    finally:
        writer.close()


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON-RPC messages of the response, in both forms: one document, or a stream of events."""
    response, events, document = ResponseReader(), EventReader(), bytearray()
    while not response.is_complete:
        received = await reader.read(READ_BYTES)
        try:
            content = response.feed(received)
            is_stream = "event-stream" in response.content_type
            messages = events.feed(content) if is_stream else []
        except ValueError as error:
            raise ChannelClosed(str(error)) from error
        for message in messages:
            if message.strip():  # a keep-alive may be an event without content
                yield _parsed(message.encode(), response.status)
        if not is_stream:
            document += content
            if len(document) > MAX_DOCUMENT_BYTES:
                raise ChannelClosed("the response is too long")
    if not is_stream:
        yield _parsed(bytes(document), response.status)


def _parsed(data: bytes, status: int) -> dict[str, Any]:
    """Return a message. Raises `ChannelClosed` when the data is not a JSON object."""
    try:
        message = parsed(data)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        shown = data[:SHOWN_CHARACTERS].decode("ascii", "backslashreplace")
        raise ChannelClosed(f"the answer, with HTTP status {status}, is not an MCP message: {shown}")
    return message
