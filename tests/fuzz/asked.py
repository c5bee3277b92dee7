"""Borders that programs ask at: HTTP with the guard before it, MCP over HTTP, and the arguments of its tools."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import uvicorn
from starlette.routing import Route

from raycontext.errors import InvalidInput
from raycontext.serve.http.api import Daemon, http_application
from raycontext.serve.http.calls import CALLS, method_of
from raycontext.serve.http.guard import PUBLIC, Guard
from raycontext.serve.http.server import server_for
from raycontext.serve.http.token_exchange import OneUseCodes, exchange_route
from raycontext.serve.mcp.arguments import checked_arguments
from raycontext.serve.mcp.mount import McpMount
from raycontext.serve.mcp.tools import TOOLS

from ..waiting import WAIT_SECONDS
from .border import Attempt, Border, mutated

__all__ = ["HTTP", "MCP"]

TOKEN = "a-token-of-the-fuzzer"
PAGES = tuple(path.encode() for path in PUBLIC)
HEADERS = ("Host", "Content-Length", "Transfer-Encoding", "Authorization", "Origin", "Expect", "Connection", "Upgrade")
VALUES = (
    "",
    "0",
    "-1",
    "99999999999999999999",
    "chunked",
    "identity",
    "100-continue",
    "websocket",
    "null",
    "é",
    "a" * 9000,
)
TEXTS = ("", "x", "/", "/etc", "..", "\0", "\ud800", "é" * 300, "a" * 11_000, "*", "[", "!" * 50, "{a,b}")
METHODS = ("GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "CONNECT", "PRI", "get")


def any_value(random: Random, depth: int = 0) -> Any:
    """Return a value of JSON of any kind."""
    match random.randrange(8 if depth < 3 else 6):
        case 0:
            return random.choice((None, True, False))
        case 1:
            return random.choice((0, -1, 1, 10, 2**31, 2**63, -(2**70), 1e308, 0.5))
        case 6:
            return [any_value(random, depth + 1) for _ in range(random.randint(0, 4))]
        case 7:
            return {random.choice(TEXTS[:6]): any_value(random, depth + 1) for _ in range(random.randint(0, 3))}
        case _:
            return random.choice(TEXTS)


def request(random: Random, host: str) -> bytes:
    """Return a request that is right, or wrong in some places."""
    call = random.choice(CALLS)
    path = random.choice((call.path, "/mcp", "/api/health", "/api/token", "/", "/openapi.json", "/api/progress/x"))
    method = random.choice((method_of(call), "POST", "GET", random.choice(METHODS)))
    if path == "/mcp":
        tool = random.choice(TOOLS)["name"]
        name = random.choice(("tools/call", "initialize", "tools/list", "ping", "x"))
        message = {"jsonrpc": "2.0", "id": any_value(random), "method": name}
        message["params"] = {"name": tool, "arguments": {"path": any_value(random), "query": any_value(random)}}
        body = json.dumps(message if random.random() < 0.7 else any_value(random)).encode()
    else:
        names = list(call.asks.model_fields) if call.asks else ["code"]
        body = json.dumps({random.choice(names): any_value(random) for _ in range(random.randint(0, 4))}).encode()
    headers = {"Host": host, "Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    headers["Content-Length"] = str(len(body))
    if random.random() < 0.5:
        headers["Authorization"] = f"Bearer {TOKEN}"
    for _ in range(random.choice((0, 0, 1, 3))):
        headers[random.choice(HEADERS)] = random.choice(VALUES)
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + body


@contextmanager
def http(_: Path) -> Iterator[Attempt]:
    """No request ends in an unforeseen error, and none without the token is answered but by the page."""
    logging.disable(logging.CRITICAL)
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    host = f"127.0.0.1:{address[1]}"
    daemon = Daemon()
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        mount = McpMount(daemon.service)
        extra = (Route("/mcp", mount), exchange_route(OneUseCodes(), TOKEN))
        servers.append(server_for(Guard(http_application(daemon, extra=extra), token=TOKEN, hosts=[host])))
        await servers[0].serve([listening])
        await mount.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()

    def attempt(random: Random) -> str:
        sent = request(random, host)
        kind = "request"
        if random.random() < 0.5:
            sent, kind = mutated(sent, random, 4), "mutated request"
        with socket.create_connection(address, timeout=WAIT_SECONDS) as connection:
            answer = b""
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(1 << 16):
                    answer += part
            except ConnectionError:  # sent away before all was read
                pass
        for reply in answer.split(b"HTTP/1.1 ")[1:]:
            status = reply[:3]
            assert status != b"500", (sent, reply)
            is_page = any(sent.split(b" ", 2)[1:2] == [page] for page in PAGES) or b"<!doctype html>" in answer
            assert status != b"200" or TOKEN.encode() in sent or is_page or b"HTTP" not in sent, (sent, reply)
        return f"{kind}: {answer[9:12].decode(errors='replace') or 'no answer'}"

    try:
        yield attempt
    finally:
        for server in servers:
            server.should_exit = True
        thread.join()
        listening.close()
        logging.disable(logging.NOTSET)


@contextmanager
def mcp(_: Path) -> Iterator[Attempt]:
    """Arguments of any kind are refused in words, or are what the schema of the tool says."""

    def attempt(random: Random) -> str:
        tool = random.choice(TOOLS)
        schemas: dict[str, Any] = tool["inputSchema"]["properties"]
        given = {name: any_value(random) for name in schemas if random.random() < 0.3}
        given |= {"path": "/srv/shop", "query": "x"} if random.random() < 0.7 else {}
        given |= {random.choice(TEXTS): any_value(random)} if random.random() < 0.1 else {}
        try:
            checked = checked_arguments(tool["name"], given)
        except InvalidInput as error:
            assert str(error)
            return "refused"
        assert set(checked) <= set(schemas)
        assert set(tool["inputSchema"].get("required", ())) <= set(checked)
        return "taken"

    yield attempt


HTTP = Border("http", 100, http)
MCP = Border("mcp", 300, mcp)
