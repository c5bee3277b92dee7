"""The HTTP interface as the daemon offers it over TCP, in a thread: guarded, with the protocol that has time limits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn

import raycontext
from raycontext.serve.daemon_messages import Health
from raycontext.serve.http.api import Daemon, http_application
from raycontext.serve.http.guard import Guard
from raycontext.serve.http.server import server_for
from raycontext.serve.http.token_exchange import OneUseCodes, exchange_route
from raycontext.serve.messages import IndexQuery
from raycontext.serve.service import Service

from ..waiting import WAIT_SECONDS
from .service_jobs import ended_job


class OpenDaemon(Daemon):
    """A service that is ready."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def service(self) -> Service:
        return self._service

    async def health(self) -> Health:
        return Health(state="ready", version=raycontext.__version__, pid=os.getpid(), root="", seconds=1.0)


@contextlib.contextmanager
def guarded_server(
    root: Path, sources: Sequence[Path], token: str | None, codes: OneUseCodes | None = None
) -> Iterator[str]:
    """Index `sources`, allow nothing else, and serve until the end of the block; yields HOST:PORT.

    codes: what the web page exchanges for the token.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    ready, servers = threading.Event(), list[uvicorn.Server]()

    async def serve() -> None:
        async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
            service = Service(context, [str(source) for source in sources])
            for source in sources:
                job = await service.start_index(IndexQuery(path=str(source)))
                await ended_job(service, job.collection)
            extra = (exchange_route(codes or OneUseCodes(), token or ""),)
            application = Guard(http_application(OpenDaemon(service), extra=extra), token=token, hosts=[host])
            servers.append(server_for(application))
            ready.set()
            await servers[0].serve([listener])
            await service.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(WAIT_SECONDS)
        yield host
    finally:
        for server in servers:
            server.should_exit = True
        thread.join()
        listener.close()
