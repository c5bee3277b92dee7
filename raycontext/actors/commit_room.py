"""Removal of collections of commits that nobody has used for long, so that they take no more room than they may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from raycontext.actors.turns import Turns
from raycontext.errors import UnknownCollection
from raycontext.store.catalog import Catalog

__all__ = ["remove_unused"]


async def remove_unused(
    catalog: Catalog, turns: Turns, clear: Callable[[str], Awaitable[None]], limit: int, kept: str
) -> None:
    """Remove collections of commits until those that are left take at most `limit` bytes; see `unused_beyond`.

    clear: removes a collection in its turn. One that is being worked on stays, and so does the one called `kept`.
    """
    for name in await asyncio.to_thread(catalog.unused_commits, limit, kept):
        if not turns.is_busy(name):
            with suppress(UnknownCollection):  # somebody else was faster
                await turns.take(name, partial(clear, name))
