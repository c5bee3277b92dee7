"""Work on many collections: some at once, and what is not done in time is given up."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from raycontext.actors.looks import Look
from raycontext.errors import DeadlineExceeded, RaycontextError
from raycontext.models.hits import Hits

__all__ = ["AT_ONCE", "LOOK_SHARE", "answers", "in_time", "looked_at", "not_begun"]

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 32
"""Number of collections that one call works on at once: enough to keep all actors busy, and far below the number of
calls at which an actor refuses more."""

LOOK_SHARE = 0.5
"""Share of the time for a query that looks at the sources of several collections may take before it."""

MOST_NAMED = 3
"""Number of collections that a note names before it says how many more there are."""


async def in_time(
    items: Sequence[Item], work: Callable[[Item], Awaitable[Result]], until: float
) -> list[Result | BaseException | None]:
    """Return the result or the error of `work` for each item; None where it had not ended at `until`.

    until: time of the event loop; infinity where there is no end. `AT_ONCE` items are worked on at once, in order.
    """
    outcomes: list[Result | BaseException | None] = [None] * len(items)
    waiting = iter(enumerate(items))
    workers = [asyncio.ensure_future(_each(waiting, work, outcomes)) for _ in range(min(AT_ONCE, len(items)))]
    try:
        if workers:
            left = until - asyncio.get_running_loop().time()
            await asyncio.wait(workers, timeout=max(left, 0.0) if left < math.inf else None)
    finally:
        for worker in workers:
            worker.cancel()
    return outcomes


async def _each(
    waiting: Iterator[tuple[int, Item]],
    work: Callable[[Item], Awaitable[Result]],
    outcomes: list[Result | BaseException | None],
) -> None:
    """Do the work for items that nobody has begun with, until there are none."""
    for place, item in waiting:
        try:
            outcomes[place] = await work(item)
        except Exception as error:
            outcomes[place] = error


async def looked_at(names: Sequence[str], look: Callable[[str], Awaitable[Look]], seconds: float) -> dict[str, Look]:
    """Return what looks at the sources of some collections have seen. Raises the first error of a look.

    seconds: longest time for all of them where there are several. Those that take longer are left out; they go on.
    """
    until = asyncio.get_running_loop().time() + seconds if len(names) > 1 else math.inf
    found = await in_time(names, look, until)
    seen: dict[str, Look] = {}
    for name, outcome in zip(names, found, strict=True):
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is not None:
            seen[name] = outcome
    return seen


def answers(
    collections: Sequence[str], found: Sequence[Hits | BaseException | None], shards: Callable[[str], int]
) -> list[Hits]:
    """Return the answers of some collections. One that could not be searched, or not in time, counts with its shards
    as not answered, and notes of the first answer name it.

    found: answer or error of each of `collections`; None where it was too late. shards: returns the number of shards of
    a collection as far as it is known.

    Raises the first error that is not one of ours. Raises the first error of all where there is no answer, unless it
    was only the time that was too short.
    """
    failed: dict[str, BaseException] = {}
    there: list[Hits] = []
    for name, answer in zip(collections, found, strict=True):
        if isinstance(answer, Hits):
            there.append(answer)
        else:
            failed[name] = answer if answer is not None else DeadlineExceeded(name)
    for error in failed.values():
        if not isinstance(error, RaycontextError) or not (there or isinstance(error, DeadlineExceeded)):
            raise error
    if not failed:
        return there
    missing = sum(max(shards(name), 1) for name in failed)
    return [*there, Hits(shards_answered=0, shards_total=missing, notes=_notes(failed))]


def not_begun(collections: int) -> Hits:
    """Return the answer of a query whose time was over before it was known what to search.

    collections: number of collections that it named; 0 where it named none.
    """
    note = (
        "The time for a query (RAYCONTEXT_SEARCH_SECONDS) was over before anything could be searched: the Coordinator "
        "is still starting, or is too busy. Ask again."
    )
    return Hits(shards_answered=0, shards_total=max(collections, 1), notes=[note])


def _notes(failed: dict[str, BaseException]) -> Iterable[str]:
    """Yield what an answer says of collections that could not be searched: a sentence for each kind of error."""
    kinds: dict[type[BaseException], list[str]] = {}
    for name, error in failed.items():
        kinds.setdefault(type(error), []).append(name)
    for names in kinds.values():
        error = failed[names[0]]
        if len(names) <= MOST_NAMED:
            yield from (f"'{name}' could not be searched. {failed[name]}" for name in names)
            continue
        named = ", ".join(f"'{name}'" for name in names[:MOST_NAMED])
        yield (
            f"{len(names):,} collections could not be searched: {named} and {len(names) - MOST_NAMED:,} more. "
            f"Of the first: {error}"
        )
