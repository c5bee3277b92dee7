"""Changes of one table of a TOML document. Every other character stays.

The functions here propose texts. Whoever uses them parses each proposal and takes the first that says what it should:
only a full parser knows, for example, whether a line with brackets is a header or a part of a string.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from itertools import islice
from typing import Any

__all__ = ["block_of", "parsed", "with_table", "with_value", "without_table"]

MAX_PROPOSALS = 200
"""Largest number of proposals for one change. Each is parsed."""
MAX_VALUE_LINES = 50
"""Largest number of lines over which a value that is replaced may extend."""

Path = tuple[str, ...]


def parsed(text: str) -> dict[str, Any]:
    """Return the document. Raises `ValueError` or `RecursionError`."""
    return tomllib.loads(text)


def block_of(path: Path, table: dict[str, Any], newline: str = "\n") -> str:
    """Return a table with its header, as it stands in a document."""
    lines = [f"[{'.'.join(map(_key, path))}]", *(f"{_key(key)} = {_value(value)}" for key, value in table.items())]
    return "".join(line + newline for line in lines)


def with_table(text: str, path: Path, table: dict[str, Any]) -> Iterator[str]:
    """Yield proposals for `text` with a new table at `path`."""
    yield from islice(_added(text, path, table), MAX_PROPOSALS)


def with_value(text: str, path: Path, value: Any, former: Any) -> Iterator[str]:
    """Yield proposals for `text` with another value at `path`. `former` is the value there now, None for none."""
    yield from islice(_changed(text, path, value, former), MAX_PROPOSALS)


def without_table(text: str, path: Path) -> Iterator[str]:
    """Yield proposals for `text` without one part of the table at `path`.

    A table can have several parts, such as one with the header `[a.b]` and one with the header `[a.b.c]`.
    """
    yield from islice(_shortened(text, path), MAX_PROPOSALS)


def _added(text: str, path: Path, table: dict[str, Any]) -> Iterator[str]:
    """Yield texts that may have a table more: at the end, or as a member of an inline table."""
    newline = _newline(text)
    block = block_of(path, table, newline)
    if not text:
        yield text + block
    elif text.endswith("\n"):
        yield text + newline + block
    else:  # the end of the file stays as it is, so that the change can be taken back exactly
        yield text + newline * 2 + block.removesuffix(newline)
    *above, name = path  # an inline table is extended inside of its braces
    member = f"{_key(name)} = {_value(table)}"
    for key in _matches(text, rf"^[ \t]*{_key_pattern(above[-1])}[ \t]*=[ \t]*\{{"):
        for brace in _places(text, "}", key.end()):
            inside = text[key.end() : brace].rstrip(" \t")
            end = key.end() + len(inside)
            yield text[:end] + ("," if inside else "") + f" {member}" + text[end:]


def _changed(text: str, path: Path, value: Any, former: Any) -> Iterator[str]:
    """Yield texts in which the value of a key may be another one. `former` None: the key may be new."""
    *table, key = path
    for header in _headers(text, tuple(table)):
        below = text.find("\n", header) + 1 or len(text)
        for found in _matches(text, rf"^[ \t]*{_key_pattern(key)}[ \t]*=[ \t]*", below):
            for end in _ends(text, found.end(), former):
                yield text[: found.end()] + _value(value) + text[end:]
        if former is None:
            newline = _newline(text)
            gap = "" if text[:below].endswith("\n") else newline
            yield text[:below] + gap + f"{_key(key)} = {_value(value)}{newline}" + text[below:]


def _shortened(text: str, path: Path) -> Iterator[str]:
    """Yield texts that may have lost a table: one with a header, or a member of an inline table."""
    for begin in _headers(text, path):
        below = [place.start() for place in _matches(text, r"^[ \t]*\[", begin + 1)]
        for end in [*below, len(text)]:
            for stop in dict.fromkeys((_end_of_values(text, begin, end), end)):
                yield _joined(text[:begin], text[stop:], text.endswith("\n"))
    member = rf"(?:,[ \t]*)?{_key_pattern(path[-1])}[ \t]*=[ \t]*\{{"
    for found in _matches(text, member):
        for brace in _places(text, "}", found.end()):
            comma = re.compile(r"[ \t]*,").match(text, brace + 1)
            end = comma.end() if comma and not found[0].startswith(",") else brace + 1
            yield text[: found.start()].rstrip(" \t") + text[end:]


def _headers(text: str, path: Path) -> Iterator[int]:
    """Yield the places of lines that look like headers of the table at `path` or of a table in it."""
    for found in _matches(text, r"^[ \t]*\[[^\n]*"):
        if _path_of(found[0].strip())[: len(path)] == path:
            yield found.start()


def _path_of(header: str) -> Path:
    """Return the path that a header names; nothing when the line is none."""
    try:
        node: Any = tomllib.loads(header)
    except ValueError:
        return ()
    path: Path = ()
    while isinstance(node, dict) and len(node) == 1:
        key, node = next(iter(node.items()))
        path += (key,)
    return path


def _end_of_values(text: str, begin: int, end: int) -> int:
    """Return the end of the last line before `end` that is neither blank nor a comment: what follows is not ours."""
    lines = [found[0] for found in re.finditer(r"[^\n]*\n|[^\n]+", text[begin:end])]
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return begin + sum(map(len, lines))


def _joined(head: str, tail: str, ends_with_newline: bool) -> str:
    """Return what is left of a document, without the blank line that stood above the part that is gone.

    ends_with_newline: whether the document ended so. An end without newline is kept, as `_added` keeps it.
    """
    if head.endswith(("\n\n", "\n\r\n")):
        head = _chomped(head)
    if not tail and not ends_with_newline:
        head = _chomped(head)
    return head + tail


def _chomped(text: str) -> str:
    """Return a text without the newline at its end."""
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def _ends(text: str, begin: int, value: Any) -> Iterator[int]:
    """Yield places at which a value that begins at `begin` may end."""
    stop = begin
    for _ in range(MAX_VALUE_LINES):
        line_end = text.find("\n", stop)
        line_end = len(text) if line_end < 0 else line_end
        for place in [*(match.start() for match in re.finditer("#", text[stop:line_end])), line_end - stop]:
            end = begin + len(text[begin : stop + place].rstrip())
            try:
                if repr(tomllib.loads(f"x = {text[begin:end]}")["x"]) == repr(value):
                    yield end
            except ValueError:
                continue
        stop = line_end + 1
        if stop > len(text):
            return


def _matches(text: str, pattern: str, begin: int = 0) -> Iterator[re.Match[str]]:
    yield from re.compile(pattern, re.MULTILINE).finditer(text, begin)


def _places(text: str, char: str, begin: int) -> Iterator[int]:
    """Yield the places of a character from `begin` on."""
    place = text.find(char, begin)
    while place >= 0:
        yield place
        place = text.find(char, place + 1)


def _newline(text: str) -> str:
    """Return the end of most lines."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _string(name)


def _key_pattern(name: str) -> str:
    return "(?:" + "|".join(re.escape(way) for way in (name, f'"{name}"', f"'{name}'")) + ")"


def _value(value: Any) -> str:
    """Return a value of one of our entries in TOML: texts, numbers, true and false, and lists and tables of these."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _string(value) if isinstance(value, str) else json.dumps(value)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
