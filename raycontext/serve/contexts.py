"""Where the work of a daemon is done: in the daemon and processes of its own, or on Ray, as long as that runs.

A collection begins without Ray. Once Ray is there, it moves: a job ends at its next commit, and the rest of it runs on
Ray; searches are answered here until the actors on Ray can answer. Who commits is decided by the epoch in the manifest,
as after a crash: the first commit of the owner on Ray has a higher one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from raycontext.actors.job import HandedOver
from raycontext.actors.looks import Look, with_look, with_looks
from raycontext.errors import RaycontextError, RuntimeUnavailable
from raycontext.models import CollectionStatus, IndexReport, JobProgress
from raycontext.models.hits import Hits
from raycontext.relations.diffs import CodeDiff
from raycontext.relations.values import RelationAnswer
from raycontext.retrying import Retries
from raycontext.sdk import moving
from raycontext.sdk.clients.several import looked_at
from raycontext.sdk.context import Context

__all__ = ["Contexts"]

Found = TypeVar("Found", bound=RelationAnswer)

_log = logging.getLogger("raycontext.daemon")


ATTEMPTS = 3
"""Number of tries of a question to an actor that may just be moving."""


MOST_MOVED = 8
"""Number of collections in one search from which on none of them moves to Ray for it."""

MOVING_SECONDS = 0.02
"""Pause between two checks whether a collection has moved, in seconds."""


class Contexts:
    """Two ways to the collections of one root, of which the one on Ray may be missing."""

    def __init__(
        self, own: Context, watch_large: Callable[[str, Look], Awaitable[Look]] = lambda name, look: _unwatched(look)
    ) -> None:
        """Begin without Ray.

        watch_large: begins to watch a source that searches do not look at, and returns what is known of it then. It
        gets the name of the collection and the look that names the source.
        """
        self._watch_large = watch_large
        self.catalog = own
        """The context that is always there. It answers what needs no actor of a collection."""
        self._own = own
        self._ray: Context | None = None
        self._indexing: Counter[str] = Counter()
        self._jobs_on_ray: set[str] = set()
        self._searches_on_ray: set[str] = set()
        self._searching: dict[str, set[asyncio.Future[None]]] = {}  # by collection that was searched here
        self._moving: dict[str, asyncio.Task[None]] = {}

    def join(self, ray: Context) -> None:
        """Do the work on Ray from now on. Collections that are in use move at once, others when they are asked."""
        self._ray = ray
        for name in {*self._searching, *self._indexing}:
            self._move(name)

    async def leave(self) -> None:
        """Do without Ray from now on. No job may run there."""
        self._ray = None
        tasks = list(self._moving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._jobs_on_ray.clear()
        self._searches_on_ray.clear()

    @property
    def is_indexing(self) -> bool:
        """Whether an index run is under way."""
        return bool(self._indexing)

    @property
    def is_moving(self) -> bool:
        """Whether a collection is on its way to Ray."""
        return bool(self._moving)

    def runtime_of(self, collection: str) -> Literal["ray", "processes", "inline"]:
        """Return where a collection is indexed."""
        return "ray" if collection in self._jobs_on_ray else moving.runtime_of(self._own)

    async def index(
        self,
        source: str,
        *,
        collection: str,
        paths: Sequence[str] | None = None,
        on_progress: Callable[[JobProgress], None] | None = None,
        **options: Any,
    ) -> IndexReport:
        """Bring a collection up to date; see `Context.index`. A run that begins without Ray goes on there."""
        parts: list[IndexReport] = []

        def show(progress: JobProgress) -> None:
            if on_progress is not None:
                on_progress(_after(parts, progress))

        self._indexing[collection] += 1
        try:
            while True:
                context = await self._for_jobs(collection)
                try:
                    last = await context.index(source, collection=collection, paths=paths, on_progress=show, **options)
                except HandedOver as left:
                    parts.append(left.report)
                else:
                    return _joined([*parts, last])
        finally:
            self._indexing[collection] -= 1
            self._indexing += Counter()  # drops what is zero

    async def search(
        self,
        query: str,
        *,
        collection: str | None,
        collections: Sequence[str],
        path: str | None,
        refresh: bool | None,
        **asked: Any,
    ) -> Hits:
        """See `Context.search`."""
        names = await moving.names_of(self._own, collection, collections, path)
        where: dict[str, Any] = {"collection": names[0], "path": path} if len(names) == 1 else {"collections": names}
        if asked.get("commits"):  # what has changed in files does not matter to them
            with self._searched(names) as context:
                return await context.search(query, refresh=refresh, **where, **asked)
        begun = time.monotonic()
        seconds = moving.look_seconds_of(self._own)
        looks = await looked_at(names, lambda name: self._freshen(name, refresh), seconds)
        looked = time.monotonic() - begun
        with self._searched(names) as context:
            hits = await context.search(query, refresh=False, **where, **asked)
        return with_looks(hits, looks, looked)

    async def related(self, path: str, line: int, *, collection: str | None, **asked: Any) -> Hits:
        """See `Context.related`."""
        name = collection or await self._own.resolve(None, path)
        with self._searched([name]) as context:
            return await context.related(path, line, collection=collection, **asked)

    async def ask(self, collection: str, refresh: bool | None, call: Callable[[Context], Awaitable[Found]]) -> Found:
        """Return what `call` returns for the context that answers questions to a collection now, and how old it is."""
        look = await self._freshen(collection, refresh)
        with self._searched([collection]) as context:
            return with_look(await call(context), look)

    async def diff(self, collections: Sequence[str], **asked: Any) -> CodeDiff:
        """See `Context.diff`. collections: those of both commits, which are indexed."""
        with self._searched(collections) as context:
            return await context.diff(collection=collections[0], **asked)

    async def status(self, collection: str) -> CollectionStatus:
        """See `Context.status`."""
        # An actor that has just moved is found where it is now.
        return await Retries((RuntimeUnavailable,), attempts=ATTEMPTS).run(lambda: self._status(collection))

    async def cancel(self, collection: str) -> bool:
        """See `Context.cancel`."""
        cancelled = await self._own.cancel(collection)
        if self._ray is not None and collection in self._jobs_on_ray:
            cancelled = await self._ray.cancel(collection) or cancelled
        return cancelled

    async def clear(self, collection: str) -> None:
        """See `Context.clear`."""
        task = self._moving.get(collection)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if self._ray is not None:
            await self._let_go(collection)
            await self._own.release(collection)
        await (self._ray or self._own).clear(collection)
        self._forget(collection)

    async def release(self, collection: str) -> None:
        """End the actors of a collection wherever they are."""
        await self._own.release(collection)
        if self._ray is not None and collection in self._jobs_on_ray | self._searches_on_ray:
            await self._ray.release(collection)
        self._forget(collection)

    def _forget(self, collection: str) -> None:
        self._searching.pop(collection, None)
        self._jobs_on_ray.discard(collection)
        self._searches_on_ray.discard(collection)

    async def _freshen(self, collection: str, refresh: bool | None) -> Look:
        """Have the owner of a collection look for changes. While its jobs are on their way to Ray, wait for that.

        There is no wait where a run has to come to its next commit first.
        """
        while collection in self._moving and collection not in self._jobs_on_ray:
            if self._indexing[collection]:
                return Look(f"'{collection}' is being indexed: some of the newest changes may be missing.")
            await asyncio.sleep(MOVING_SECONDS)
        context = self._ray if collection in self._jobs_on_ray else None
        look = await moving.freshen(context or self._own, collection, refresh)
        return await self._watch_large(collection, look) if look.watch else look

    async def _for_jobs(self, collection: str) -> Context:
        """Return the context that is to write to a collection now; the other one has let go of it."""
        if self._ray is None:
            return self._own
        self._move(collection)
        await self._let_go(collection)
        return self._ray or self._own

    async def _status(self, collection: str) -> CollectionStatus:
        context = self._ray if collection in self._jobs_on_ray else None
        return await (context or self._own).status(collection)

    @contextmanager
    def _searched(self, names: Sequence[str]) -> Iterator[Context]:
        """Yield the context that answers at once, and have the collections move to Ray where that is there.

        A search in many collections moves none: each would get actors of its own.
        """
        for name in names if len(names) <= MOST_MOVED else ():
            self._move(name)
        if self._ray is not None and self._searches_on_ray.issuperset(names):
            yield self._ray
            return
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for name in names:
            self._searching.setdefault(name, set()).add(ended)
        try:
            yield self._own
        finally:
            ended.set_result(None)
            for name in names:
                self._searching.get(name, set()).discard(ended)

    def _move(self, collection: str) -> None:
        """Begin to move a collection to Ray, unless it is there or on its way."""
        if self._ray is None or collection in self._searches_on_ray or collection in self._moving:
            return
        task = asyncio.create_task(self._moved(collection, self._ray))
        self._moving[collection] = task
        task.add_done_callback(lambda _: self._moving.pop(collection))

    async def _moved(self, collection: str, ray: Context) -> None:
        try:
            await self._let_go(collection)
            await moving.warm(ray, collection)
        except RaycontextError as error:  # who asks for the collection is told; until then it is answered here
            _log.info("%s does not move to Ray: %s", collection, error)
            return
        self._searches_on_ray.add(collection)
        if begun := self._searching.get(collection):
            await asyncio.wait(begun)  # these searches still need the actors here
        await self._own.release(collection)

    async def _let_go(self, collection: str) -> None:
        if collection not in self._jobs_on_ray:
            await moving.hand_over(self._own, collection)
            if self._ray is not None:
                self._jobs_on_ray.add(collection)


async def _unwatched(look: Look) -> Look:
    return look


def _after(parts: Sequence[IndexReport], progress: JobProgress) -> JobProgress:
    """Return the progress of a run whose first parts have ended elsewhere."""
    files, size = sum(part.added + part.modified for part in parts), sum(part.indexed_bytes for part in parts)
    return progress.model_copy(
        update={
            "files_to_index": progress.files_to_index + files,
            "files_indexed": progress.files_indexed + files,
            "bytes_to_index": progress.bytes_to_index + size,
            "bytes_indexed": progress.bytes_indexed + size,
            "seconds": progress.seconds + sum(part.seconds for part in parts),
        }
    )


def _joined(parts: Sequence[IndexReport]) -> IndexReport:
    """Return the report of a run that consists of several parts."""
    if len(parts) == 1:
        return parts[0]
    added = ("added", "modified", "removed", "indexed_bytes", "seconds")
    embedded = ("embedded_texts", "reused_vectors", "embedding_tokens")
    sums = {name: sum(getattr(part, name) for part in parts) for name in (*added, *embedded)}
    cut = tuple(sorted({path for part in parts for path in part.cut_by_lines}))
    return parts[-1].model_copy(update={**sums, "changed": any(part.changed for part in parts), "cut_by_lines": cut})
