"""One MCP request to the daemon's socket, over HTTP, and the messages that come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import h11

__all__ = ["ChannelClosed", "exchange"]

TARGET = "/mcp"
READ_BYTES = 1 << 16
MAX_LINE_BYTES = 64 << 20
SHOWN_CHARACTERS = 200


class ChannelClosed(ConnectionError):
    """The other side went away, or answered with what is no MCP, before the response was there."""


async def exchange(socket: str, request: dict[str, Any], headers: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
    """Post a request; yields notifications as they come, at last its response.

    Closing the iterator, or cancelling the task that waits for it, closes the connection, by which the daemon stops
    working on it. Raises OSError where the socket does not answer, `ChannelClosed` where the response does not come.
    """
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        body = json.dumps(request).encode()
        connection = h11.Connection(h11.CLIENT)
        described = {
            "Host": "localhost",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **headers,
        }
        for event in (
            h11.Request(method="POST", target=TARGET, headers=list(described.items())),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            writer.write(connection.send(event) or b"")
        async for message in _messages(connection, reader):
            yield message
    except h11.ProtocolError as error:
        raise ChannelClosed(str(error)) from error
    finally:
        writer.close()


async def _messages(connection: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """The JSON-RPC messages of the response, of either form: one document, or a stream of events."""
    streamed = False
    status = 0
    rest = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Response):
            status = event.status_code
            streamed = any(name == b"content-type" and b"event-stream" in value for name, value in event.headers)
        elif isinstance(event, h11.Data):
            rest += event.data
            if len(rest) > MAX_LINE_BYTES:
                raise ChannelClosed("the response is too long")
            if streamed:
                *lines, rest = rest.split(b"\n")
                for line in lines:
                    if line.startswith(b"data:") and (data := line[5:].strip()):
                        yield _parsed(data, status)
        elif isinstance(event, h11.EndOfMessage):
            if not streamed:
                yield _parsed(bytes(rest), status)
            return
        elif isinstance(event, h11.ConnectionClosed):
            raise ChannelClosed("the connection was closed")


def _parsed(data: bytes | bytearray, status: int) -> dict[str, Any]:
    try:
        message = json.loads(data)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        shown = data[:SHOWN_CHARACTERS].decode("ascii", "backslashreplace")
        raise ChannelClosed(f"the answer, with HTTP status {status}, is no MCP message: {shown}")
    return message
