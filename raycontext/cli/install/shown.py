"""Changes of configuration files as text for a terminal, in which nothing that others wrote there can be read.

Configurations hold keys and tokens of other servers. So the lines around a change are left out, and in a line that
changes every text but ours is hidden. Names of settings stay, so that the place can be recognised.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from raycontext.text.safe import safe

__all__ = ["diff_of", "words_of"]

LINE_CHARACTERS = 160
"""Largest number of characters of a line in a diff."""
HIDDEN = "…"

TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'[^']*')(?P<names>(?=\s*[:=]))?"""
    r"""|(?P<key>^\s*[\w-]+(?=\s*=))|(?P<sign>[\s{}\[\]:,=]+|\.)|(?P<bare>[^\s{}\[\]:,="'.]+|["'])"""
)


def words_of(value: Any) -> Iterator[str]:
    """Yield every key and every text of a value: what may be shown of it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from words_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from words_of(inner)
    else:
        yield value if isinstance(value, str) else str(value).lower()


def diff_of(place: str, before: bytes | None, after: bytes | None, shown: Iterable[str] | None) -> str:
    """Return a change as a unified diff whose lines cannot steer a terminal.

    before, after: contents; None when the file does not exist. shown: texts that may be read; None for all.
    """
    words = None if shown is None else frozenset(shown)
    old, new = ((content or b"").decode(errors="replace").split("\n") for content in (before, after))
    was, becomes = (safe(place) if content is not None else "/dev/null" for content in (before, after))
    lines = list(difflib.unified_diff(_stripped(old), _stripped(new), was, becomes, n=0, lineterm=""))
    return "\n".join(
        line
        if number < 2
        else _short(safe(line[:1] + (line[1:] if words is None else _masked(line[1:], words))))
        if line[:1] in "+-"
        else line
        for number, line in enumerate(lines)
    )


def _stripped(lines: list[str]) -> list[str]:
    """Return lines without what ends them, and without the empty one after the last line."""
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def _masked(line: str, words: frozenset[str]) -> str:
    """Return a line of JSON or TOML in which every text is hidden that is neither a name nor one of `words`."""
    return "".join(_token(found, words) for found in TOKEN.finditer(line))


def _token(found: re.Match[str], words: frozenset[str]) -> str:
    whole = found[0]
    if found["sign"] or found["key"] or found["names"] is not None:
        return whole
    if found["text"]:
        return whole if _plain(whole) in words else whole[0] + HIDDEN + whole[0]
    return whole if whole in words or whole in ("true", "false", "null", "//", "#") else HIDDEN


def _plain(quoted: str) -> str:
    """Return the text that a quoted one stands for, escapes of JSON and TOML resolved."""
    import json

    try:
        return str(json.loads(quoted, strict=False)) if quoted.startswith('"') else quoted[1:-1]
    except ValueError:
        return quoted[1:-1]


def _short(line: str) -> str:
    """Return a line cut to `LINE_CHARACTERS`."""
    return line if len(line) <= LINE_CHARACTERS else line[: LINE_CHARACTERS - 1] + HIDDEN
