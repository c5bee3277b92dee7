"""Border of MCP over standard streams: lines of a client that may hold anything, and a daemon that answers anything."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from raycontext.errors import DaemonFailed
from raycontext.serve.mcp.jsonrpc import encoded, parsed
from raycontext.serve.mcp.relay import Relay
from raycontext.serve.mcp.tools import HANDSHAKE_VERSIONS, TOOLS

from .asked import any_value
from .border import Attempt, Border, mutated

__all__ = ["RELAY"]

METHODS = ("tools/call", "tools/call", "initialize", "tools/list", "ping", "notifications/cancelled", "x", "")
ANSWERED = {"result", "error"}


def line_of(random: Random, number: int) -> bytes:
    """Return a line of a client: a message that is right, or wrong in some places, or a batch of them."""
    if random.random() < 0.1:
        entries = [json.loads(line_of(random, number * 10 + each)) for each in range(random.randint(0, 3))]
        return json.dumps(entries).encode()
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": random.choice(METHODS), "id": number}
    params: dict[str, Any] = {"name": random.choice(TOOLS)["name"], "arguments": {"query": "x", "path": "/srv"}}
    params |= {"protocolVersion": random.choice(HANDSHAKE_VERSIONS), "_meta": {"progressToken": any_value(random)}}
    message["params"] = params if random.random() < 0.7 else any_value(random)
    if random.random() < 0.3:
        message[random.choice(("id", "method", "jsonrpc", "params"))] = any_value(random)
    return json.dumps(message).encode()


def answer_of(random: Random) -> bytes:
    """Return what a daemon sends for a call: an answer, as a document or as events, whole or damaged."""
    result = {"content": [{"type": "text", "text": "found"}], "isError": False}
    body = {"jsonrpc": "2.0", "id": 1, "result": result} if random.random() < 0.7 else any_value(random)
    content = json.dumps(body).encode()
    kind = "application/json"
    if random.random() < 0.5:
        note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": any_value(random)}
        content = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in (note, body))
        kind = "text/event-stream"
    head = f"HTTP/1.1 {random.choice((200, 200, 200, 202, 400, 500))} X\r\nContent-Type: {kind}\r\n"
    sent = head.encode() + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(content) + content
    return mutated(sent, random, 4) if random.random() < 0.5 else sent


@contextmanager
def relay(folder: Path) -> Iterator[Attempt]:
    """Nothing ends a conversation: every request has one response, and all that is sent is JSON."""

    async def conversation(random: Random) -> str:
        place = folder / "daemon.sock"
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            (length,) = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(length)
            writer.write(answer_of(random))
            writer.close()

        def found() -> str:
            if is_there:
                return str(place)
            raise DaemonFailed("there is none", "")

        is_there = random.random() < 0.7
        place.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(serve, place)
        sent: list[Any] = []
        relayed = Relay(sent.append, found)
        lines = [line_of(random, number) for number in range(random.randint(1, 4))]
        if random.random() < 0.3:
            lines = [mutated(line, random, 3) for line in lines]
        for line in lines:
            relayed.receive(line)
        await relayed.settled()
        server.close()
        assert not failures, (lines, failures)
        for message in sent:
            parsed(encoded(message))
        responses = [each for message in sent for each in (message if isinstance(message, list) else [message])]
        responses = [each for each in responses if ANSWERED & each.keys()]
        ids = Counter(json.dumps(each["id"]) for each in responses if each["id"] is not None)
        asked = Counter(json.dumps(request["id"]) for request in map(requested, lines) if request is not None)
        assert all(ids[name] <= asked[name] for name in ids if name in asked), (lines, sent)
        kind = "errors" if any("error" in each for each in responses) else "results"
        return f"{'a daemon' if is_there else 'no daemon'}: {kind}"

    def requested(line: bytes) -> dict[str, Any] | None:
        """Return the request that a line holds; None for anything else."""
        try:
            message = parsed(line)
        except ValueError:
            return None
        return message if isinstance(message, dict) and "id" in message else None

    yield lambda random: asyncio.run(conversation(random))


RELAY = Border("relay", 60, relay)
