"""First line of what a file says about a definition: its docstring, or the comment above it."""

from __future__ import annotations

import re

from raycontext.relations.lexed import CONTAINERS, FileDefinition, LexedFile

__all__ = ["MOST_CHARACTERS", "documentation_of"]

MOST_CHARACTERS = 300
"""Largest length of the line, in characters. What is longer is cut."""
MOST_LINES_ABOVE = 200
"""Largest number of lines above a definition that are looked at."""

_DOCSTRING = re.compile(rb"""\s*[rRuU]?(["'])""")
_QUOTES = re.compile(r'''^[rRuU]?("""|\'\'\'|"|')''')
_OPENING = re.compile(r"^\s*(?:/\*+!?|\*+/?|//[/!]*|#+(?:!|:(?=\s|$))?|--+\|?|;+|%+|\(\*+|\{-+\|?|<!--)(?=\W|\w|$)\s*")
_CLOSING = re.compile(r"\s*(?:\*+/|\*+\)|-\}|-->)\s*$")
_MARK = re.compile(r"\s*(?:@|#\[|\[|template\b)")
_RESULT_TYPE = re.compile(rb"[\w\s*&:<>,]+[\w*&>]\s*")


def documentation_of(file: LexedFile, found: FileDefinition) -> str:
    """Return the first line of a definition's documentation, without its marks; "" where it has none."""
    if not file.tokens.code:
        return ""
    lines: list[str] = []
    if file.language == "python":
        lines = _docstring(file, found) if found.kind in CONTAINERS else _string_below(file, found.end_line)
    for line in lines or _comment(file, found.line):
        if re.search(r"\w", line):
            return line.strip()[:MOST_CHARACTERS]
    return ""


def _docstring(file: LexedFile, found: FileDefinition) -> list[str]:
    """Return the lines of the string that a body begins with."""
    begin, end = file.position_of(found.line), file.position_of(found.end_line + 1)
    code = file.tokens.code
    depth = 0
    for position in range(begin, end):
        byte = code[position]
        if byte in b"([{":
            depth += 1
        elif byte in b")]}":
            depth -= 1
        elif byte == ord(":") and depth == 0:
            return _string_at(file, position + 1, end)
    return []


def _string_below(file: LexedFile, line: int) -> list[str]:
    """Return the lines of the string that stands alone below a line, which documents a constant or an attribute."""
    start = file.position_of(line + 1)
    if file.line_at(start) != line + 1:
        return []
    first = file.content[start : file.bounds(start)[1]].lstrip()
    return _string_at(file, start, len(file.content)) if _DOCSTRING.match(first) else []


def _string_at(file: LexedFile, start: int, end: int) -> list[str]:
    """Return the lines of the string that follows a position; comments may stand between."""
    if _DOCSTRING.match(file.tokens.code, start, end) is None:
        return []
    text = file.content[start:end].decode(errors="replace").lstrip()
    while text.startswith("#"):
        text = text.partition("\n")[2].lstrip()
    quotes = _QUOTES.match(text)
    return text[quotes.end() :].partition(quotes[1])[0].splitlines() if quotes else []


def _comment(file: LexedFile, line: int) -> list[str]:
    """Return the lines of the comment that ends above a line, without its marks. Attributes may stand between."""
    lines: list[str] = []
    open_brackets = 0  # of an attribute over several lines, read from its end
    start = file.position_of(line)
    start = file.content.rfind(b"\n", 0, start) + 1
    for number in range(line - 1, max(line - 1 - MOST_LINES_ABOVE, 0), -1):
        end = start - 1
        if end < 0 or file.line_at(end) != number:
            break
        start = file.content.rfind(b"\n", 0, end) + 1
        text = file.content[start:end].decode(errors="replace")
        code = file.tokens.code[start:end]
        if not lines:
            open_brackets += sum(byte in b")]}" for byte in code) - sum(byte in b"([{" for byte in code)
            if open_brackets > 0 or (open_brackets == 0 and code.strip() and _belongs_below(file.language, text, code)):
                continue
        if code.strip() or not text.strip():
            break
        lines.append(_CLOSING.sub("", _OPENING.sub("", text)))
    return lines[::-1]


def _belongs_below(language: str, text: str, code: bytes) -> bool:
    """Return whether a line is an attribute of the definition below it, or the type of its result."""
    if language in ("c", "cpp", "cuda") and _RESULT_TYPE.fullmatch(code):
        return True
    return bool(_MARK.match(text))
