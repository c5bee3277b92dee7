"""One MCP request to the daemon's socket, over HTTP, and the messages that come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from raycontext.daemon_client.framing import EventReader, ResponseReader, request_bytes

__all__ = ["ChannelClosed", "exchange"]

TARGET = "/mcp"
READ_BYTES = 1 << 16
MAX_DOCUMENT_BYTES = 64 << 20
SHOWN_CHARACTERS = 200


class ChannelClosed(ConnectionError):
    """The other side went away, or answered with what is no MCP, before the response was there."""


async def exchange(socket: str, request: dict[str, Any], headers: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
    """Post a request; yields notifications as they come, at last its response.

    Closing the iterator, or cancelling the task that waits for it, closes the connection, by which the daemon stops
    working on it. Raises OSError where the socket does not answer, `ChannelClosed` where the response does not come.
    """
    accepted = {"Accept": "application/json, text/event-stream"}
    try:
        sent = request_bytes("POST", TARGET, json.dumps(request).encode(), {**accepted, **headers})
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
    """Yield the JSON-RPC messages of the response, of either form: one document, or a stream of events."""
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
    try:
        message = json.loads(data)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        shown = data[:SHOWN_CHARACTERS].decode("ascii", "backslashreplace")
        raise ChannelClosed(f"the answer, with HTTP status {status}, is no MCP message: {shown}")
    return message
