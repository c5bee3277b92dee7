"""Names in a file that are those of variables, parameters and fields, and no uses of a definition of the same name."""

from __future__ import annotations

import re
from functools import lru_cache

from raycontext.analyse.syntaxes import family_of
from raycontext.relations.lexed import FileDefinition, LexedFile
from raycontext.relations.uses.receivers import LOOK_BACK_BYTES
from raycontext.relations.uses.sites import CLASS_KINDS

__all__ = ["declares", "is_local", "is_tag", "names_key"]

_COLON_KEYS = frozenset({"javascript", "rust", "swift", "kotlin", "scala", "dart", "ruby", "csharp", "php"})
"""Families in which a colon stands behind the name of a field, a parameter or an argument."""
_EQUALS_KEYS = frozenset({"python", "javascript", "kotlin", "scala"})
"""Families in which an equals sign stands behind the name of an argument or of a parameter with a default."""
_TAG = re.compile(rb"\b(?:struct|union|enum|class)\s+$")
_NO_TYPE_WORDS = frozenset(
    {
        *(b"return", b"goto", b"case", b"else", b"do", b"struct", b"union", b"enum", b"class", b"typename", b"const"),
        *(b"volatile", b"static", b"extern", b"register", b"inline", b"unsigned", b"signed", b"sizeof", b"new"),
        *(b"delete", b"throw", b"typedef", b"using", b"namespace", b"operator", b"constexpr", b"co_return"),
    }
)
"""Words before a name of C that do not make it the name of a variable."""


@lru_cache(maxsize=1024)
def _declared(name: str) -> re.Pattern[bytes]:
    """Return what declares a variable or a parameter of a name in C: a type before it, at the begin of a statement."""
    word = re.escape(name).encode()
    return re.compile(
        rb"(?:^|[;{}(,])\s*(?:(?:const|static|volatile|register|struct|union|enum|unsigned|signed)\s+)*"
        rb"([A-Za-z_][\w:]*)(?:<[^<>;]*>)?(?:\s+const)?(?:\s*[*&]+\s*|\s+)" + word + rb"\s*(?:=(?!=)|[;,)\[])"
    )


def names_key(file: LexedFile, start: int, end: int, family: str) -> bool:
    """Return whether a name is that of a field, a parameter or a named argument, by the marks around it."""
    code = file.tokens.code
    before, behind = code[max(start - LOOK_BACK_BYTES, 0) : start].rstrip()[-1:], code[end : end + 40].lstrip(b" \t")
    if family == "go":
        first, last = file.bounds(start)
        line = code[first:start].strip()
        if behind[:1] == b":" and behind[1:2] != b"=":
            return not line.startswith(b"case ")
        return not line and re.match(rb"[ \t]+[\w*\[]", code[end:last]) is not None  # a field on a line of its own
    if not before or before not in b"{(,;":
        return False
    if family in _COLON_KEYS and (behind[:2] == b"?:" or (behind[:1] == b":" and behind[1:2] != b":")):
        return True
    is_set = behind[:1] == b"=" and behind[1:2] not in (b"=", b">", b"~")
    return family in _EQUALS_KEYS and is_set and before != b";"


@lru_cache(maxsize=1024)
def _bindings(name: str, family: str) -> re.Pattern[str]:
    """Return what binds a name inside of a function: parameters, assignments, loops."""
    word = rf"(?<![\w.$]){re.escape(name)}(?![\w$])"
    if family == "javascript":
        return re.compile(
            rf"\b(?:const|let|var)\s+(?:[{{\[][^}}\]=]*)?{word}|\bfunction\s*\w*\((?:[^)]*[,({{\[])?\s*{word}\s*[?:,)=}}\]]|\({word}\)\s*=>"
        )
    return re.compile(rf"{word}(?:\s*,\s*\w+)*\s*:=|\bvar\s+{word}|\bfunc\b[^{{]*[(,]\s*{word}\s+[\w*\[]")


def is_local(file: LexedFile, name: str, around: list[FileDefinition], start: int) -> bool:
    """Return whether a name is bound inside of the functions around a position, before it."""
    functions = [one for one in around if one.kind not in CLASS_KINDS]
    for one in functions:
        begin = file.position_of(one.line)
        code = file.tokens.code[begin : file.position_of(one.end_line + 1)].decode(errors="replace")
        if family_of(file.language) == "python":
            head, word = code.partition(":\n")[0], re.escape(name)
            if re.search(rf"[(,]\s*\*{{0,2}}{word}\s*[:,)=\n]", head):
                return True
            code = code[len(head) :]
            found = re.search(
                rf"(?:^|[\n;])[ \t]*{word}\s*(?::[^=\n]+)?=(?!=)|\bfor\s[^:\n]*\b{word}\b[^:\n]*\bin\b|\bas\s+{word}\b",
                code,
            )
            if found:
                return True
        elif _bindings(name, family_of(file.language)).search(code):
            return True
    return False


def is_tag(file: LexedFile, start: int) -> bool:
    """Return whether a name of C stands behind `struct`, `union`, `enum` or `class`."""
    return _TAG.search(file.tokens.code[max(start - 16, 0) : start]) is not None


def declares(file: LexedFile, name: str, one: FileDefinition) -> bool:
    """Return whether a function of C declares a variable or a parameter of a name."""
    code = file.tokens.code[file.position_of(one.line) : file.position_of(one.end_line + 1)]
    return any(found[1] not in _NO_TYPE_WORDS for found in _declared(name).finditer(code))
