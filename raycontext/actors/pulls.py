"""Pulls: index runs that take rows over from a publication, as the Coordinator has them done."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from raycontext.actors.pulled_rows import PulledRows
from raycontext.errors import PublicationRefused, RootNotFound, UnknownCollection
from raycontext.index.request import IndexRequest
from raycontext.index.reuse.publications import PulledOptions, check_fit, find_publication
from raycontext.models import IndexOptions, IndexReport, PullReport
from raycontext.runtime.base import Runtime
from raycontext.store.catalog import Catalog
from raycontext.store.collection import Collection
from raycontext.store.manifest import Manifest
from raycontext.store.sharing.pulling import remove_stage, stage_of
from raycontext.store.storage.base import Storage

__all__ = ["Pulls"]


class Pulls:
    """Driver of pulls into the collections of one root.

    index: function that runs an index run. rows_of: function that returns what the last run of a collection has pulled.
    """

    def __init__(
        self,
        storage: Storage,
        runtime: Runtime,
        index: Callable[[IndexRequest], Awaitable[IndexReport]],
        rows_of: Callable[[str], PulledRows | None],
    ) -> None:
        self._storage = storage
        self._catalog = Catalog(storage)
        self._runtime = runtime
        self._index = index
        self._rows_of = rows_of

    async def pull(self, request: IndexRequest, target: str, signers: str | None, trust: bool) -> PullReport:
        """Index a folder, with the rows that a target has of its files; see `Context.pull`."""
        if not await asyncio.to_thread(os.path.isdir, request.source):
            raise RootNotFound(request.source)
        publication, signer = await self._runtime.run(find_publication, target, signers)
        manifest = await asyncio.to_thread(self._newest, request)
        options = request.options
        if manifest is None and options.num_shards is None:
            options = options.model_copy(update={"num_shards": publication.options.num_shards})
        of_collection = options.applied_to(manifest.options if manifest is not None else IndexOptions())
        await asyncio.to_thread(check_fit, target, publication, of_collection)
        pulled = PulledOptions(**options.given(), target=target, publication=publication, trust=trust)
        try:
            report = await self._index(request._replace(options=pulled))
        except PublicationRefused:
            await asyncio.to_thread(self._remove_stage, request)
            raise
        await asyncio.to_thread(remove_stage, self._storage, report.collection)
        rows = self._rows_of(report.collection)
        sources = sorted({target if name == stage_of(report.collection) else name for name in report.reused_from})
        return PullReport(
            target=target,
            number=publication.number,
            published_at=publication.published_at,
            signer=signer,
            segments=len(publication.segments),
            bytes=publication.total_bytes,
            fetched_segments=rows.fetched_segments if rows is not None else 0,
            fetched_bytes=rows.fetched_bytes if rows is not None else 0,
            pulled_files=rows.files if rows is not None else 0,
            index=report.model_copy(update={"reused_from": tuple(sources)}),
        )

    def _newest(self, request: IndexRequest) -> Manifest | None:
        """Return the newest version of the collection that a request is about; None where there is none yet."""
        try:
            name = self._name(request)
            return Collection(self._storage, name).latest() if name is not None else None
        except UnknownCollection:
            return None

    def _remove_stage(self, request: IndexRequest) -> None:
        """Remove the stage of the collection that a request is about, also of one that has no version yet."""
        name = self._name(request)
        if name is not None:
            remove_stage(self._storage, name)

    def _name(self, request: IndexRequest) -> str | None:
        """Return the name of the collection that a request is about; None where there is none yet."""
        if request.collection is not None:
            return request.collection
        found = self._catalog.of_source(request.source)
        return found.name if found is not None else None
