"""Definitions as the shards report them, and the facts that decide which definition a use is of."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from raycontext.analyse.path_kinds import PATH_KINDS
from raycontext.relations.lexed import FileDefinition, LexedFile
from raycontext.relations.modules import group_of
from raycontext.relations.values import Definition
from raycontext.store.segments.columns import WEIGHT_UNITS

__all__ = ["CLASS_KINDS", "TEST_BIT", "Facts", "GroupSites", "ImportSite", "NameUses", "Site", "site_of"]

CLASS_KINDS = frozenset({"class", "interface", "enum", "type", "module"})
"""Kinds whose members are used through a receiver."""

TEST_BIT = 1 << PATH_KINDS.index("test")
"""Bit of the kinds of files that marks a test."""

_GO_RECEIVER = re.compile(r"func\s*\(\s*\w*\s*\*?\s*(\w+)")
_QUALIFIED = frozenset({"cpp", "cuda", "lua", "javascript", "kotlin"})
"""Languages in which the name of a definition can stand behind that of its type."""
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


class NameUses(NamedTuple):
    """Files with chunks that use a name."""

    chunks: int
    """Number of the chunks."""
    files: int
    """Number of the files."""
    paths: tuple[str, ...]
    """Paths of the first of these files by path, as many as were asked for."""


class GroupSites(NamedTuple):
    """Definitions of a name in the languages of one group."""

    sites: tuple[Site, ...]
    free: tuple[Site, ...]
    """The definitions that are no member of a type."""
    by_path: dict[str, list[Site]]
    by_folder: dict[str, list[Site]]
    """`free` by the folder of the file."""
    wants_member: bool
    """Whether one of the definitions that were asked for is a member of a type."""
    wants_free: bool
    body_files: int
    """Number of the files of those in `free` that have a body."""
    is_callable_or_type: bool
    """Whether each definition is a function or a type, none a macro or a variable."""


@dataclass(frozen=True)
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

    def in_group(self, group: str) -> GroupSites:
        """Return the definitions in the languages of a group."""
        return self._groups.get(group) or GroupSites(
            (), (), {}, {}, wants_member=False, wants_free=False, body_files=0, is_callable_or_type=False
        )

    @cached_property
    def providers_by_name(self) -> dict[str, list[str]]:
        """`providers` by the name of the file."""
        return _by_name(self.providers)

    @cached_property
    def other_providers_by_name(self) -> dict[str, list[str]]:
        """`other_providers` by the name of the file."""
        return _by_name(self.other_providers)

    @cached_property
    def _groups(self) -> dict[str, GroupSites]:
        gathered: dict[str, list[Site]] = {}
        for site in self.sites:
            gathered.setdefault(group_of(site.language), []).append(site)
        return {group: self._gathered(sites) for group, sites in gathered.items()}

    def _gathered(self, sites: list[Site]) -> GroupSites:
        by_path: dict[str, list[Site]] = {}
        by_folder: dict[str, list[Site]] = {}
        free = tuple(site for site in sites if not site.owner)
        for site in sites:
            by_path.setdefault(site.path, []).append(site)
        for site in free:
            by_folder.setdefault(posixpath.dirname(site.path), []).append(site)
        return GroupSites(
            tuple(sites),
            free,
            by_path,
            by_folder,
            wants_member=any(site.owner and self.is_wanted(site) for site in sites),
            wants_free=any(self.is_wanted(site) for site in free),
            body_files=len({site.path for site in free if site.has_body}),
            is_callable_or_type=all(site.kind in CLASS_KINDS or site.kind in ("function", "method") for site in sites),
        )


def _by_name(paths: frozenset[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(posixpath.basename(path), []).append(path)
    return found


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
    if file.language == "go":
        receiver = _GO_RECEIVER.match(_line_of(file, found))
        return receiver[1] if receiver else ""
    if file.language in _QUALIFIED:
        qualifier = _QUALIFIER.search(_line_of(file, found).partition(found.name)[0])
        if qualifier:
            return qualifier[1]
    inner = around[-1] if around else None
    if inner is None or inner.kind not in CLASS_KINDS:
        return ""
    if inner.kind == "module" and file.language != "rust":
        return inner.name if file.language in ("ruby", "elixir") and found.kind == "method" else ""
    if file.language == "rust":
        head = _line_of(file, inner)
        if head.lstrip().startswith("mod ") or " mod " in head.partition("{")[0]:
            return ""
        implemented = re.search(r"\bfor\s+&?(?:mut\s+)?(?:\w+::)*(\w+)", head) or re.search(
            r"\bimpl\b(?:\s*<[^>]*>)?\s+(?:\w+::)*(\w+)", head
        )
        return implemented[1] if implemented else inner.name
    return inner.name


def _line_of(file: LexedFile, found: FileDefinition) -> str:
    """Return the line on which the name of a definition stands."""
    start = file.position_of(found.line)
    return file.content[start : file.bounds(start)[1]].decode(errors="replace")
