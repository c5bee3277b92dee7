"""Maps of trees that a `Context` gives: the most important definitions, in a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from raycontext.actors.hybrid_search import Question
from raycontext.models import SearchFilters
from raycontext.relations.definitions.outlines import OutlineOf, merged_outlines
from raycontext.relations.maps.importance import importance_of, most_used, told_apart
from raycontext.relations.maps.links import links_of
from raycontext.relations.maps.maps import MapDefined, MapEntries, MapFiles, MapGraph, MapUses
from raycontext.relations.maps.names import MAP_KINDS
from raycontext.relations.values import CodeMap, MapEntry
from raycontext.sdk.access.outline import OutlineAccess
from raycontext.sdk.arguments import check_limits, check_tokens
from raycontext.sdk.clients.search import SearchClient
from raycontext.sdk.filters import search_filters
from raycontext.sdk.token_budget import OVERHEAD_TOKENS, tokens_of

__all__ = ["DEFAULT_MAP_TOKENS", "MapAccess"]

Answer = TypeVar("Answer")

DEFAULT_MAP_TOKENS = 2000
"""Budget of a map where none is given, in tokens."""
SMALLEST_ENTRY_TOKENS = OVERHEAD_TOKENS + 4
"""Number of tokens that each entry takes at least, so that no more entries are read than can be shown."""


class MapAccess(OutlineAccess):
    """Maps of what is indexed."""

    async def map(
        self,
        path: str | Path = ".",
        *,
        collection: str | None = None,
        ref: str | None = None,
        limit: int = 200,
        max_tokens: int = DEFAULT_MAP_TOKENS,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        kinds: Iterable[str] = (),
        refresh: bool | None = None,
    ) -> CodeMap:
        """Return the most important definitions of a file or folder, with their signatures, in a budget of tokens.

        A definition is the more important the more chunks use it, and the more important these are (PageRank); users
        outside of the place count, and a chunk of a test counts a quarter. Definitions that nothing uses follow.

        path: file or folder within an indexed folder. With `collection` it may be relative to that collection's folder;
        "." is the current folder, or all of the collection.
        ref: like that of `search`.
        limit: largest number of definitions, 1 to 1000.
        max_tokens: budget of the definitions, at 3.5 bytes a token; at least 1.
        languages, paths: filters of the files, like those of `search`.
        kinds: kinds of definitions that count, values of `ChunkKind`. Empty: all but constants and test blocks.
        refresh: like that of `search`.

        Raises what `search` raises, and `InvalidInput` when nothing at `path` is in the index.
        """
        check_limits(limit, 0.0)
        check_tokens(max_tokens)
        place = await self._place(collection, path, ref, search_filters(languages, paths, kinds), refresh)
        search = self._client(place.identity.name)
        most = min(limit, max(max_tokens // SMALLEST_ENTRY_TOKENS, 1))
        found = await self._answer_about(place, search.repeatedly(lambda: MapClient(search).map(place.filters, most)))
        kept, is_cut = fitting(found.definitions, max_tokens)
        return found.model_copy(update={"definitions": kept, "cut": found.cut or is_cut})


def fitting(entries: Sequence[MapEntry], max_tokens: int) -> tuple[tuple[MapEntry, ...], bool]:
    """Return the first entries that fit into a budget of tokens, and whether some do not. The first one always does."""
    kept: list[MapEntry] = []
    paths: set[str] = set()
    for entry in entries:
        max_tokens -= OVERHEAD_TOKENS + tokens_of(entry.signature + entry.documentation)
        max_tokens -= 0 if entry.path in paths else tokens_of(entry.path)
        if max_tokens < 0 and kept:
            return tuple(kept), True
        paths.add(entry.path)
        kept.append(entry)
    return tuple(kept), False


class MapClient:
    """Client that makes one map from the answers of all shards, at one version of the collection."""

    def __init__(self, search: SearchClient) -> None:
        self._search = search
        self._version: int | None = None
        self._answered = 0

    async def map(self, filters: SearchFilters, most: int) -> CodeMap | None:
        """Return the map of a place; None where all shards have answered and nothing of it is indexed."""
        kinds = filters.kinds or MAP_KINDS
        filters = filters.model_copy(update={"kinds": ()})
        notes: list[str] = []
        answers = await self._ask(MapDefined(filters, kinds))
        defined = told_apart([names for names, *_ in answers])
        files = sum(count for _, count, _ in answers)
        if not all(complete for *_, complete in answers):
            notes.append("The index is of an older format without uses: `raycontext index` builds it anew.")
        used, definitions, names = most_used(defined, await self._ask(MapUses(np.unique(defined.keys))))
        if names > len(used.keys):
            notes.append(
                f"The {len(used.keys)} most used of {names} names were ranked: narrow the path for the others."
            )
        links = links_of(used, await self._ask(MapFiles(used, filters, kinds)))
        graphs = await self._ask(MapGraph(links, filters, kinds))
        importance = importance_of(graphs, definitions)
        users = sum((graph.users for graph in graphs), np.zeros(len(definitions), np.int64))
        order = [at for at in importance.argsort(kind="stable")[::-1].tolist() if importance[at]]
        chosen, count = [], 0
        for at in order:
            if count > most:
                break
            chosen.append(at)
            count += int(definitions[at])
        wanted = used._replace(keys=used.keys[chosen], groups=used.groups[chosen], counts=used.counts[chosen])
        entries = [
            entry.model_copy(update={"importance": int(importance[chosen[at]]), "users": int(users[chosen[at]])})
            for part in await self._ask(MapEntries(wanted, filters, kinds))
            for at, entry in part
        ]
        entries.sort(key=lambda entry: (-entry.importance, entry.path, entry.line, entry.name))
        is_cut = len(entries) > most
        if not is_cut:
            more, is_cut = await self._unused(filters, kinds, entries, most)
            entries += more
        if files == 0 and self._answered == self._search.shards and not await self._is_indexed(filters):
            return None
        return CodeMap(
            collection="",
            source="",
            path=filters.inside,
            files=files,
            names=len(defined.keys),
            definitions=tuple(entries[:most]),
            cut=is_cut,
            version=self._version or 0,
            shards_answered=self._answered,
            shards_total=self._search.shards,
            notes=tuple(notes),
        )

    async def _unused(
        self, filters: SearchFilters, kinds: Sequence[str], entries: Sequence[MapEntry], most: int
    ) -> tuple[list[MapEntry], bool]:
        """Return definitions that nothing uses, those of tests last, and whether there are more."""
        known = {(entry.path, entry.line, entry.name) for entry in entries}
        outline = merged_outlines(await self._ask(OutlineOf(filters, tuple(kinds), most + 1)), most + 1)
        others = [
            MapEntry(**entry.model_dump(exclude={"depth"}))
            for entry in outline.entries
            if (entry.path, entry.line, entry.name) not in known
        ]
        others.sort(key=lambda entry: (entry.test, entry.path, entry.line, entry.name))
        left = max(most - len(entries), 0)
        return others[:left], len(outline.entries) > most or len(others) > left

    async def _is_indexed(self, filters: SearchFilters) -> bool:
        """Return whether anything at the place is indexed, whatever the other filters say."""
        place = SearchFilters(inside=filters.inside)
        return any(count for _, count, _ in await self._ask(MapDefined(place)))

    async def _ask(self, question: Question[Answer]) -> list[Answer]:
        """Return the answers of all shards, at the version at which this client began."""
        self._version, answers = await self._search.relate(question, self._version)
        self._answered = min(self._answered or len(answers), len(answers))
        return list(answers.values())
