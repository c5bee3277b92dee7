"""Lines of a text as editors count them, and cuts of texts that are too long to be shown."""

from __future__ import annotations

__all__ = ["SHOWN_CHARACTERS", "Cut", "begin_of_part", "cut_line", "cut_text", "split_lines"]

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


class Cut:
    """Part of a text that is shown: no named tuple, since a warm command does without `typing`."""

    __slots__ = ("begin", "is_cut", "text")

    def __init__(self, text: str, is_cut: bool, begin: int) -> None:
        self.text = text
        self.is_cut = is_cut
        """Whether something is missing, before or after it."""
        self.begin = begin
        """Number of characters that are left out before it."""


def cut_text(text: str, most_bytes: int, match: int = 0) -> Cut:
    """Return a part of a text in at most `most_bytes` bytes of UTF-8: its beginning, where that has the match.

    match: place of a character that is to be shown. A part that is not the beginning starts at the beginning of a line
    where one is near, else inside of a line. The cut at the end is at the end of a line where that leaves out less than
    half of what fits, else inside of a line.
    """
    data = text.encode(errors="surrogatepass")
    if len(data) <= most_bytes:
        return Cut(text, False, 0)
    head = data[:most_bytes].decode(errors="ignore")
    shown = _to_end_of_line(head)
    begin = begin_of_part(text, len(shown), len(head), match)
    if begin:
        rest = text[begin:].encode(errors="surrogatepass")[:most_bytes].decode(errors="ignore")
        around = _to_end_of_line(rest)
        shown = around if begin + len(around) > match else rest
    return Cut(shown, True, begin)


def begin_of_part(text: str, shown: int, size: int, match: int) -> int:
    """Return the place from which a part of about `size` characters of a text has the character at `match`.

    shown: number of characters of the beginning of the text that are shown otherwise; 0 is the answer where these have
    the match.
    """
    if match < max(shown, 1):
        return 0
    begin = max(min(match - size // 4, len(text) - size), 0)
    line = text.rfind("\n", 0, match) + 1
    return line if begin < line else begin


def _to_end_of_line(head: str) -> str:
    """Return the text without its last line, which is cut, unless that leaves less than half of it."""
    whole, newline, _ = head.rpartition("\n")
    return whole if newline and 2 * len(whole) >= len(head) else head


def cut_line(line: str, match: int = 0) -> str:
    """Return a line as it is shown on a terminal: a long one is cut, and a note says how much is missing.

    match: place of a character that is to be shown.
    """
    missing = len(line) - SHOWN_CHARACTERS
    if missing <= 0:
        return line
    begin = begin_of_part(line, SHOWN_CHARACTERS, SHOWN_CHARACTERS, match)
    return f"{'… ' if begin else ''}{line[begin : begin + SHOWN_CHARACTERS]} … {missing} more characters"
