"""Names that people give to languages, as in `.gitattributes` or in an option."""

from __future__ import annotations

import re
from collections.abc import Mapping

from raycontext.chunk.languages.detect import LANGUAGES
from raycontext.chunk.languages.names import BY_EXTENSION

__all__ = ["LANGUAGE_NAMES", "language_named"]

_PLAIN = re.compile(r"[\s._-]+")

# Names without blanks, points and dashes, in small letters.
_OTHER_NAMES: dict[str, str] = {
    "assembly": "asm",
    "batchfile": "batch",
    "c#": "csharp",
    "c++": "cpp",
    "coffee": "coffeescript",
    "docker": "dockerfile",
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
    "node": "javascript",
    "objectivec": "objc",
    "objectivec++": "objc",
    "plain": "text",
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
    "lean4": "lean",
    "sml": "standardml",
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
LANGUAGE_NAMES: Mapping[str, str] = {_PLAIN.sub("", name): name for name in LANGUAGES} | _OTHER_NAMES
"""Languages by all of their names, in small letters and without blanks, points and dashes."""


def language_named(name: str) -> str:
    """Return the language of `LANGUAGES` that a name or an extension means, such as "cpp" for "C++" or ".cc".

    It is "" for an unknown name.
    """
    folded = name.strip().lower()
    return LANGUAGE_NAMES.get(_PLAIN.sub("", folded)) or BY_EXTENSION.get(folded.lstrip("."), "")
