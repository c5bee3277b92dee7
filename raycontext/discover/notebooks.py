"""Notebooks without the pictures and other binary data in their outputs, which no search is for."""

from __future__ import annotations

import re

__all__ = ["NOTEBOOK_SUFFIX", "without_binary_outputs"]

NOTEBOOK_SUFFIX = ".ipynb"
"""End of the name of a notebook."""
MIN_BASE64_CHARACTERS = 256
"""Smallest length of a string in base64 that counts as binary data, in characters."""

_BASE64 = re.compile(rb'"(?:[A-Za-z0-9+/=]|\\[nr/]){%d,}"' % MIN_BASE64_CHARACTERS)
_LINES = re.compile(rb'("(?:image|audio|video)/[\w.+-]+"\s*:\s*\[)([^\]\[{}]*)(?=\])')
_NOT_LINE_END = re.compile(rb"[^\n]+")


def without_binary_outputs(path: str, data: bytes) -> bytes:
    """Return the text of a notebook with empty strings in place of binary data; any other text as it is.

    Lines stay lines. The result is the same for the same text, so that it can be made again.
    """
    if not path.endswith(NOTEBOOK_SUFFIX):
        return data
    return _LINES.sub(_emptied, _BASE64.sub(b'""', data))


def _emptied(match: re.Match[bytes]) -> bytes:
    """Return a list of strings that has no elements and as many lines as before."""
    return match[1] + _NOT_LINE_END.sub(b"", match[2])
