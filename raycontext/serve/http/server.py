"""HTTP servers that close connections which never finish a request. Uvicorn alone waits for a head for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEAD_SECONDS", "TimedProtocol", "server_for"]

HEAD_SECONDS = 20.0
"""Longest wait for the head of a request, in seconds, from the begin of its connection or from its first byte."""

KEPT_SECONDS = 30
"""Time in seconds for which a connection is kept without a request. It is longer than common clients keep theirs (httpx
5 s), so that they close it: a request must not meet a server that is closing."""


class TimedProtocol(H11Protocol):
    """HTTP/1.1 with a time limit for the head of each request."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        served = self.cycle is not None and not self.cycle.response_complete
        if served:
            self._head_arrived()
        elif self._late is None:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._head_arrived()  # the next request has its own limit, and keep-alive holds until then

    def _wait_for_head(self) -> None:
        """Start the limit for the head of a request."""
        self._late = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _head_arrived(self) -> None:
        """End the limit, since a request is being served."""
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        """Close a connection whose request did not arrive in time."""
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """Server that leaves signals to its process. They are for the daemon, not for one of its servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave all signals as they are."""
        yield


def server_for(application: ASGIApp) -> uvicorn.Server:
    """Return a server with these limits for an application.

    It is given its sockets, and leaves signals to its process.
    """
    return _Server(
        uvicorn.Config(
            application,
            http=TimedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEPT_SECONDS,
            timeout_graceful_shutdown=3,
            server_header=False,
        )
    )
