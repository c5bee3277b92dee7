"""Imports of a file: modules, the names that are taken from them, and the names that they get in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from raycontext.analyse.syntaxes import family_of

__all__ = ["ALL_NAMES", "Import", "imports_of"]

ALL_NAMES = "*"
"""Name of an import that takes every name of its module, as `from m import *` and `#include` do."""

STATEMENT_BYTES = 8192
"""Largest size of an import statement in bytes. What stands behind is not read."""

MOST_IMPORTS = 5000
"""Largest number of imports that are kept for one file. Real files have fewer."""

_COMMENTS = re.compile(r"""("[^"\n]*"|'[^'\n]*')|//[^\n]*|/\*.*?\*/""", re.DOTALL)
"""Comments between slashes, and strings, which are kept as group 1."""
_HASH_COMMENT = re.compile(r"#[^\n]*")
_QUOTED = re.compile(r"""["'`]([^"'`\n]*)["'`]""")
_AS = re.compile(r"\s+as\s+|\s*=>\s*|\s*:\s*")


class Import(NamedTuple):
    """Name that a file takes from a module."""

    module: str
    """Module as the file spells it: a dotted name, a path."""
    name: str
    """Name in the module; "" where the module itself is imported, `ALL_NAMES` where all its names are."""
    alias: str
    """Name in the file; "" where it is the same name."""


def imports_of(language: str, data: bytes, starts: Iterable[int]) -> list[Import]:
    """Return the imports of a file, each once, in order.

    `starts` are the positions of the words that begin an import (see `kernel.lexer.Tokens`). Any content will do.
    """
    read = _READERS.get(family_of(language), _module)
    found: dict[Import, None] = {}
    for start in starts:
        statement = data[start : start + STATEMENT_BYTES].decode(errors="replace")
        line = data[data.rfind(b"\n", max(start - STATEMENT_BYTES, 0), start) + 1 : start].decode(errors="replace")
        for entry in read(statement, line):
            if entry.module:
                found[entry if entry.alias != entry.name else entry._replace(alias="")] = None
        if len(found) >= MOST_IMPORTS:
            break
    return list(found)[:MOST_IMPORTS]


def _uncommented(statement: str) -> str:
    """Return a statement without its comments between slashes."""
    return _COMMENTS.sub(lambda found: found[1] or " ", statement)


def _until(text: str, ends: str, *, brackets: str = "([{", closing: str = ")]}") -> str:
    """Return the text up to the first of `ends` that stands outside of brackets."""
    depth = 0
    for place, character in enumerate(text):
        if character in brackets:
            depth += 1
        elif character in closing:
            depth -= 1
            if depth < 0:
                return text[:place]
        elif character in ends and depth <= 0:
            return text[:place]
    return text


def _parts(text: str) -> list[str]:
    """Return the parts between commas that stand outside of brackets, without white space around them."""
    parts = []
    while text:
        part = _until(text, ",")
        parts.append(part.strip())
        text = text[len(part) + 1 :]
    return [part for part in parts if part]


def _renamed(text: str) -> tuple[str, str]:
    """Return a name and the name that it gets: `a as b` gives a and b."""
    first, *rest = _AS.split(text.strip(), maxsplit=1)
    return first.strip(), (rest[0].strip() if rest else "")


def _python(statement: str, line: str) -> Iterator[Import]:
    """Yield what an `import`, `cimport` or `from … import` of Python and Cython takes."""
    text = _until(_HASH_COMMENT.sub("", statement).replace("\\\n", " ").replace("\\\r\n", " "), "\n;")
    word, _, rest = text.partition(" ")
    if word in ("import", "cimport"):
        for part in _parts(rest):
            module, alias = _renamed(part)
            yield Import(module, "", alias)
        return
    module, _, names = rest.partition("import")
    for part in _parts(names.strip().strip("()")):
        name, alias = _renamed(part)
        yield Import(module.removesuffix("c").strip(), name, alias)


def _javascript(statement: str, line: str) -> Iterator[Import]:
    """Yield what an `import`, an `export … from` or a `require` of JavaScript takes."""
    if statement.startswith("require"):
        yield from _required(statement, line)
        return
    text = _uncommented(statement)
    quoted = _QUOTED.search(text)
    if quoted is None:
        return
    clause, module = text[: quoted.start()].split(None, 1), quoted[1]
    taken = clause[1].strip().removesuffix("from").strip().removeprefix("type ") if len(clause) > 1 else ""
    if ";" in taken or "=" in taken.replace("=>", ""):
        return
    yield from _taken(module, taken, is_export=clause[0] == "export")


def _taken(module: str, text: str, *, is_export: bool = False) -> Iterator[Import]:
    """Yield what the clause between `import` or `export` and `from` takes: all, names in braces, or the default."""
    if not text:
        yield Import(module, "", "")
    for part in _parts(text):
        if part.startswith("{"):
            for name, alias in map(_renamed, _parts(part.strip("{} \n\r\t"))):
                yield Import(module, name.removeprefix("type ").strip(), alias)
        elif part.startswith("*"):
            alias = _renamed(part)[1]
            yield Import(module, "" if alias else ALL_NAMES, alias)
        elif not is_export:
            yield Import(module, "default", part)


def _required(statement: str, line: str) -> Iterator[Import]:
    """Yield what a `require` takes. `line` is what stands before it, with the names that its result is bound to."""
    quoted = re.match(r"require\s*\(?\s*[\"'`]([^\"'`\n]*)[\"'`]\s*\)?(?:\.(\w+))?", statement)
    if quoted is None:
        return
    module, member = quoted[1], quoted[2] or ""
    bound = re.search(r"([\w$]+|\{[^}]*\})\s*(?::[^=]*)?=\s*$", line)
    target = bound[1] if bound else ""
    if target.startswith("{"):
        for name, alias in map(_renamed, _parts(target.strip("{} "))):
            yield Import(module, name, alias)
    else:
        yield Import(module, member, target)


