"""Names of this machine that a Host header may have. Whoever asks by another one may be a page of another site."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

__all__ = ["LOOPBACK_NAMES", "HostNames"]

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""Names of this machine for itself. No name server can give one of them to another machine."""

MAX_PORT = 65_535


class HostNames:
    """Set of names and addresses, each with a port or for every port. Empty, it holds every Host header.

    It protects against DNS rebinding, by which a page of another site gets an address of this machine for its own name.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Hold `NAME`, `NAME:PORT`, IPv4 addresses, and IPv6 addresses in brackets. Raises `ValueError` for others."""
        self._names = frozenset(_parts(name) for name in names if name)

    def __bool__(self) -> bool:
        """Return whether any name is demanded."""
        return bool(self._names)

    def holds(self, header: str) -> bool:
        """Return whether a Host header is one of the names."""
        if not self._names:
            return True
        try:
            name, port = _parts(header)
        except ValueError:
            return False
        return (name, port) in self._names or (name, None) in self._names


def _parts(text: str) -> tuple[str, int | None]:
    """Return name and port of a Host header, in the form in which they are compared. Raises `ValueError`."""
    name, port = text, None
    if not text.endswith("]") and ":" in text:
        name, _, digits = text.rpartition(":")
        if not (digits.isascii() and digits.isdecimal() and int(digits) <= MAX_PORT):
            raise ValueError(f"'{text}' has no port")
        port = int(digits)
    if name.startswith("[") and name.endswith("]"):
        return f"[{ipaddress.IPv6Address(name[1:-1]).compressed}]", port
    if not name or not name.isascii() or any(character in "[]:/@?#*, \t" for character in name):
        raise ValueError(f"'{text}' is no host name")
    return name.lower(), port
