"""Recognition of files that a program wrote: minified code, and files whose first lines say so."""

from __future__ import annotations

import re

__all__ = ["is_generated"]

HEAD_BYTES = 2000
"""Number of bytes at the start of a file in which it may say that it is generated."""
LONG_LINE_BYTES = 1000
"""Size in bytes from which on a line is one that nobody writes by hand."""
MINIFIED_BYTES = 2000
"""Smallest file in bytes that counts as minified."""
MINIFIED_SHARE = 0.5
"""Smallest share of long lines among the bytes of a minified file."""

_LONG_LINES = re.compile(rb"[^\n]{%d,}" % LONG_LINE_BYTES)
_NOTICE = re.compile(
    rb"""code\ generated\ [^\n]{0,200}do\ not\ edit      # Go's convention
      | [/#*;%<-][^\n]{0,80}@generated\b
      | <auto-?generated
      | \bthis\ (?:file|code|module|class)\ (?:is|was|has\ been)\ (?:auto-?|auto[ ]?matically[ ]|machine[ -])generated\b
      | ^[^\w\n]{1,12}(?:auto-?|automatically[ ]|machine[ ])?generated\ (?:by|from|with)\b[^\n]{0,200}\n?
        [^\n]{0,120}\bdo\ not\ (?:edit|modify)\b
      | ^[^\w\n]{1,12}(?:automatically\ generated|auto-?generated)\ (?:by|from|with|file)\b
      | \bdo\ not\ (?:edit|modify)\b[^\n]{0,120}\bgenerated\ (?:by|from|file|code)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


def is_generated(data: bytes) -> bool:
    """Return whether a program wrote the content of a file, as its form or its first lines show."""
    size = len(data)
    if size >= MINIFIED_BYTES and size > (data.count(b"\n") + 1) * LONG_LINE_BYTES * MINIFIED_SHARE / 2:
        long = sum(match.end() - match.start() for match in _LONG_LINES.finditer(data))
        if long >= MINIFIED_SHARE * size:
            return True
    return _NOTICE.search(data[:HEAD_BYTES]) is not None
