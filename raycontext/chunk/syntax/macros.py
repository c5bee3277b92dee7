"""Removal of C macros and conditionals that confuse the grammars, since no preprocessor runs before them.

Macros may stand for keywords, attributes or namespaces. Branches of conditionals may open a brace that is closed
outside of them. Both make a grammar read a whole file wrongly. They are replaced by spaces before parsing, byte for
byte, so that all offsets stay.
"""

from __future__ import annotations

import re

from raycontext.chunk.syntax.defining_macros import with_macro_definitions

__all__ = ["C_LANGUAGES", "without_macros"]

C_LANGUAGES = frozenset({"c", "cpp", "cuda", "objc", "arduino"})

_ARGUMENTS = rb"\((?:[^()]++|\((?:[^()]++|\([^()]*+\))*+\))*+\)"  # parentheses up to three deep
_SHORT_ARGUMENTS = rb"(?:\([^()\n]*\))?"
_NAME = rb"[A-Z][A-Z0-9]*_[A-Z0-9_]+"

# An expression that starts with a line end is several times faster than one with a look-behind.
_MACROS = (
    # At the left edge without a body: alone (`ABSL_NAMESPACE_BEGIN`) or as a statement (`DEFINE_FLAG(int, x, 0);`).
    re.compile(
        rb"\n((?:" + _NAME + rb"|[A-Z][A-Z0-9_]{3,}[ \t]*" + _ARGUMENTS + rb")[ \t]*;?)(?=[ \t]*\r?\n)(?!\s*\{)"
    ),
    # At the left edge, before a declaration: `API_EXPORT type name(`, `API_EXPORT type (*name)(`.
    re.compile(
        rb"\n([A-Z][A-Z0-9_]{3,}"
        + _SHORT_ARGUMENTS
        + rb")(?=[ \t]+(?:[A-Za-z_][\w:<>,]*[ \t*&]+)+(?:[A-Za-z_~][\w:]*[ \t]*\(|\(\*))"
    ),
    # After a signature: `void name(void) ATTRIBUTE;`.
    re.compile(
        rb"\)[ \t]*+(?:const\b[ \t]*+)?(" + _NAME + _SHORT_ARGUMENTS + rb")(?=\s*(?:[{;:]|->|override\b|noexcept\b))"
    ),
    re.compile(rb"\n[ \t]*#[^\n]*\n[ \t]+(" + _NAME + rb"\(\w+\))(?=[ \t]*\r?\n)"),
    # Before the star of a pointer to a function: `typedef int (WINAPI *name)(…)`.
    re.compile(rb"\([ \t]*([A-Z][A-Z0-9_]{3,})(?=[ \t]*\*[ \t]*\w+[ \t]*\)[ \t]*\()"),
)
# Alone among the members of a struct or enum: `  HANDLE_FIELDS`.
_MEMBER_MACRO = re.compile(rb"\n[ \t]+(" + _NAME + _SHORT_ARGUMENTS + rb")(?=[ \t]*\r?\n)")
_CPP_MACROS = (
    # Indented, before a member.
    re.compile(rb"\n[ \t]+(" + _NAME + _SHORT_ARGUMENTS + rb")(?=[ \t]+[A-Za-z_~]|[ \t]*\r?\n)"),
    # After `template <…>`.
    re.compile(rb">[ \t]+(" + _NAME + _SHORT_ARGUMENTS + rb")(?=[ \t]+[A-Za-z_])"),
    # Between `class` and its name.
    *(
        re.compile(
            keyword + rb"[ \t]+([A-Z][A-Z0-9_]{2,}" + _SHORT_ARGUMENTS + rb")(?=[ \t]+[A-Za-z_]\w*\s*(?:final\s*)?[:{])"
        )
        for keyword in (rb"class", rb"struct")
    ),
)
# Behind the signature of a method or the declaration of a property of Objective-C, up to `;` or `{`:
# `API_AVAILABLE(ios(10), macosx(10.12))`, `NS_UNAVAILABLE`, `__attribute__((deprecated("text")))`.
_OBJC_MACRO = rb"(?:[A-Z][A-Z0-9]*_[A-Z0-9_]+|[A-Z]{6,}|__[a-z]\w*)(?:[ \t]*" + _ARGUMENTS + rb")?"
_OBJC_MACROS = re.compile(
    rb"\n[ \t]*(?:[-+][ \t]*\(|@property\b)[^;{}@\"]*?[\w)>*\]](\s+"
    + _OBJC_MACRO
    + rb"(?:\s+"
    + _OBJC_MACRO
    + rb")*)(?=\s*[;{])"
)
# `typedef NS_ENUM(NSInteger, Name) {` becomes `enum Name {`.
_OBJC_ENUM = re.compile(
    rb"typedef\s+((?:NS|CF)_(?:CLOSED_|ERROR_)?(?:ENUM|OPTIONS)[ \t]*\([^,()]*,)([ \t]*\w+[ \t]*)\)(?=\s*\{)"
)
_NOT_LINE_END = re.compile(rb"[^\r\n]")


