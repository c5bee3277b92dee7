"""Names that people give to languages, as in `.gitattributes` or in an option."""

from __future__ import annotations

import re

from raycontext.chunk.languages.detect import LANGUAGES

__all__ = ["language_named"]

_PLAIN = re.compile(r"[\s._-]+")

# Names without blanks, points and dashes, in small letters.
_OTHER_NAMES: dict[str, str] = {
    "assembly": "asm",
    "batchfile": "batch",
    "c#": "csharp",
    "c++": "cpp",
    "coffee": "coffeescript",
    "emacslisp": "elisp",
    "erb": "embeddedtemplate",
    "f#": "fsharp",
    "golang": "go",
    "gomodule": "gomod",
    "htmlerb": "embeddedtemplate",
    "html+erb": "embeddedtemplate",
    "html+razor": "razor",
    "javaserverpages": "jsp",
    "js": "javascript",
    "jupyternotebook": "notebook",
    "lisp": "commonlisp",
    "makefile": "make",
    "objectivec": "objc",
    "objectivec++": "objc",
    "plaintext": "text",
    "plpgsql": "sql",
    "plsql": "sql",
    "protocolbuffer": "proto",
    "protocolbuffers": "proto",
    "py": "python",
    "restructuredtext": "rst",
    "rocqprover": "coq",
    "roffmanpage": "roff",
    "rb": "ruby",
    "sh": "bash",
    "shell": "bash",
    "shellscript": "bash",
    "terraform": "hcl",
    "tex": "latex",
    "ts": "typescript",
    "tsql": "sql",
    "unixassembly": "asm",
    "vba": "vb",
    "vbscript": "vb",
    "vimscript": "vim",
    "viml": "vim",
    "visualbasic": "vb",
    "visualbasic60": "vb",
    "visualbasicnet": "vb",
    "webassembly": "wat",
    "wolframlanguage": "mathematica",
    "yml": "yaml",
}
_NAMES = {_PLAIN.sub("", name): name for name in LANGUAGES} | _OTHER_NAMES


def language_named(name: str) -> str:
    """Return the language of `LANGUAGES` that a name means, such as "cpp" for "C++"; "" for an unknown name."""
    return _NAMES.get(_PLAIN.sub("", name.lower()), "")
