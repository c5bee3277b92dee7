"""Detection of a file's language by its name, its extension and its first bytes."""

from __future__ import annotations

import re
from collections.abc import Callable

from raycontext.chunk.languages.names import BY_EXTENSION, BY_INTERPRETER, BY_NAME, BY_NAME_PREFIX

__all__ = ["LANGUAGES", "detect_language"]

UNKNOWN = "text"
"""Language of a file that is not recognised."""

_SHEBANG = re.compile(rb"#![ \t]*(\S+)(?:[ \t]+(?:-\S+[ \t]+)*([^\s=]+))?")
_EMACS_MODE = re.compile(rb"-\*-\s*(?:mode:\s*)?([A-Za-z+#]+)\s*(?:;[^\n]*)?-\*-")
_CPP_HEADER = re.compile(
    rb"^[ \t]*(?:class|namespace|template|using|public:|private:|protected:|constexpr|inline\s+namespace)\b"
    rb"|\bstd::|^#\s*include\s*<(?:string|vector|memory|map|utility|cstd\w+|type_traits|functional|iostream)>"
    rb"|\boperator\b|\bvirtual\b|\bnoexcept\b|\w::\w",
    re.MULTILINE,
)
_OBJC = re.compile(rb"^[ \t]*(?:@(?:interface|implementation|protocol|class|import|property|end)\b|#import\b)", re.M)
_MATLAB = re.compile(rb"^[ \t]*(?:%|function\b|classdef\b|end\b)", re.M)
_D_SOURCE = re.compile(rb"^[ \t]*(?:module|import|@safe|unittest|version\s*\()", re.M)
_ASSEMBLY = re.compile(rb"^[ \t]*(?:\.(?:text|globl?|section|align|file|type)\b|[.\w$]+:)", re.M)
_PERL_TEST = re.compile(rb"^[ \t]*(?:use\s+[\w:]+|my\s+[$@%(]|#!.*perl|package\s+\w)", re.M)
_XML = re.compile(rb"\s*<[?!A-Za-z]")
_PHP = re.compile(rb"<\?(?:php|=)?\s")
_TRANSLATION = re.compile(rb"<!DOCTYPE TS|<TS\b")
_PROLOG = re.compile(rb"^\s*:-|^\w+\(.*\)\s*:-", re.M)
_ROFF = re.compile(rb"^[.'](?:\\\"|TH\b|SH\b|Dd\b)", re.M)
_GO_MODULE = re.compile(rb"^module\s+\S+", re.M)
_APEX = re.compile(rb"\b(?:public|global|private)\b[^\n]*\bclass\b", re.I)

_EMACS_MODES = {
    "c": "c",
    "c++": "cpp",
    "cperl": "perl",
    "java": "java",
    "javascript": "javascript",
    "lisp": "commonlisp",
    "makefile": "make",
    "objc": "objc",
    "perl": "perl",
    "python": "python",
    "ruby": "ruby",
    "scheme": "scheme",
    "sh": "bash",
    "shell": "bash",
    "tcl": "tcl",
}


def _c_or_cpp(head: bytes) -> str:
    """Return the language of a `.h` file: C, C++ or Objective-C."""
    if _OBJC.search(head):
        return "objc"
    return "cpp" if _CPP_HEADER.search(head) else "c"


def _m_file(head: bytes) -> str:
    """Return the language of a `.m` file: Objective-C or MATLAB."""
    if _OBJC.search(head):
        return "objc"
    return "matlab" if _MATLAB.search(head) else "objc"


def _choose(pattern: re.Pattern[bytes], language: str, otherwise: str = UNKNOWN) -> Callable[[bytes], str]:
    """Return a function that maps the start of a file to `language` if `pattern` occurs in it, else to `otherwise`."""

    def choose(head: bytes) -> str:
        return language if pattern.search(head) else otherwise

    return choose


def _ts_file(head: bytes) -> str:
    """Return the language of a `.ts` file: TypeScript, or XML for a translation file of Qt."""
    return "xml" if _TRANSLATION.search(head) else "typescript"


# Extensions that several languages share. The first bytes of the file decide.
_AMBIGUOUS: dict[str, Callable[[bytes], str]] = {
    "cls": _choose(_APEX, "apex", "latex"),
    "d": _choose(_D_SOURCE, "d"),
    "h": _c_or_cpp,
    "inc": _choose(_PHP, "php", "text"),
    "m": _m_file,
    "mod": _choose(_GO_MODULE, "gomod"),
    "pro": _choose(_PROLOG, "prolog", "make"),
    **{section: _choose(_ROFF, "roff") for section in ("1", "2", "3", "4", "5", "6", "7", "8", "man", "n")},
    "s": _choose(_ASSEMBLY, "asm"),
    "t": _choose(_PERL_TEST, "perl"),
    "ts": _ts_file,
    "ui": _choose(_XML, "xml"),
}

# Suffixes of templates. A template has the language of the file that it makes: `config.h.in` is C.
_TEMPLATE_SUFFIXES = frozenset({"in", "tt", "template", "tpl", "sample", "example", "dist", "orig", "bak"})

LANGUAGES: tuple[str, ...] = tuple(
    sorted({*BY_EXTENSION.values(), *BY_NAME.values(), *BY_INTERPRETER.values(), "matlab", "roff", UNKNOWN})
)
"""Every name that `detect_language` can return."""


def detect_language(path: str, head: bytes) -> str:
    """Return the language of a file, one of `LANGUAGES`; "text" when it is not recognised.

    `path` is the file's path with `/`; only its last part counts. `head` is the start of the file's content. A few KiB
    are enough.
    """
    name = path.rsplit("/", 1)[-1].lower()
    by_name = BY_NAME.get(name)
    if by_name is not None:
        return by_name
    for prefix, language in BY_NAME_PREFIX:
        if name.startswith(prefix):
            return language
    parts = name.split(".")
    while len(parts) > 2 and parts[-1] in _TEMPLATE_SUFFIXES:
        parts.pop()
    if len(parts) > 1:
        extension = parts[-1]
        ambiguous = _AMBIGUOUS.get(extension)
        if ambiguous is not None:
            return ambiguous(head)
        by_extension = BY_EXTENSION.get(extension)
        if by_extension is not None:
            return by_extension
    return _by_content(head)


def _by_content(head: bytes) -> str:
    """Return the language by a shebang line, an Emacs mode line or a typical first line, else `UNKNOWN`."""
    shebang = _SHEBANG.match(head)
    if shebang is not None:
        program = shebang.group(1).rsplit(b"/", 1)[-1]
        if program == b"env" and shebang.group(2) is not None:
            program = shebang.group(2).rsplit(b"/", 1)[-1]
        name = program.decode("ascii", "ignore").lower()
        return BY_INTERPRETER.get(name) or BY_INTERPRETER.get(name.rstrip("0123456789.")) or UNKNOWN
    first_lines = b"\n".join(head[:512].split(b"\n", 2)[:2])
    mode = _EMACS_MODE.search(first_lines)
    if mode is not None:
        return _EMACS_MODES.get(mode.group(1).decode("ascii").lower(), UNKNOWN)
    if head.startswith(b"<?xml"):
        return "xml"
    if head.startswith(b"<?php"):
        return "php"
    if head[:64].lstrip().lower().startswith(b"<!doctype html"):
        return "html"
    return UNKNOWN
