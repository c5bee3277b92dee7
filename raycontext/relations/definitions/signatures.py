"""Signature of a definition: its header, without its body, on one line."""

from __future__ import annotations

import re

from raycontext.relations.lexed import FileDefinition, LexedFile

__all__ = ["MOST_CHARACTERS", "signature_of"]

MOST_CHARACTERS = 240
"""Largest length of a signature, in characters. What is longer is cut."""
MOST_LINES = 30
"""Largest number of lines of a header."""

_WITH_COLON = frozenset({"python", "nim", "gdscript"})
"""Languages whose bodies begin with a colon outside of brackets."""
_END_WORDS = re.compile(rb"\b(?:do|is|where|begin)\s*$")


def signature_of(file: LexedFile, found: FileDefinition) -> str:
    """Return the header of a definition, from the line of its name to its body. Its white space is single spaces."""
    start = file.position_of(found.line)
    last = min(found.end_line, found.line + MOST_LINES - 1)
    end = file.position_of(last + 1) if last < found.end_line else file.position_of(found.end_line + 1)
    end = max(end, file.bounds(start)[1])
    code = file.tokens.code or file.content
    stop = _end_of_header(file.language, code, start, end)
    text = " ".join(file.content[start:stop].decode(errors="replace").split()).rstrip(" ;,")
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _end_of_header(language: str, code: bytes, start: int, end: int) -> int:
    """Return the position behind a header: where a body, a value or the next statement begins."""
    depth = 0
    for position in range(start, end):
        byte = code[position]
        if byte in b"([":
            depth += 1
        elif byte in b")]":
            depth -= 1
        elif depth > 0:
            continue
        elif _ends_header(language, code, start, position):
            return position
    return end


def _ends_header(language: str, code: bytes, start: int, position: int) -> bool:
    """Return whether a header ends at a position outside of brackets."""
    byte = code[position]
    if byte in b"{;":
        return True
    if byte == ord(":"):
        return language in _WITH_COLON
    return byte == ord("\n") and _ends_line(language, code, start, position)


def _ends_line(language: str, code: bytes, start: int, position: int) -> bool:
    """Return whether a header ends with a line, outside of brackets: no body in braces follows on a line of its own."""
    following = code[position + 1 : position + 400].lstrip()
    head = code[start:position].rstrip()
    if not head:
        return False
    if following[:1] == b"{" or head[-1:] in b",\\(" or following[:2] in (b"->", b"=>"):
        return False
    return (
        language not in ("c", "cpp", "java", "csharp", "rust", "go", "kotlin", "scala", "swift")
        or bool(_END_WORDS.search(head))
        or not _goes_on(following)
    )


def _goes_on(following: bytes) -> bool:
    """Return whether the next line belongs to a header: a clause such as `where`, `throws` or a list of bases."""
    return bool(re.match(rb"(?:where|throws|noexcept|const|override|extends|implements|with|:(?!:)|=)\b|:", following))
