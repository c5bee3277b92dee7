"""The actor that answers queries over one shard of a collection."""

from __future__ import annotations

from raycontext.actors.process import process_status
from raycontext.models import ActorStatus
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Location

__all__ = ["HybridSearchActor", "search_actor_name"]


def search_actor_name(collection: str, shard: int) -> str:
    """Name of the actor of a shard."""
    return f"rc/{collection}/{shard}"


class HybridSearchActor(ShardSearch):
    """A `ShardSearch` that a process can be started for: `search`, `refresh`, `clear`, one message at a time."""

    def __init__(self, location: Location, shard: int) -> None:
        super().__init__(location.open(), shard)
        self._name = search_actor_name(location.collection, shard)

    def process(self) -> ActorStatus:
        return process_status(self._name)
