"""Escapes that make text from files and file names safe to print on a terminal."""

from __future__ import annotations

__all__ = ["safe", "text_of"]


def text_of(argument: str) -> str:
    """Return an argument of a command as text. Bytes that are not UTF-8, which Python passes on as surrogates, are read
    as Latin-1.
    """
    try:
        argument.encode()
    except UnicodeEncodeError:
        return argument.encode(errors="surrogateescape").decode("latin-1")
    return argument


def safe(text: str) -> str:
    """Return the text on one line, with control characters, bidirectional controls and surrogates as escapes.

    Tabs stay. A file name or a line of code must not be able to move the cursor, change colours or reverse the text.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char == "\t" or not _dangerous(char) else _escape(char) for char in text)


def _dangerous(char: str) -> bool:
    """Return whether a character is a control, a format character, a surrogate, or a line or paragraph separator."""
    import unicodedata  # loaded here, since most text is ASCII

    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(char: str) -> str:
    """Return the escape of a character, such as `\\x1b` or `\\u202e`."""
    return char.encode("unicode_escape", "backslashreplace").decode()
