"""Lines of files as answers show them."""

from __future__ import annotations

__all__ = ["MOST_LINE_BYTES", "shown_line"]

MOST_LINE_BYTES = 1500
"""Largest part of a line that is shown, in bytes."""

BEFORE_MATCH_BYTES = 300
"""Part of a long line before its match that is shown, in bytes."""


def shown_line(line: bytes, place: int) -> tuple[str, bool]:
    """Return a line without the carriage return at its end, and whether it was cut to what stands around `place`."""
    line = line.removesuffix(b"\r")
    if len(line) <= MOST_LINE_BYTES:
        return line.decode(errors="replace"), False
    first = max(0, min(place - BEFORE_MATCH_BYTES, len(line) - MOST_LINE_BYTES))
    return line[first : first + MOST_LINE_BYTES].decode(errors="ignore"), True
