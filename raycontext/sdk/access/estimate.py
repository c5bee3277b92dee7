"""Estimates of index runs, of which nothing is carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from raycontext.actors.coordinator import Coordinator
from raycontext.index.estimate import IndexEstimate
from raycontext.index.request import index_request, run_options
from raycontext.sdk.access.grep import GrepAccess

__all__ = ["EstimateAccess"]


class EstimateAccess(GrepAccess):
    """Estimates of index runs: what `Context` offers before it indexes."""

    async def estimate(
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
    ) -> IndexEstimate:
        """Return what `index` would do with these arguments, and change nothing.

        Files and bytes are counted, and so are the files whose rows the run would take over from other collections, or
        from this one's earlier versions, in place of parsing them (`reused_files`). Chunks and seconds are extrapolated
        from a sample. `exceeds_max_embedding_tokens` says whether `index` would stop at its limit of tokens. Raises
        `RootNotFound`, `InvalidInput` or `StorageError`, and `UnknownCollection` or `NotIndexedYet` for `fork_from`.
        """
        request = await asyncio.to_thread(
            index_request,
            self._settings,
            source,
            collection,
            run_options(
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
            ),
        )
        estimate = await (await self._coordinator()).call(Coordinator.estimate, request)
        budget = request.plan.most_tokens
        exceeds = budget is not None and estimate.embedding_tokens > budget
        return estimate.model_copy(update={"exceeds_max_embedding_tokens": exceeds})
