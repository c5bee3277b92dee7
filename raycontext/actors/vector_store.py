"""The actor that owns a collection's data: one per collection, one call at a time."""

from __future__ import annotations

from raycontext.actors.process import process_status
from raycontext.models import ActorStatus
from raycontext.store.collection import Location
from raycontext.store.vector_store import VectorStore

__all__ = ["VectorStoreActor", "vector_store_name"]


def vector_store_name(collection: str) -> str:
    """Name of the actor of a collection."""
    return f"rc/{collection}"


class VectorStoreActor(VectorStore):
    """A `VectorStore` that a process can be started for: all its state comes from the last manifest."""

    def __init__(self, location: Location) -> None:
        super().__init__(location.open())
        self._name = vector_store_name(location.collection)

    def process(self) -> ActorStatus:
        return process_status(self._name)
