"""Requests that name a ref: they become requests about the collection of its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from raycontext.errors import InvalidInput
from raycontext.models import IndexReport
from raycontext.sdk import moving
from raycontext.sdk.access.refs import RefTarget, target_in
from raycontext.sdk.context import Context
from raycontext.serve.messages import IndexQuery, SearchQuery
from raycontext.serve.reach import Reach

__all__ = ["index_at_ref", "indexed_at", "search_at_ref"]

Index = Callable[[str, str], Awaitable[IndexReport]]


async def search_at_ref(
    asked: SearchQuery,
    catalog: Context,
    reach: Reach,
    base: str | None,
    index: Index,
) -> SearchQuery:
    """Return a search of the collection of the commit that its ref means now, which is indexed by then.

    Its range of changes, if it has one, is then one of full hashes.

    base: collection whose folder is meant; None leaves it to the paths of the request. index: indexes a collection, by
    its name and its source. Raises what `Context.search` raises for a ref, and `PathNotAllowed` for a repository that
    the caller may not reach.
    """
    if asked.collections:
        raise InvalidInput("Both a ref and several collections are given", "Give a path or one collection.")
    path = asked.path or (asked.folder if base is None else None)
    ref, changed = asked.ref or "", None
    if asked.changed is not None:
        if asked.ref is not None:
            raise InvalidInput("Both a ref and a range of changes are given", "A..B searches B: give one of them.")
        before, ref = await moving.ends_of(catalog, asked.changed, base, path)
        changed = f"{before}..{ref}"
    target = await indexed_at(ref, base, path, catalog, reach, index)
    inside = target.inside if asked.path is not None and target.inside else None
    at = {"collection": target.collection, "path": inside, "folder": None, "refresh": True, "changed": changed}
    return asked.model_copy(update=at)


async def indexed_at(
    ref: str, base: str | None, path: str | None, catalog: Context, reach: Reach, index: Index
) -> RefTarget:
    """Return the collection of the commit that a ref means now, which is indexed by then; see `search_at_ref`."""
    target = await moving.target_of(catalog, ref, base, path)
    await asyncio.to_thread(reach.check_repository, target.source)
    if not await moving.is_complete(catalog, target):
        await index(target.collection, target.source)
    return target


async def index_at_ref(asked: IndexQuery, ref: str, source: str, reach: Reach) -> tuple[IndexQuery, str]:
    """Return a request to index the collection of the commit that `ref` means now, and the source of that.

    source: real path of the folder of the request. Raises `InvalidInput`, `CommitUnreadable` and `PathNotAllowed`.
    """
    if asked.collection is not None:
        raise InvalidInput("Both a ref and a collection are given", "A commit has its own collection.")
    target = await asyncio.to_thread(target_in, source, ref)
    await asyncio.to_thread(reach.check_repository, target.source)
    return asked.model_copy(update={"collection": target.collection}), target.source
