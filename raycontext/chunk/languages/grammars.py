"""Tree-sitter parsers by language; grammars are loaded once per process."""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

from tree_sitter import Language, Parser

__all__ = ["CHUNKER_VERSION", "fingerprint", "parser_for"]

CHUNKER_VERSION = 3
"""Raised whenever the same file would be cut or named differently."""

PACK = "tree-sitter-language-pack"
OLD_PACK = "tree-sitter-languages"

# Our name -> name of the grammar, where they differ; "" where there is none to use. The grammars of COBOL and Perl
# loop for ever on some text (`d`, `é#`), and nothing can stop a parser inside of its scanner.
_GRAMMARS = {
    "cobol": "",
    "systemverilog": "verilog",
    "cython": "python",
    "gotemplate": "",
    "json": "",
    "markdown": "",
    "notebook": "",
    "perl": "",
    "text": "",
    "toml": "",
    "yaml": "",
}
_OLD_GRAMMARS = {"csharp": "c_sharp", "embeddedtemplate": "embedded_template"}


def parser_for(language: str) -> Parser | None:
    """A parser of a language, a new one at each call: a parser must not be used by two threads at once.

    None where there is no grammar or it does not load. Languages that have a reader of their own (`json`,
    `markdown`, …) have no parser here.
    """
    loaded = _grammar_for(language)
    return Parser(loaded) if loaded is not None else None


@cache
def _grammar_for(language: str) -> Language | None:
    grammar = _GRAMMARS.get(language, language)
    return (_from_pack(grammar) or _from_old_pack(grammar)) if grammar else None


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """What decides how files are cut: versions of tree-sitter, of the grammars and of the chunker."""
    versions = [f"tree-sitter {metadata.version('tree-sitter')}"]
    for package in (PACK, OLD_PACK):
        try:
            versions.append(f"{package} {metadata.version(package)}")
            break
        except metadata.PackageNotFoundError:
            continue
    versions.append(f"chunker {CHUNKER_VERSION}")
    return ", ".join(versions)


def _from_pack(grammar: str) -> Language | None:
    try:
        import tree_sitter_language_pack
    except ImportError:
        return None
    try:
        return Language(tree_sitter_language_pack.get_binding(grammar))  # type: ignore[arg-type]
    except (LookupError, ImportError, ValueError, TypeError, OSError):
        return None


def _from_old_pack(grammar: str) -> Language | None:
    """The grammar out of tree-sitter-languages.

    That package's own `get_language` calls a constructor which tree-sitter removed in 0.22, so its
    library is opened here and the language handed over as the capsule that newer versions take.
    """
    spec = importlib.util.find_spec("tree_sitter_languages")
    if spec is None or spec.origin is None:
        return None
    for name in ("languages.so", "languages.dll", "languages.dylib"):
        library_path = Path(spec.origin).parent / name
        if library_path.exists():
            break
    else:
        return None
    try:
        library = ctypes.cdll.LoadLibrary(str(library_path))
        function = getattr(library, f"tree_sitter_{_OLD_GRAMMARS.get(grammar, grammar)}")
        function.restype = ctypes.c_void_p
        new_capsule = ctypes.pythonapi.PyCapsule_New
        new_capsule.restype = ctypes.py_object
        new_capsule.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        return Language(new_capsule(function(), _CAPSULE_NAME, None))
    except (AttributeError, OSError, ValueError):
        return None


_CAPSULE_NAME = b"tree_sitter.Language"  # must outlive the capsule
