"""Which of several processes that start at once becomes the daemon is decided by the kernel: by the bind of an abstract
socket, which ends with its process, or, where there are none, by that of the socket itself.
"""

from __future__ import annotations

import secrets
import socket
import sys
from pathlib import Path
from typing import NamedTuple

from raycontext.daemon_client import paths, wire

__all__ = ["Claim", "claim"]


class Claim(NamedTuple):
    """The right to be the daemon of a root."""

    listening: socket.socket
    keeper: socket.socket | None
    """What keeps others from taking it as long as this process lives."""
    path: Path
    inode: int

    def holds(self) -> bool:
        """Whether clients still find us."""
        try:
            return self.path.stat().st_ino == self.inode
        except OSError:
            return False

    def release(self) -> None:
        """Let others have it."""
        if self.holds():
            self.path.unlink(missing_ok=True)
        if self.keeper is not None:
            self.keeper.close()


def claim(root: str) -> Claim | None:
    """None where another daemon has it.

    Linux frees an abstract name when its owner dies, however it dies, so what lies at the path of the socket is then
    stale. Elsewhere a socket at which nobody answers is taken as stale.
    """
    path = Path(paths.socket_path(root))
    keeper: socket.socket | None = None
    if sys.platform == "linux":
        keeper = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            keeper.bind(f"\0raycontext-{path}")
        except OSError:
            keeper.close()
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
