"""Place of the MCP server in the daemon. It is made at its first request, since it costs a second and 26 MB."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from raycontext.errors import RuntimeUnavailable

if TYPE_CHECKING:
    from raycontext.serve.mcp.server import McpApplication
    from raycontext.serve.service import Service

__all__ = ["McpMount"]


class McpMount:
    """ASGI application that belongs to the event loop of its first request. `close` ends it."""

    def __init__(self, service: Callable[[], Awaitable[Service]]) -> None:
        """Begin without the MCP server. `service` is like that of `McpApplication`."""
        self._service = service
        self._application: asyncio.Future[McpApplication] | None = None
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request. Raises `RuntimeUnavailable` where the MCP server cannot be made this time."""
        if self._application is None:
            loop = asyncio.get_running_loop()
            self._application = loop.create_future()
            self._running = loop.create_task(self._run(self._application))
        application = await asyncio.shield(self._application)
        await application(scope, receive, send)

    async def close(self) -> None:
        """End all calls and the MCP server."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def _run(self, made: asyncio.Future[McpApplication]) -> None:
        """Make the MCP server and keep it until `close`."""
        try:
            module = await asyncio.to_thread(import_module, "raycontext.serve.mcp.server")
            application = module.McpApplication(self._service)
            async with application.running():
                made.set_result(application)
                await asyncio.Event().wait()  # until `close`
        except Exception as error:
            self._application = None  # the next request makes it anew
            if made.done():
                raise
            made.set_exception(
                RuntimeUnavailable(
                    f"The MCP server cannot be made ({type(error).__name__}: {error})",
                    "Look whether raycontext is being installed anew, and ask again.",
                )
            )
