"""Addresses at which a daemon listens for those who have its token."""

from __future__ import annotations

import os

from raycontext.errors import InvalidInput

__all__ = ["LOOPBACK", "check_names", "is_everywhere", "tcp_address"]

LOOPBACK = "127.0.0.1"
"""Host of an address that names only a port: nobody opens a port to the network by leaving something out."""

MAX_PORT = 65_535

NAMES = "RAYCONTEXT_HOSTS"
"""Setting with the names by which other machines ask for this one."""


def tcp_address(text: str) -> tuple[str, int]:
    """Return host and port of `PORT`, `HOST:PORT` or `[IPV6]:PORT`. Raises `InvalidInput`."""
    host, _, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    is_port = port.isascii() and port.isdecimal() and int(port) <= MAX_PORT
    if not is_port or (":" in host and not is_bracketed) or host in ("[]", "*"):
        raise InvalidInput(f"'{text}' is not an address to listen at", "Give PORT, HOST:PORT or [IPV6]:PORT.")
    return host.strip("[]") or LOOPBACK, int(port)


def is_everywhere(host: str) -> bool:
    """Return whether a host stands for all addresses of this machine, such as `0.0.0.0` and `::`."""
    import ipaddress  # takes some milliseconds, and most commands do not need it

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_unspecified or (mapped is not None and mapped.is_unspecified)


def check_names(host: str) -> None:
    """Raise `InvalidInput` for an address of all interfaces, unless `RAYCONTEXT_HOSTS` says by which names others ask.

    No Host header could name such an address.
    """
    if is_everywhere(host) and not os.environ.get(NAMES):
        raise InvalidInput(
            f"{host} stands for all addresses of this machine, and nothing says by which names others ask for it",
            f"Set {NAMES} to these names or addresses, separated by commas, or listen at one address.",
        )
