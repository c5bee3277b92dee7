"""An ASGI application on a Unix socket or a port, in a thread: what MCP clients of the tests talk to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from ..waiting import until


@contextlib.contextmanager
def served(application: Any, unix_socket: Path | None = None) -> Iterator[str]:
    """Serve until the end of the block; yields the path of the socket, or the URL."""
    listener: socket.socket
    if unix_socket is None:
        listener = socket.create_server(("127.0.0.1", 0))
        place = f"http://127.0.0.1:{listener.getsockname()[1]}"
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(unix_socket))
        place = str(unix_socket)
    server = uvicorn.Server(uvicorn.Config(application, log_level="critical", timeout_graceful_shutdown=1, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started, pause=0.01)
        yield place
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
