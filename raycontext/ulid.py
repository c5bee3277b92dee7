"""Names that sort by the time at which they were made."""

from __future__ import annotations

import secrets
import time

__all__ = ["new_ulid", "ulid_seconds"]

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def new_ulid() -> str:
    """A name that sorts by time: 48 bits of Unix milliseconds, 80 random bits, base 32 (the ULID specification,
    in lower case so that it survives file systems that fold case)."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def ulid_seconds(name: str) -> float:
    """When a name of `new_ulid` was made, Unix seconds; infinitely late for names that are not ours to judge."""
    stem = name.partition(".")[0]
    if len(stem) != 26 or not set(stem) <= set(_CROCKFORD):
        return float("inf")
    value = 0
    for character in stem:
        value = value << 5 | _CROCKFORD.index(character)
    return (value >> 80) / 1000
