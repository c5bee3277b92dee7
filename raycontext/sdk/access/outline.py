"""Outlines of files and folders that a `Context` gives, from what the index stores."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from raycontext.actors.looks import Look, with_look
from raycontext.errors import DeadlineExceeded, InvalidInput
from raycontext.models import SearchFilters
from raycontext.relations.definitions.outlines import OutlineOf, merged_outlines
from raycontext.relations.values import Outline, OutlineEntry, RelationAnswer
from raycontext.sdk.access.relations import RelationAccess
from raycontext.sdk.arguments import MAX_LIMIT, MAX_OFFSET, check_limits, check_offset, inside_of, not_in_index
from raycontext.sdk.clients.search import SearchClient
from raycontext.sdk.clients.several import in_time
from raycontext.sdk.filters import search_filters, within_source
from raycontext.store.collection import CollectionIdentity

__all__ = ["OutlineAccess"]


Found = TypeVar("Found", bound=RelationAnswer)


class AskedPlace(NamedTuple):
    """Place of a collection that a question is about."""

    identity: CollectionIdentity
    inside: str
    """Path of it relative to the source; "" for all of the collection."""
    filters: SearchFilters
    """Filters of the question, within the place."""
    look: Look
    """What a look for changes has found."""


class OutlineAccess(RelationAccess):
    """Outlines of what is indexed."""

    async def outline(
        self,
        path: str | Path,
        *,
        collection: str | None = None,
        ref: str | None = None,
        limit: int = 200,
        offset: int = 0,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        kinds: Iterable[str] = (),
        refresh: bool | None = None,
    ) -> Outline:
        """Return the definitions of a file or folder with the first line of their documentation, by path and line.

        A definition stands after the one that encloses it, with a larger `depth`. The source is not read.

        path: file or folder within an indexed folder. With `collection` it may be relative to that collection's folder,
        and "." is all of it.
        ref: like that of `search`.
        limit, offset: largest number of definitions, 1 to 1000, and number of them to leave out from the start, at
        most 100,000.
        languages, paths: filters of the files, like those of `search`.
        kinds: kinds of definitions that count, values of `ChunkKind`. Empty: all, but for constants in the outline of a
        folder, which would crowd out the others; `Outline.constants` counts them.
        refresh: like that of `search`.

        Raises what `search` raises, and `InvalidInput` when nothing at `path` is in the index.
        """
        check_limits(limit, 0.0)
        check_offset(offset)
        place = await self._place(collection, path, ref, search_filters(languages, paths, kinds), refresh)
        search = self._client(place.identity.name)
        return await self._answer_about(
            place, search.repeatedly(lambda: _outline(search, place.filters, offset + limit, offset))
        )

    async def _outlines_in_time(
        self, collections: Sequence[str], files: Sequence[str]
    ) -> tuple[dict[str, dict[str, tuple[OutlineEntry, ...]]], set[str]]:
        """Return the definitions of files by collection and path, and the files that were not read in time.

        A file that a collection does not have is left out of it. The time is that for a query.
        """
        wanted = [(collection, file) for file in files for collection in dict.fromkeys(collections)]
        until = asyncio.get_running_loop().time() + self._settings.search_seconds
        found: dict[str, dict[str, tuple[OutlineEntry, ...]]] = {collection: {} for collection in collections}
        late = set()
        for (collection, file), outcome in zip(wanted, await in_time(wanted, self._whole_outline, until), strict=True):
            if outcome is None or isinstance(outcome, DeadlineExceeded):
                late.add(file)
            elif not isinstance(outcome, BaseException):
                found[collection][file] = outcome
            elif not isinstance(outcome, InvalidInput):
                raise outcome
        return found, late

    async def _whole_outline(self, place: tuple[str, str]) -> tuple[OutlineEntry, ...]:
        """Return all definitions of a file of a collection. Raises what `outline` raises."""
        collection, file = place
        entries: tuple[OutlineEntry, ...] = ()
        while True:
            told = await self.outline(file, collection=collection, limit=MAX_LIMIT, offset=len(entries), refresh=False)
            entries += told.definitions
            if not told.cut or not told.definitions or len(entries) > MAX_OFFSET:
                return entries

    async def _place(
        self,
        collection: str | None,
        path: str | Path | None,
        ref: str | None,
        filters: SearchFilters,
        refresh: bool | None,
    ) -> AskedPlace:
        """Choose the collection, place the filters in it, and look for changes. `path`: None for all of the collection.

        Raises what `search` raises.
        """
        collection, path, refresh = await self._at(ref, collection, path, refresh)
        has_name = collection is not None
        identity = await self._identity(collection, None if has_name else path)
        inside = ""
        if path is not None:
            inside = await asyncio.to_thread(inside_of, identity.source, path, has_name)
        filters = await asyncio.to_thread(within_source, filters, identity.source, inside)
        looks = await self._looked(refresh, [identity.name])
        return AskedPlace(identity, inside, filters, looks.get(identity.name, Look()))

    async def _answer_about(self, place: AskedPlace, asked: Awaitable[Found | None]) -> Found:
        """Return the answer to a question about a place, with its collection and the age of the view.

        Raises `InvalidInput` when it is None, since nothing of the place is indexed then.
        """
        found = await self._answer_of(place.identity.name, asked)
        if found is None:
            raise not_in_index(place.inside, place.identity.name)
        of = {"collection": place.identity.name, "source": place.identity.source}
        return with_look(found.model_copy(update=of), place.look)


async def _outline(search: SearchClient, filters: SearchFilters, end: int, offset: int) -> Outline | None:
    """Return the outline of a place; None where all shards have answered and nothing of it is indexed."""
    question = OutlineOf(filters.model_copy(update={"kinds": ()}), tuple(filters.kinds), end + 1)
    version, answers = await search.relate(question)
    merged = merged_outlines(answers.values(), end + 1)
    if not merged.is_indexed and len(answers) == search.shards:
        return None
    return Outline(
        collection="",
        source="",
        path=filters.inside,
        files=merged.files,
        constants=merged.constants,
        definitions=tuple(merged.entries[offset:end]),
        cut=len(merged.entries) > end,
        version=version,
        shards_answered=len(answers),
        shards_total=search.shards,
    )
