"""Makes the actors that own shards, as `Ownership` decides, and finds those that run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import NamedTuple, TypeVar

from raycontext.actors.balance import meetings
from raycontext.actors.hybrid_search import HybridSearchActor, Shard, search_actor_name
from raycontext.actors.ownership import SHARED, Key, Ownership, shared_name
from raycontext.errors import RuntimeUnavailable
from raycontext.models import ActorStatus
from raycontext.runtime.base import ActorHandle, Placement, Runtime
from raycontext.runtime.placing import Places
from raycontext.store.collection import Location
from raycontext.ulid import new_ulid

__all__ = ["SearchOwners", "Wanted", "is_search_actor", "own_actor"]

Answer = TypeVar("Answer")

LOOK_SECONDS = 1.0
"""Time in seconds for which a look at the nodes and actors of a root counts."""


class Wanted(NamedTuple):
    """Replica of a shard whose actor is wanted."""

    shard: Shard
    replica: int = 0
    replicas: int = 1
    """Number of replicas of the shard, which lie on different nodes."""
    size: int = 0
    """Bytes of the shard."""
    shares: bool = False
    """Whether it is to share an actor, where it is small and none of its own runs."""

    @property
    def name(self) -> str:
        """Name of its actor, where it has one of its own."""
        return search_actor_name(self.shard.location.collection, self.shard.number, self.replica)

    @property
    def placement(self) -> Placement:
        """Placement of an actor of its own."""
        names = (
            search_actor_name(self.shard.location.collection, self.shard.number, other)
            for other in range(self.replicas)
            if other != self.replica
        )
        return Placement(self.size, tuple(names))


class Running(NamedTuple):
    """Search actor that runs, with one of its shards."""

    name: str
    shard: Shard
    actor: ActorHandle[HybridSearchActor]


def shard_number(name: str, collection: str) -> int | None:
    """Return the number of the shard that an actor of this name owns alone; None where it is of another collection."""
    rest = name.removeprefix(search_actor_name(collection, 0).removesuffix("0"))
    number = rest.partition("/")[0]
    return int(number) if rest != name and number.isdecimal() else None


def is_search_actor(name: str) -> bool:
    """Return whether an actor of this name owns a single shard."""
    return name.startswith("rc/") and name.count("/") >= 2


async def own_actor(runtime: Runtime, wanted: Wanted) -> ActorHandle[HybridSearchActor]:
    """Return the actor that owns this shard alone, started where it does not run."""
    return await runtime.actor(wanted.name, wanted.placement, HybridSearchActor, wanted.name, wanted.shard)


class SearchOwners:
    """Owners of the shards of one root. State of the Coordinator's event loop.

    most_own: number of search actors on each node that own a single shard.
    """

    def __init__(self, runtime: Runtime, most_own: int) -> None:
        self._runtime = runtime
        self._ownership = Ownership(most_own)
        self._notes: dict[int, str] = {}
        self._found: asyncio.Task[None] | None = None
        self._looking: asyncio.Future[Places] | None = None
        self._looked_at = 0.0

    async def owner(self, wanted: Wanted, again: bool) -> ActorHandle[HybridSearchActor]:
        """Return the actor that owns a replica of a shard, started where it does not run.

        again: whether the one that was returned before could not be reached. Raises the errors of `Runtime.actor`.
        """
        key = Key(wanted.shard.location.collection, wanted.shard.number, wanted.replica)
        if self._found is None:
            self._found = asyncio.create_task(self._find_shared())
        finding = self._found
        try:
            await asyncio.shield(finding)
        except RuntimeUnavailable:
            if self._found is finding:
                self._found = None  # the next one looks again
            raise
        number = self._ownership.shared_by(key)
        if number is None:
            running = await self._places()
            own = [resident.name for resident in running.residents if is_search_actor(resident.name)]
            number = self._ownership.choose(
                key, wanted.name, wanted.size, own, len(running.nodes), shares=wanted.shares
            )
        if number is None:
            try:
                alone = await own_actor(self._runtime, wanted)
                if again:
                    await alone.call(HybridSearchActor.owned)  # one that has ended is made anew
                return alone
            except BaseException:
                self._ownership.note_failed(wanted.name)
                raise
        name = shared_name(number)
        note = self._notes.setdefault(number, f"raycontext-{new_ulid()}")
        apart = tuple(shared_name(other) for other in range(number))
        shared = await self._runtime.actor(name, Placement(apart=apart), HybridSearchActor, name, note=note)
        if await shared.call(HybridSearchActor.own, wanted.shard):
            return shared
        self._ownership.part(key)
        return await self.owner(wanted, again=False)

    async def running(self, location: Location) -> list[Running]:
        """Return what runs of the search actors of a collection, a shared one once for each shard."""
        collection = location.collection
        wanted = [
            (resident.name, number)
            for resident in (await self._runtime.places()).residents
            if (number := shard_number(resident.name, collection)) is not None
        ]
        shared = [(shared_name(number), key.shard) for key, number in self._ownership.of_collection(collection).items()]
        found: list[Running] = []
        for name, shard in (*sorted(wanted, key=lambda own: (own[1], own[0])), *shared):
            actor = await self._runtime.find(name, HybridSearchActor)
            if actor is not None:
                found.append(Running(name, Shard(location, shard), actor))
        return found

    async def refresh(self, location: Location, version: int) -> None:
        """Have the search actors of a collection that run open a version, so that no query waits for it."""
        running = await self.running(location)
        asked = (each.actor.call(HybridSearchActor.refresh, each.shard, version) for each in running)
        _checked(await asyncio.gather(*asked, return_exceptions=True))

    async def statuses(self, location: Location) -> list[ActorStatus]:
        """Return the status of each search actor of a collection that runs."""
        asked_at = time.time()
        actors = {each.name: each.actor for each in await self.running(location)}
        asked = (actor.call(HybridSearchActor.process, asked_at) for actor in actors.values())
        return _checked(await asyncio.gather(*asked, return_exceptions=True))

    async def met(self, location: Location) -> tuple[int, ...]:
        """Return the shards of a collection of which replicas share a node although there are nodes enough."""
        names = meetings(await self._runtime.places())
        numbers = {shard_number(name, location.collection) for name in names}
        return tuple(sorted(number for number in numbers if number is not None))

    async def end(self, location: Location) -> None:
        """End the search actors of a collection, and have those that own other shards too let go of it."""
        for each in await self.running(location):
            if each.name.startswith(SHARED):
                _checked([await _outcome(each.actor.call(HybridSearchActor.disown, location.collection))])
            else:
                await self._runtime.end(each.name)
        self._ownership.forget(location.collection)

    async def _places(self) -> Places:
        """Return nodes and actors as they were a moment ago: many shards may want an owner at once."""
        if self._looking is None or time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self._looking = asyncio.ensure_future(self._runtime.places())
        return await asyncio.shield(self._looking)

    async def _find_shared(self) -> None:
        """Learn what actors that run since before this Coordinator own."""
        for resident in (await self._runtime.places()).residents:
            if not resident.name.startswith(SHARED):
                continue
            actor = await self._runtime.find(resident.name, HybridSearchActor)
            try:
                owned = [] if actor is None else await actor.call(HybridSearchActor.owned)
            except RuntimeUnavailable:  # its node is lost, say: it owns nothing until it is asked again
                continue
            number = int(resident.name.removeprefix(SHARED))
            self._ownership.note_shared(number, (Key(one.location.collection, one.number, 0) for one in owned))


async def _outcome(work: Awaitable[Answer]) -> Answer | BaseException:
    try:
        return await work
    except RuntimeUnavailable as error:
        return error


def _checked(outcomes: Sequence[Answer | BaseException]) -> list[Answer]:
    """Return the answers. An actor that ends meanwhile is left out: it is idle, and opens the newest version when it
    comes back. Raises all other errors.
    """
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, RuntimeUnavailable):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
