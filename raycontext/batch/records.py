"""What a batch has done, as immutable records in the root, each put where there is none: no one owns a run.

    <root>/.batch/<identity>/<run>/PLAN             the run exists
                                  /begun/<name>     someone has begun with this source: others leave it to the last
                                  /done/<name>      what came of it, where it was indexed
                                  /REPORT           the run is over; the next invocation begins another one

A process that is killed leaves a run without REPORT, which the next one takes up: what is done is not done again, and
what failed is tried again. Two processes at once share a run the same way. A record that cannot be read counts as
absent.
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
"""Of each list: older runs are removed."""


class BatchRecords:
    """The runs of one list on one root."""

    def __init__(self, storage: Storage, identity: str) -> None:
        self._storage = storage
        self._folder = f"{FOLDER}/{identity}"

    def unfinished(self) -> BatchRun | None:
        """The newest run, unless it is over."""
        numbers = self._runs()
        run = self._run(numbers[-1]) if numbers else None
        return run if run is not None and run.report() is None else None

    def take(self) -> BatchRun:
        """The newest run, or another one if that is over. Raises `StorageError`."""
        unfinished = self.unfinished()
        if unfinished is not None:
            return unfinished
        numbers = self._runs()
        run = self._run(numbers[-1] + 1 if numbers else 1)
        run.open()  # or someone else did: then it is his run that we take
        for old in numbers[: -KEPT_RUNS + 1]:
            self._storage.remove(f"{self._folder}/{old:08d}")
        return run

    def _runs(self) -> list[int]:
        return sorted(int(name) for name in self._storage.list(self._folder) if name.isascii() and name.isdecimal())

    def _run(self, number: int) -> BatchRun:
        return BatchRun(self._storage, f"{self._folder}/{number:08d}", number)


class BatchRun:
    """One run."""

    def __init__(self, storage: Storage, folder: str, number: int) -> None:
        self._storage = storage
        self._folder = folder
        self.number = number

    def open(self) -> bool:
        """Whether it is new."""
        return self._put("PLAN", {})

    def begin(self, name: str) -> bool:
        """Whether no one had begun with this source."""
        return self._put(f"begun/{name}", {})

    def begun(self) -> set[str]:
        """Sources that someone has begun with."""
        return set(self._storage.list(f"{self._folder}/begun"))

    def done(self) -> dict[str, EntryOutcome]:
        """What was indexed in this run, by collection."""
        outcomes = (self.outcome(name) for name in self._storage.list(f"{self._folder}/done"))
        return {outcome.collection: outcome for outcome in outcomes if outcome is not None}

    def outcome(self, name: str) -> EntryOutcome | None:
        """What came of a source, where it was indexed."""
        return self._get(f"done/{name}", EntryOutcome)

    def record(self, outcome: EntryOutcome) -> None:
        """That a source is indexed."""
        self._put(f"done/{outcome.collection}", outcome.model_dump(mode="json"))

    def report(self) -> BatchReport | None:
        """What came of the run, once it is over."""
        return self._get("REPORT", BatchReport)

    def close(self, report: BatchReport) -> None:
        """The run is over."""
        self._put("REPORT", report.model_dump(mode="json"))

    def _put(self, name: str, value: dict[str, Any]) -> bool:
        return self._storage.create(f"{self._folder}/{name}", encode_sealed("batch", {"format": FORMAT, **value}))

    def _get(self, name: str, kind: type[Record]) -> Record | None:
        place = f"{self._folder}/{name}"
        try:
            body = decode_sealed("batch", place, self._storage.read(place))
            return kind.model_validate({key: value for key, value in body.items() if key != "format"})
        except (FileNotFoundError, CorruptManifest, ValidationError):
            return None
