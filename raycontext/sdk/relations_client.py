"""Client side of questions about relations: ask all shards, gather facts, decide, follow calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from raycontext.actors.hybrid_search import Question
from raycontext.errors import InvalidInput
from raycontext.kernel.lexer import Use
from raycontext.models import SearchFilters
from raycontext.relations.facts import facts_of
from raycontext.relations.modules import group_of
from raycontext.relations.sites import Facts, ImportSite, Site
from raycontext.relations.steps import (
    Calls,
    DefinitionAt,
    DefinitionsAt,
    FindUses,
    Heir,
    Heirs,
    StarImports,
    Survey,
    Surveyed,
)
from raycontext.relations.values import Called, Certainty, Chain, Impact, Reached, Relations, UseSite
from raycontext.sdk.arguments import not_in_index
from raycontext.sdk.search_client import SearchClient

__all__ = ["RelationsClient", "Target", "UsesWanted"]

Answer = TypeVar("Answer")

MOST_FILES = 1000
"""Largest number of files whose uses are told apart for one answer. Further files are counted and not looked at."""
MOST_DEFINITIONS = 20
"""Number of definitions of a name above which `impact` does not follow it unless imports decide."""
MOST_HEIR_STEPS = 6
"""Largest number of steps from a type to the types below it."""
MOST_REACHED = 2000
"""Largest number of definitions that `impact` and `path` look at."""
CALL_KINDS = int(Use.CALL | Use.CONSTRUCTION)
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


class RelationsClient:
    """Client for questions about one version of a collection. It is made for one answer."""

    def __init__(self, search: SearchClient, collection: str, source: str) -> None:
        self._search = search
        self._names: dict[str, Any] = {"collection": collection, "source": source}
        self._version: int | None = None
        self._answered = 0
        self._notes: dict[str, None] = {}
        self._placed: Site | None = None
        """Definition at the place that was asked for. One inside of a function is in no list of definitions."""

    async def usages(self, target: Target, wanted: UsesWanted) -> Relations:
        """Return the definitions that are meant and the places that use them.

        Raises `InvalidInput` where there is no such definition or file.
        """
        name, chosen = await self._chosen(target)
        facts, found = await self._facts(name, chosen, wanted.filters, wanted.kinds)
        chunks = sum(use.chunks for use in found.uses.get(name, ()))
        uses, cut = await self._uses(facts, found, wanted)
        page = uses[wanted.offset : wanted.offset + wanted.limit]
        return Relations(
            **self._names,
            name=name,
            definitions=tuple(site.shown() for site in facts.sites if facts.is_wanted(site)),
            uses=tuple(page),
            certain=sum(use.certainty is Certainty.CERTAIN for use in uses),
            possible=sum(use.certainty is Certainty.POSSIBLE for use in uses),
            chunks=chunks,
            cut=cut or len(uses) > wanted.offset + len(page),
            **self._completeness(),
        )

    async def callers(self, target: Target, wanted: UsesWanted) -> Impact:
        """Return the definitions that call the one that is meant."""
        name, chosen = await self._chosen(target)
        facts, found = await self._facts(name, chosen, wanted.filters, CALL_KINDS)
        uses, cut = await self._uses(facts, found, replace(wanted, kinds=CALL_KINDS))
        called = await self._enclosing(uses)
        page = called[wanted.offset : wanted.offset + wanted.limit]
        return Impact(
            **self._names,
            name=name,
            definitions=tuple(site.shown() for site in facts.sites if facts.is_wanted(site)),
            called=tuple(page),
            cut=cut or len(called) > wanted.offset + len(page),
            **self._completeness(),
        )

    async def callees(self, target: Target, wanted: UsesWanted) -> Impact:
        """Return the definitions that the one that is meant calls."""
        name, chosen = await self._chosen(target)
        sites = [site for site in (await self._survey([name], uses=False)).sites if (site.path, site.line) in chosen]
        found: list[Called] = []
        for site in sites:
            found.extend(await self._called_by(site))
        found = _ordered(found)
        page = found[wanted.offset : wanted.offset + wanted.limit]
        return Impact(
            **self._names,
            name=name,
            definitions=tuple(site.shown() for site in sites),
            called=tuple(page),
            cut=len(found) > wanted.offset + len(page),
            **self._completeness(),
        )

    async def impact(self, target: Target, wanted: UsesWanted, depth: int) -> Impact:
        """Return everything that reaches the definition that is meant through calls, breadth first."""
        name, chosen = await self._chosen(target)
        first = [site for site in (await self._survey([name], uses=False)).sites if (site.path, site.line) in chosen]
        seen = {(site.path, site.line) for site in first}
        level, reached, cut = list(first), list[Reached](), False
        not_followed: dict[str, int] = {}
        for step in range(1, depth + 1):
            following: list[Site] = []
            for site in level:
                for caller, sure in await self._callers_of(site, wanted.filters, not_followed, is_first=step == 1):
                    key = (caller.path, caller.line)
                    if key in seen:
                        continue
                    if len(seen) >= MOST_REACHED:
                        cut = True
                        break
                    seen.add(key)
                    following.append(caller)
                    reached.append(Reached(definition=caller.shown(), depth=step, through=site.name, certainty=sure))
            level = following
        tests = [one for one in reached if one.definition.test]
        others = [one for one in reached if not one.definition.test]
        end = wanted.offset + wanted.limit
        return Impact(
            **self._names,
            name=name,
            definitions=tuple(site.shown() for site in first),
            reached=tuple(others[wanted.offset : end]),
            tests=tuple(tests[wanted.offset : end]),
            not_followed=not_followed,
            cut=cut or max(len(others), len(tests)) > end,
            **self._completeness(),
        )

    async def path(self, start: Target, goal: Target) -> Chain:
        """Return a shortest chain of calls from one definition to another."""
        _, begin = await self._chosen(start)
        name, ends = await self._chosen(goal)
        level = [site for site in (await self._survey([name], uses=False)).sites if (site.path, site.line) in ends]
        below: dict[tuple[str, int], tuple[Site | None, Site, Certainty]] = {
            (site.path, site.line): (None, site, Certainty.CERTAIN) for site in level
        }
        cut = False
        while level and not cut:
            hit = next((site for site in level if (site.path, site.line) in begin), None)
            if hit is not None:
                return self._chain(hit, below)
            following: list[Site] = []
            for site in level:
                for caller, sure in await self._callers_of(site, SearchFilters(), {}, is_first=site.name == name):
                    key = (caller.path, caller.line)
                    if key not in below:
                        below[key] = (site, caller, sure)
                        following.append(caller)
                if len(below) >= MOST_REACHED:
                    cut = True
                    break
            level = following
        return Chain(**self._names, steps=(), cut=cut, **self._completeness())

    def _chain(self, site: Site, below: dict[tuple[str, int], tuple[Site | None, Site, Certainty]]) -> Chain:
        steps, certain, here = [site.shown()], True, below[site.path, site.line]
        while here[0] is not None:
            certain = certain and here[2] is Certainty.CERTAIN
            steps.append(here[0].shown())
            here = below[here[0].path, here[0].line]
        return Chain(**self._names, steps=tuple(steps), certain=certain, **self._completeness())

    async def _callers_of(
        self, site: Site, filters: SearchFilters, not_followed: dict[str, int], *, is_first: bool
    ) -> list[tuple[Site, Certainty]]:
        """Return the definitions that call one, by place. Names with too many definitions are noted."""
        facts, found = await self._facts(site.name, {(site.path, site.line)}, filters, CALL_KINDS)
        uses, _ = await self._uses(facts, found, UsesWanted(filters=filters, kinds=CALL_KINDS))
        if not is_first and len(facts.sites) > MOST_DEFINITIONS:
            not_followed[site.name] = len(facts.sites)
            uses = [use for use in uses if use.certainty is Certainty.CERTAIN]
        best: dict[tuple[str, int], Certainty] = {}
        for use in uses:
            key = (use.path, use.enclosing_line)
            if use.enclosing_line and best.get(key) is not Certainty.CERTAIN:
                best[key] = use.certainty
        sites = await self._sites_at(best)
        return [(found_site, best[key]) for key, found_site in sites.items() if key in best]

    async def _sites_at(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Site]:
        """Return the definitions whose names stand at some lines."""
        asked = DefinitionsAt(tuple(sorted(places)))
        found: dict[tuple[str, int], Site] = {}
        for part in (await self._ask(asked)).values():
            found.update({(site.path, site.line): site for site in part})
        return dict(sorted(found.items()))

    async def _enclosing(self, uses: Sequence[UseSite]) -> list[Called]:
        """Return the definitions that hold some calls, with the calls."""
        groups: dict[tuple[str, int], list[UseSite]] = {}
        for use in uses:
            groups.setdefault((use.path, use.enclosing_line), []).append(use)
        sites = await self._sites_at(key for key in groups if key[1])
        return _ordered(
            Called(
                definition=sites[key].shown() if key in sites else None,
                path=key[0],
                certainty=min((use.certainty for use in calls), key=_rank),
                calls=tuple(calls),
            )
            for key, calls in groups.items()
        )

    async def _called_by(self, site: Site) -> list[Called]:
        """Return the definitions that one calls, with the calls."""
        question = Calls(site.path, site.line, site.end_line)
        names = sorted({call.name for part in (await self._ask(question)).values() for call, _ in part})
        surveyed = await self._survey(names, uses=False)
        group = group_of(site.language)
        by_name: dict[str, list[Site]] = {}
        for other in surveyed.sites:
            if group_of(other.language) == group:
                by_name.setdefault(other.name, []).append(other)
        heirs = await self._heirs({other.owner for other in surveyed.sites if other.owner})
        facts: list[Facts] = []
        for name, sites in sorted(by_name.items()):
            imports = [entry for entry in surveyed.imports if entry.name == name]
            facts.extend(facts_of(name, sites, [one], imports, heirs) for one in sites[:MOST_DEFINITIONS])
        found: dict[int, list[UseSite]] = {}
        for part in (await self._ask(replace(question, facts=tuple(facts)))).values():
            for _, called in part:
                for number, use in called:
                    found.setdefault(number, []).append(use)
        calls = []
        for number, uses in sorted(found.items()):
            (target,) = [one for one in facts[number].sites if facts[number].is_wanted(one)]
            sure = min((use.certainty for use in uses), key=_rank)
            calls.append(Called(definition=target.shown(), path=target.path, certainty=sure, calls=tuple(uses)))
        return calls

    async def _chosen(self, target: Target) -> tuple[str, set[tuple[str, int]]]:
        """Return the name that is meant, and path and line of the definitions that are.

        Raises `InvalidInput` where a place has no definition.
        """
        if not target.path:
            surveyed = await self._survey([target.name], uses=False)
            sites = [site for site in surveyed.sites if not target.owner or _is_of(site, target.owner)]
            if target.owner and surveyed.sites and not sites:
                self._notes[
                    f"'{target.owner}' has no definition of '{target.name}': give the name alone, or PATH:LINE."
                ] = None
            return target.name, {(site.path, site.line) for site in sites}
        answers = await self._ask(DefinitionAt(target.path, target.line))
        found = next((site for site in answers.values() if isinstance(site, Site)), None)
        if found is not None:
            self._placed = found
            return found.name, {(found.path, found.line)}
        if all(answer is None for answer in answers.values()):
            raise not_in_index(target.path, self._names["collection"])
        raise InvalidInput(
            f"There is no definition at line {target.line} of '{target.path}'",
            "Give the line of a definition's name, or a line inside of it.",
        )

    async def _facts(
        self, name: str, chosen: set[tuple[str, int]], filters: SearchFilters, kinds: int
    ) -> tuple[Facts, Surveyed]:
        """Return the facts about a name, and what was found of it."""
        found = await self._survey([name], filters=filters, kinds=kinds)
        wanted = [site for site in found.sites if (site.path, site.line) in chosen]
        imports = list(found.imports)
        for group in {group_of(site.language) for site in wanted} - {"c"}:
            paths = tuple(sorted({site.path for site in wanted if group_of(site.language) == group}))
            imports.extend(await self._stars(paths, group))
        heirs = await self._heirs({site.owner for site in found.sites if site.owner})
        return facts_of(name, found.sites, wanted, imports, heirs), found

    async def _stars(self, paths: tuple[str, ...], group: str) -> list[ImportSite]:
        found = await self._ask(StarImports(paths, group))
        return sorted(entry for part in found.values() for entry in part)

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

    async def _uses(self, facts: Facts, found: Surveyed, wanted: UsesWanted) -> tuple[list[UseSite], bool]:
        """Return all uses of the wanted definitions, certain ones first, and whether files were left out."""
        renamed = {entry.path for entry in found.imports if entry.alias and entry.name == facts.name}
        chosen = sorted(renamed.union(use.path for use in found.uses.get(facts.name, ())))
        if len(chosen) > wanted.files:
            self._notes[
                f"The first {wanted.files} of {len(chosen)} files that use '{facts.name}' were looked at: "
                "narrow it by --path."
            ] = None
        question = FindUses(facts, tuple(chosen[: wanted.files]), wanted.kinds, wanted.mentions, wanted.filters)
        answers = await self._ask(question)
        uses = [use for part in answers.values() for use in part]
        uses.sort(key=lambda use: (_rank(use.certainty), use.path, use.line, use.column))
        return uses, len(chosen) > wanted.files

    async def _survey(
        self,
        names: Sequence[str],
        *,
        filters: SearchFilters | None = None,
        kinds: int = ALL_KINDS,
        uses: bool = True,
    ) -> Surveyed:
        """Return definitions, uses and imports of some names in all shards."""
        question = Survey(tuple(names), filters or SearchFilters(), kinds, uses)
        parts = list((await self._ask(question)).values())
        if not all(part.has_references for part in parts):
            self._notes[
                f"The index of '{self._names['collection']}' is of an older format without uses: "
                "`raycontext index` builds it anew."
            ] = None
        sites = {site for part in parts for site in part.sites}
        if self._placed is not None and self._placed.name in names:
            sites.add(self._placed)
        return Surveyed(
            sorted(sites),
            {name: sorted(use for part in parts for use in part.uses[name]) for name in names},
            sorted(entry for part in parts for entry in part.imports),
            all(part.has_references for part in parts),
        )

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


def _rank(certainty: Certainty) -> int:
    return 0 if certainty is Certainty.CERTAIN else 1


def _ordered(called: Iterable[Called]) -> list[Called]:
    """Return callers or callees, those that are certain first, then by place; those at top level last in their file."""
    return sorted(
        called, key=lambda one: (_rank(one.certainty), one.path, one.definition.line if one.definition else 1 << 40)
    )
