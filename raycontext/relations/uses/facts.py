"""Gathering of the facts that decide which definition a use is of, from what all shards report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from raycontext.relations.modules import Match, denotes, group_of
from raycontext.relations.uses.sites import Facts, ImportSite, Site
from raycontext.relations.uses.steps import Heir

__all__ = ["facts_of", "providers_of"]

MOST_PROVIDERS = 2000
"""Largest number of files from which a name can be imported that are looked at."""


def providers_of(sites: Sequence[Site], imports: Sequence[ImportSite]) -> frozenset[str]:
    """Return the paths of the files from which one of some definitions can be imported.

    These are their own files, and each file that imports the name from such a file and so passes it on.
    """
    found = {site.path for site in sites}
    groups = {group_of(site.language) for site in sites}
    names = {site.name for site in sites}
    waiting = [
        entry
        for entry in imports
        if group_of(entry.language) in groups and (entry.name in names or entry.name == "*") and not entry.alias
    ]
    fresh = set(found)
    while fresh and len(found) < MOST_PROVIDERS:
        passed: set[str] = set()
        kept = []
        for entry in waiting:
            if entry.path in found:
                continue
            if any(denotes(entry.language, entry.module, entry.path, path) is Match.YES for path in fresh):
                passed.add(entry.path)
            else:
                kept.append(entry)
        waiting, fresh = kept, passed
        found |= passed
    return frozenset(found)


def facts_of(
    name: str,
    sites: Sequence[Site],
    wanted: Iterable[Site],
    imports: Sequence[ImportSite],
    heirs: Sequence[Heir],
) -> Facts:
    """Return the facts about a name. `heirs` are the types below the owners of its definitions."""
    chosen = list(wanted)
    keys = {(site.path, site.line) for site in chosen}
    others = [site for site in sites if (site.path, site.line) not in keys]
    providers = providers_of(chosen, imports)
    owned = {site.owner for site in sites if site.owner}
    below = _below(heirs)
    owners = _owners({site.owner for site in chosen if site.owner}, owned, below)
    other_owners = _owners({site.owner for site in others if site.owner}, owned, below)
    bases = frozenset(heir.base for heir in heirs if heir.name in owners and heir.base not in owners)
    return Facts(
        name=name,
        sites=tuple(sites),
        wanted=frozenset(keys),
        providers=providers,
        other_providers=providers_of(others, imports) - providers,
        owners=owners,
        other_owners=other_owners,
        bases=bases,
    )


def _below(heirs: Sequence[Heir]) -> dict[str, set[str]]:
    below: dict[str, set[str]] = {}
    for heir in heirs:
        below.setdefault(heir.base, set()).add(heir.name)
    return below


def _owners(first: set[str], owned: set[str], below: dict[str, set[str]]) -> frozenset[str]:
    """Return some types and their heirs, down to those that define the member themselves."""
    found, waiting = set(first), list(first)
    while waiting:
        for name in below.get(waiting.pop(), ()):
            if name not in found and name not in owned:
                found.add(name)
                waiting.append(name)
    return frozenset(found)