def without_macros(data: bytes, language: str) -> bytes:
    """Return source code of C or C++ in which macros and conditionals that confuse the grammar are blanked out.

    `language` is one of `C_LANGUAGES`. All offsets and rows stay.
    """
    data = with_macro_definitions(data)
    for pattern in _MACROS if language == "c" else _MACROS + _CPP_MACROS:
        data = pattern.sub(_blank, data)
    if language == "objc":
        data = _OBJC_ENUM.sub(_as_enum, _OBJC_MACROS.sub(_blank, data))
    if language == "c":
        data = _MEMBER_MACRO.sub(_blank_member, data)
    return _without_broken_conditionals(data)


def _blank(match: re.Match[bytes]) -> bytes:
    """Return the text of a match with its group blanked out."""
    whole = match[0]
    begin, end = match.start(1) - match.start(), match.end(1) - match.start()
    return whole[:begin] + _NOT_LINE_END.sub(b" ", whole[begin:end]) + whole[end:]


def _as_enum(match: re.Match[bytes]) -> bytes:
    """Return an enum of C of the same length, whose name stands at its old place."""
    before = match.end(1) - match.start()
    return b"enum".ljust(before) + match[2] + b" "


def _blank_member(match: re.Match[bytes]) -> bytes:
    """Return the text of a match. Its group is blanked out if a `;`, `{` or `}` stands before the match."""
    before = match.string[max(0, match.start() - 80) : match.start()].rstrip()
    return _blank(match) if before.endswith((b";", b"{", b"}")) else match[0]


# A directive with its continuation lines. A conditional on the very first line is not found, and need not be.
_CONDITIONAL = re.compile(rb"\n([ \t]*#[ \t]*(if|el|endif)(?:[^\\\n]++|\\\r?\n|\\.)*)")


class _Conditional:
    """Conditional (`#if`) that is still open.

    `directives` and `branches` are ranges of bytes. `open_brackets` has the number of open brackets for each branch.
    """

    __slots__ = ("branches", "directives", "is_broken", "open_brackets")

    def __init__(self, directive: tuple[int, int]) -> None:
        self.directives = [directive]
        self.branches: list[tuple[int, int]] = []
        self.open_brackets = [0]
        self.is_broken = False


def _without_broken_conditionals(data: bytes) -> bytes:
    """Return `data` in which each conditional that cuts through a statement keeps its first branch only.

    The directives and the other branches of such a conditional are blanked out.
    """
    if b"#" not in data:
        return data
    blanks: list[tuple[int, int]] = []
    stack: list[_Conditional] = []
    position = 0
    for match in _CONDITIONAL.finditer(data):
        directive = match.span(1)
        if stack:
            stack[-1].open_brackets[-1] += _open_brackets(data, position, directive[0])
        position = directive[1]
        word = match[2]
        if word == b"if":
            stack.append(_Conditional(directive))
            continue
        if not stack:
            continue
        top = stack[-1]
        branch = top.directives[-1][1], directive[0]
        top.branches.append(branch)
        top.directives.append(directive)
        if not top.is_broken:
            top.is_broken = top.open_brackets[-1] != 0 or _is_fragment(data[branch[0] : branch[1]])
        if word == b"el":
            top.open_brackets.append(0)
            continue
        stack.pop()
        if top.is_broken:
            blanks.extend(top.directives)
            blanks.extend(top.branches[1:])
        if stack:
            stack[-1].open_brackets[-1] += top.open_brackets[0]
    return _blanked(data, blanks) if blanks else data


def _open_brackets(data: bytes, start: int, end: int) -> int:
    """Return 0 when all brackets between two offsets are balanced.

    A brace counts 1000 and a parenthesis 1, so that the two kinds do not cancel each other.
    """
    braces = data.count(b"{", start, end) - data.count(b"}", start, end)
    parentheses = data.count(b"(", start, end) - data.count(b")", start, end)
    return braces * 1000 + parentheses


_FRAGMENT_START = re.compile(rb"\s*(?:else\b|&&|\|\||\?|\)|[+*/%<>=.|]=?[^/*])")
_LABEL = re.compile(rb"(?:case\b.*|\w+)[ \t]*:$")
_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*", re.DOTALL)


def _is_fragment(branch: bytes) -> bool:
    """Return whether a branch begins or ends inside a statement."""
    code = _COMMENT.sub(b"", branch).rstrip()
    if not code.strip():
        return False
    if _FRAGMENT_START.match(code):
        return True
    last_line = code[code.rfind(b"\n") + 1 :].lstrip()
    if code.endswith(b":"):
        return _LABEL.match(last_line) is None
    return not (code.endswith((b";", b"}", b"{", b",", b"\\", b">")) or last_line.startswith(b"#"))


def _blanked(data: bytes, ranges: list[tuple[int, int]]) -> bytes:
    """Return `data` with the ranges blanked out. The ranges may overlap, and line ends stay."""
    parts: list[bytes] = []
    position = 0
    for start, end in sorted(ranges):
        if end <= position:
            continue
        parts.append(data[position:start])  # empty where the ranges overlap
        parts.append(_NOT_LINE_END.sub(b" ", data[max(start, position) : end]))
        position = end
    parts.append(data[position:])
    return b"".join(parts)
