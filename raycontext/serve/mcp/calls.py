"""Work of each MCP tool: what it asks of the service, and how it answers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from raycontext import __version__
from raycontext.discover.first_index import obstacle_to_first_index
from raycontext.errors import InvalidInput, JobFailed, UnknownCollection
from raycontext.models import CollectionSummary, Freshness, Hit
from raycontext.runtime.without_ray import RUNTIMES
from raycontext.serve.mcp.answers import (
    FoundCode,
    ToolAnswer,
    answer_with_notes,
    answer_with_results,
    completeness,
    notes_on_shards,
    sent_bytes,
)
from raycontext.serve.mcp.commits import search_commits
from raycontext.serve.mcp.filters import globs_of
from raycontext.serve.mcp.grep import grep_code
from raycontext.serve.mcp.progress import progress_line, progress_structured
from raycontext.serve.mcp.relations import find_usages, outline_of
from raycontext.serve.mcp.status import status_lines, status_structured
from raycontext.serve.mcp.tools import INDEX_OPTIONS
from raycontext.serve.messages import Answer, CollectionQuery, IndexQuery, JobState, RelatedQuery, SearchQuery
from raycontext.serve.service import Service

__all__ = ["Calls", "Report"]

Report = Callable[[float, float | None, str | None], Awaitable[None]]
"""Function that reports progress to the client: value, total, text."""

FIRST_SEARCH_SECONDS = 20.0
"""Longest wait of the first query of a folder for its index, in seconds. Clients commonly give a call 60 s."""
INDEX_SECONDS = 3.0
"""Longest wait of `index_codebase`, in seconds. Small folders are done by then."""
POLL_SECONDS = 0.25
"""Pause between two looks at a job that a call waits for, in seconds."""
COUNTED = frozenset({"search_code", "find_related", "find_usages", "outline", "grep_code"})
"""Tools whose answers are instead of reading files; see `raycontext.serve.savings`."""
IGNORED = {
    "splitter": "splitter changes nothing: code is always split at definitions.",
    "customExtensions": "customExtensions changes nothing: every text file is indexed, whatever its extension.",
}


class Calls:
    """Calls of the tools. Nothing is held between them."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def call(self, tool: str, arguments: dict[str, Any], report: Report) -> ToolAnswer:
        """Return the answer of a tool. The arguments must have been checked. Raises `RaycontextError`."""
        place = await asyncio.to_thread(os.path.realpath, arguments["path"])
        if not _is_unicode(place):  # the name may come from a link
            raise InvalidInput(f"The name of {place!r} is not valid UTF-8", "Rename it, or pass a folder below it.")
        tools: dict[str, Callable[[dict[str, Any], str, Report], Awaitable[ToolAnswer]]] = {
            "search_code": self._search_code,
            "find_related": self._find_related,
            "find_usages": self._find_usages,
            "outline": self._outline,
            "grep_code": self._grep_code,
            "index_codebase": self._index_codebase,
            "get_indexing_status": self._get_indexing_status,
            "clear_index": self._clear_index,
        }
        answer = await tools[tool](arguments, place, report)
        if tool in COUNTED:
            sent = sent_bytes(answer.text) + (sent_bytes(answer.structured) if answer.structured else 0)
            await self._service.savings.count(answer.named or answer.structured, sent)
        return answer

    async def _search_code(self, arguments: dict[str, Any], place: str, report: Report) -> ToolAnswer:
        """Search a folder; index it first when it never was."""
        if "ref" in arguments or "changed" in arguments:
            if arguments.get("commits"):
                raise InvalidInput("Both commits and a ref are given", "The history goes up to what is checked out.")
            return await self._search_ref(arguments, place)
        found, notes = await self._searchable(place, report)
        if isinstance(found, JobState):
            return _nothing_yet(place, found, arguments)
        globs = globs_of(arguments.get("extensionFilter", []), arguments.get("pathFilter", []))
        if arguments.get("commits"):
            return await search_commits(self._service, found, arguments, place, globs)
        query, limit, grep = arguments["query"], arguments["limit"], arguments.get("grep", "")
        answer = await self._service.search(
            SearchQuery(
                query=query, collection=found.name, path=place, paths=list(globs), grep=grep, limit=limit, context=True
            )
        )
        if not answer.hits:
            notes.append(_tried(found.source, place, filtered=bool(globs or grep)))
        first = f"{_counted(answer)} for '{query}' in {place}"
        return _results(first, found.source, notes, answer, arguments)

    async def _search_ref(self, arguments: dict[str, Any], place: str) -> ToolAnswer:
        """Search a commit of the repository that a folder lies in, or what it changes, without a checkout."""
        ref, changed = arguments.get("ref"), arguments.get("changed")
        globs = globs_of(arguments.get("extensionFilter", []), arguments.get("pathFilter", []))
        query, limit = arguments["query"], arguments["limit"]
        asked = SearchQuery(query=query, path=place, paths=list(globs), limit=limit, context=True)
        answer = await self._service.search(asked.model_copy(update={"ref": ref, "changed": changed}))
        root = answer.hits[0].source if answer.hits else place
        notes = [] if answer.hits else [_tried(place, place, filtered=bool(globs))]
        first = f"{_counted(answer)} for '{query}' in {place} at {ref or changed}"
        return _results(first, root, notes, answer, arguments)

    async def _find_related(self, arguments: dict[str, Any], place: str, report: Report) -> ToolAnswer:
        """Find code similar to a line of a file."""
        found = await self._indexed(place, report)
        line, limit = arguments["line"], arguments["limit"]
        answer = await self._service.related(RelatedQuery(path=place, line=line, limit=limit))
        return _results(f"{_counted(answer)} like line {line} of {place}", found.source, [], answer, arguments)

    async def _find_usages(self, arguments: dict[str, Any], place: str, report: Report) -> ToolAnswer:
        """Answer who uses or calls a definition, or what it calls."""
        return await find_usages(self._service, await self._indexed(place, report), arguments, place)

    async def _outline(self, arguments: dict[str, Any], place: str, report: Report) -> ToolAnswer:
        """Answer which definitions a file or folder has."""
        return await outline_of(self._service, await self._indexed(place, report), arguments, place)

    async def _grep_code(self, arguments: dict[str, Any], place: str, report: Report) -> ToolAnswer:
        """Answer which lines match a regular expression."""
        globs = globs_of(arguments.get("extensionFilter", []), arguments.get("pathFilter", []))
        return await grep_code(self._service, await self._indexed(place, report), arguments, place, globs)

    async def _index_codebase(self, arguments: dict[str, Any], place: str, report: Report) -> ToolAnswer:
        """Start an index job, wait a while for its end, and answer with its progress."""
        notes = [text for argument, text in IGNORED.items() if arguments.get(argument)]
        options = {name: arguments[name] for name in INDEX_OPTIONS if name in arguments}
        if patterns := arguments.get("ignorePatterns"):
            excluded = options["exclude"] if "exclude" in options else await self._excluded(place)
            options["exclude"] = list(dict.fromkeys([*excluded, *patterns]))
        asked = IndexQuery(path=place, ref=arguments.get("ref"), force=arguments["force"], **options)
        begun = await self._service.start_index(asked)
        job = await self._waited(begun, INDEX_SECONDS, report)
        if job.state == "running":
            notes.append("It goes on in the background: get_indexing_status tells how far it is; search_code works.")
        structured = {"root": place, "indexing": progress_structured(job)}
        return answer_with_notes(f"{place}: {progress_line(job)}.", structured, notes)

    async def _get_indexing_status(self, _: dict[str, Any], place: str, __: Report) -> ToolAnswer:
        """Answer whether a folder is indexed, and how far its job is."""
        found = await self._collection_of(place)
        job = self._service.job(found.name) if found else None
        indexed = found is not None and found.version > 0
        if job is not None and job.state in ("running", "failed"):
            status = "indexing" if job.state == "running" else "failed"
        else:
            status = "indexed" if indexed else "not_indexed"
        root = found.source if found else place
        structured: dict[str, Any] = {"root": root, "status": status, "files": 0, "chunks": 0}
        structured["serverVersion"] = __version__
        notes = []
        if found is not None and indexed:
            structured |= {"files": found.files, "chunks": found.chunks, "indexedAt": found.indexed_at}
            notes.append(f"{found.files} files with {found.chunks} chunks are searchable, as of {found.indexed_at}.")
            full = (await self._service.status(CollectionQuery(collection=found.name))).collection
            if full is not None:
                facts = await asyncio.to_thread(status_structured, full)
                structured |= facts
                notes.extend(status_lines(facts))
        if found is not None:
            structured["runtime"] = self._service.contexts.runtime_of(found.name)
            notes.append(f"It {RUNTIMES[structured['runtime']]}.")
        if job is not None and status in ("indexing", "failed"):
            structured["indexing"] = progress_structured(job)
            notes.append(f"Now: {progress_line(job)}.")
        if status == "not_indexed":
            notes.append("search_code indexes it when it is called; index_codebase does it in the background.")
        return answer_with_notes(f"{root}: {status.replace('_', ' ')}.", structured, notes)

    async def _clear_index(self, _: dict[str, Any], place: str, __: Report) -> ToolAnswer:
        """Remove the index of a folder."""
        found = await self._collection_of(place)
        if found is None:
            return answer_with_notes(f"{place} was not indexed.", {"root": place, "cleared": False}, [])
        if found.source != place:
            raise InvalidInput(
                f"{place} is part of the index of {found.source}", f"Pass {found.source} to remove that index."
            )
        await self._service.clear(CollectionQuery(collection=found.name, path=place))
        return answer_with_notes(f"The index of {place} was removed.", {"root": place, "cleared": True}, [])

    async def _collection_of(self, place: str) -> CollectionSummary | None:
        """Return the collection whose source is `place` or the nearest folder above it; None when there is none.

        Raises `PathNotAllowed`.
        """
        try:
            name = await self._service.name_of(CollectionQuery(path=place))
        except UnknownCollection:
            return None
        return next((summary for summary in await self._service.collections() if summary.name == name), None)

    async def _indexed(self, place: str, report: Report) -> CollectionSummary:
        """Return the collection that has `place`, whose folder is indexed first when it never was.

        Raises `InvalidInput` where that goes on or must not be done in passing, and `PathNotAllowed`.
        """
        found, _ = await self._searchable(place, report)
        if isinstance(found, JobState):
            what = f"{place} is being indexed ({progress_line(found)})"
            raise InvalidInput(what, "Call again in some seconds, or use grep meanwhile.")
        return found

    async def _searchable(self, place: str, report: Report) -> tuple[CollectionSummary | JobState, list[str]]:
        """Return the collection that has `place`, whose folder is indexed first when it never was, and notes on that.

        Return the job instead where it still runs. Raises `InvalidInput` for a folder that is not indexed in passing.
        """
        found = await self._collection_of(place)
        if found is not None and found.version > 0:
            return found, []
        job = await self._first_index(place, found, report)
        found = await self._collection_of(place)
        if found is None or found.version == 0:
            return job, []
        return found, ["This folder was not indexed before; this call has indexed it."]

    async def _excluded(self, place: str) -> tuple[str, ...]:
        """Return the globs that the collection of a folder leaves out, so that patterns of an agent add to them."""
        found = await self._collection_of(place)
        if found is None or found.source != place:
            return ()
        status = (await self._service.status(CollectionQuery(collection=found.name))).collection
        return status.exclude if status is not None else ()

    async def _first_index(self, place: str, begun: CollectionSummary | None, report: Report) -> JobState:
        """Index the folder of `place` for the first time, and wait for it up to `FIRST_SEARCH_SECONDS`."""
        job = self._service.job(begun.name) if begun else None
        if job is None or job.state != "running":  # else somebody has asked for it
            folder = begun.source if begun else place  # the root may be of others, and name more than the agent did
            await asyncio.to_thread(_check_first_index, folder)
            job = await self._service.start_index(IndexQuery(path=folder))
        return await self._waited(job, FIRST_SEARCH_SECONDS, report)

    async def _waited(self, job: JobState, seconds: float, report: Report) -> JobState:
        """Return the job once it has ended, or after `seconds`. Raises `JobFailed`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        reported = -1.0
        while job.state == "running" and loop.time() < deadline:
            if job.percent > reported:
                reported = job.percent
                await report(reported, 100.0, f"Indexing {job.source}: {progress_line(job)}")
            await asyncio.sleep(POLL_SECONDS)
            job = self._service.job(job.collection) or job
        if job.state == "failed":
            raise JobFailed(job.collection, job.error)
        return job


def _results(first: str, root: str, notes: list[str], answer: Answer, arguments: dict[str, Any]) -> ToolAnswer:
    """Return the answer for hits, with notes on what may be missing."""
    structured: dict[str, Any] = {
        "root": root,
        **completeness(answer),
        "partial": answer.partial,
    }
    for job in answer.indexing:
        structured["indexing"] = progress_structured(job)
        notes.append(f"Partial: indexing goes on ({progress_line(job)}); later calls can find more.")
    notes.extend([*notes_on_shards(answer), *answer.notes])
    if answer.hits:
        notes.append(f"Paths are relative to {root}")
    told = answer_with_results(
        first,
        structured,
        notes,
        [_found(hit) for hit in answer.hits],
        arguments["maxTokens"],
        answer.surroundings,
        as_json=arguments.get("format") == "json",
    )
    return replace(told, named=[{"source": hit.source, "path": hit.path} for hit in answer.hits])


def _tried(source: str, place: str, *, filtered: bool) -> str:
    """Return what an agent that found nothing is to try next."""
    wider = "drop extensionFilter, pathFilter and grep; " if filtered else ""
    wider += f"pass {source} as path; " if place != source else ""
    return (
        f"To try next: {wider}describe it in other words, or with names that the code may use; outline with map: true "
        "shows what is there; grep_code finds the exact text of a string."
    )


def _nothing_yet(place: str, job: JobState, arguments: dict[str, Any]) -> ToolAnswer:
    """Return the answer for a folder whose first index is not there yet."""
    structured = {"root": place, "partial": True, "indexing": progress_structured(job)}
    notes = ["It cannot be searched yet. Call again in some seconds, or use grep meanwhile."]
    max_tokens, as_json = arguments["maxTokens"], arguments.get("format") == "json"
    return answer_with_results(f"{place}: {progress_line(job)}.", structured, notes, [], max_tokens, as_json=as_json)


def _found(hit: Hit) -> FoundCode:
    """Return a hit as the tools return it."""
    changed = None if hit.freshness is Freshness.UNKNOWN else hit.freshness is not Freshness.UNCHANGED
    symbol = f"{hit.scope} > {hit.symbol}" if hit.scope and hit.symbol else hit.symbol or hit.scope
    return FoundCode(
        hit.path,
        hit.start_line,
        hit.end_line,
        symbol,
        hit.kind,
        hit.language,
        hit.score,
        hit.text,
        changed,
        hit.text_cut,
        hit.more,
        hit.match,
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _counted(answer: Answer) -> str:
    """Return the number of hits as text, such as "1 result"."""
    return f"{len(answer.hits)} result{'' if len(answer.hits) == 1 else 's'}"


def _check_first_index(place: str) -> None:
    """Raise `InvalidInput` for a place that a search does not index by itself.

    A search indexes small projects, neither private places nor whole file systems that an agent named by mistake.
    """
    if Path(place).is_file():
        raise InvalidInput(f"{place} is a file in no indexed folder", "Pass the absolute path of its project's folder.")
    if obstacle := obstacle_to_first_index(place):
        raise InvalidInput(
            f"{place} {obstacle.reason}, so that a search does not index it",
            "Pass the path of a project, or call index_codebase with this path to index all of it.",
        )
