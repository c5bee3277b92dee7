"""Probe of a daemon that does not answer: there is none, its socket is stale or not ours, or it is silent."""

from __future__ import annotations

import socket
from typing import Literal, NamedTuple

from raycontext.daemon_client.paths import socket_path
from raycontext.daemon_client.peer import peer_of

__all__ = ["Probe", "probe"]

PROBE_SECONDS = 1.0
"""Time that the kernel may take to accept a connection to a Unix socket."""

State = Literal["absent", "stale", "forbidden", "silent", "stopped"]


class Probe(NamedTuple):
    """State of a daemon that has not answered a request.

    absent: there is no socket. stale: a socket, at which no process listens. forbidden: a socket or a folder that this
    user may not use. silent: a process listens and says nothing. stopped: likewise, and the process is suspended.
    """

    state: State
    problem: str
    """Cause in words; empty where the daemon is absent or its socket stale."""
    pid: int = 0
    """Id of the process that listens, where that is known."""


def probe(root: str) -> Probe:
    """Return why the daemon of a root has not answered. It takes a second at most."""
    try:
        path = socket_path(root)
    except OSError as error:
        return Probe("forbidden", str(error))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PROBE_SECONDS)
        try:
            connection.connect(path)
        except OSError as error:
            return _refused(path, error)
        peer = peer_of(connection)
        pid = 0 if peer is None else peer.pid
    if _is_stopped(pid):
        return Probe("stopped", f"the daemon {pid} is stopped (SIGSTOP): kill -CONT {pid} lets it go on", pid)
    return Probe("silent", f"the daemon {pid or 'at ' + path} does not answer", pid)


def _refused(path: str, error: OSError) -> Probe:
    if isinstance(error, FileNotFoundError):
        return Probe("absent", "")
    if isinstance(error, ConnectionRefusedError):
        return Probe("stale", "")
    if isinstance(error, PermissionError):
        return Probe("forbidden", f"the socket {path} belongs to another user")
    return Probe("silent", f"the daemon at {path} accepts no connection ({error})")  # its queue is full


def _is_stopped(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False
