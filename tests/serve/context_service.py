"""The service that the MCP tools need, on a connection of the SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from raycontext.context import Context
from raycontext.models import CollectionSummary, Hit, JobProgress


class ContextService:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._runs: dict[str, asyncio.Task[object]] = {}
        self._progress: dict[str, JobProgress] = {}

    async def collections(self) -> Sequence[CollectionSummary]:
        return await self._context.collections()

    async def search(self, query: str, collection: str, paths: tuple[str, ...], limit: int) -> Sequence[Hit]:
        return await self._context.search(query, collection=collection, paths=paths, limit=limit)

    async def related(self, path: str, line: int, limit: int) -> Sequence[Hit]:
        return await self._context.related(path, line, limit=limit)

    async def start_index(self, path: str) -> None:
        self._progress[path] = JobProgress(collection="", stage="queued")
        self._runs[path] = asyncio.ensure_future(self._context.index(path))
        await asyncio.sleep(0)

    async def progress(self, path: str) -> JobProgress | None:
        run = self._runs.get(path)
        if run is None:
            return None
        if not run.done():
            return JobProgress(collection="", stage="indexing")
        error = run.exception()
        return (
            JobProgress(collection="", stage="failed", error=str(error))
            if error
            else JobProgress(collection="", stage="done")
        )

    async def clear(self, collection: str) -> None:
        await self._context.clear(collection)
