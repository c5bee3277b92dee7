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
from raycontext.serve.guard import Guard
from raycontext.serve.http import http_application
from raycontext.serve.mcp_mount import McpMount
from raycontext.serve.protocol import server_for
from raycontext.serve.service import Service

from ..behaviour.test_event_loop import FILES, watched
from ..conftest import write_tree
from ..serve.http_server import OpenDaemon

CALLERS = 8
READ_SECONDS = 120


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


async def api(url: str, name: str, **asked: Any) -> Any:
    async with httpx2.AsyncClient(timeout=READ_SECONDS) as client:
        answer = await (client.post(f"{url}/api/{name}", json=asked) if asked else client.get(f"{url}/api/{name}"))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def tool(url: str, name: str, **arguments: Any) -> str:
    async with Client(f"{url}/mcp", read_timeout_seconds=READ_SECONDS) as client:
        result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    return str(result.content)


async def use_everything(url: str, indexed: Path, growing: Path, callers: int) -> None:
    """Index a tree while many ask about another one and about the job, by HTTP and by MCP."""
    job = await api(url, "index", path=str(growing))
    questions = ("where is a credit card charged?", "dispatchRequest", "ledger")
    for question in questions:
        await asyncio.gather(
            *(api(url, "search", query=question, path=str(indexed), limit=20) for _ in range(callers)),
            *(tool(url, "search_code", query=question, path=str(indexed)) for _ in range(callers // 4)),
            tool(url, "get_indexing_status", path=str(growing)),
            tool(url, "find_related", path=str(indexed / "shop/cart.py"), line=9),
            api(url, "related", path=str(indexed / "shop/cart.py"), line=9),
            api(url, "status", path=str(indexed)),
            api(url, "collections"),
            api(url, "jobs"),
            api(url, "health"),
        )
    async with httpx2.AsyncClient(timeout=READ_SECONDS) as client:
        progress = await client.get(f"{url}/api/progress/{job['collection']}")
    assert '"state":"done"' in progress.text.splitlines()[-2]
    await tool(url, "search_code", query=questions[0], path=str(growing))
    await tool(url, "clear_index", path=str(growing))


async def test_no_blocking_call_on_the_loop_of_daemon_coordinator_and_mcp_server(
    tmp_path: Path, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    growing = tmp_path / "many"
    write_tree(growing, FILES)
    async with daemon_here(tmp_path / "root", tmp_path) as url:
        await tool(url, "index_codebase", path=str(source))
        # What is imported and compiled only once holds the interpreter, whichever thread does it.
        write_tree(tmp_path / "few", {"a.py": "a = 1\n"})
        await use_everything(url, source, tmp_path / "few", 4)
        with watched(caplog) as slow:
            await use_everything(url, source, growing, CALLERS)
    assert slow == []
