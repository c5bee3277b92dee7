"""The MCP server as an ASGI application.

It speaks Streamable HTTP without sessions: each request is complete in itself. So nothing is lost when the daemon is
restarted, and silent clients cost nothing. Which hosts and tokens it serves is decided by the `Guard` before it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)
from starlette.types import Receive, Scope, Send

from raycontext import __version__
from raycontext.errors import RaycontextError
from raycontext.serve.mcp.answers import ToolAnswer
from raycontext.serve.mcp.arguments import checked_arguments
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.mcp.tools import INSTRUCTIONS, SERVER_NAME, SERVER_TITLE, TOOLS
from raycontext.serve.service import Service
from raycontext.text.safe import safe

__all__ = ["McpApplication"]

logger = logging.getLogger(__name__)


class McpApplication:
    """ASGI application of the MCP server. It serves while the context of `running()` is entered, which is possible
    once.
    """

    def __init__(self, service: Callable[[], Awaitable[Service]]) -> None:
        """Prepare the server.

        service: returns the service once it is ready. It may raise `RaycontextError`.
        """
        self._service = service
        self._tools = [Tool.model_validate(tool) for tool in TOOLS]
        self._schemas = {tool["name"]: tool["inputSchema"] for tool in TOOLS}
        server: Server[Any] = Server(
            SERVER_NAME,
            version=__version__,
            title=SERVER_TITLE,
            instructions=INSTRUCTIONS,
            get_tool_input_schema=self._schemas.get,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )
        self._manager = StreamableHTTPSessionManager(server, stateless=True)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Return the context that must be entered before the first request. Leaving it ends all calls."""
        return self._manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        await self._manager.handle_request(scope, receive, send)

    async def _list(self, _: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=self._tools)

    async def _call(self, context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        if params.name not in self._schemas:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name[:100]}")
        try:
            arguments = checked_arguments(params.name, params.arguments or {})
            calls = Calls(await self._service())
            answer = await calls.call(params.name, arguments, context.session.report_progress)
        except RaycontextError as error:
            return _failed(str(error))
        except Exception:
            logger.exception("%s failed", params.name)
            return _failed(f"{params.name} failed, which should not happen. `raycontext logs` shows why.")
        return _result(answer)


def _result(answer: ToolAnswer) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=answer.text)], structured_content=answer.structured)


def _failed(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text="\n".join(map(safe, text.splitlines())))], is_error=True)
