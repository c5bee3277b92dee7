"""Questions about relations that a `Context` answers: usages, callers, callees, impact, and paths of calls."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from raycontext.actors.looks import Look, with_look
from raycontext.errors import InvalidInput
from raycontext.files.paths import place_of
from raycontext.kernel.lexer import Use
from raycontext.relations.values import Chain, Impact, Relations
from raycontext.sdk.access.collection import CollectionAccess
from raycontext.sdk.arguments import check_exists, check_limits, check_offset, path_inside
from raycontext.sdk.clients.relations import ALL_KINDS, RelationsClient, Target, UsesWanted
from raycontext.sdk.filters import search_filters, within_source

__all__ = ["MAX_DEPTH", "USE_KINDS", "RelationAccess"]

MAX_DEPTH = 10
"""Largest number of calls that `impact` follows."""

USE_KINDS = ("call", "construction", "inheritance", "import", "type", "mention")
"""Names of the kinds of use."""

MOST_TARGET_CHARACTERS = 4600
"""Largest length of a name, or of a path with a line, in characters."""

Found = TypeVar("Found", Relations, Impact, Chain)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Question about relations: what about, where, and which uses."""

    targets: tuple[str, ...]
    collection: str | None
    path: str | Path | None
    ref: str | None
    refresh: bool | None
    wanted: UsesWanted


class RelationAccess(CollectionAccess):
    """Relations between definitions and what uses them."""

    async def usages(
        self,
        target: str,
        *,
        collection: str | None = None,
        path: str | Path | None = None,
        ref: str | None = None,
        limit: int = 50,
        offset: int = 0,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        uses: Iterable[str] = (),
        mentions: bool = False,
        refresh: bool | None = None,
    ) -> Relations:
        """Return the definitions of a symbol and every place that uses it, those that are certain first.

        target: a name (`run`), a name with its type or module (`Server.run`), or PATH:LINE, the definition whose name
        stands there or that encloses the line. With PATH:LINE, things of the same name are left out as far as scope,
        imports and receivers tell; what cannot be told without types is `possible`.
        collection, path, ref: like those of `search`; `path` chooses the collection and limits the uses to what lies in
        it.
        limit, offset: largest number of places, 1 to 1000, and number of places to leave out from the start, at most
        100,000.
        languages, paths: filters of the places, like those of `search`.
        uses: kinds of use that count: call, construction, inheritance, import, type, mention. Empty: all.
        mentions: True adds places in comments, strings and prose.
        refresh: like that of `search`.

        Raises what `search` raises, and `InvalidInput` when there is no definition at PATH:LINE.
        """
        kinds, filters = _kinds(uses), search_filters(languages, paths, ())
        return await self._related_by(
            lambda client, goal, wanted: client.usages(goal[0], wanted),
            _Asked((target,), collection, path, ref, refresh, UsesWanted(filters, kinds, limit, offset, mentions)),
        )

    async def callers(
        self,
        target: str,
        *,
        collection: str | None = None,
        path: str | Path | None = None,
        ref: str | None = None,
        limit: int = 50,
        offset: int = 0,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        refresh: bool | None = None,
    ) -> Impact:
        """Return the definitions that call or construct another one, with the calls (`Impact.called`).

        The arguments are those of `usages`, whose errors it raises.
        """
        wanted = UsesWanted(search_filters(languages, paths, ()), limit=limit, offset=offset)
        return await self._related_by(
            lambda client, goal, wanted: client.callers(goal[0], wanted),
            _Asked((target,), collection, path, ref, refresh, wanted),
        )

    async def callees(
        self,
        target: str,
        *,
        collection: str | None = None,
        path: str | Path | None = None,
        ref: str | None = None,
        limit: int = 50,
        offset: int = 0,
        refresh: bool | None = None,
    ) -> Impact:
        """Return the definitions that another one calls or constructs, with the calls (`Impact.called`).

        Calls of what the collection does not define are left out. The arguments are those of `usages`, whose errors it
        raises.
        """
        wanted = UsesWanted(limit=limit, offset=offset)
        return await self._related_by(
            lambda client, goal, wanted: client.callees(goal[0], wanted),
            _Asked((target,), collection, path, ref, refresh, wanted),
        )

    async def impact(
        self,
        target: str,
        *,
        collection: str | None = None,
        path: str | Path | None = None,
        ref: str | None = None,
        depth: int = 3,
        limit: int = 50,
        offset: int = 0,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        refresh: bool | None = None,
    ) -> Impact:
        """Return everything that reaches a definition through calls, nearest first, with tests apart.

        depth: largest number of calls between the two, 1 to 10. Names with more than 20 definitions are followed only
        where scope, imports or receivers decide; `Impact.not_followed` lists them. The other arguments are those of
        `usages`, whose errors it raises.
        """
        if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= MAX_DEPTH:
            raise InvalidInput(f"depth is {depth!r}", f"Give 1 to {MAX_DEPTH}.")
        wanted = UsesWanted(search_filters(languages, paths, ()), limit=limit, offset=offset)
        return await self._related_by(
            lambda client, goal, wanted: client.impact(goal[0], wanted, depth),
            _Asked((target,), collection, path, ref, refresh, wanted),
        )

    async def path(
        self,
        start: str,
        goal: str,
        *,
        collection: str | None = None,
        path: str | Path | None = None,
        ref: str | None = None,
        refresh: bool | None = None,
    ) -> Chain:
        """Return a shortest chain of calls from one definition to another. Its steps are empty where there is none.

        start, goal: names or PATH:LINE, like `target` of `usages`, whose other arguments and errors these are.
        """
        return await self._related_by(
            lambda client, ends, _: client.path(ends[0], ends[1]),
            _Asked((start, goal), collection, path, ref, refresh, UsesWanted()),
        )

    async def _related_by(
        self, ask: Callable[[RelationsClient, list[Target], UsesWanted], Awaitable[Found]], asked: _Asked
    ) -> Found:
        """Choose the collection, look for changes, and ask its shards."""
        targets = asked.targets
        check_limits(asked.wanted.limit, 0.0)
        check_offset(asked.wanted.offset)
        for target in targets:
            check_target(target)
        place = asked.path
        if place is None and asked.ref is not None and asked.collection is None:
            place = await asyncio.to_thread(_existing, targets)
        collection, path, refresh = await self._at(asked.ref, asked.collection, place, asked.refresh)
        from_source = collection is not None
        if not from_source and path is not None:
            await asyncio.to_thread(check_exists, path)
        elif not from_source:
            path = await asyncio.to_thread(_existing, targets)
        identity = await self._identity(collection, path)
        inside = ""
        if path is not None and not any(place_of(target) and str(path) in target for target in targets):
            inside = await asyncio.to_thread(path_inside, identity.source, path, from_source)
        inside = "" if inside == "." else inside
        filters = await asyncio.to_thread(within_source, asked.wanted.filters, identity.source, inside)
        looks = await self._looked(refresh, [identity.name])
        goals = [await asyncio.to_thread(_target, identity.source, target, from_source) for target in targets]
        wanted = replace(asked.wanted, filters=filters)
        search = self._client(identity.name)
        answer = await self._answer_of(
            identity.name,
            search.repeatedly(lambda: ask(RelationsClient(search, identity.name, identity.source), goals, wanted)),
        )
        return with_look(answer, looks.get(identity.name, Look()))


