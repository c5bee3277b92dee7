"""Records of what a batch has done: immutable files in the root, each created only if it is absent. No one owns a run.

    <root>/.batch/<identity>/<run>/PLAN             the run exists
                                  /begun/<name>     a process has begun with this source; others leave it to the last
                                  /done/<name>      outcome of a source that was indexed
                                  /REPORT           the run is over; the next invocation begins another one

A process that is killed leaves a run without REPORT. The next process continues that run: sources that are done are not
indexed again, and sources that failed are tried again. Two processes at once share a run in this way. A record that
cannot be read counts as absent.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from raycontext.batch.report import BatchReport, EntryOutcome
from raycontext.errors import CorruptManifest
from raycontext.store.manifest import FORMAT, decode_sealed, encode_sealed
from raycontext.store.storage.base import Storage

__all__ = ["BatchRecords", "BatchRun"]

Record = TypeVar("Record", bound=BaseModel)

FOLDER = ".batch"
KEPT_RUNS = 10
"""Number of runs that are kept for each list. Older runs are removed."""


class BatchRecords:
    """Runs of one list on one root."""

    def __init__(self, storage: Storage, identity: str) -> None:
        self._storage = storage
        self._folder = f"{FOLDER}/{identity}"

    def unfinished(self) -> BatchRun | None:
        """Return the newest run when it is not over, else None."""
        numbers = self._runs()
        run = self._run(numbers[-1]) if numbers else None
        return run if run is not None and run.report() is None else None

    def take(self) -> BatchRun:
        """Return the newest run, or a new one when that is over. Raises `StorageError`."""
        unfinished = self.unfinished()
        if unfinished is not None:
            return unfinished
        numbers = self._runs()
        run = self._run(numbers[-1] + 1 if numbers else 1)
        run.open()  # when another process has just created it, both share it
        for old in numbers[: -KEPT_RUNS + 1]:
            self._storage.remove(f"{self._folder}/{old:08d}")
        return run

    def _runs(self) -> list[int]:
        """Return the numbers of all runs of the list, lowest first."""
        return sorted(int(name) for name in self._storage.list(self._folder) if name.isascii() and name.isdecimal())

    def _run(self, number: int) -> BatchRun:
        return BatchRun(self._storage, f"{self._folder}/{number:08d}", number)


class BatchRun:
    """Records of one run."""

    def __init__(self, storage: Storage, folder: str, number: int) -> None:
        self._storage = storage
        self._folder = folder
        self.number = number

    def open(self) -> bool:
        """Create the run. Returns False when it exists already."""
        return self._put("PLAN", {})

    def begin(self, name: str) -> bool:
        """Record that a process begins with this source. Returns False when another one has begun with it."""
        return self._put(f"begun/{name}", {})

    def begun(self) -> set[str]:
        """Return the names of sources that some process has begun with."""
        return set(self._storage.list(f"{self._folder}/begun"))

    def done(self) -> dict[str, EntryOutcome]:
        """Return the outcomes of the sources that were indexed in this run, by collection."""
        outcomes = (self.outcome(name) for name in self._storage.list(f"{self._folder}/done"))
        return {outcome.collection: outcome for outcome in outcomes if outcome is not None}

    def outcome(self, name: str) -> EntryOutcome | None:
        """Return the outcome of a source; None when it was not indexed in this run."""
        return self._get(f"done/{name}", EntryOutcome)

    def record(self, outcome: EntryOutcome) -> None:
        """Record the outcome of a source that was indexed."""
        self._put(f"done/{outcome.collection}", outcome.model_dump(mode="json"))

    def report(self) -> BatchReport | None:
        """Return the report of the run; None while it is not over."""
        return self._get("REPORT", BatchReport)

    def close(self, report: BatchReport) -> None:
        """Record that the run is over."""
        self._put("REPORT", report.model_dump(mode="json"))

    def _put(self, name: str, value: dict[str, Any]) -> bool:
        """Create a record. Returns False when there is one already. Raises `StorageError`."""
        return self._storage.create(f"{self._folder}/{name}", encode_sealed("batch", {"format": FORMAT, **value}))

    def _get(self, name: str, kind: type[Record]) -> Record | None:
        """Read a record; None when it is missing or damaged."""
        place = f"{self._folder}/{name}"
        try:
            body = decode_sealed("batch", place, self._storage.read(place))
            return kind.model_validate({key: value for key, value in body.items() if key != "format"})
        except (FileNotFoundError, CorruptManifest, ValidationError):
            return None
