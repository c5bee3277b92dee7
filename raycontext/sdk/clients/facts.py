"""Client side of questions about a name: ask all shards what there is of it, gather facts, find its uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from raycontext.actors.hybrid_search import Question
from raycontext.errors import InvalidInput
from raycontext.kernel.lexer import Use
from raycontext.models import SearchFilters
from raycontext.relations.modules import group_of
from raycontext.relations.uses.facts import facts_of
from raycontext.relations.uses.sites import Facts, ImportSite, Site
from raycontext.relations.uses.steps import DefinitionAt, FindUses, Heir, Heirs
from raycontext.relations.uses.survey import MOST_FILES, StarImports, Survey, Surveyed, merged_surveys
from raycontext.relations.values import Certainty, UseSite
from raycontext.sdk.arguments import not_in_index
from raycontext.sdk.clients.search import SearchClient

__all__ = ["ALL_KINDS", "FactsClient", "Target", "UsesWanted", "certain", "files_to_read", "in_order", "rank"]

Answer = TypeVar("Answer")

FIRST_FILES = 16
"""Number of files whose uses are told apart at first. Each further step takes twice as many, until enough is found."""
MOST_DOUBTFUL_FILES = 100
"""Number of files after which the search for certain uses ends where enough possible ones are found."""
MOST_HEIR_STEPS = 6
"""Largest number of steps from a type to the types below it."""
MOST_STAR_STEPS = 4
"""Largest number of files that pass all names on, one to the next, from a definition to its use."""
MOST_STAR_FILES = 2000
"""Largest number of such files that are looked at."""
ALL_KINDS = 127 - int(Use.DEFINITION)


@dataclass(frozen=True, slots=True)
class Target:
    """What a question is about: a name, or the definition at a line of a file."""

    name: str = ""
    path: str = ""
    line: int = 0
    owner: str = ""
    """Type or module of the name, where it is given with one."""


@dataclass(frozen=True, slots=True)
class UsesWanted:
    """Which uses are wanted, and how many."""

    filters: SearchFilters = field(default_factory=SearchFilters)
    kinds: int = ALL_KINDS
    limit: int = 50
    offset: int = 0
    mentions: bool = False
    files: int = MOST_FILES
    """Largest number of files whose uses are told apart."""


class FactsClient:
    """Client for questions about names at one version of a collection. It is made for one answer."""

    def __init__(self, search: SearchClient, collection: str, source: str) -> None:
        self._search = search
        self._names: dict[str, Any] = {"collection": collection, "source": source}
        self._version: int | None = None
        self._answered = 0
        self._notes: dict[str, None] = {}
        self._placed: Site | None = None
        """Definition at the place that was asked for. One inside of a function is in no list of definitions."""

    async def _meant(
        self, target: Target, filters: SearchFilters | None = None, kinds: int = 0
    ) -> tuple[str, set[tuple[str, int]], Surveyed]:
        """Return the name that is meant, path and line of the definitions that are, and what there is of the name.

        Uses are looked up where `kinds` are given. Raises `InvalidInput` where a place has no definition.
        """
        if target.path:
            placed = self._placed = await self._at(target)
            surveyed = await self._survey([placed.name], filters=filters, kinds=kinds)
            return placed.name, {(placed.path, placed.line)}, surveyed
        name = target.name
        surveyed = await self._survey([name], filters=filters, kinds=kinds)
        sites = [site for site in surveyed.sites if not target.owner or _is_of(site, target.owner)]
        if target.owner and surveyed.sites and not sites:
            self._notes[
                f"'{target.owner}' has no definition of '{target.name}': give the name alone, or PATH:LINE."
            ] = None
        return name, {(site.path, site.line) for site in sites}, surveyed

    async def _at(self, target: Target) -> Site:
        """Return the definition at a place. Raises `InvalidInput` where there is none."""
        answers = await self._ask(DefinitionAt(target.path, target.line))
        found = next((site for site in answers.values() if isinstance(site, Site)), None)
        if found is not None:
            return found
        if all(answer is None for answer in answers.values()):
            raise not_in_index(target.path, self._names["collection"])
        raise InvalidInput(
            f"There is no definition at line {target.line} of '{target.path}'",
            "Give the line of a definition's name, or a line inside of it.",
        )

    async def _facts(self, name: str, chosen: set[tuple[str, int]], found: Surveyed) -> Facts:
        """Return the facts about a name, from what was found of it."""
        wanted = [site for site in found.sites if (site.path, site.line) in chosen]
        imports = [*found.imports, *await self._stars(wanted)]
        heirs = await self._heirs({site.owner for site in found.sites if site.owner})
        return facts_of(name, found.sites, wanted, imports, heirs)

    async def _stars(self, wanted: Iterable[Site]) -> list[ImportSite]:
        """Return the imports of all names of the files of some definitions. An include of C passes nothing on."""
        paths: dict[str, set[str]] = {}
        for site in wanted:
            paths.setdefault(group_of(site.language), set()).add(site.path)
        imports: list[ImportSite] = []
        for group in sorted(paths.keys() - {"c"}):
            known, fresh = set[str](), paths[group]
            for _ in range(MOST_STAR_STEPS):  # a file that imports all names passes them on
                found = await self._ask(StarImports(tuple(sorted(fresh)), group))
                step = sorted(entry for part in found.values() for entry in part)
                imports.extend(step)
                known |= fresh
                fresh = {entry.path for entry in step} - known
                if not fresh or len(known) > MOST_STAR_FILES:
                    break
        return imports

    async def _heirs(self, owners: set[str]) -> list[Heir]:
        """Return all types below some types."""
        found: dict[Heir, None] = {}
        fresh = owners
        known = set(owners)
        for _ in range(MOST_HEIR_STEPS):
            if not fresh:
                break
            answers = await self._ask(Heirs(tuple(sorted(fresh))))
            step = sorted(heir for part in answers.values() for heir in part)
            found.update(dict.fromkeys(step))
            fresh = {heir.name for heir in step} - known
            known |= fresh
        return list(found)

    async def _uses(
        self, facts: Facts, found: Surveyed, wanted: UsesWanted, count: Callable[[Iterable[UseSite]], int]
    ) -> tuple[list[UseSite], bool]:
        """Return the uses of the wanted definitions, certain ones first, and whether these are all.

        Files are read in the order of their paths until what is wanted is full of certain ones: no later file holds a
        use that comes before them. Where most uses are possible alone, the search ends after `MOST_DOUBTFUL_FILES`.
        `count` is the number of entries of an answer that uses make.
        """
        every = files_to_read(facts.name, found)
        paths, end = every[: wanted.files], wanted.offset + wanted.limit
        users = found.uses[facts.name].files + len(every) - len(found.uses[facts.name].paths)
        uses: list[UseSite] = []
        begin, step = 0, FIRST_FILES
        while begin < len(paths):
            some = tuple(paths[begin : begin + step])
            answers = await self._ask(FindUses(facts, some, wanted.kinds, wanted.filters))
            uses.extend(use for part in answers.values() for use in part)
            begin, step = begin + len(some), 2 * step
            if begin < len(paths) and count(use for use in uses if use.certainty is Certainty.CERTAIN) >= end:
                return in_order(uses), False
            if begin >= MOST_DOUBTFUL_FILES and count(uses) >= end:
                break
        if users > begin:
            self._notes[
                f"The first {begin} of {users} files that use '{facts.name}' were looked at: narrow it by --path."
            ] = None
        return in_order(uses), users <= begin

    async def _survey(self, names: Sequence[str], *, filters: SearchFilters | None = None, kinds: int = 0) -> Surveyed:
        """Return definitions and imports of some names in all shards, and their uses where kinds are given."""
        question = Survey(tuple(names), filters or SearchFilters(), kinds, with_uses=kinds > 0)
        found = merged_surveys(names, list((await self._ask(question)).values()))
        if not found.has_references:
            self._notes[
                f"The index of '{self._names['collection']}' is of an older format without uses: "
                "`raycontext index` builds it anew."
            ] = None
        if self._placed is not None and self._placed.name in names and self._placed not in found.sites:
            found = found._replace(sites=sorted([*found.sites, self._placed]))
        return found

    async def _ask(self, question: Question[Answer]) -> dict[int, Answer]:
        """Return the answers of all shards, of the version at which this client began."""
        self._version, answers = await self._search.relate(question, self._version)
        self._answered = min(self._answered or len(answers), len(answers))
        return answers

    def _completeness(self) -> dict[str, Any]:
        return {
            "version": self._version or 0,
            "shards_answered": self._answered,
            "shards_total": self._search.shards,
            "notes": tuple(self._notes),
        }


def _is_of(site: Site, owner: str) -> bool:
    """Return whether a definition is one of a type, a scope, a module or a folder of this name."""
    stem = site.path.rpartition("/")[2].partition(".")[0]
    return owner in (site.owner, stem, *site.scope.split(" > "), *site.path.split("/")[:-1])


def files_to_read(name: str, found: Surveyed) -> list[str]:
    """Return the files that use a name and those that import it under another one, by path."""
    renamed = {entry.path for entry in found.imports if entry.alias and entry.name == name}
    return sorted(renamed.union(found.uses[name].paths), key=lambda path: path.encode(errors="surrogateescape"))


def certain(uses: Iterable[UseSite]) -> int:
    """Return the number of uses that are certain."""
    return sum(use.certainty is Certainty.CERTAIN for use in uses)


def in_order(uses: Iterable[UseSite]) -> list[UseSite]:
    """Return uses, certain ones first, then by place."""
    return sorted(uses, key=lambda use: (rank(use.certainty), use.path, use.line, use.column))


def rank(certainty: Certainty) -> int:
    """Return what orders certainties: certain ones first."""
    return 0 if certainty is Certainty.CERTAIN else 1
