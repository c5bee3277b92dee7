"""Unique names that sort by the time at which they were made (ULIDs)."""

from __future__ import annotations

import re
import secrets
import time

__all__ = ["is_ulid", "new_ulid"]

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_ULID = re.compile(f"[0-7][{_CROCKFORD}]{{25}}")


def new_ulid() -> str:
    """Make a unique name of 26 characters that sorts by time.

    It follows the ULID specification: 48 bits of milliseconds since the Unix epoch, then 80 random bits, in base 32. It
    is in lower case, so that file systems that ignore case cause no confusion.
    """
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def is_ulid(name: str) -> bool:
    """Return whether a name may have been made by `new_ulid`."""
    return _ULID.fullmatch(name) is not None
