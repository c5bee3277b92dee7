"""Table of the operations of the JSON API: path, request, answer, and the work of the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from raycontext.relations.diffs import CodeDiff
from raycontext.relations.grep_answer import GrepAnswer
from raycontext.relations.values import Chain, CodeMap, Impact, Outline, Relations
from raycontext.sdk.token_budget import BYTES_PER_TOKEN
from raycontext.sdk.watching.watches import WatchState
from raycontext.serve.daemon_messages import CollectionSavings, SavingsAnswer, SavingsQuery
from raycontext.serve.grep import GrepQuery, grep
from raycontext.serve.messages import (
    Answer,
    CancelAnswer,
    ClearAnswer,
    ClearQuery,
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
)
from raycontext.serve.relation_messages import (
    CalleesQuery,
    CallersQuery,
    DiffQuery,
    ImpactQuery,
    MapQuery,
    OutlineQuery,
    PathQuery,
    UsagesQuery,
)
from raycontext.serve.relations import callees, callers, chain, code_map, diff, impact, outline, usages
from raycontext.serve.savings import Saved
from raycontext.serve.service import Service

__all__ = ["CALLS", "Call", "Query", "method_of", "savings_of"]


Query = TypeVar("Query", bound=BaseModel)


class Call(NamedTuple):
    """Operation of the API: its path, name and summary, the types of its request and answer, and the work."""

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


async def _clear(service: Service, asked: ClearQuery) -> ClearAnswer:
    return ClearAnswer(cleared=await service.clear(asked))


async def _watch(service: Service, asked: WatchQuery) -> WatchState:
    return await service.watch(asked)


async def _unwatch(service: Service, asked: CollectionQuery) -> UnwatchAnswer:
    collection, stopped = await service.unwatch(asked)
    return UnwatchAnswer(collection=collection, stopped=stopped)


async def _savings(service: Service, asked: SavingsQuery) -> SavingsAnswer:
    known = await service.collections()
    if asked.collection is not None:
        name = await service.name_of(CollectionQuery(collection=asked.collection))
        known = [summary for summary in known if summary.name == name]
    told = [savings_of(one.name, one.source, found) for one in known if (found := service.savings.of(one.source))]
    return SavingsAnswer(savings=told, counted=service.savings.counts)


def savings_of(collection: str, source: str, saved: Saved) -> CollectionSavings:
    """Return the sums of a collection as they are told, in tokens."""
    return CollectionSavings(
        collection=collection,
        source=source,
        since=saved.since,
        answers=saved.answers,
        answer_tokens=round(saved.answer_bytes / BYTES_PER_TOKEN),
        file_tokens=round(saved.file_bytes / BYTES_PER_TOKEN),
    )


async def _watches(service: Service, asked: None) -> WatchesAnswer:
    return WatchesAnswer(watches=service.watches())


CALLS = (
    Call("/api/search", "search", "Search one collection or several", SearchQuery, Answer, _search),
    Call("/api/related", "related", "Find code similar to the chunk at a line", RelatedQuery, Answer, _related),
    Call("/api/usages", "usages", "List the places that use a definition", UsagesQuery, Relations, usages),
    Call("/api/callers", "callers", "List the definitions that call another one", CallersQuery, Impact, callers),
    Call("/api/callees", "callees", "List the definitions that another one calls", CalleesQuery, Impact, callees),
    Call("/api/impact", "impact", "List what reaches a definition through calls", ImpactQuery, Impact, impact),
    Call("/api/path", "path", "Find a chain of calls between two definitions", PathQuery, Chain, chain),
    Call("/api/outline", "outline", "List the definitions of a file or folder", OutlineQuery, Outline, outline),
    Call("/api/map", "map", "List the most important definitions of a file or folder", MapQuery, CodeMap, code_map),
    Call("/api/diff", "diff", "List the definitions that differ between two commits", DiffQuery, CodeDiff, diff),
    Call("/api/grep", "grep", "List the lines that match a regular expression", GrepQuery, GrepAnswer, grep),
    Call("/api/index", "index", "Begin to index a folder, or join the job that does", IndexQuery, JobState, _index),
    Call("/api/jobs", "jobs", "List index jobs, running and ended", None, JobsAnswer, _jobs),
    Call("/api/cancel", "cancel", "Stop the job of a collection", CollectionQuery, CancelAnswer, _cancel),
    Call("/api/collections", "collections", "List all collections", None, CollectionsAnswer, _collections),
    Call("/api/status", "status", "Show a collection, its job and its actors", CollectionQuery, StatusAnswer, _status),
    Call("/api/savings", "savings", "Tell what answers cost beside files", SavingsQuery, SavingsAnswer, _savings),
    Call("/api/watch", "watch", "Keep the index of a folder up to date", WatchQuery, WatchState, _watch),
    Call("/api/unwatch", "unwatch", "Stop watching a folder", CollectionQuery, UnwatchAnswer, _unwatch),
    Call("/api/watches", "watches", "List watched folders", None, WatchesAnswer, _watches),
    Call("/api/clear", "clear", "Remove a collection from the index", ClearQuery, ClearAnswer, _clear),
)
"""All operations. Those with a request are POST with a JSON body; all others are GET."""


def method_of(call: Call) -> str:
    """Return the HTTP method of an operation."""
    return "GET" if call.asks is None else "POST"