def check_target(target: str) -> None:
    """Raise `InvalidInput` unless `target` is a name or PATH:LINE."""
    if not isinstance(target, str) or not target.strip() or len(target) > MOST_TARGET_CHARACTERS:
        raise InvalidInput(f"'{str(target)[:100]}' is no name", "Give a name, or PATH:LINE of a definition.")
    try:
        target.encode(errors="surrogateescape")  # a path may have bytes that are not UTF-8
    except UnicodeEncodeError:
        raise InvalidInput("The name has half of a surrogate pair", "Give valid Unicode.") from None


def _kinds(uses: Iterable[str]) -> int:
    """Return the bits of some kinds of use, of all where there are none."""
    given = [uses] if isinstance(uses, str) else list(uses)
    for use in given:
        if use not in USE_KINDS:
            raise InvalidInput(f"'{use}' is no kind of use", f"Kinds are {', '.join(USE_KINDS)}.")
    return sum({int(Use[use.upper()]) for use in given}) or ALL_KINDS


def _existing(targets: Iterable[str]) -> str | None:
    """Return the first path of a target that is a file here."""
    for target in targets:
        place = place_of(target)
        if place and os.path.exists(os.path.expanduser(place[0])):  # noqa: PTH110, PTH111 - any name is a name
            return place[0]
    return None


def _target(source: str, target: str, from_source: bool) -> Target:
    """Return what a target means. A path that is no file here is one of the collection."""
    place = place_of(target)
    if place is None:
        *outer, name = [part for part in re.split(r"\.|::|#|->|\\", target.strip().removesuffix("()")) if part] or [
            target
        ]
        return Target(name=name, owner=outer[-1] if outer else "")
    path = path_inside(source, place[0], from_source or not Path(place[0]).expanduser().exists())
    return Target(path=path, line=place[1])
