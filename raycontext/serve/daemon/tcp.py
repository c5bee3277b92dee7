"""Second server of the daemon: at an address of TCP, for those who have the token. It offers less than the socket."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from raycontext.daemon_client.addresses import is_everywhere
from raycontext.serve.daemon_messages import Health
from raycontext.serve.http.access import Access
from raycontext.serve.http.api import Daemon, http_application
from raycontext.serve.http.guard import Guard
from raycontext.serve.http.host_names import LOOPBACK_NAMES
from raycontext.serve.http.server import server_for
from raycontext.serve.http.token_exchange import OneUseCodes, exchange_route
from raycontext.serve.mcp.mount import McpMount
from raycontext.serve.reach import Reach
from raycontext.serve.service import Service

__all__ = ["TcpServer"]


class RestrictedDaemon(Daemon):
    """Daemon as callers over TCP see it: they may ask for some folders only."""

    def __init__(self, whole: Daemon, reach: Reach) -> None:
        """Restrict callers to what `reach` says."""
        self._whole = whole
        self._reach = reach
        self._service: Service | None = None

    async def service(self) -> Service:
        whole = await self._whole.service()
        if self._service is None:
            self._service = whole.restricted(self._reach)
        return self._service

    async def health(self) -> Health:
        return (await self._whole.health()).model_copy(update={"ray_address": "", "ray_token_path": ""})


class TcpServer:
    """Server at an address of TCP, with the codes that open its web page."""

    def __init__(
        self,
        whole: Daemon,
        listening: socket.socket,
        *,
        token: str,
        accesses: Sequence[Access],
        allowed: Sequence[str],
        hosts: Sequence[str],
    ) -> None:
        """Serve `whole` at a socket that listens.

        token: what callers have to show. accesses: further tokens, which may do less. allowed: the folders that all of
        them may ask for. hosts: further names of this machine that a Host header may have.
        """
        host, self._port = listening.getsockname()[:2]
        names = [_bracketed(name) for name in (host, *hosts)]
        reachable = [name for name in names if not is_everywhere(name.strip("[]"))]
        self._page_host = (reachable or LOOPBACK_NAMES)[0]
        self._codes = OneUseCodes()
        self._whole = whole
        self._allowed = list(allowed)
        self.mounts: list[McpMount] = []
        guard = Guard(
            self._application(Reach(allowed), exchange_route(self._codes, token)),
            token=token,
            others={
                access.token: self._application(Reach(allowed, access.collections, writes=access.writes))
                for access in accesses
            },
            hosts=(*names, *LOOPBACK_NAMES),
        )
        self.server: uvicorn.Server = server_for(guard)

    def _application(self, reach: Reach, *extra: Route) -> Starlette:
        """Return the application of callers with one token; they share their sessions of MCP with no others."""
        restricted = RestrictedDaemon(self._whole, reach)
        mount = McpMount(restricted.service)
        self.mounts.append(mount)
        return http_application(restricted, extra=(Route("/mcp", mount), *extra))

    def page_route(self) -> Route:
        """Return the route for the Unix socket that gives the address of the web page, and the folders it may show."""

        async def endpoint(request: Request) -> Response:
            return JSONResponse({"url": self.page_address(), "folders": self._allowed})

        return Route("/api/page", endpoint, methods=["POST"])

    def page_address(self) -> str:
        """Return an address of the web page that opens it once, within five minutes."""
        has_port = self._page_host.rpartition(":")[2].isdecimal() and not self._page_host.endswith("]")
        at = self._page_host if has_port else f"{self._page_host}:{self._port}"
        return f"http://{at}/#code={self._codes.issue()}"


def _bracketed(host: str) -> str:
    """Return a host as it stands in a Host header: an IPv6 address in brackets."""
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
