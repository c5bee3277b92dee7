"""What each MCP tool does with the service."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path, PurePath
from typing import Any, Protocol

from raycontext.errors import InvalidInput, JobFailed, RootNotFound
from raycontext.models import CollectionSummary, Freshness, Hit, JobProgress
from raycontext.serve.mcp_answers import Answer, FoundCode, answer_with_notes, answer_with_results
from raycontext.serve.mcp_filters import path_globs
from raycontext.serve.mcp_progress import percent_of, progress_line, progress_structured, state_of

__all__ = ["Calls", "CodeService", "Report"]

Report = Callable[[float, float | None, str | None], Awaitable[None]]
"""Tells the client of progress: value, total, text."""

FIRST_SEARCH_SECONDS = 20.0
"""How long the first search of a folder waits for its index; clients commonly give a call 60 s."""
INDEX_SECONDS = 3.0
"""How long `index_codebase` waits, for small folders are done by then."""
POLL_SECONDS = 0.25
IGNORED = {
    "splitter": "splitter changes nothing: code is always split at definitions.",
    "customExtensions": "customExtensions changes nothing: every text file is indexed, whatever its extension.",
    "ignorePatterns": "ignorePatterns changes nothing: put the patterns into .raycontextignore in the folder.",
}


class CodeService(Protocol):
    """What the tools need. Paths are absolute, and are refused where they lie outside the allowed roots."""

    async def collections(self) -> Sequence[CollectionSummary]:
        """All collections."""
        ...

    async def search(self, query: str, collection: str, paths: tuple[str, ...], limit: int) -> Sequence[Hit]:
        """Hits, best first; `paths`: as in `SearchFilters`."""
        ...

    async def related(self, path: str, line: int, limit: int) -> Sequence[Hit]:
        """Hits like the chunk at a line."""
        ...

    async def start_index(self, path: str) -> None:
        """Begin to index a folder; a run of it that goes on is joined."""
        ...

    async def progress(self, path: str) -> JobProgress | None:
        """How far the running or last run that indexes this folder is."""
        ...

    async def clear(self, collection: str) -> None:
        """Remove a collection; a run that goes on is stopped."""
        ...


class Calls:
    """Carries calls out. Holds nothing between them."""

    def __init__(self, service: CodeService) -> None:
        self._service = service
        self._tools: dict[str, Callable[[dict[str, Any], str, Report], Awaitable[Answer]]] = {
            "search_code": self._search_code,
            "find_related": self._find_related,
            "index_codebase": self._index_codebase,
            "get_indexing_status": self._get_indexing_status,
            "clear_index": self._clear_index,
        }

    async def call(self, tool: str, arguments: dict[str, Any], report: Report) -> Answer:
        """The answer of a tool to arguments that were checked. Raises `RaycontextError`."""
        place = await asyncio.to_thread(os.path.realpath, arguments["path"])
        return await self._tools[tool](arguments, place, report)

    async def _search_code(self, arguments: dict[str, Any], place: str, report: Report) -> Answer:
        found = await self._collection_of(place)
        notes: list[str] = []
        if found is None or found.version == 0:
            progress = await self._first_index(place, found, report)
            found = await self._collection_of(place)
            if found is None or found.version == 0:
                return _nothing_yet(place, progress, arguments["maxTokens"])
            notes.append("This folder was not indexed before; this call has indexed it.")
        folder, file = await asyncio.to_thread(_inside, found.source, place)
        globs = path_globs(folder, file, arguments.get("extensionFilter", []), arguments.get("pathFilter", []))
        hits = await self._service.search(arguments["query"], found.name, globs, arguments["limit"])
        first = f"{_counted(hits)} for '{arguments['query']}' in {place}"
        if not hits:
            notes.append("Describe it in other words, or drop filters. The exact text of a string is for grep.")
        return await self._results(first, found.source, notes, hits, arguments["maxTokens"])

    async def _find_related(self, arguments: dict[str, Any], place: str, _: Report) -> Answer:
        found = await self._collection_of(place)
        if found is None or found.version == 0:
            raise InvalidInput(
                f"{place} is in no indexed folder", "Call search_code with the path of its project first."
            )
        hits = await self._service.related(place, arguments["line"], arguments["limit"])
        first = f"{_counted(hits)} like line {arguments['line']} of {place}"
        return await self._results(first, found.source, [], hits, arguments["maxTokens"])

    async def _index_codebase(self, arguments: dict[str, Any], place: str, report: Report) -> Answer:
        await asyncio.to_thread(_check_folder, place)
        notes = [text for argument, text in IGNORED.items() if arguments.get(argument)]
        if arguments["force"]:
            found = await self._collection_of(place)
            if found is not None and found.source == place:
                await self._service.clear(found.name)
                notes.append("Its former index was removed.")
        await self._service.start_index(place)
        progress = await self._waited(place, INDEX_SECONDS, report)
        if progress.stage == "failed":
            raise JobFailed(progress.collection, progress.error)
        if state_of(progress) == "running":
            notes.append("It goes on in the background: get_indexing_status tells how far it is; search_code works.")
        structured = {"root": place, "indexing": progress_structured(progress)}
        return answer_with_notes(f"{place}: {progress_line(progress)}.", structured, notes)

    async def _get_indexing_status(self, _: dict[str, Any], place: str, __: Report) -> Answer:
        found = await self._collection_of(place)
        root = found.source if found else place
        progress = await self._service.progress(root)
        state = state_of(progress) if progress else ""
        indexed = found is not None and found.version > 0
        running = state in ("queued", "running")
        status = "indexing" if running else "failed" if state == "failed" else "indexed" if indexed else "not_indexed"
        structured: dict[str, Any] = {"root": root, "status": status, "files": 0, "chunks": 0}
        notes = []
        if found is not None and indexed:
            structured |= {"files": found.files, "chunks": found.chunks, "indexedAt": found.indexed_at}
            notes.append(f"{found.files} files with {found.chunks} chunks are searchable, as of {found.indexed_at}.")
        if progress is not None and status != "indexed":
            structured["indexing"] = progress_structured(progress)
            notes.append(f"Now: {progress_line(progress)}.")
        if status == "not_indexed":
            notes.append("search_code indexes it when it is called; index_codebase does it in the background.")
        return answer_with_notes(f"{root}: {status.replace('_', ' ')}.", structured, notes)

    async def _clear_index(self, _: dict[str, Any], place: str, __: Report) -> Answer:
        found = await self._collection_of(place)
        if found is None:
            return answer_with_notes(f"{place} was not indexed.", {"root": place, "cleared": False}, [])
        if found.source != place:
            raise InvalidInput(
                f"{place} is part of the index of {found.source}", f"Pass {found.source} to remove that index."
            )
        await self._service.clear(found.name)
        return answer_with_notes(f"The index of {place} was removed.", {"root": place, "cleared": True}, [])

    async def _collection_of(self, place: str) -> CollectionSummary | None:
        """The collection whose source is `place` or the nearest folder above it."""
        above = {place, *map(str, PurePath(place).parents)}
        found = [summary for summary in await self._service.collections() if summary.source in above]
        return max(found, key=lambda summary: len(summary.source), default=None)

    async def _first_index(self, place: str, begun: CollectionSummary | None, report: Report) -> JobProgress:
        """Index what holds `place` for the first time; waits a while, not for ever."""
        folder = begun.source if begun else place
        if begun is None:
            await asyncio.to_thread(_check_first_index, place)
        await self._service.start_index(folder)
        progress = await self._waited(folder, FIRST_SEARCH_SECONDS, report)
        if progress.stage == "failed":
            raise JobFailed(progress.collection, progress.error)
        return progress

    async def _waited(self, folder: str, seconds: float, report: Report) -> JobProgress:
        """The progress of a run once it has ended, or after `seconds`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        reported = -1.0
        while True:
            progress = await self._service.progress(folder) or JobProgress(collection="", stage="queued")
            if state_of(progress) not in ("queued", "running") or loop.time() >= deadline:
                return progress
            if percent_of(progress) > reported:
                reported = percent_of(progress)
                await report(reported, 100.0, f"Indexing {folder}: {progress_line(progress)}")
            await asyncio.sleep(POLL_SECONDS)

    async def _results(self, first: str, root: str, notes: list[str], hits: Sequence[Hit], max_tokens: int) -> Answer:
        progress = await self._service.progress(root)
        structured: dict[str, Any] = {"root": root, "partial": False}
        if progress is not None and state_of(progress) in ("queued", "running"):
            structured |= {"partial": True, "indexing": progress_structured(progress)}
            notes.append(f"Partial: indexing goes on ({progress_line(progress)}); later calls can find more.")
        if hits:
            notes.append(f"Paths are relative to {root}")
        return answer_with_results(first, structured, notes, [_found(hit) for hit in hits], max_tokens)


