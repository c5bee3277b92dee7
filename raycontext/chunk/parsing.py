"""Parse a file within a time limit, and help the C grammars over macros that they cannot know."""

from __future__ import annotations

import re
from time import perf_counter

from tree_sitter import Node, Parser, Point

__all__ = ["MAX_LINE_BYTES", "PARSE_SECONDS", "parse"]

PARSE_SECONDS = 5.0
MAX_LINE_BYTES = 1 << 20  # a file with a line this long is made by a machine: it is not parsed

C_LANGUAGES = frozenset({"c", "cpp", "cuda", "objc"})
HOPELESS_SHARE = 0.3  # of the file inside errors at the top level: worth a second try


def parse(parser: Parser, data: bytes, language: str, seconds: float = PARSE_SECONDS) -> Node | None:
    """Root of the syntax tree; None where parsing ran over `seconds`.

    Offsets are those of `data`, also where C macros were blanked out before parsing.
    """
    deadline = perf_counter() + seconds
    if language not in C_LANGUAGES:
        return _parse(parser, data, deadline)
    source = _without_macros(data, language)
    root = _parse(parser, source, deadline)
    if root is None or not root.has_error or _error_share(root) < HOPELESS_SHARE:
        return root
    second = _parse(parser, _one_branch(source), deadline)
    return second if second is not None and _error_share(second) < _error_share(root) else root


def _parse(parser: Parser, data: bytes, deadline: float) -> Node | None:
    # Parsing can only be cancelled when the source is read through a function.
    view = memoryview(data)

    def read(offset: int, _point: Point | tuple[int, int]) -> memoryview:
        return view[offset:]

    def is_late(_offset: int, _has_error: bool) -> bool:
        return perf_counter() > deadline

    try:
        return parser.parse(read, progress_callback=is_late).root_node
    except ValueError:
        parser.reset()
        return None


def _error_share(root: Node) -> float:
    """Share of the file that stands in errors at the top level."""
    if root.type == "ERROR":
        return 1.0
    size = root.end_byte - root.start_byte
    errors = sum(child.end_byte - child.start_byte for child in root.named_children if child.type == "ERROR")
    return errors / size if size else 0.0


# At the left edge, a macro alone on its line (`ABSL_NAMESPACE_BEGIN`) or before a declaration
# (`API_EXPORT type name(`). One expression that starts with a line end is found several times faster
# than two that look behind.
_MACRO = re.compile(
    rb"\n([A-Z][A-Z0-9_]{3,}(?:\([^()\n]*\))?)"
    rb"(?=[ \t]*\r?\n|[ \t]+(?:[A-Za-z_][\w:<>,]*[ \t*&]+)+[A-Za-z_~][\w:]*[ \t]*\()"
)
# `class EXPORT Name`: the macro between keyword and name.
_MACRO_IN_TYPE = re.compile(
    rb"\b(?:class|struct)[ \t]+([A-Z][A-Z0-9_]{2,}(?:\([^()\n]*\))?)(?=[ \t]+[A-Za-z_]\w*\s*(?:final\s*)?[:{])"
)


def _without_macros(data: bytes, language: str) -> bytes:
    """`data` with macros that confuse the grammar blanked out, all offsets kept."""
    data = _MACRO.sub(_blank, data)
    return data if language == "c" else _MACRO_IN_TYPE.sub(_blank, data)


def _blank(match: re.Match[bytes]) -> bytes:
    """The match with its group blanked out."""
    whole = match[0]
    begin, end = match.start(1) - match.start(), match.end(1) - match.start()
    return whole[:begin] + b" " * (end - begin) + whole[end:]


_CONDITIONAL = re.compile(rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|elifdef|elifndef|else|endif)\b", re.MULTILINE)


def _one_branch(data: bytes) -> bytes:
    """`data` with preprocessor conditionals blanked out and only the first branch of each kept, all offsets kept.

    Branches that each open a brace which one line after them closes are what makes a C file unreadable
    to a grammar.
    """
    lines = data.splitlines(keepends=True)
    kept: list[bytes] = []
    skipped: list[bool] = []  # for each open conditional: are we past its first branch?
    continued = False
    for line in lines:
        match = _CONDITIONAL.match(line)
        if match is not None:
            word = match[1]
            if word.startswith(b"if"):
                skipped.append(False)
            elif word == b"endif":
                if skipped:
                    skipped.pop()
            elif skipped:
                skipped[-1] = True
        hide = match is not None or continued or any(skipped)
        continued = (match is not None or continued) and line.rstrip(b"\r\n").endswith(b"\\")
        kept.append(_blank_line(line) if hide else line)
    return b"".join(kept)


def _blank_line(line: bytes) -> bytes:
    content = line.rstrip(b"\r\n")
    return b" " * len(content) + line[len(content) :]
