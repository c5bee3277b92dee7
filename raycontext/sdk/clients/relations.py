"""Client side of questions about relations: uses of a definition, and calls that are followed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from raycontext.models import SearchFilters
from raycontext.relations.modules import group_of
from raycontext.relations.uses.facts import facts_of
from raycontext.relations.uses.sites import Facts, ImportSite, Site
from raycontext.relations.uses.steps import CALL_KINDS, CallersIn, Calls, DefinitionsAt, FindMentions
from raycontext.relations.uses.survey import Survey, merged_surveys
from raycontext.relations.values import Called, Certainty, Chain, Impact, Reached, Relations, UseSite
from raycontext.sdk.clients.facts import (
    ALL_KINDS,
    FactsClient,
    Target,
    UsesWanted,
    certain,
    files_to_read,
    in_order,
    rank,
)

__all__ = ["ALL_KINDS", "RelationsClient", "Target", "UsesWanted"]

MOST_DEFINITIONS = 20
"""Number of definitions of a name above which `impact` does not follow it unless imports decide."""
MOST_CALLED_SITES = 100
"""Largest number of definitions of a called name in a segment that `callees` tells apart, beside those of the file."""
MOST_REACHED = 2000
"""Largest number of definitions that `impact` and `path` look at."""
MOST_LEVEL_FILES = 256
"""Largest number of files in which callers are looked for at each step of `impact` and `path`."""


class _Level(NamedTuple):
    """Callers of each of some definitions, by place, and whether there may be more."""

    callers: list[list[tuple[Site, Certainty]]]
    cut: bool


class RelationsClient(FactsClient):
    """Client for questions about who uses and calls what. It is made for one answer."""

    async def usages(self, target: Target, wanted: UsesWanted) -> Relations:
        """Return the definitions that are meant and the places that use them.

        Raises `InvalidInput` where there is no such definition or file.
        """
        name, chosen, found = await self._meant(target, wanted.filters, wanted.kinds)
        facts = await self._facts(name, chosen, found)
        end = wanted.offset + wanted.limit
        uses, is_whole = await self._uses(facts, found, wanted, lambda some: len(list(some)))
        if wanted.mentions and certain(uses) < end:
            asked = FindMentions(name, wanted.filters)
            uses = in_order([*uses, *(use for part in (await self._ask(asked)).values() for use in part)])
        page = uses[wanted.offset : end]
        return Relations(
            **self._names,
            name=name,
            definitions=tuple(site.shown() for site in facts.sites if facts.is_wanted(site)),
            uses=tuple(page),
            certain=certain(uses),
            possible=len(uses) - certain(uses),
            is_exact=is_whole,
            chunks=found.uses[name].chunks,
            cut=not is_whole or len(uses) > end,
            **self._completeness(),
        )

    async def callers(self, target: Target, wanted: UsesWanted) -> Impact:
        """Return the definitions that call the one that is meant."""
        name, chosen, found = await self._meant(target, wanted.filters, CALL_KINDS)
        facts = await self._facts(name, chosen, found)
        end = wanted.offset + wanted.limit

        uses, is_whole = await self._uses(facts, found, replace(wanted, kinds=CALL_KINDS), _places)
        called = await self._enclosing(uses)
        page = called[wanted.offset : end]
        return Impact(
            **self._names,
            name=name,
            definitions=tuple(site.shown() for site in facts.sites if facts.is_wanted(site)),
            called=tuple(page),
            cut=not is_whole or len(called) > end,
            **self._completeness(),
        )

    async def callees(self, target: Target, wanted: UsesWanted) -> Impact:
        """Return the definitions that the one that is meant calls."""
        name, chosen, surveyed = await self._meant(target)
        sites = [site for site in surveyed.sites if (site.path, site.line) in chosen]
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
        name, chosen, surveyed = await self._meant(target)
        first = [site for site in surveyed.sites if (site.path, site.line) in chosen]
        seen = {(site.path, site.line) for site in first}
        level, reached, cut = first, list[Reached](), False
        not_followed: dict[str, int] = {}
        for step in range(1, depth + 1):
            following: list[Site] = []
            of_level = await self._callers_of(level, wanted.filters, not_followed, is_first=step == 1)
            cut = cut or of_level.cut
            for site, callers in zip(level, of_level.callers, strict=True):
                for caller, sure in callers:
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
            if not level:
                break
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
        _, begin, _ = await self._meant(start)
        _, ends, surveyed = await self._meant(goal)
        level = [site for site in surveyed.sites if (site.path, site.line) in ends]
        below: dict[tuple[str, int], tuple[Site | None, Site, Certainty]] = {
            (site.path, site.line): (None, site, Certainty.CERTAIN) for site in level
        }
        cut, is_first = False, True
        while level:
            hit = next((site for site in level if (site.path, site.line) in begin), None)
            if hit is not None:
                return self._chain(hit, below)
            if len(below) >= MOST_REACHED:
                cut = True
                break
            following: list[Site] = []
            of_level = await self._callers_of(level, SearchFilters(), {}, is_first=is_first)
            cut = cut or of_level.cut
            for site, callers in zip(level, of_level.callers, strict=True):
                for caller, sure in callers:
                    if (caller.path, caller.line) not in below:
                        below[caller.path, caller.line] = (site, caller, sure)
                        following.append(caller)
            level, is_first = following, False
        return Chain(**self._names, steps=(), cut=cut, **self._completeness())

    def _chain(self, site: Site, below: dict[tuple[str, int], tuple[Site | None, Site, Certainty]]) -> Chain:
        steps, certain, here = [site.shown()], True, below[site.path, site.line]
        while here[0] is not None:
            certain = certain and here[2] is Certainty.CERTAIN
            steps.append(here[0].shown())
            here = below[here[0].path, here[0].line]
        return Chain(**self._names, steps=tuple(steps), certain=certain, **self._completeness())

    async def _callers_of(
        self, level: Sequence[Site], filters: SearchFilters, not_followed: dict[str, int], *, is_first: bool
    ) -> _Level:
        """Return the definitions that call some definitions. Names with too many definitions are noted."""
        names = sorted({site.name for site in level})
        found = await self._survey(names, filters=filters, kinds=CALL_KINDS)
        heirs = await self._heirs({site.owner for site in found.sites if site.owner})
        sites: dict[str, list[Site]] = {name: [] for name in names}
        imports: dict[str, list[ImportSite]] = {name: [] for name in names}
        for site in found.sites:
            sites[site.name].append(site)
        for entry in found.imports:
            imports[entry.name].append(entry)
        stars = await self._stars(level)
        asked: list[tuple[Facts, tuple[str, ...]]] = []
        left, cut = MOST_LEVEL_FILES, False
        counted: set[str] = set()
        for site in level:
            facts = facts_of(site.name, sites[site.name], [site], [*imports[site.name], *stars], heirs)
            paths = files_to_read(site.name, found)
            fresh = [path for path in paths if path not in counted]
            if len(fresh) > left or found.uses[site.name].files > len(paths):
                cut = True
                kept = set(fresh[:left])
                paths = [path for path in paths if path in counted or path in kept]
            counted.update(paths)
            left = MOST_LEVEL_FILES - len(counted)
            asked.append((facts, tuple(paths)))
        answers = (await self._ask(CallersIn(tuple(asked), filters))).values()
        callers: list[list[tuple[Site, Certainty]]] = []
        for number, (facts, _) in enumerate(asked):
            of_site = sorted(caller for part in answers for caller in part[number])
            if not is_first and len(facts.sites) > MOST_DEFINITIONS:
                not_followed[facts.name] = len(facts.sites)
                of_site = [(caller, sure) for caller, sure in of_site if sure is Certainty.CERTAIN]
            callers.append(of_site)
        if cut:
            self._notes[
                f"Callers were looked for in {MOST_LEVEL_FILES} files at each step: narrow it by --path for the others."
            ] = None
        return _Level(callers, cut)

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
                certainty=min((use.certainty for use in calls), key=rank),
                calls=tuple(calls),
            )
            for key, calls in groups.items()
        )

    async def _called_by(self, site: Site) -> list[Called]:
        """Return the definitions that one calls, with the calls."""
        question = Calls(site.path, site.line, site.end_line)
        names = tuple(sorted({call.name for part in (await self._ask(question)).values() for call, _ in part}))
        asked = Survey(names, with_uses=False, most_sites=MOST_CALLED_SITES, near=site.path)
        surveyed = merged_surveys(names, list((await self._ask(asked)).values()))
        group = group_of(site.language)
        by_name: dict[str, list[Site]] = {}
        for other in surveyed.sites:
            if group_of(other.language) == group:
                by_name.setdefault(other.name, []).append(other)
        heirs = await self._heirs({other.owner for other in surveyed.sites if other.owner})
        facts: list[Facts] = []
        for name, sites in sorted(by_name.items()):
            imports = [entry for entry in surveyed.imports if entry.name == name]
            nearest = sorted(sites, key=lambda one: _distance(site, one))[:MOST_DEFINITIONS]
            facts.extend(facts_of(name, sites, [one], imports, heirs) for one in sorted(nearest))
        found: dict[int, list[UseSite]] = {}
        for part in (await self._ask(replace(question, facts=tuple(facts)))).values():
            for _, called in part:
                for number, use in called:
                    found.setdefault(number, []).append(use)
        calls = []
        for number, uses in sorted(found.items()):
            (target,) = [one for one in facts[number].sites if facts[number].is_wanted(one)]
            sure = min((use.certainty for use in uses), key=rank)
            calls.append(Called(definition=target.shown(), path=target.path, certainty=sure, calls=tuple(uses)))
        return calls


def _distance(caller: Site, called: Site) -> tuple[bool, bool, Site]:
    """Return what orders definitions by their place: the caller's file first, then its folder."""
    folders = (path.rpartition("/")[0] for path in (caller.path, called.path))
    return called.path != caller.path, len(set(folders)) > 1, called


def _places(uses: Iterable[UseSite]) -> int:
    """Return the number of places that make calls: definitions, and files for calls outside of them."""
    return len({(use.path, use.enclosing_line) for use in uses})


def _ordered(called: Iterable[Called]) -> list[Called]:
    """Return callers or callees, those that are certain first, then by place; those at top level last in their file."""
    return sorted(
        called, key=lambda one: (rank(one.certainty), one.path, one.definition.line if one.definition else 1 << 40)
    )
