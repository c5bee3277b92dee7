"""Detection of a file's language by its name, its extension and its first bytes."""

from __future__ import annotations

import re

from raycontext.chunk.languages.content import BY_CONTENT, UNKNOWN
from raycontext.chunk.languages.names import BY_EXTENSION, BY_INTERPRETER, BY_NAME, BY_NAME_PREFIX

__all__ = ["LANGUAGES", "detect_language"]

_MANUAL_SECTION = re.compile(r"[1-9][a-z]{0,3}")
_SHEBANG = re.compile(rb"#![ \t]*(\S+)(?:[ \t]+(?:-\S+[ \t]+)*([^\s=]+))?")
_EMACS_MODE = re.compile(rb"-\*-\s*(?:mode:\s*)?([A-Za-z+#]+)\s*(?:;[^\n]*)?-\*-")
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

# Suffixes of templates. A template has the language of the file that it makes: `config.h.in` is C.
_TEMPLATE_SUFFIXES = frozenset({"in", "tt", "template", "tpl", "sample", "example", "dist", "orig", "bak"})

LANGUAGES: tuple[str, ...] = tuple(
    sorted(
        {
            *BY_EXTENSION.values(),
            *BY_NAME.values(),
            *BY_INTERPRETER.values(),
            "coq",
            "gotemplate",
            "mathematica",
            "matlab",
            "puppet",
            "roff",
            UNKNOWN,
        }
    )
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
        # `install` is a script where it says so.
        return (by_shebang(head) or by_name) if head.startswith(b"#!") else by_name
    for prefix, language in BY_NAME_PREFIX:
        if name.startswith(prefix):
            return language
    parts = name.split(".")
    while len(parts) > 2 and parts[-1] in _TEMPLATE_SUFFIXES:
        parts.pop()
    if len(parts) > 1:
        extension = parts[-1]
        by_content = BY_CONTENT.get(extension) or (BY_CONTENT["1"] if _MANUAL_SECTION.fullmatch(extension) else None)
        if by_content is not None:
            found = by_content(head)
            return by_shebang(head) or found if found == UNKNOWN else found
        by_extension = BY_EXTENSION.get(extension)
        if by_extension is not None:
            return by_extension
    return _by_content(head)


def by_shebang(head: bytes) -> str:
    """Return the language of the program in a shebang line; "" without one, or when the program is not known."""
    shebang = _SHEBANG.match(head)
    if shebang is None:
        return ""
    program = shebang.group(1).rsplit(b"/", 1)[-1]
    if program == b"env" and shebang.group(2) is not None:
        program = shebang.group(2).rsplit(b"/", 1)[-1]
    name = program.decode("ascii", "ignore").lower()
    return BY_INTERPRETER.get(name) or BY_INTERPRETER.get(name.rstrip("0123456789.")) or ""


def _by_content(head: bytes) -> str:
    """Return the language by a shebang line, an Emacs mode line or a typical first line, else `UNKNOWN`."""
    if head.startswith(b"#!"):
        return by_shebang(head) or UNKNOWN
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
