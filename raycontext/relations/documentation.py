"""First line of what a file says about a definition: its docstring, or the comment above it."""

from __future__ import annotations

import re

from raycontext.relations.lexed import FileDefinition, LexedFile

__all__ = ["MOST_CHARACTERS", "documentation_of"]

MOST_CHARACTERS = 300
"""Largest length of the line, in characters. What is longer is cut."""
MOST_LINES_ABOVE = 200
"""Largest number of lines above a definition that are looked at."""

_DOCSTRING = re.compile(rb"""\s*[rRuU]?(["'])""")
_QUOTES = re.compile(r'''^[rRuU]?("""|\'\'\'|"|')''')
_OPENING = re.compile(r"^\s*(?:/\*+!?|\*+/?|//[/!]*|#+!?|--+\|?|;+|%+|\(\*+|\{-+\|?|<!--)(?=\W|\w|$)\s*")
_CLOSING = re.compile(r"\s*(?:\*+/|\*+\)|-\}|-->)\s*$")
_MARK = re.compile(r"\s*(?:@|#\[|\[|template\b)")


def documentation_of(file: LexedFile, found: FileDefinition) -> str:
    """Return the first line of a definition's documentation, without its marks; "" where it has none."""
    if not file.tokens.code:
        return ""
    lines = _docstring(file, found) if file.language == "python" else []
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
            match = _DOCSTRING.match(code, position + 1, end)
            if match is None:
                return []
            text = file.content[match.start() : end].decode(errors="replace")
            text = text[len(text) - len(text.lstrip()) :]
            while text.startswith("#"):  # a comment between the header and the string
                text = text.partition("\n")[2].lstrip()
            quotes = _QUOTES.match(text)
            return text[quotes.end() :].partition(quotes[1])[0].splitlines() if quotes else []
    return []


def _comment(file: LexedFile, line: int) -> list[str]:
    """Return the lines of the comment that ends above a line, without its marks. Attributes may stand between."""
    lines: list[str] = []
    start = file.position_of(line)
    start = file.content.rfind(b"\n", 0, start) + 1
    for number in range(line - 1, max(line - 1 - MOST_LINES_ABOVE, 0), -1):
        end = start - 1
        if end < 0 or file.line_at(end) != number:
            break
        start = file.content.rfind(b"\n", 0, end) + 1
        text = file.content[start:end].decode(errors="replace")
        if file.tokens.code[start:end].strip():
            if lines or not _MARK.match(text):
                break
            continue
        if not text.strip():
            break
        lines.append(_CLOSING.sub("", _OPENING.sub("", text)))
    return lines[::-1]
