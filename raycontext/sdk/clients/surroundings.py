"""What makes the answer of a search suffice: whole definitions, signatures around them, outlines of their files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from raycontext.errors import InvalidInput, RuntimeUnavailable
from raycontext.models import Hit, SearchFilters
from raycontext.models.hits import Hits, Surrounding
from raycontext.relations.definitions.outlines import OutlineOf, merged_outlines
from raycontext.relations.definitions.whole import SignaturesAt, Whole, WholeAt
from raycontext.relations.maps.names import MAP_KINDS
from raycontext.relations.values import Called, Definition
from raycontext.sdk.clients.relations import RelationsClient, Target, UsesWanted
from raycontext.sdk.clients.search import SearchClient

__all__ = ["surroundings_of", "whole", "with_context"]

MOST_HITS = 3
"""Number of hits, the best ones, whose callees, callers and files are looked at."""
MOST_CALLED = 8
"""Largest number of callees, and of callers, of one hit."""
MOST_FILES = 40
"""Largest number of files whose calls are told apart to find the callers of one hit."""
MOST_OUTLINED = 60
"""Largest number of definitions of the outline of one file."""

Place = tuple[str, int, int]


async def whole(hits: Sequence[Hit], client: SearchClient) -> tuple[list[Hit], dict[Place, Whole]]:
    """Return hits of one collection as whole definitions where these are not much longer, and what each is part of.

    A hit that lies within a better one is left out.
    """
    places = tuple((hit.path, hit.start_line, hit.end_line) for hit in hits)
    _, answers = await client.relate(WholeAt(places))
    found = {place: one for part in answers.values() for place, one in part.items()}
    kept: list[Hit] = []
    of_kept: dict[Place, Whole] = {}
    for hit, place in zip(hits, places, strict=True):
        one = found.get(place)
        if one is not None and one.text:
            hit = hit.model_copy(  # noqa: PLW2901
                update={
                    "text": one.text,
                    "start_line": one.start_line,
                    "end_line": one.end_line,
                    "text_cut": False,
                    "match": 0,
                }
            )
        if any(_is_within(hit, other) for other in kept):
            continue
        kept.append(hit)
        if one is not None:
            of_kept[hit.path, hit.start_line, hit.end_line] = one
    return kept, of_kept


def _is_within(hit: Hit, other: Hit) -> bool:
    return hit.path == other.path and other.start_line <= hit.start_line and hit.end_line <= other.end_line


async def surroundings_of(
    hits: Sequence[Hit], of_hits: dict[Place, Whole], client: SearchClient, collection: str, source: str
) -> list[Surrounding]:
    """Return what the best hits of one collection call, who calls them, and what else their files define.

    Nothing comes twice, and nothing that a hit shows.
    """
    listed = _Listed(hits, collection)
    for hit in hits[:MOST_HITS]:
        one = of_hits.get((hit.path, hit.start_line, hit.end_line))
        if one is None:
            continue
        target, wanted = Target(path=hit.path, line=one.line), UsesWanted(limit=MOST_CALLED, files=MOST_FILES)
        # A definition inside of a function is in no list of definitions; a late shard costs the surroundings alone.
        with suppress(InvalidInput, RuntimeUnavailable):
            callees = await RelationsClient(client, collection, source).callees(target, wanted)
            listed.add("callee", one.name, _definitions(callees.called))
            callers = await RelationsClient(client, collection, source).callers(target, wanted)
            listed.add("caller", one.name, _definitions(callers.called))
    _, answers = await client.relate(SignaturesAt(tuple((one.path, one.line) for one in listed.found)))
    signatures = {place: text for part in answers.values() for place, text in part.items()}
    listed.found = [
        one.model_copy(update={"signature": signatures.get((one.path, one.line), "")}) for one in listed.found
    ]
    for path in dict.fromkeys(hit.path for hit in hits[:MOST_HITS]):
        question = OutlineOf(SearchFilters(inside=path), MAP_KINDS, MOST_OUTLINED)
        _, outlines = await client.relate(question)
        for entry in merged_outlines(outlines.values(), MOST_OUTLINED).entries:
            listed.add("outline", "", [entry], entry.signature)
    return listed.found


def _definitions(called: Iterable[Called]) -> list[Definition]:
    return [one.definition for one in called if one.definition is not None]


class _Listed:
    """Definitions that are listed so far."""

    def __init__(self, hits: Sequence[Hit], collection: str) -> None:
        self._hits, self._collection = hits, collection
        self._known: set[tuple[str, int, str]] = set()
        self.found: list[Surrounding] = []

    def add(self, relation: str, of: str, definitions: Iterable[Definition], signature: str = "") -> None:
        """Add definitions that no hit shows and that are not there yet."""
        for one in definitions:
            key = (one.path, one.line, one.name)
            shown = any(hit.path == one.path and hit.start_line <= one.line <= hit.end_line for hit in self._hits)
            if shown or key in self._known:
                continue
            self._known.add(key)
            self.found.append(
                Surrounding(
                    collection=self._collection, path=one.path, line=one.line, end_line=one.end_line, kind=one.kind,
                    name=one.name, scope=one.scope, signature=signature, relation=relation, of=of,
                )
            )  # fmt: skip


async def with_context(hits: Hits, clients: dict[str, SearchClient], sources: dict[str, str]) -> Hits:
    """Return an answer with whole definitions and `Hits.surroundings`. Clients and sources are by collection."""
    kept: dict[str, list[Hit]] = {}
    around: list[Surrounding] = []
    for name, client in clients.items():
        of_name = [hit for hit in hits if hit.collection == name]
        if of_name:
            kept[name], of_hits = await whole(of_name, client)
            around.extend(await surroundings_of(kept[name], of_hits, client, name, sources[name]))
    order = [hit.collection for hit in hits]
    queues = {name: iter(found) for name, found in kept.items()}
    told = hits.replaced([hit for name in order for hit in [next(queues[name], None)] if hit is not None])
    told.surroundings = tuple(around)
    return told
