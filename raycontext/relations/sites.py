"""Definitions as the shards report them, and the facts that decide which definition a use is of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from raycontext.analyse.path_kinds import PATH_KINDS
from raycontext.relations.lexed import FileDefinition, LexedFile
from raycontext.relations.values import Definition
from raycontext.store.segments.columns import WEIGHT_UNITS

__all__ = ["CLASS_KINDS", "TEST_BIT", "Facts", "FileUses", "ImportSite", "Site", "site_of"]

CLASS_KINDS = frozenset({"class", "interface", "enum", "type", "module"})
"""Kinds whose members are used through a receiver."""

TEST_BIT = 1 << PATH_KINDS.index("test")
"""Bit of the kinds of files that marks a test."""

_GO_RECEIVER = re.compile(r"func\s*\(\s*\w*\s*\*?\s*(\w+)")
_QUALIFIER = re.compile(r"(\w+)\s*(?:<[^<>]*>)?\s*(?:::|\.|#)\s*~?$")


class Site(NamedTuple):
    """Definition of a name in a collection."""

    path: str
    line: int
    end_line: int
    kind: str
    name: str
    scope: str
    language: str
    owner: str
    """Name of the type whose member it is; "" where it is none."""
    has_body: bool
    test: bool

    def shown(self) -> Definition:
        """Return the definition in the form of an answer."""
        return Definition(
            path=self.path,
            line=self.line,
            end_line=self.end_line,
            kind=self.kind,
            name=self.name,
            scope=self.scope,
            language=self.language,
            test=self.test,
        )


class ImportSite(NamedTuple):
    """Import of a name, or of all names of a module, by a file."""

    path: str
    language: str
    module: str
    name: str
    alias: str


class FileUses(NamedTuple):
    """File with chunks that use a name."""

    path: str
    chunks: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides which definition a use of a name is of, gathered over the whole collection."""

    name: str
    sites: tuple[Site, ...]
    """All definitions of the name."""
    wanted: frozenset[tuple[str, int]]
    """Path and line of the definitions that were asked for."""
    providers: frozenset[str] = frozenset()
    """Paths of files from which one of the wanted definitions can be imported: theirs, and files that pass them on."""
    other_providers: frozenset[str] = frozenset()
    """Paths of files from which another definition of the name can be imported."""
    owners: frozenset[str] = frozenset()
    """Names of types whose member of this name is a wanted definition: its own type and the heirs of that."""
    other_owners: frozenset[str] = frozenset()
    """Names of types whose member of this name is another definition."""
    bases: frozenset[str] = frozenset()
    """Names of types from which an owner inherits."""

    def is_wanted(self, site: Site) -> bool:
        """Return whether a definition is one of those that were asked for."""
        return (site.path, site.line) in self.wanted


def site_of(file: LexedFile, found: FileDefinition, kinds: int) -> Site:
    """Return a definition of a file with what is known about it. `kinds` are the kinds of the file by its path."""
    around = [one for one in file.around(found.line) if (one.line, one.name) != (found.line, found.name)]
    return Site(
        path=file.path,
        line=found.line,
        end_line=found.end_line,
        kind=found.kind,
        name=found.name,
        scope=" > ".join(one.name for one in around),
        language=file.language,
        owner=owner_of(file, found, around),
        has_body=found.weight >= WEIGHT_UNITS or found.end_line > found.line,
        test=bool(kinds & TEST_BIT),
    )


def owner_of(file: LexedFile, found: FileDefinition, around: list[FileDefinition]) -> str:
    """Return the name of the type whose member a definition is; "" where it is none."""
    start = file.position_of(found.line)
    line = file.content[start : file.bounds(start)[1]].decode(errors="replace")
    if file.language == "go":
        receiver = _GO_RECEIVER.match(line)
        return receiver[1] if receiver else ""
    qualifier = _QUALIFIER.search(line.partition(found.name)[0])
    if qualifier and file.language in ("cpp", "cuda", "lua", "javascript", "kotlin"):
        return qualifier[1]
    inner = around[-1] if around else None
    if inner is None or inner.kind not in CLASS_KINDS:
        return ""
    if inner.kind == "module" and file.language != "rust":
        return inner.name if file.language in ("ruby", "elixir") and found.kind == "method" else ""
    if file.language == "rust":
        begin = file.position_of(inner.line)
        head = file.content[begin : file.bounds(begin)[1]].decode(errors="replace")
        if head.lstrip().startswith("mod ") or " mod " in head.partition("{")[0]:
            return ""
        implemented = re.search(r"\bfor\s+&?(?:mut\s+)?(?:\w+::)*(\w+)", head) or re.search(
            r"\bimpl\b(?:\s*<[^>]*>)?\s+(?:\w+::)*(\w+)", head
        )
        return implemented[1] if implemented else inner.name
    return inner.name