def _go(statement: str, line: str) -> Iterator[Import]:
    text = _uncommented(statement).removeprefix("import").lstrip()
    body = _until(text[1:], "") if text.startswith("(") else text.partition("\n")[0]
    for found in re.finditer(r"([\w.]+)?[ \t]*[\"`]([^\"`\n]+)[\"`]", body):
        yield Import(found[2], ALL_NAMES if found[1] == "." else "", (found[1] or "").strip("._"))


def _rust(statement: str, line: str) -> Iterator[Import]:
    text = _until(_uncommented(statement).removeprefix("use"), ";", brackets="{", closing="}")
    yield from _tree("", text.strip(), "::")


def _tree(prefix: str, text: str, separator: str) -> Iterator[Import]:
    """Yield the imports of a path whose last part may be a list: `a::{b, c::d as e}`."""
    before, brace, inside = text.partition("{")
    if brace:
        inner = _until(inside, "")
        path = _path(prefix, before.strip().strip("\\:."), separator)
        for part in _parts(inner):
            yield from _tree(path, part, separator)
        return
    whole, alias = _renamed(before) if separator != "::" else _rust_renamed(before)
    path = _path(prefix, whole.removeprefix(separator), separator)
    module, _, name = path.rpartition(separator)
    if name == "self":
        yield from _tree("", f"{module} as {alias}" if alias else module, separator)
    elif name in ("*", "_", "given"):
        yield Import(module, ALL_NAMES, "")
    elif module:
        yield Import(module, name, alias)
    else:
        yield Import(name, "", alias)


def _rust_renamed(text: str) -> tuple[str, str]:
    first, *rest = re.split(r"\s+as\s+", text.strip(), maxsplit=1)
    return "".join(first.split()), (rest[0].strip() if rest else "")


def _path(prefix: str, path: str, separator: str) -> str:
    return f"{prefix}{separator}{path}" if prefix and path else prefix or path


def _dotted(statement: str, line: str) -> Iterator[Import]:
    """Yield what an import of a language that parts its modules by dots takes, such as Java, Scala, Swift or Dart."""
    word, _, rest = _until(_uncommented(statement), ";\n", brackets="{", closing="}").partition(" ")
    if word in ("package", "library"):
        return
    rest = re.sub(r"^\s*(static|class|struct|func|typealias|enum|protocol|var|let)\s+", "", rest)
    for part in _parts(rest):
        quoted = _QUOTED.search(part)
        if quoted:
            yield Import(quoted[1], ALL_NAMES, _renamed(part.partition(" show ")[0])[1])
        else:
            yield from _tree("", "".join(part.split()) if " as " not in part and "=>" not in part else part, ".")


def _csharp(statement: str, line: str) -> Iterator[Import]:
    """Yield what a `using` of C# or a `use` with `::` takes, with its alias."""
    text = _until(_uncommented(statement).removeprefix("using"), ";\n").strip()
    text = re.sub(r"^(static|namespace)\s+", "", text)
    alias, equals, target = text.partition("=")
    if equals:
        module, _, name = re.sub(r"<.*", "", target).strip().replace("::", ".").rpartition(".")
        yield Import(module or name, name if module else "", alias.strip())
    elif "::" in text:
        module, _, name = text.rpartition("::")
        yield Import(module, name, "")
    else:
        yield Import(text, ALL_NAMES, "")


def _include(statement: str, line: str) -> Iterator[Import]:
    if statement.startswith("using"):
        yield from _csharp(statement, line)
        return
    found = re.match(r"\w+\s*[<\"]([^>\"\n]+)[>\"]", statement)
    if found:
        yield Import(found[1], ALL_NAMES, "")


def _php(statement: str, line: str) -> Iterator[Import]:
    text = _until(_uncommented(statement).removeprefix("use"), ";").strip()
    for part in _parts(re.sub(r"^(function|const)\s+", "", text)):
        yield from _tree("", part.lstrip("\\"), "\\")


def _ruby(statement: str, line: str) -> Iterator[Import]:
    found = re.match(r"(\w+)[\s(]*[\"']([^\"'\n]+)[\"']", statement)
    if found:
        is_near = found[1] == "require_relative" and not found[2].startswith(".")
        yield Import(f"./{found[2]}" if is_near else found[2], ALL_NAMES, "")


def _haskell(statement: str, line: str) -> Iterator[Import]:
    found = re.match(r"import\s+(?:safe\s+)?(?:qualified\s+)?([\w.]+)(?:\s+qualified)?(?:\s+as\s+([\w.]+))?", statement)
    if found:
        yield Import(found[1], ALL_NAMES, found[2] or "")


def _module(statement: str, line: str) -> Iterator[Import]:
    """Yield the module behind the first word, quoted or not, with all its names."""
    found = re.match(r"\w+[\s(]+[\"'<]?([\w./:\\@-]+)", statement)
    if found:
        yield Import(found[1].rstrip(";."), ALL_NAMES, "")


_READERS: dict[str, Callable[[str, str], Iterator[Import]]] = {
    "c": _include, "cpp": _include, "python": _python, "javascript": _javascript, "go": _go, "rust": _rust,
    "java": _dotted, "kotlin": _dotted, "scala": _dotted, "groovy": _dotted, "swift": _dotted, "dart": _dotted,
    "csharp": _csharp, "php": _php, "ruby": _ruby, "haskell": _haskell,
}  # fmt: skip
