"""TCP ports at which processes listen, as the kernel lists them."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

LISTENS = "0A"
"""State of a socket that listens, in /proc/net/tcp."""


def kernels_list(pids: Iterable[int]) -> set[tuple[str, int]]:
    """Return address and port of each socket of some processes that listens."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    return {(address, port) for address, port, inode in _listening() if inode in inodes}


def _sockets(pid: int) -> Iterator[str]:
    """Yield the inodes of the sockets of a process."""
    with suppress(FileNotFoundError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    yield target.removeprefix("socket:[").removesuffix("]")


def _listening() -> Iterator[tuple[str, int, str]]:
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == LISTENS:
                words, _, port = local.partition(":")
                content = b"".join(
                    int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8)
                )
                family = socket.AF_INET if len(content) == 4 else socket.AF_INET6
                address = ipaddress.ip_address(socket.inet_ntop(family, content))
                plain = getattr(address, "ipv4_mapped", None) or address
                yield str(plain), int(port, 16), line.split()[9]
