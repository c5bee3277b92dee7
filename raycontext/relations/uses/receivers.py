"""What stands before a name: the receiver through which it is used, and its type where the code says it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from raycontext.analyse.syntaxes import family_of
from raycontext.relations.lexed import LexedFile

__all__ = ["LOOK_BACK_BYTES", "Receiver", "receiver_of", "type_of"]

_BEFORE = re.compile(r"(?:\?\.|!?\.|->|::|\\)\s*$")
_SEPARATORS = (b".", b"->", b"::", b"\\")
_CHAIN = re.compile(r"((?:[\w$@]+\s*(?:\?\.|\.|->|::|\\)\s*)*)([\w$@]+)\s*$")
_CALLED = re.compile(r"([\w$]+)\s*(?:<[^<>()]*>)?\s*$")
_ARROWS = frozenset({"c", "cpp", "php", "perl"})
"""Families in which an arrow stands before a member."""

LOOK_BACK_BYTES = 400
"""Number of bytes before a name in which its receiver is looked for."""


class Receiver(NamedTuple):
    """Expression before a name."""

    separator: str
    """`.`, `->`, `::` or `\\`; "" where the name stands alone."""
    name: str
    """Last part of the expression where that is a name; "" for any other expression."""
    path: str
    """The whole expression where it consists of names and dots, with dots between; else ""."""
    called: str
    """Name of the function whose result it is; "" where it is no call."""
    is_literal: bool = False


ALONE = Receiver("", "", "", "")


def receiver_of(file: LexedFile, start: int) -> Receiver:
    """Return the receiver of the name that begins at a position."""
    near = file.tokens.code[max(start - LOOK_BACK_BYTES, 0) : start]
    if not near.rstrip().endswith(_SEPARATORS):
        return ALONE
    before = near.decode(errors="replace")
    found = _BEFORE.search(before)
    if found is None:
        return ALONE
    separator, rest = found[0].strip().lstrip("?!"), before[: found.start()].rstrip()
    if separator == "." and rest.endswith("."):
        return ALONE  # the end of a range or of a list of arguments
    if separator == "->" and family_of(file.language) not in _ARROWS:
        return ALONE  # the type of a result
    if not rest:
        return Receiver(separator, "", "", "")
    if rest[-1] in ")]":
        inner = _opening(rest)
        called = _CALLED.search(rest[:inner]) if rest[-1] == ")" and inner > 0 else None
        return Receiver(separator, "", "", called[1] if called else "")
    if rest[-1] in "\"'`":
        return Receiver(separator, "", "", "", is_literal=True)
    chain = _CHAIN.search(rest)
    if chain is None:
        return Receiver(separator, "", "", "")
    outer = re.sub(r"\?\.|->|::|\\|\s", lambda part: "." if part[0].strip() else "", chain[1])
    is_whole = not _BEFORE.search(rest[: chain.start()])
    return Receiver(separator, chain[2].lstrip("$@"), (outer + chain[2]).lstrip("$@") if is_whole else "", "")


def _opening(text: str) -> int:
    """Return the place of the bracket that the last character closes, or -1."""
    depth = 0
    for place in range(len(text) - 1, -1, -1):
        if text[place] in ")]}":
            depth += 1
        elif text[place] in "([{":
            depth -= 1
            if depth == 0:
                return place
    return -1


_CAPITAL_FUNCTIONS = frozenset({"go", "csharp"})
"""Families whose functions have names that begin with capitals, so that a call of such a name constructs nothing."""
_HOLDERS = (
    r"(?:(?:Box|Rc|Arc|Pin|Ref|RefMut|Option|Optional|unique_ptr|shared_ptr)\s*[<\[]\s*(?:dyn\s+|&\s*(?:mut\s+)?)?)*"
)
"""Types whose members are those of the type that they hold."""


@lru_cache(maxsize=4096)
def _patterns(name: str, of_self: bool, family: str) -> tuple[re.Pattern[str], ...]:
    """Return what gives a variable its type: construction, annotation, declaration."""
    word = re.escape(name)
    holder = rf"(?:self|this|cls|@)\.?\s*(?:->)?{word}" if of_self else rf"(?<![\w.$>]){word}"
    made = r"(?:new\s+|&)?" if family not in _CAPITAL_FUNCTIONS else r"(?:new\s+|(?=&?[\w.]+\s*\{)&?)"
    return (
        re.compile(
            rf"{holder}\s*(?::[^=\n]+)?:?=\s*(?:await\s+)?{made}(?:[\w$]+(?:\.|::))*([A-Z]\w*)\s*(?:<[^<>\n]*>)?\s*[({{]"
        ),
        re.compile(
            rf"{holder}\s*:?=\s*(?:[\w$]+(?:\.|::))*([A-Z]\w*)(?:::|\.)(?:new|create|default|from|open|build)\w*\s*[({{]"
        ),
        re.compile(rf"{holder}\s*:?=\s*(?:[\w$]+\.)?[Nn]ew([A-Z]\w*)\s*\("),
        re.compile(
            rf"(?<![\w.$>]){word}\s*\??:\s*(?:Optional\[|Type\[|type\[|&\s*(?:'\w+\s*)?(?:mut\s+)?|\*)?{_HOLDERS}(?:[\w$]+(?:\.|::))*[\"']?([A-Za-z_]\w*)"
        ),
        re.compile(rf"\b([A-Za-z_]\w*)\s*(?:<[^<>;\n]*>)?\s*[*&]*\s+[*&]*{word}\s*[=;,):{{]"),
        re.compile(rf"(?<![\w.$>]){word}\s+\*?(?:\w+\.)?([A-Z]\w*)\s*[,){{=\n]"),
        re.compile(rf"\b([A-Z]\w*)\s*\([^()\n]*\)\s+as\s+{word}\b"),
    )


_NO_TYPES = frozenset(
    {
        *("return", "new", "else", "case", "in", "of", "typeof", "void", "int", "char", "short", "long", "float"),
        *("double", "bool", "boolean", "auto", "var", "let", "const", "val", "def", "await", "yield", "not", "and"),
        *("or", "if", "while", "for", "del", "raise", "throw", "import", "from", "as", "is", "delete", "static"),
        *("final", "public", "private"),
    }
)
"""Words before a name that are no types."""


def type_of(file: LexedFile, receiver: Receiver, start: int) -> str:
    """Return the name of the receiver's type where an assignment or an annotation nearby says it; else ""."""
    name, family = receiver.name, family_of(file.language)
    if not name:
        is_type = receiver.called[:1].isupper() and family not in _CAPITAL_FUNCTIONS
        return receiver.called if is_type else ""
    line = file.line_at(start)
    around = file.around(line)
    spans = [(one.line, one.end_line) for one in reversed(around)] + [(1, 0)]
    is_member = receiver.path.partition(".")[0] in ("self", "this", "cls", "@") and receiver.path.count(".") == 1
    for first, last in spans:
        begin = file.position_of(first)
        end = file.position_of(last + 1) if last else len(file.tokens.code)
        code = file.tokens.code[begin : end if is_member else min(end, start)].decode(errors="replace")
        found = ""
        place = -1
        for pattern in _patterns(name, is_member, family):
            for match in pattern.finditer(code):
                if match.start() > place and match[1] not in _NO_TYPES:
                    found, place = match[1], match.start()
        if found:
            return found
    return ""
