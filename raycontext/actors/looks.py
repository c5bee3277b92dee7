"""The looks that searches have at sources: when one is due, and what is taken in before the search answers."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable

from raycontext.actors.job import HandedOver
from raycontext.errors import RaycontextError
from raycontext.index import stages
from raycontext.index.own_sources import is_own_source
from raycontext.store.collection import Location

__all__ = ["Looks"]

_log = logging.getLogger("raycontext")

LOOK_SECONDS = 1.0
"""Shortest time between two looks at the source of a collection, in seconds."""
LOOK_BUDGET_SECONDS = 0.05
"""Longest look after which the next one may follow within `LOOK_SECONDS`, in seconds."""
SLOW_LOOK_SECONDS = 60.0
"""Shortest time between two looks that take longer than `LOOK_BUDGET_SECONDS`, in seconds."""

LOOK_FILES = 5_000
"""Largest number of files of a collection whose source a search looks at."""

FEW_CHANGES = 64
"""Largest number of changed files that a search indexes before it answers."""


class Looks:
    """When the source of each collection was looked at, and what is to be said of it. State of one event loop.

    index: brings places of a source up to date: name of the collection, source, places.
    """

    def __init__(self, root: str, index: Callable[[str, str, tuple[str, ...]], Awaitable[object]]) -> None:
        self._root = root
        self._index = index
        self._again: dict[str, float] = {}
        self._notes: dict[str, str] = {}

    def is_due(self, collection: str) -> bool:
        """Return whether the source of a collection may be looked at again."""
        return time.monotonic() >= self._again.get(collection, 0.0)

    def note(self, collection: str) -> str:
        """Return what an answer says of the last look; "" for nothing."""
        return self._notes.get(collection, "")

    def forget_note(self, collection: str) -> None:
        """Say nothing of a collection until the next look."""
        self._notes.pop(collection, None)

    async def look(self, location: Location) -> None:
        """Look whether the source of a collection has changed, by file metadata, and index a few changes."""
        collection, begun = location.collection, time.monotonic()
        try:
            self._notes[collection] = await self._look(location)
        except (RaycontextError, HandedOver) as error:  # the search goes on, and reports a problem that concerns it
            _log.info("%s was not looked at: %s", collection, error)
        ended = time.monotonic()
        pause = LOOK_SECONDS if ended - begun <= LOOK_BUDGET_SECONDS else SLOW_LOOK_SECONDS
        self._again[collection] = ended + pause

    async def _look(self, location: Location) -> str:
        """Index what has changed in a source, when both are small. Return a note when changes are not taken in."""
        opened = location.open()
        identity, manifest = await asyncio.to_thread(lambda: (opened.identity(), opened.latest()))
        if manifest is None or manifest.files > LOOK_FILES:
            return ""
        if not await asyncio.to_thread(os.path.isdir, identity.source):
            return ""
        if not await asyncio.to_thread(is_own_source, self._root, identity.source):
            return (
                f"Changes in {identity.source} are not taken in: you have not indexed this folder under this root. "
                f"Run `raycontext index {identity.source} --collection {identity.name}` if the root is yours."
            )
        scan = await asyncio.to_thread(stages.scan_tree, identity.source, location, manifest.version, manifest.options)
        if 0 < len(scan.to_hash) + len(scan.removed) <= FEW_CHANGES:
            places = (*(file.path for file in scan.to_hash), *scan.removed)
            await self._index(identity.name, identity.source, places)
        return ""
