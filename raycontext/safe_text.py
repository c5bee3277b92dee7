"""Text from files and file names, made safe for a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["safe"]


def safe(text: str) -> str:
    """`text` on one line, with control characters, bidirectional overrides and unpaired surrogates as escapes.

    A file name or a line of code must not be able to move the cursor, recolour the screen or reverse the text.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char == "\t" or not _dangerous(char) else _escape(char) for char in text)


def _dangerous(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode()
