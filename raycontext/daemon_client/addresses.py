"""Addresses at which a daemon listens for those who have its token."""

from __future__ import annotations

from raycontext.errors import InvalidInput

__all__ = ["LOOPBACK", "tcp_address"]

LOOPBACK = "127.0.0.1"
"""Host of an address that names only a port: nobody opens a port to the network by leaving something out."""

MAX_PORT = 65_535


def tcp_address(text: str) -> tuple[str, int]:
    """Return host and port of `PORT`, `HOST:PORT` or `[IPV6]:PORT`. Raises `InvalidInput`."""
    host, _, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    is_port = port.isascii() and port.isdecimal() and int(port) <= MAX_PORT
    if not is_port or (":" in host and not is_bracketed) or host in ("[]", "*"):
        raise InvalidInput(f"'{text}' is not an address to listen at", "Give PORT, HOST:PORT or [IPV6]:PORT.")
    return host.strip("[]") or LOOPBACK, int(port)
