"""No blocking call on an event loop: the Coordinator, the service with its HTTP interface, and the MCP server, all on
one loop and under load.

The SDK alone: tests/behaviour/test_event_loop.py, which also shows that a blocking call would be noticed.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from starlette.routing import Route

import raycontext
from raycontext.serve.http.api import http_application
from raycontext.serve.http.guard import Guard
from raycontext.serve.http.server import server_for
from raycontext.serve.mcp.mount import McpMount
from raycontext.serve.service import Service

from ..behaviour.test_event_loop import FILES, watched
from ..conftest import write_tree
from ..serve.http_server import OpenDaemon
from ..waiting import WAIT_SECONDS

CALLERS = 8


@asynccontextmanager
async def daemon_here(root: Path, allowed: Path) -> AsyncIterator[str]:
    """What the daemon serves, on this event loop; yields the URL."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        service = Service(context, [str(allowed)])

        async def ready() -> Service:
            return service

        mount = McpMount(ready)
        application = http_application(OpenDaemon(service), extra=(Route("/mcp", mount),))
        server = server_for(Guard(application, hosts=[host]))
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://{host}"
        finally:
            server.should_exit = True
            await serving
            await mount.close()
            await service.close()
            listener.close()


class Caller:
    """Asks the daemon at a URL by HTTP and by MCP, as often at once as wanted."""

    def __init__(self, url: str, http: httpx2.AsyncClient, mcp: Client) -> None:
        self._url, self._http, self._mcp = url, http, mcp

    async def api(self, name: str, **asked: Any) -> Any:
        target = f"{self._url}/api/{name}"
        answer = await (self._http.post(target, json=asked) if asked else self._http.get(target))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def tool(self, name: str, **arguments: Any) -> None:
        result = await self._mcp.call_tool(name, arguments)
        assert not result.is_error, result.content

    async def last_event(self, collection: str) -> str:
        """How a job ended."""
        progress = await self._http.get(f"{self._url}/api/progress/{collection}")
        return progress.text.splitlines()[-2]


async def use_everything(caller: Caller, indexed: Path, growing: Path) -> None:
    """Index a tree while many ask about another one and about the job, by HTTP and by MCP."""
    job = await caller.api("index", path=str(growing))
    questions = ("where is a credit card charged?", "dispatchRequest", "ledger")
    for question in questions:
        await asyncio.gather(
            *(caller.api("search", query=question, path=str(indexed), limit=20) for _ in range(CALLERS)),
            *(caller.tool("search_code", query=question, path=str(indexed)) for _ in range(CALLERS)),
            caller.tool("get_indexing_status", path=str(growing)),
            caller.tool("find_related", path=str(indexed / "shop/cart.py"), line=9),
            caller.api("related", path=str(indexed / "shop/cart.py"), line=9),
            caller.api("status", path=str(indexed)),
            caller.api("collections"),
            caller.api("jobs"),
            caller.api("health"),
        )
    assert '"state":"done"' in await caller.last_event(job["collection"])
    await caller.tool("search_code", query=questions[0], path=str(growing))
    await caller.tool("clear_index", path=str(growing))


async def test_no_blocking_call_on_the_loop_of_daemon_coordinator_and_mcp_server(
    tmp_path: Path, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    growing = tmp_path / "many"
    write_tree(growing, dict(list(FILES.items())[:80]))
    write_tree(tmp_path / "few", {"a.py": "a = 1\n"})
    async with (
        daemon_here(tmp_path / "root", tmp_path) as url,
        httpx2.AsyncClient(timeout=WAIT_SECONDS) as http,
        Client(f"{url}/mcp", read_timeout_seconds=WAIT_SECONDS) as mcp,
    ):
        caller = Caller(url, http, mcp)
        await caller.tool("index_codebase", path=str(source))
        # What is imported and compiled only once holds the interpreter, whichever thread does it.
        await use_everything(caller, source, tmp_path / "few")
        with watched(caplog) as blocking:
            await use_everything(caller, source, growing)
    assert blocking == []
