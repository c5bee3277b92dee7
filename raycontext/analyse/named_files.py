"""Places in files that a query names, as stack traces, compilers and people write them: a path, often with a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["NamedFile", "named_files", "without_frames"]

MOST_NAMED = 64
"""Largest number of places that count of one query."""

MOST_CHARACTERS = 20_000
"""Length of the beginning of a query in which places are looked for."""

_RUN = re.compile(r"[^\s\"'`()<>\[\]{}|,;*?:=!]+")  # what may be a path; a whole run, so that long ones cost no more
_EXTENSION = re.compile(r"[^/\\.]\.[A-Za-z][A-Za-z0-9+]{0,9}$")
# File "app.py", line 12 · app.py:12 · app.py:12:5 · App.cs:line 12 · app.php on line 12 · app.php(12) · app.c(12,5) ·
# {file,"app.erl"},{line,12} · app.pm line 12 · app.js?:12
_LINE = re.compile(r"""["'`]?(?:\?)?(?::(?:line )?|\(|,? (?:on |at )?line |\},\{line,)(\d{1,9})(?!\d)""")
_QUOTED = re.compile(r"""File ["']([^"'\n]+)["'],? line (\d{1,9})""")
_BEFORE_CHARACTERS = 300
_CALL_BEFORE = re.compile(r"((?:[\w$]+\.)+)[\w$<>]+\.[\w$<>]+\($")
_OF_PACKAGES = frozenset({"java", "kt", "kts", "scala", "groovy", "clj"})
_OLDEST_FIRST = re.compile(r"most recent call last", re.IGNORECASE)
_SEPARATOR = re.compile(r"[/\\]+")


class NamedFile(NamedTuple):
    """File that a query names."""

    parts: tuple[str, ...]
    """Parts of the path; the last one is the name of the file."""
    line: int
    """Line in the file, from 1; 0 where the query names none."""


def named_files(text: str) -> tuple[NamedFile, ...]:
    """Return the files that a query names, each place once, the innermost call of a stack trace first.

    A file without a line counts only where the query gives a folder too: `config.json` may stand for any such file.
    The folder of a Java frame is the package of its class.
    """
    named: dict[NamedFile, None] = {}
    for row in text[:MOST_CHARACTERS].split("\n"):
        quoted = [(found[1], int(found[2]), "") for found in _QUOTED.finditer(row)]
        for path, line, before in quoted or _unquoted(row):
            parts = tuple(part for part in _SEPARATOR.split(path) if part not in ("", ".", "..", "~"))
            called = _CALL_BEFORE.search(before) if path.rsplit(".", 1)[-1] in _OF_PACKAGES else None
            if called is not None and len(parts) == 1:
                parts = (*called[1].strip(".").split("."), *parts)
            if parts and _EXTENSION.search(path) and (line or len(parts) > 1):
                named[NamedFile(parts, line)] = None
    places = list(named)
    if _OLDEST_FIRST.search(text):
        places.reverse()
    return tuple(places[:MOST_NAMED])


def _unquoted(row: str) -> Iterator[tuple[str, int, str]]:
    """Yield each path in a row with the line behind it, which is 0 where there is none, and what stands before it."""
    for found in _RUN.finditer(row):
        line = _LINE.match(row, found.end())
        if line is None and row.startswith("(", found.end()):
            continue  # the name of what is called
        path = found[0] if line else found[0].rstrip(".")
        yield path, int(line[1]) if line else 0, row[max(found.start() - _BEFORE_CHARACTERS, 0) : found.start()]


def without_frames(text: str) -> str:
    """Return a query without the lines that name a place in a file; the whole of it where no other line is left."""
    rows = text[:MOST_CHARACTERS].split("\n")
    left = "\n".join(row for row in rows if not any(named.line for named in named_files(row)))
    return left if left.strip() else text
