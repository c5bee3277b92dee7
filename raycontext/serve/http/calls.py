"""Table of the operations of the JSON API: path, request, answer, and the work of the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from raycontext.serve.messages import (
    Answer,
    CancelAnswer,
    ClearAnswer,
    CollectionQuery,
    CollectionsAnswer,
    IndexQuery,
    JobsAnswer,
    JobState,
    RelatedQuery,
    SearchQuery,
    StatusAnswer,
    UnwatchAnswer,
    WatchesAnswer,
    WatchQuery,
    WatchState,
)
from raycontext.serve.service import Service

__all__ = ["CALLS", "Call", "Query", "method_of"]


Query = TypeVar("Query", bound=BaseModel)


class Call(NamedTuple):
    """An operation of the API."""

    path: str
    name: str
    summary: str
    asks: type[BaseModel] | None
    answers: type[BaseModel]
    work: Callable[[Service, Any], Awaitable[BaseModel]]


async def _search(service: Service, asked: SearchQuery) -> Answer:
    return await service.search(asked)


async def _related(service: Service, asked: RelatedQuery) -> Answer:
    return await service.related(asked)


async def _index(service: Service, asked: IndexQuery) -> JobState:
    return await service.start_index(asked)


async def _jobs(service: Service, asked: None) -> JobsAnswer:
    return JobsAnswer(jobs=service.jobs())


async def _cancel(service: Service, asked: CollectionQuery) -> CancelAnswer:
    collection, cancelled = await service.cancel(asked)
    return CancelAnswer(collection=collection, cancelled=cancelled)


async def _collections(service: Service, asked: None) -> CollectionsAnswer:
    return CollectionsAnswer(collections=await service.collections())


async def _status(service: Service, asked: CollectionQuery) -> StatusAnswer:
    return await service.status(asked)


async def _clear(service: Service, asked: CollectionQuery) -> ClearAnswer:
    return ClearAnswer(cleared=await service.clear(asked))


async def _watch(service: Service, asked: WatchQuery) -> WatchState:
    return await service.watch(asked)


async def _unwatch(service: Service, asked: CollectionQuery) -> UnwatchAnswer:
    collection, stopped = await service.unwatch(asked)
    return UnwatchAnswer(collection=collection, stopped=stopped)


async def _watches(service: Service, asked: None) -> WatchesAnswer:
    return WatchesAnswer(watches=service.watches())


CALLS = (
    Call("/api/search", "search", "Search one collection or several", SearchQuery, Answer, _search),
    Call("/api/related", "related", "Code that is like the chunk at a line", RelatedQuery, Answer, _related),
    Call("/api/index", "index", "Begin to index a folder, or join the job that does", IndexQuery, JobState, _index),
    Call("/api/jobs", "jobs", "Index jobs, running and ended", None, JobsAnswer, _jobs),
    Call("/api/cancel", "cancel", "Stop the job of a collection", CollectionQuery, CancelAnswer, _cancel),
    Call("/api/collections", "collections", "All collections", None, CollectionsAnswer, _collections),
    Call("/api/status", "status", "A collection, its job and its actors", CollectionQuery, StatusAnswer, _status),
    Call("/api/watch", "watch", "Keep the index of a folder up to date", WatchQuery, WatchState, _watch),
    Call("/api/unwatch", "unwatch", "Watch a folder no longer", CollectionQuery, UnwatchAnswer, _unwatch),
    Call("/api/watches", "watches", "Folders that are watched", None, WatchesAnswer, _watches),
    Call("/api/clear", "clear", "Remove a collection from the index", CollectionQuery, ClearAnswer, _clear),
)
"""Those that ask for something are POST with a JSON body, the others GET."""


def method_of(call: Call) -> str:
    return "GET" if call.asks is None else "POST"
