"""Rows of a publication, as the driver of an index run has them fetched and taken over."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from raycontext.index.reuse.publications import PulledOptions, fetch_published
from raycontext.index.reuse.reuse import ReusedBatch
from raycontext.store.collection import Location
from raycontext.store.known_files import KnownFiles
from raycontext.store.sharing.pulling import Fetched, stage_of

__all__ = ["PulledRows", "Run"]


class Run(Protocol):
    """Function that runs another one as a task of the index run, and awaits its result."""

    def __call__(self, function: Any, *arguments: Any) -> Coroutine[Any, Any, Any]: ...


class PulledRows:
    """Fetcher of rows from a publication, and counts of what it has brought. For one index run."""

    def __init__(self, location: Location, options: PulledOptions) -> None:
        self._location = location
        self._options = options
        self._stage = stage_of(location.collection)
        self.fetched_segments = 0
        self.fetched_bytes = 0
        self.files = 0
        """Number of files whose rows come from the publication."""

    @property
    def foreign(self) -> str:
        """Name of the collection whose rows are compared with the files; "" where the target is trusted."""
        return "" if self._options.trust else self._stage

    async def fetch(self, run: Run, files: Sequence[tuple[str, bytes]]) -> list[KnownFiles]:
        """Fetch what the publication has of some files, given as pairs of path and digest, and return where it lies.

        Raises `PublicationRefused` or `StorageError`.
        """
        if not files:
            return []
        fetched: Fetched = await run(fetch_published, self._location, self._options, files)
        self.fetched_segments += fetched.segments
        self.fetched_bytes += fetched.bytes
        return fetched.known

    def note_taken(self, batch: ReusedBatch) -> None:
        """Count the files of a batch that come from the publication."""
        self.files += batch.files_from.get(self._stage, 0)
