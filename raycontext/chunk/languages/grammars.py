"""Tree-sitter parsers by language. Each grammar is loaded once per process."""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

from tree_sitter import Language, Parser

__all__ = ["CHUNKER_VERSION", "fingerprint", "node_types", "parser_for"]

CHUNKER_VERSION = 7
"""Version of the chunker. It increases whenever a file would be cut or its chunks named differently."""

PACK = "tree-sitter-language-pack"
"""Package that holds the grammars."""
OLD_PACK = "tree-sitter-languages"
"""Package that holds the grammars when `PACK` is not installed."""

# Names of grammars that differ from our names of the languages. "" means that no grammar is used. The grammars of COBOL
# and Perl loop for ever on some texts (`d`, `é#`), and nothing can stop a parser inside its scanner. That of Typst
# crashes at a thousand open brackets.
_GRAMMARS = {
    "cobol": "",
    "systemverilog": "verilog",
    "cython": "",
    "gotemplate": "",
    "json": "",
    "markdown": "",
    "notebook": "",
    "perl": "",
    "text": "",
    "toml": "",
    "typst": "",
    "v": "",
    "yaml": "",
}
_OLD_GRAMMARS = {"csharp": "c_sharp", "embeddedtemplate": "embedded_template"}


def parser_for(language: str) -> Parser | None:
    """Return a new parser for a language; None when there is no grammar or it does not load.

    Each call returns another parser, since two threads must not use one parser at once. Languages with a reader of
    their own (`json`, `markdown`, …) have no parser here.
    """
    loaded = _grammar_for(language)
    return Parser(loaded) if loaded is not None else None


@cache
def _grammar_for(language: str) -> Language | None:
    """Load the grammar of a language; None when there is none or it does not load."""
    grammar = _GRAMMARS.get(language, language)
    return (_from_pack(grammar) or _from_old_pack(grammar)) if grammar else None


def node_types(language: str) -> tuple[str, ...]:
    """Return the names of the node types of a language's grammar; none when there is no grammar."""
    loaded = _grammar_for(language)
    if loaded is None:
        return ()
    names = (
        loaded.node_kind_for_id(index) for index in range(loaded.node_kind_count) if loaded.node_kind_is_named(index)
    )
    return tuple(sorted({name for name in names if name}))


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Return the versions of tree-sitter, of the grammars and of the chunker as one text.

    Files are cut in the same way as long as this text is the same.
    """
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
    """Load a grammar from tree-sitter-language-pack; None when the package or the grammar is missing."""
    try:
        import tree_sitter_language_pack
    except ImportError:
        return None
    try:
        return Language(tree_sitter_language_pack.get_binding(grammar))  # type: ignore[arg-type]
    except (LookupError, ImportError, ValueError, TypeError, OSError):
        return None


def _from_old_pack(grammar: str) -> Language | None:
    """Load a grammar from tree-sitter-languages; None when the package or the grammar is missing.

    That package's own `get_language` calls a constructor that tree-sitter removed in version 0.22. Its library is
    therefore opened here, and the language is passed on in a capsule, as newer versions expect.
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


_CAPSULE_NAME = b"tree_sitter.Language"  # the name must live longer than the capsule
