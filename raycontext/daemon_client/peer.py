"""Process at the other end of a Unix socket, as the kernel knows it."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

__all__ = ["Peer", "peer_of"]

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class Peer(NamedTuple):
    """Process that listens at a socket, or that has connected to one."""

    pid: int
    uid: int


def peer_of(connection: socket.socket) -> Peer | None:
    """Return the process at the other end of a connection; None where the system does not tell. Raises `OSError`."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    content = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(content)
    return Peer(pid, uid)
