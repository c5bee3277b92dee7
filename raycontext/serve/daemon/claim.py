"""Claim of a root: the kernel decides which of several processes that start at once becomes the daemon.

On Linux it decides by the bind of an abstract socket, whose name is freed when its process dies, however it dies.
Elsewhere it decides by the bind of the daemon's own socket. Names of abstract sockets are open to every user, so ours
holds a random part that only this user can read; a name that another user holds all the same gives way to the next.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import NamedTuple

from raycontext.daemon_client import paths, wire
from raycontext.daemon_client.peer import peer_of

__all__ = ["Claim", "claim"]

MAX_NAMES = 100
"""Number of names that other users may hold before this daemon gives up."""

LISTEN_SECONDS = 2.0
"""Time from the bind of a keeper to its listening, in which another process cannot tell whose it is."""

QUEUE = 4096
"""Number of processes that may ask whose a keeper is. It takes none of them from its queue."""


class Claim(NamedTuple):
    """Right to be the daemon of a root."""

    listening: socket.socket
    keeper: socket.socket | None
    """Socket that keeps others from taking the right as long as this process lives."""
    path: Path
    inode: int

    def holds(self) -> bool:
        """Return whether clients still find this process."""
        try:
            return self.path.stat().st_ino == self.inode
        except OSError:
            return False

    def release(self) -> None:
        """Let others have the right."""
        if self.holds():
            self.path.unlink(missing_ok=True)
        if self.keeper is not None:
            self.keeper.close()


def claim(root: str) -> Claim | None:
    """Take the right to be the daemon of a root; None where another daemon of this user has it.

    What lies at the path of the socket is stale then: on Linux by the keeper, elsewhere since nobody answers at it.
    Raises `OSError` where no socket can be made, or where other users hold all names.
    """
    path = Path(paths.socket_path(root))
    keeper: socket.socket | None = None
    if sys.platform == "linux":
        keeper = _keeper(path)
        if keeper is None:
            return None
    if wire.health(root) is not None:  # perhaps of another network namespace, which sees the same folder
        if keeper is not None:
            keeper.close()
        return None
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    temporary = path.with_suffix(f".{secrets.token_hex(2)}")
    listening.bind(str(temporary))
    temporary.chmod(0o600)
    listening.listen(1024)
    temporary.replace(path)  # who connects meets one that listens
    return Claim(listening, keeper, path, path.stat().st_ino)


def _keeper(path: Path) -> socket.socket | None:
    """Return a bound abstract socket for a path, or None where a process of this user has it. Raises `OSError`."""
    for number in range(MAX_NAMES):
        name = f"\0raycontext-{_secret(number)}-{path.name}"
        keeper = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            keeper.bind(name)
            keeper.listen(QUEUE)  # so that others can ask the kernel whose it is
        except OSError:
            keeper.close()
            if _is_ours(name):
                return None
        else:
            return keeper
    raise OSError(f"other users hold the names of sockets that a daemon needs ({MAX_NAMES} tried)")


def _secret(number: int) -> str:
    """Return the random part of a name, which the first process that asks for it makes, put-if-absent."""
    place = Path(paths.claim_path(number))
    if not place.exists():
        temporary = place.with_suffix(f".{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(16))
        try:
            os.link(temporary, place)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return place.read_text()


def _is_ours(name: str) -> bool:
    """Return whether the process that holds an abstract name is one of this user's. It may just have bound it."""
    deadline = time.monotonic() + LISTEN_SECONDS
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.setblocking(False)
            try:
                asking.connect(name)
            except OSError:  # nobody listens, or the queue is full, which ours never is
                if time.monotonic() > deadline:
                    return False
            else:
                peer = peer_of(asking)
                return peer is not None and peer.uid == os.getuid()
        time.sleep(0.05)
