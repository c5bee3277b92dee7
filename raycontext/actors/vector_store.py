"""The actor that owns the data of a collection. There is one per collection; it handles one call at a time."""

from __future__ import annotations

from raycontext.actors.calls import calls_of, counted
from raycontext.actors.metrics import add, set_value, timed
from raycontext.actors.process import process_status
from raycontext.models import ActorStatus
from raycontext.store.changes import Change, Compaction
from raycontext.store.collection import Location
from raycontext.store.garbage import Collected
from raycontext.store.vector_store import CollectionState, VectorStore

__all__ = ["VectorStoreActor", "vector_store_name"]


def vector_store_name(collection: str) -> str:
    """Return the name of the actor that owns a collection's data."""
    return f"rc/{collection}"


@counted
class VectorStoreActor(VectorStore):
    """Actor that makes a `VectorStore` a process of its own. All its state comes from the last manifest."""

    def __init__(self, location: Location) -> None:
        super().__init__(location.open())
        self._name = vector_store_name(location.collection)
        self._tags = {"collection": location.collection}

    def commit(self, change: Change) -> CollectionState:
        with timed("raycontext_commit_seconds", **self._tags):
            state = super().commit(change)
        self._measure()
        return state

    def compact(self, compaction: Compaction) -> int | None:
        with timed("raycontext_commit_seconds", **self._tags):
            version = super().compact(compaction)
        if version is not None:
            add("raycontext_compactions_total", 1, **self._tags)
            self._measure()
        return version

    def collect_garbage(self) -> Collected:
        collected = super().collect_garbage()
        add("raycontext_collected_objects_total", sum(collected), **self._tags)
        return collected

    def process(self, asked_at: float | None = None) -> ActorStatus:
        return process_status(self._name, calls_of(self).figures(asked_at))

    def _measure(self) -> None:
        """Set the metrics that describe the newest version."""
        shape = self.shape()
        set_value("raycontext_segments", shape.segments, **self._tags)
        set_value("raycontext_files", shape.files, **self._tags)
        set_value("raycontext_chunks", shape.chunks, **self._tags)
        set_value("raycontext_tombstone_share", shape.tombstone_share, **self._tags)
        self.process()
