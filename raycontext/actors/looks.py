"""The looks that searches have at sources: each search sees what was changed before it began.

Looking for changes and taking them in are two budgets. A look is a walk over the status of files. A tree that is too
large for that, or whose last look took too long, is for a watcher, and the answer says how old it is. What a look finds
is indexed before the search answers when it is little, else behind it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from raycontext.actors.job import HandedOver
from raycontext.discover.commits.names import is_source_of_commit
from raycontext.discover.doubts import without_unchanged
from raycontext.discover.scan import Scan, scan
from raycontext.discover.snapshot import is_racy
from raycontext.errors import CorruptManifest, RaycontextError, StorageError, UnknownCollection
from raycontext.index.reuse.own_sources import is_own_source, was_own_source
from raycontext.models import FileStat
from raycontext.models.hits import Hits
from raycontext.relations.values import RelationAnswer
from raycontext.settings import LOOK_FILES, LOOK_SECONDS
from raycontext.store.collection import Collection, Location
from raycontext.store.manifest import Manifest

__all__ = ["EVERY_LOOK", "FEW_CHANGES", "Look", "LookBudget", "Looks", "with_look", "with_looks"]

_log = logging.getLogger("raycontext")

Found = TypeVar("Found", bound=RelationAnswer)

SLOW_LOOK_SECONDS = 60.0
"""Shortest time between two looks at a source whose last look took longer than the budget, in seconds."""

FEW_CHANGES = 64
"""Largest number of changed files that a search indexes before it answers."""
FEW_BYTES = 8 << 20
"""Largest total size in bytes of the changed files that a search indexes before it answers."""

CHECK_SECONDS = 0.1
"""Pause between two checks whether a longer index run is in the way of a search, in seconds."""


class LookBudget(NamedTuple):
    """Limits of the sources that every search looks at."""

    files: int = LOOK_FILES
    """Largest number of files of a collection."""
    seconds: float = LOOK_SECONDS
    """Longest look, in seconds. A source whose last look took longer is looked at once in `SLOW_LOOK_SECONDS`."""


EVERY_LOOK = LookBudget()
"""Budget where no setting says another."""


class Look(NamedTuple):
    """What a search knows of the source of a collection when it begins."""

    note: str = ""
    """Sentence for the answer; "" for none."""
    age_seconds: float | None = None
    """Age in seconds of the state of the source that the index is known to hold. None: unknown."""
    may_miss_files: bool = True
    """Whether files may have changed since that the index does not hold."""
    watch: str = ""
    """Source that a watcher should keep up to date, since searches do not look at it; "" where they do."""


AS_COMMITTED = Look(age_seconds=0.0, may_miss_files=False)
"""What is known of the source of a collection of a commit: it never changes."""


def with_looks(hits: Hits, looks: Mapping[str, Look], seconds: float) -> Hits:
    """Return an answer that tells what the looks at the sources of its collections have found, by name.

    seconds: time that they took.
    """
    searched = [
        found.model_copy(update={"age_seconds": look.age_seconds, "may_miss_files": look.may_miss_files})
        if (look := looks.get(found.collection)) is not None
        else found
        for found in hits.searched
    ]
    told = hits.replaced(hits, filter(None, (look.note for look in looks.values())), searched)
    told.look_seconds = seconds
    return told


def with_look(answer: Found, look: Look) -> Found:
    """Return an answer about relations that tells what a look at the source of its collection has found."""
    notes = dict.fromkeys((*answer.notes, *filter(None, [look.note])))
    return answer.model_copy(
        update={"age_seconds": look.age_seconds, "may_miss_files": look.may_miss_files, "notes": tuple(notes)}
    )


class Looks:
    """Looks at the sources of collections. State of one event loop.

    index: brings places of a source up to date: name of the collection, source, places.
    is_long: tells whether a run of a collection is under way that a search does not wait for.
    stays: whether this process lives on after an answer, so that it can index behind it.
    """

    def __init__(
        self,
        root: str,
        index: Callable[[str, str, tuple[str, ...]], Coroutine[Any, Any, object]],
        is_long: Callable[[str], bool],
        budget: LookBudget,
        *,
        stays: bool,
    ) -> None:
        self._root = root
        self._index = index
        self._is_long = is_long
        self._budget = budget
        self._stays = stays
        self._queues: dict[str, deque[asyncio.Task[Look]]] = {}
        self._behind: dict[str, asyncio.Task[object]] = {}
        self._slow_until: dict[str, float] = {}
        self._complete: dict[str, float] = {}
        self._seen: dict[str, dict[str, FileStat]] = {}

    def note_run(self, collection: str, begun: float) -> None:
        """Note that a run over the whole source has succeeded, which began at `begun` on the monotonic clock."""
        self._complete[collection] = begun

    def forget(self, collection: str) -> None:
        """Forget a collection that was removed."""
        for known in (self._slow_until, self._complete, self._seen):
            known.pop(collection, None)

    async def look(self, location: Location) -> Look:
        """Look whether the source of a collection has changed, and index a few changes before returning.

        The look begins after this call, so that it sees all earlier changes. Calls that wait for one share it.
        """
        queue = self._queues.setdefault(location.collection, deque())
        if len(queue) < 2:  # one that has begun, and one that waits for its end
            task = asyncio.create_task(self._after(queue[-1] if queue else None, location))
            queue.append(task)
            task.add_done_callback(queue.remove)
        return await asyncio.shield(queue[-1])

    async def close(self) -> None:
        """Stop what is indexed behind answers."""
        behind = list(self._behind.values())
        for task in behind:
            task.cancel()
        await asyncio.gather(*behind, return_exceptions=True)

    async def _after(self, before: asyncio.Task[Look] | None, location: Location) -> Look:
        """Look once an earlier look has ended. The look at a collection that cannot be read is empty."""
        if before is not None:
            await asyncio.wait([before])
        try:
            return await self._look(location)
        # Removed or replaced meanwhile, or damaged: the search meets it as well, and reports what is wrong.
        except (UnknownCollection, CorruptManifest, StorageError, FileNotFoundError) as error:
            _log.info("%s was not looked at: %s", location.collection, error)
            return Look()
        except HandedOver:
            return Look()
        except RaycontextError as error:
            return Look(f"Changes in the source of '{location.collection}' could not be taken in. {error}")

    async def _look(self, location: Location) -> Look:
        """Look for changes, and index them where they are few."""
        begun = time.monotonic()
        opened = location.open()
        identity, manifest = await asyncio.to_thread(lambda: (opened.identity(), opened.latest()))
        name, source = identity.name, identity.source
        if manifest is None:
            return Look()
        if is_source_of_commit(source):
            return AS_COMMITTED
        old = Look(age_seconds=self._age(name, manifest))
        if (reason := await asyncio.to_thread(self._why_closed, name, source)) is not None:
            return old._replace(note=reason)
        if manifest.files > self._budget.files or begun < self._slow_until.get(name, 0.0):
            return old._replace(watch=source)
        found, changed = await asyncio.to_thread(self._changes, opened, manifest)
        took = time.monotonic() - begun
        if took > self._budget.seconds:
            self._slow_until[name] = begun + took + SLOW_LOOK_SECONDS
        if changed or found.removed:
            note = await self._taken_in(name, source, changed, found.removed)
            if note:
                return old._replace(note=note)
            self._note_seen(name, changed, found)
        self._complete[name] = begun
        return Look(age_seconds=time.monotonic() - begun, may_miss_files=False)

    def _why_closed(self, name: str, source: str) -> str | None:
        """Return why a source cannot or must not be looked at, "" where there is nothing to say; None where it may."""
        if not Path(source).is_dir():
            was_here = was_own_source(self._root, source)
            return f"The folder {source} is gone: hits show what was indexed of it." if was_here else ""
        if is_own_source(self._root, source):
            return None
        return (
            f"Changes in {source} are not taken in: you have not indexed this folder under this root. "
            f"Run `raycontext index {source} --collection {name}` if the root is yours."
        )

    def _changes(self, opened: Collection, manifest: Manifest) -> tuple[Scan, list[FileStat]]:
        """Return what a walk finds, and which of its files have to be indexed."""
        source, options = Path(manifest.source), manifest.options
        snapshot = opened.snapshot(manifest)
        found = scan(source, options, snapshot)
        known = self._seen.get(manifest.collection, {})
        wanted = [file for file in found.to_hash if known.get(file.path) != file]
        changed, unchanged = without_unchanged(source, wanted, snapshot, options.max_file_bytes)
        self._note_seen(manifest.collection, unchanged, found)
        return found, changed

    def _note_seen(self, name: str, files: list[FileStat], found: Scan) -> None:
        """Note files that the index holds as they are: they were read after a walk, and a later change would show."""
        known = self._seen.get(name, {})
        kept = {file.path: file for file in found.to_hash if known.get(file.path) == file}
        new = {file.path: file for file in files if not is_racy(file.mtime_ns, found.scanned_at_ns)}
        self._seen[name] = kept | new

    async def _taken_in(self, name: str, source: str, changed: list[FileStat], removed: list[str]) -> str:
        """Index changes and return "", or return a note where the search is not to wait for that."""
        places = (*(file.path for file in changed), *removed)
        under_way = f"'{name}' is being indexed: some of the newest changes may be missing."
        if self._is_long(name) or name in self._behind:
            return under_way
        if len(places) > FEW_CHANGES or sum(file.size for file in changed) > FEW_BYTES:
            if not self._stays:
                return (
                    f"{len(places)} files of '{name}' have changed since they were indexed, which is more than a "
                    f"search takes in. Run `raycontext index {source}`."
                )
            self._begin_behind(name, self._index(name, source, ()))
            return f"{len(places)} files of '{name}' have changed and are being indexed now: they may be missing."
        indexing = asyncio.ensure_future(self._index(name, source, places))
        while not (await asyncio.wait([indexing], timeout=CHECK_SECONDS))[0]:
            if self._is_long(name):
                self._begin_behind(name, _result_of(indexing))
                return under_way
        await indexing
        return ""

    def _begin_behind(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        """Go on with an index run behind the answer."""
        task = asyncio.create_task(work)
        self._behind[name] = task
        task.add_done_callback(lambda _: self._behind.pop(name, None))
        task.add_done_callback(_log_failure)

    def _age(self, name: str, manifest: Manifest) -> float | None:
        """Return the age in seconds of the last complete view of a source. None: unknown."""
        if name in self._complete:
            return time.monotonic() - self._complete[name]
        try:
            committed = datetime.fromisoformat(manifest.committed_at)
        except ValueError:
            return None
        return max((datetime.now(UTC) - committed).total_seconds(), 0.0)


async def _result_of(work: Awaitable[object]) -> object:
    return await work


def _log_failure(task: asyncio.Task[object]) -> None:
    """Log the error of a task that nobody awaits."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.info("changes could not be taken in: %s", error)
