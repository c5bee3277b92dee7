"""Comparison of the modules that files import with the paths of files.

A module is compared with one path at a time, so that no shard has to know the files of the others.
"""

from __future__ import annotations

import posixpath
from enum import IntEnum

from raycontext.analyse.syntaxes import family_of

__all__ = ["GROUPS", "Match", "denotes", "group_of"]

_EXTENSIONS = ("js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "d.ts", "vue", "svelte", "astro")
_INDEX = {"index", "mod", "lib", "main", "__init__"}

GROUPS = {"c": "c", "cpp": "c", "java": "jvm", "kotlin": "jvm", "scala": "jvm", "groovy": "jvm"}
"""Families whose files can use each other's names. A family that is missing stands alone."""


class Match(IntEnum):
    """Whether a module is the file at a path."""

    NO = 0
    MAYBE = 1
    YES = 2


def group_of(language: str) -> str:
    """Return the group of languages that can use each other's names; "" for languages without references."""
    family = family_of(language)
    return GROUPS.get(family, family)


def denotes(language: str, module: str, importer: str, path: str) -> Match:
    """Return whether `module`, as a file `importer` of this language spells it, is the file at `path`."""
    family = family_of(language)
    if family == "python":
        return _python(module, importer, path)
    if family == "javascript":
        return _javascript(module, importer, path)
    if family == "go":
        return _go(module, path)
    if family in ("c", "cpp"):
        return _include(module, importer, path)
    if family == "rust":
        return _rust(module, importer, path)
    if group_of(language) == "jvm":
        return _dotted(module.replace("/", "."), path)
    if family == "csharp":
        return Match.MAYBE
    if family == "ruby":
        return (
            _file(posixpath.normpath(posixpath.join(posixpath.dirname(importer), module)), path)
            if (module.startswith("."))
            else _tail(module, path)
        )
    return _loose(module, path)


def _stem(path: str) -> str:
    """Return a path without the extension of its file."""
    folder, _, name = path.rpartition("/")
    stem = name.partition(".")[0] if not name.startswith(".") else name
    return f"{folder}/{stem}" if folder else stem


def _is_tail(tail: str, path: str) -> bool:
    return path == tail or path.endswith(f"/{tail}")


def _python(module: str, importer: str, path: str) -> Match:
    stem = _stem(path).removesuffix("/__init__")
    dots = len(module) - len(module.lstrip("."))
    inner = module[dots:].replace(".", "/")
    if not dots:
        if not inner:
            return Match.NO
        return Match.YES if _is_tail(inner, stem) else Match.NO
    folder = posixpath.dirname(importer)
    for _ in range(dots - 1):
        folder = posixpath.dirname(folder)
    whole = f"{folder}/{inner}" if folder and inner else folder or inner
    return Match.YES if stem == whole or (not whole and stem == "__init__") else Match.NO


def _javascript(module: str, importer: str, path: str) -> Match:
    if module.startswith("."):
        return _file(posixpath.normpath(posixpath.join(posixpath.dirname(importer), module)), path)
    inner = module.removeprefix("@/").removeprefix("~/").removeprefix("#/")
    if inner != module:
        return Match.YES if _is_tail(_without_extension(inner), _stem(path).removesuffix("/index")) else Match.NO
    parts = module.split("/")
    name = parts[1] if module.startswith("@") and len(parts) > 1 else parts[0]
    return Match.MAYBE if f"/{name}/" in f"/{path}" else Match.NO


def _without_extension(path: str) -> str:
    stem, dot, extension = path.rpartition(".")
    return stem if dot and extension in _EXTENSIONS else path


def _file(whole: str, path: str) -> Match:
    """Compare a path without or with an extension, or that of a folder with an index, with the path of a file."""
    stem, wanted = _stem(path), _without_extension(whole)
    is_same = path == whole or stem in (wanted, f"{wanted}/index") or (wanted == "." and stem == "index")
    return Match.YES if is_same or _stem(whole) == stem else Match.NO


def _go(module: str, path: str) -> Match:
    folder = posixpath.dirname(path)
    if folder and _is_tail(folder, module):
        return Match.YES
    parts = folder.split("/")
    if folder and any(_is_tail("/".join(parts[start:]), module) for start in range(1, max(len(parts) - 1, 1))):
        return Match.YES if len(parts) > 2 else Match.MAYBE
    return Match.MAYBE if not folder and module.count("/") >= 2 else Match.NO


def _include(module: str, importer: str, path: str) -> Match:
    near = posixpath.normpath(posixpath.join(posixpath.dirname(importer), module))
    return Match.YES if path == near or _is_tail(posixpath.normpath(module).lstrip("./"), path) else Match.NO


def _rust(module: str, importer: str, path: str) -> Match:
    stem = _stem(path)
    stem = stem.removesuffix("/mod").removesuffix("/lib").removesuffix("/main")
    parts = module.split("::")
    here = _stem(importer)
    folder = posixpath.dirname(here) if posixpath.basename(here) in _INDEX else here
    if parts[0] in ("self", "super"):
        while parts and parts[0] in ("self", "super"):
            folder = posixpath.dirname(folder) if parts.pop(0) == "super" else folder
        whole = "/".join([folder, *parts]) if folder else "/".join(parts)
        return Match.YES if stem == whole or path == importer else Match.NO
    if parts[0] != "crate" and stem == posixpath.join(folder, *parts):  # a module below that of the importer
        return Match.YES
    inner = "/".join(parts[1:] if parts[0] == "crate" else parts)
    if not inner:
        return Match.MAYBE
    if parts[0] != "crate" and len(parts) == 1:
        return Match.MAYBE if f"/{parts[0].replace('_', '-')}/" in f"/{path}".replace("_", "-") else Match.NO
    if _is_tail(inner, stem):
        return Match.YES
    outer = "/".join(parts[1:])
    is_outer = parts[0] != "crate" and outer and _is_tail(outer, stem)
    return Match.YES if is_outer else Match.NO


def _dotted(module: str, path: str) -> Match:
    whole, stem = module.replace(".", "/"), _stem(path)
    if _is_tail(whole, stem) or _is_tail(whole, posixpath.dirname(path)):
        return Match.YES
    outer = posixpath.dirname(whole)  # a member of a type: its last part is the type
    return Match.MAYBE if outer and _is_tail(outer, posixpath.dirname(path)) else Match.NO


def _tail(module: str, path: str) -> Match:
    return Match.YES if _is_tail(_stem(module), _stem(path)) else Match.NO


def _loose(module: str, path: str) -> Match:
    """Compare by the last parts, for languages whose modules need not be paths."""
    parts = [part for part in module.replace("\\", "/").replace("::", "/").replace(".", "/").split("/") if part]
    if not parts:
        return Match.NO
    stem = _stem(path)
    if len(parts) > 1 and _is_tail("/".join(parts[-2:]).lower(), stem.lower()):
        return Match.YES
    return (
        Match.MAYBE
        if parts[-1].lower() in (posixpath.basename(stem).lower(), posixpath.basename(posixpath.dirname(path)).lower())
        else Match.NO
    )
