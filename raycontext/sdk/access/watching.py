"""Watches of a context: folders that are indexed again whenever their files change."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from raycontext.actors.looks import Look
from raycontext.files.paths import real_path
from raycontext.index.request import run_options
from raycontext.models import IndexReport
from raycontext.models.options import RunOptions
from raycontext.runtime.base import Runtime
from raycontext.sdk.access.evaluation import EvaluationAccess
from raycontext.sdk.watching.watches import Watched, Watches, WatchState
from raycontext.settings import Settings

__all__ = ["WatchAccess"]


class WatchAccess(EvaluationAccess):
    """Part of a context that watches folders."""

    def __init__(self, root: str, runtime: Runtime, settings: Settings) -> None:
        super().__init__(root, runtime, settings)
        self._watches = Watches(self._index_watched)
        self._on_report: dict[str, Callable[[IndexReport], None]] = {}
        self._complete = {}

    async def watch(
        self,
        source: str | Path,
        *,
        collection: str | None = None,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        secrets: bool | None = None,
        language_of: Iterable[str] | None = None,
        max_file_bytes: int | None = None,
        num_shards: int | None = None,
        embedder: str | None = None,
        fork: bool | None = None,
        fork_from: str | None = None,
        max_embedding_tokens: int | None = None,
        retry_quarantined: bool | None = None,
        on_report: Callable[[IndexReport], None] | None = None,
    ) -> WatchState:
        """Index a folder, and again whenever its files change, until `unwatch` or the end of the connection.

        Return at once. The first run gets the options, which are those of `index`; a folder that is watched already
        goes on with the options that are given. Searches say how old their view of a watched folder is.

        on_report: function that is called with the report of each run that has changed the index.

        Raises `RootNotFound`, `CollectionExists` or `InvalidInput`. The problem of a run is in `WatchState.problem`.
        """
        options = await asyncio.to_thread(
            run_options,
            include=include,
            exclude=exclude,
            secrets=secrets,
            language_of=language_of,
            max_file_bytes=max_file_bytes,
            num_shards=num_shards,
            embedder=embedder,
            fork=fork,
            fork_from=fork_from,
            max_embedding_tokens=max_embedding_tokens,
            retry_quarantined=retry_quarantined,
        )
        place = await asyncio.to_thread(real_path, source)
        name = await self.prepare(place, collection)
        if on_report is not None:
            self._on_report[name] = on_report
        return await self._watches.start(name, Watched(place, options))

    async def unwatch(self, collection: str | None = None, *, path: str | Path | None = None) -> bool:
        """Stop watching a folder. Return False when this context did not watch it.

        `collection` and `path` are like those of `search`. Raises `UnknownCollection` or `InvalidInput`.
        """
        name = await self._resolve(collection, path)
        self._on_report.pop(name, None)
        return await self._watches.stop(name)

    async def watches(self) -> list[WatchState]:
        """Return the states of all folders that this context watches, sorted by collection."""
        return self._watches.states()

    @abstractmethod
    async def _index_watched(
        self, collection: str, source: str, paths: tuple[str, ...], options: RunOptions
    ) -> IndexReport:
        """Index a watched folder, or only some places in it, and pass on the report of a run that changed something."""

    async def _looked(self, refresh: bool | None, names: Sequence[str]) -> dict[str, Look]:
        looks = await super()._looked(refresh, names)
        return {name: self._watches.seen(name, look) for name, look in looks.items()}

    async def _close(self) -> None:
        await self._watches.close()
        await super()._close()