def _nothing_yet(place: str, progress: JobProgress, max_tokens: int) -> Answer:
    structured = {"root": place, "partial": True, "indexing": progress_structured(progress)}
    notes = ["Nothing of it can be searched yet. Call again in some seconds, or use grep meanwhile."]
    return answer_with_results(
        f"{place} is being indexed: {progress_line(progress)}.", structured, notes, [], max_tokens
    )


def _found(hit: Hit) -> FoundCode:
    changed = None if hit.freshness is Freshness.UNKNOWN else hit.freshness is not Freshness.UNCHANGED
    symbol = f"{hit.scope} > {hit.symbol}" if hit.scope and hit.symbol else hit.symbol or hit.scope
    return FoundCode(
        hit.path, hit.start_line, hit.end_line, symbol, hit.kind, hit.language, hit.score, hit.text, changed
    )


def _counted(hits: Sequence[Hit]) -> str:
    return f"{len(hits)} result{'' if len(hits) == 1 else 's'}"


def _inside(source: str, place: str) -> tuple[str, str]:
    """The folder below `source` that `place` is or lies in, and the file that it is, relative to `source`."""
    relative = PurePath(place).relative_to(source).as_posix()
    if relative == ".":
        return "", ""
    if Path(place).is_file():
        return PurePath(relative).parent.as_posix().removeprefix("."), relative
    return relative, ""


def _check_folder(place: str) -> None:
    if Path(place).is_file():
        raise InvalidInput(f"{place} is a file in no indexed folder", "Pass the absolute path of its project's folder.")
    if not Path(place).is_dir():
        raise RootNotFound(place)


def _check_first_index(place: str) -> None:
    """A search indexes projects, not whole file systems that an agent named by mistake."""
    _check_folder(place)
    if Path(place) in (Path.home(), *Path.home().parents):
        raise InvalidInput(
            f"{place} holds more than a project, so that a search does not index it",
            "Pass the path of a project in it, or call index_codebase with this path to index all of it.",
        )
