"""Reader of `.gitattributes`: what a tree says about its files, such as the encoding that they are written in.

See gitattributes(5). Attributes of a folder's file override those of the folders above; within one file the last
matching line decides; `info/attributes` of the repository overrides all. Only the attributes in `KNOWN` are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from raycontext.discover.repository import common_git_folder, enclosing_repository, read_small_file
from raycontext.discover.rules.pattern import bytewise, glob_to_regex

__all__ = [
    "ATTRIBUTES_FILE",
    "KNOWN",
    "SET",
    "UNSET",
    "Attributes",
    "Line",
    "Macros",
    "is_attributes_file",
    "parse_attributes",
    "parse_macros",
    "values_of",
]

ATTRIBUTES_FILE = ".gitattributes"

KNOWN = frozenset({"working-tree-encoding", "linguist-language", "linguist-generated", "linguist-vendored"})
"""Names of the attributes that are read. All others cost nothing."""

UNSET = "false"
"""Value of an attribute that a line takes back (`-name`)."""
SET = "true"
"""Value of an attribute that a line sets without a value (`name`)."""

_NONE: Mapping[str, str] = MappingProxyType({})
_LINE = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|(\S+))[ \t]+(.*)')
_QUOTED = re.compile(r"\\(.)")

Line = tuple[re.Pattern[str], Mapping[str, str | None]]
"""Line of a file: what its pattern matches, and the values by name. None stands for `!name`: as if never named."""


Macros = Mapping[str, Mapping[str, str | None]]
"""Values that stand for an attribute that a line sets, by its name."""
NO_MACROS: Macros = MappingProxyType({})


def is_attributes_file(path: str) -> bool:
    """Return whether a path is that of an attributes file."""
    return path == ATTRIBUTES_FILE or path.endswith(f"/{ATTRIBUTES_FILE}")


def parse_attributes(content: bytes, names: frozenset[str] = KNOWN, macros: Macros = NO_MACROS) -> list[Line]:
    """Return the lines of an attributes file that name one of `names` or `macros`, in their order.

    Patterns match paths relative to the folder of the file, as `bytewise` makes them.
    """
    lines: list[Line] = []
    for text in content.decode("latin-1").split("\n"):
        found = _LINE.match(text.strip())
        if found is None or text.startswith(("#", "[attr]", "!")):
            continue
        values = _values(found[3], names, macros)
        glob = _QUOTED.sub(r"\1", found[1]) if found[1] is not None else found[2]
        if not values or glob.endswith("/"):
            continue
        regex = glob_to_regex(glob.removeprefix("/"), anchored="/" in glob)
        if regex is not None:
            lines.append((re.compile(regex), values))
    return lines


def parse_macros(content: bytes, names: frozenset[str], macros: Macros) -> dict[str, Mapping[str, str | None]]:
    """Return macros with those that an attributes file defines (`[attr]name …`), as far as they set one of `names`."""
    found = dict(macros)
    for text in content.decode("latin-1").split("\n"):
        name, _, values = text.strip().removeprefix("[attr]").partition(" ")
        if text.strip().startswith("[attr]") and name:
            found[name] = _values(values, names, found)
    return found


def values_of(path: str, sources: Iterable[tuple[str, list[Line]]]) -> dict[str, str]:
    """Return the attributes of a file by name. `path` and the bases of `sources`, the weakest first, are `bytewise`."""
    found: dict[str, str | None] = {}
    for base, lines in sources:
        relative = path[len(base) :]
        for pattern, values in lines:
            if pattern.fullmatch(relative):
                found.update(values)
    return {name: value for name, value in found.items() if value is not None}


def _values(text: str, names: frozenset[str], macros: Macros) -> dict[str, str | None]:
    """Return the values of those attributes in a line that are among `names`, and of `macros`."""
    values: dict[str, str | None] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals and name in macros:
            values.update(macros[name])
        if name.lstrip("-!") not in names:
            continue
        if name.startswith("-"):
            values[name[1:]] = UNSET
        elif name.startswith("!"):
            values[name[1:]] = None
        else:
            values[name] = value if equals else SET
    return values


class Attributes:
    """Attributes of the files of one tree. Files are read once, on first use, and kept as long as this object."""

    def __init__(self, root: Path) -> None:
        """Take the tree below `root`. Inside of a repository, attributes of the folders above count too."""
        self._root = root
        self._known: dict[str, tuple[tuple[str, list[Line]], ...]] = {}
        self._repository: list[Line] = []
        self._prefix = ""

    def of(self, path: str) -> Mapping[str, str]:
        """Return the attributes of a file by name. `path` is relative to the root, with `/`."""
        sources = self._inside(path.rpartition("/")[0])
        if not sources and not self._repository:
            return _NONE
        return values_of(bytewise(self._prefix + path), (*sources, ("", self._repository)))

    def _inside(self, folder: str) -> tuple[tuple[str, list[Line]], ...]:
        """Return the files that hold for the entries of a folder, each with its base, the outermost first."""
        unknown = []
        while folder not in self._known:  # without calling itself: a tree may be deeper than Python goes
            unknown.append(folder)
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        for each in reversed(unknown):
            above = self._known[each.rpartition("/")[0]] if each else self._from_above()
            base = self._prefix + (f"{each}/" if each else "")
            self._known[each] = (*above, *_read(self._root / each, base))
            folder = each
        return self._known[folder]

    def _from_above(self) -> tuple[tuple[str, list[Line]], ...]:
        """Return the files of the folders above the root, up to the top of its repository."""
        root = self._root.absolute()
        top = root if common_git_folder(root) is not None else enclosing_repository(root)
        if top is None:
            return ()
        git_folder = common_git_folder(top)
        if git_folder is not None:
            content = read_small_file(git_folder / "info" / "attributes")
            self._repository = parse_attributes(content) if content else []
        parts = root.relative_to(top).parts
        self._prefix = "".join(f"{part}/" for part in parts)
        found: list[tuple[str, list[Line]]] = []
        for depth in range(len(parts)):
            base = "".join(f"{part}/" for part in parts[:depth])
            found.extend(_read(top / base, base))
        return tuple(found)


def _read(folder: Path, base: str) -> list[tuple[str, list[Line]]]:
    """Return the attributes file of a folder with its base; an empty list where there is none or it says nothing."""
    content = read_small_file(folder / ATTRIBUTES_FILE, follow_links=False)
    lines = parse_attributes(content) if content else []
    return [(bytewise(base), lines)] if lines else []
