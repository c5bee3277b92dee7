"""What a process that has two contexts of one root does to move a collection from one to the other.

The methods of `Context` are for everyone; these functions are for the daemon, which knows that there are two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from raycontext.actors.coordinator import Coordinator
from raycontext.actors.looks import Look
from raycontext.discover.commits.names import is_source_of_commit
from raycontext.sdk.access.refs import RefTarget
from raycontext.sdk.clients.several import LOOK_SHARE
from raycontext.sdk.context import Context

__all__ = [
    "ends_of",
    "freshen",
    "hand_over",
    "is_complete",
    "look_seconds_of",
    "names_of",
    "note_complete",
    "runtime_of",
    "target_of",
    "warm",
]


def runtime_of(context: Context) -> Literal["ray", "processes", "inline"]:
    """Return the name of the runtime of a context."""
    return context._runtime.name


async def names_of(context: Context, collection: str | None, collections: Sequence[str], path: str | None) -> list[str]:
    """Return the names of the collections that a search is about. Raises as `Context.search`."""
    return (await context._targets(collection, tuple(collections), path))[0]


def look_seconds_of(context: Context) -> float:
    """Return the time in seconds that looks at the sources of several collections may take together."""
    return LOOK_SHARE * context._settings.search_seconds


async def freshen(context: Context, collection: str, wanted: bool | None) -> Look:
    """Have the Coordinator of a context look for changes, as `Context.search` does before it searches.

    wanted: as the argument `refresh` there.
    """
    return (await context._looked(wanted, [collection])).get(collection, Look())


async def hand_over(context: Context, collection: str) -> None:
    """End what works on a collection in a context, at its next commit. A run of `index` there raises `HandedOver`."""
    await (await context._coordinator()).call(Coordinator.hand_over, collection)


async def warm(context: Context, collection: str) -> None:
    """Start the actors that search a collection. Raises what a search raises."""
    await context._client(collection).warm()


async def target_of(context: Context, ref: str, collection: str | None, path: str | None) -> RefTarget:
    """Return the collection of the commit that a ref means now. Raises what `Context.search` raises for a ref."""
    return await context._target_of(ref, collection, path)


async def ends_of(context: Context, changed: str, collection: str | None, path: str | None) -> tuple[str, str]:
    """Return the full hashes of the two commits of a range of changes. Raises what `Context.search` raises for one."""
    found = await context._changed(changed, collection, path)
    return found.before, found.after


async def is_complete(context: Context, target: RefTarget) -> bool:
    """Return whether a commit was indexed whole, with the options of today, as far as a context knows."""
    return await context._is_complete(target)


async def note_complete(context: Context, collection: str, source: str) -> None:
    """Have a context note that a collection was indexed whole just now, if it is of a commit."""
    if is_source_of_commit(source):
        await context._note_complete(RefTarget(collection, source))
