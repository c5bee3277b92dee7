"""Publishing of collections, and pulling of what others have published."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar

from raycontext.actors.coordinator import Coordinator
from raycontext.errors import InvalidInput
from raycontext.files.paths import real_path
from raycontext.index.request import index_request, run_options
from raycontext.index.reuse.publications import publish_collection
from raycontext.models import JobProgress, PublishReport, PullReport
from raycontext.sdk.access.commits import CommitAccess
from raycontext.store.collection import Location
from raycontext.store.storage.locations import check_url, is_url

__all__ = ["PublishAccess"]

PROGRESS_SECONDS = 0.2
"""Pause between two requests for the progress of a running job, in seconds."""

Report = TypeVar("Report")


class PublishAccess(CommitAccess):
    """Publications: what `Context` offers to share an index with others."""

    async def publish(
        self,
        target: str | Path,
        *,
        collection: str | None = None,
        path: str | Path | None = None,
        key: str | Path | None = None,
        keep: int | None = None,
    ) -> PublishReport:
        """Put what is missing of a collection's newest version into a target, from which others `pull` it.

        What is published holds the indexed texts, also those of files that were changed or removed since the last
        compaction. Segments that the target has are not copied again.

        target: folder, or URL of a prefix in an object store (s3://, gs://, az://).
        collection, path: like those of `search`.
        key: file of an SSH key that signs the publication, and with it every object, by `ssh-keygen`. None leaves it
        unsigned.
        keep: number of newest publications that stay in the target, from 1. Older ones are removed with the segments
        and signatures that no other one names, once pulls that use them have had their time: a minute in a folder, a
        day in an object store. None removes nothing.

        Raises `UnknownCollection`, `NotIndexedYet`, `InvalidInput` or `StorageError`.
        """
        if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int) or keep < 1):
            raise InvalidInput(f"keep is {keep!r}", "Keep at least 1 publication, the newest.")
        name = await self._resolve(collection, path)
        place = await asyncio.to_thread(_target, target)
        signing = None if key is None else await asyncio.to_thread(real_path, key)
        location = Location(self._root, name, self._storage_options)
        return await self._answer_of(name, self._runtime.run(publish_collection, location, place, signing, keep))

    async def pull(
        self,
        target: str | Path,
        source: str | Path,
        *,
        collection: str | None = None,
        secrets: bool | None = None,
        language_of: Iterable[str] | None = None,
        embedder: str | None = None,
        signers: str | Path | None = None,
        trust: bool = False,
        on_progress: Callable[[JobProgress], None] | None = None,
    ) -> PullReport:
        """Index a folder, with the rows that a target has of its files, and parse only what is new in it.

        Only segments are fetched that hold files of the folder which no collection of the root holds. Nobody trusts the
        target: every object is compared with its publication, and the rows of a file with the file itself, so that
        answers show nothing but what the local files say. Rows of other files are dropped. Answers and scores are those
        of `index`, as far as the publisher is honest about terms and vectors: `signers` tells whether it is who you
        think.

        target: folder or URL, as in `publish`. Its newest publication counts.
        source, collection, secrets, language_of, embedder: like those of `index`. What was published must have been
        built with the same ones.
        signers: file of allowed signers, see ssh-keygen(1). One of them must have signed the publication. None takes
        any, and the report names no signer.
        trust: True takes whole segments, with rows of files that the folder does not have, and compares nothing with
        the files. Other branches then find their rows here.
        on_progress: function that is called a few times a second with the progress of the run.

        Raises `PublicationRefused` or `FingerprintMismatch` where the publication cannot be used, and what `index`
        raises.
        """
        options = run_options(secrets=secrets, language_of=language_of, embedder=embedder)
        request = await asyncio.to_thread(index_request, self._settings, source, collection, options)
        place = await asyncio.to_thread(_target, target)
        allowed = None if signers is None else await asyncio.to_thread(real_path, signers)
        coordinator = await self._coordinator()
        pulling = coordinator.call(Coordinator.pull, request, place, allowed, trust)
        return await self._followed(pulling, request.source, collection, on_progress)

    async def _followed(
        self,
        run: Coroutine[Any, Any, Report],
        source: str,
        collection: str | None,
        on_progress: Callable[[JobProgress], None] | None,
    ) -> Report:
        """Await an index run of a source, and call a function with its progress meanwhile. Raises what `run` raises."""
        running = asyncio.ensure_future(run)
        try:
            if on_progress is not None:
                coordinator = await self._coordinator()
                while not (await asyncio.wait([running], timeout=PROGRESS_SECONDS))[0]:
                    progress = await coordinator.call(Coordinator.progress_of, source, collection)
                    if progress is not None:
                        on_progress(progress)
            return await running
        finally:
            running.cancel()  # when this call is cancelled, no one waits for the result


def _target(target: str | Path) -> str:
    """Return the absolute path or the canonical URL of a target. Raises `InvalidInput`."""
    return check_url(str(target)) if is_url(target) else real_path(os.fspath(target))
