"""Answers to questions about relations: the collection is chosen as for a search, and the answer kept to its budget."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from raycontext.errors import InvalidInput
from raycontext.files.paths import place_of
from raycontext.models import FrozenModel
from raycontext.relations.diffs import CodeDiff
from raycontext.relations.values import Chain, CodeMap, Impact, Outline, Relations
from raycontext.sdk.context import Context
from raycontext.sdk.token_budget import OVERHEAD_TOKENS, tokens_of
from raycontext.serve.messages import CollectionQuery
from raycontext.serve.relation_messages import (
    CalleesQuery,
    CallersQuery,
    DiffQuery,
    ImpactQuery,
    MapQuery,
    OutlineQuery,
    PathQuery,
    RelationQuery,
    UsagesQuery,
)
from raycontext.serve.service import Service

__all__ = ["callees", "callers", "chain", "code_map", "diff", "fitting", "impact", "outline", "target_of", "usages"]

Found = TypeVar("Found", Relations, Impact, Chain)
Item = TypeVar("Item", bound=FrozenModel)


async def usages(service: Service, asked: UsagesQuery) -> Relations:
    """Return the uses of a definition. Raises what `Context.usages` raises, and `PathNotAllowed`."""
    found = await _asked(service, asked, [asked.target], Context.usages)
    uses, is_cut = fitting(found.uses, asked.max_tokens)
    return found.model_copy(update={"uses": uses, "cut": found.cut or is_cut})


async def callers(service: Service, asked: CallersQuery) -> Impact:
    """Return what calls a definition. Raises what `Context.callers` raises, and `PathNotAllowed`."""
    return _cut_called(
        await _asked(service, asked, [asked.target], Context.callers),
        asked.max_tokens,
    )


async def callees(service: Service, asked: CalleesQuery) -> Impact:
    """Return what a definition calls. Raises what `Context.callees` raises, and `PathNotAllowed`."""
    return _cut_called(
        await _asked(service, asked, [asked.target], Context.callees),
        asked.max_tokens,
    )


async def impact(service: Service, asked: ImpactQuery) -> Impact:
    """Return what reaches a definition. Raises what `Context.impact` raises, and `PathNotAllowed`."""
    found = await _asked(service, asked, [asked.target], Context.impact)
    reached, is_cut = fitting(found.reached, asked.max_tokens)
    left = None if asked.max_tokens is None else asked.max_tokens - sum(map(_size, reached))
    tests, are_cut = fitting(found.tests, left)
    return found.model_copy(update={"reached": reached, "tests": tests, "cut": found.cut or is_cut or are_cut})


async def chain(service: Service, asked: PathQuery) -> Chain:
    """Return a chain of calls. Raises what `Context.path` raises, and `PathNotAllowed`."""
    return await _asked(service, asked, [asked.start, asked.goal], Context.path)


async def outline(service: Service, asked: OutlineQuery) -> Outline:
    """Return the definitions of a place. Raises what `Context.outline` raises, and `PathNotAllowed`."""
    name, path = await _outlined(service, asked)
    given = asked.model_dump(exclude={"collection", "max_tokens", "ref"}) | {"path": path, "refresh": False}
    found = await service.contexts.ask(name, asked.refresh, lambda context: context.outline(collection=name, **given))
    definitions, is_cut = fitting(found.definitions, asked.max_tokens)
    return found.model_copy(update={"definitions": definitions, "cut": found.cut or is_cut})


async def code_map(service: Service, asked: MapQuery) -> CodeMap:
    """Return the most important definitions of a place. Raises what `Context.map` raises, and `PathNotAllowed`."""
    name, path = await _outlined(service, asked)
    given = asked.model_dump(exclude={"collection", "ref"}) | {"path": path, "refresh": False}
    return await service.contexts.ask(name, asked.refresh, lambda context: context.map(collection=name, **given))


async def diff(service: Service, asked: DiffQuery) -> CodeDiff:
    """Return what differs between two commits. Raises what `Context.diff` raises, and `PathNotAllowed`."""
    where = CollectionQuery(collection=asked.collection, path=asked.path, folder=asked.folder)
    before, after = [await service.at_ref(ref, where) for ref in (asked.before, asked.after)]
    commits = {name: target.source.rpartition("@")[2] for name, target in (("before", before), ("after", after))}
    given = asked.model_dump(include={"query", "limit", "languages", "paths", "kinds"}) | commits
    inside = after.inside if asked.path is not None and after.inside else None
    service.note_use(after.collection)
    found = await service.contexts.diff([after.collection, before.collection], path=inside, **given)
    definitions, is_cut = fitting(found.definitions, asked.max_tokens)
    return found.model_copy(update={"definitions": definitions, "cut": found.cut or is_cut})


async def _outlined(service: Service, asked: OutlineQuery | MapQuery) -> tuple[str, str]:
    """Return the name of the collection that a path lies in, and the path as the SDK takes it."""
    is_absolute = os.path.isabs(asked.path)  # noqa: PTH117
    if asked.collection is None and not is_absolute:
        raise InvalidInput(f"'{asked.path}' is relative", "Give an absolute path, or the collection that it is in.")
    place = asked.path if is_absolute else None
    where = CollectionQuery(collection=asked.collection, path=place)
    if asked.ref is None:
        name, path = await service.name_of(where), asked.path
    else:
        name, inside = await target_of(service, asked.ref, where)
        path = inside or "." if is_absolute else asked.path
    service.note_use(name)
    return name, path


async def target_of(service: Service, ref: str, where: CollectionQuery) -> tuple[str, str | None]:
    """Return the collection of the commit that a ref means, which is indexed by then, and the place in it."""
    target = await service.at_ref(ref, where)
    return target.collection, target.inside if where.path is not None and target.inside else None


async def _asked(
    service: Service, asked: RelationQuery, targets: Sequence[str], method: Callable[..., Awaitable[Found]]
) -> Found:
    """Choose the collection and ask it with a method of `Context`, before which `Contexts.ask` looks for changes.

    Every absolute path of a target must be one that the caller may reach.
    """
    places = [place[0] for target in targets if (place := place_of(target))]
    absolute = [place for place in places if os.path.isabs(place)]  # noqa: PTH117
    path = asked.path or (absolute[0] if absolute and asked.collection is None else None)
    where = CollectionQuery(collection=asked.collection, path=path, folder=asked.folder)
    given = asked.model_dump(exclude={"collection", "folder", "max_tokens", "ref"}) | {"refresh": False}
    if asked.ref is None:
        name = await service.name_of(where)
        for inside in absolute:
            await service.name_of(CollectionQuery(collection=name, path=inside))
    else:
        name, inside_commit = await target_of(service, asked.ref, where)
        given["path"] = inside_commit if asked.path is not None else None
        for inside in absolute:
            await service.check_path(inside)
    service.note_use(name)
    return await service.contexts.ask(name, asked.refresh, lambda context: method(context, collection=name, **given))


def _cut_called(found: Impact, max_tokens: int | None) -> Impact:
    called, is_cut = fitting(found.called, max_tokens)
    return found.model_copy(update={"called": called, "cut": found.cut or is_cut})


def fitting(items: tuple[Item, ...], max_tokens: int | None) -> tuple[tuple[Item, ...], bool]:
    """Return the first items that fit into a budget, and whether some do not."""
    if max_tokens is None:
        return items, False
    kept: list[Item] = []
    for item in items:
        max_tokens -= _size(item)
        if max_tokens < 0:
            return tuple(kept), True
        kept.append(item)
    return tuple(kept), False


def _size(item: FrozenModel) -> int:
    """Return about how many tokens an entry takes."""
    return OVERHEAD_TOKENS + tokens_of(" ".join(_texts(item.model_dump())))


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, (list, tuple)):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []
