"""Lines of a text as editors count them, and cuts of texts that are too long to be shown."""

from __future__ import annotations

__all__ = ["cut_line", "cut_text", "split_lines"]

SHOWN_CHARACTERS = 400
"""Largest number of characters of a line that a terminal is shown."""


def split_lines(text: str) -> list[str]:
    """Return the lines of a text without their ends. A line ends at "\\n" or "\\r\\n", and at no other character.

    `str.splitlines` also ends lines at form feeds and Unicode's separators, so that it counts other lines than editors
    do.
    """
    lines = text.split("\n")
    if not lines[-1]:
        del lines[-1]
    return [line.removesuffix("\r") for line in lines]


def cut_text(text: str, most_bytes: int) -> tuple[str, bool]:
    """Return the beginning of a text in at most `most_bytes` bytes of UTF-8, and whether something is missing.

    The cut is at the end of a line where that leaves out less than half of what fits, else inside of a line.
    """
    data = text.encode(errors="surrogatepass")
    if len(data) <= most_bytes:
        return text, False
    head = data[:most_bytes].decode(errors="ignore")
    whole, newline, _ = head.rpartition("\n")
    return (whole if newline and 2 * len(whole) >= len(head) else head), True


def cut_line(line: str) -> str:
    """Return a line as it is shown on a terminal: a long one is cut, and a note says how much is missing."""
    missing = len(line) - SHOWN_CHARACTERS
    return line if missing <= 0 else f"{line[:SHOWN_CHARACTERS]} … {missing} more characters"
