"""Checks of a Ray cluster that raycontext is to join."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

from raycontext.actors.coordinator import COORDINATOR
from raycontext.actors.hybrid_search import search_actors
from raycontext.actors.vector_store import vector_store_name
from raycontext.diagnosis.finding import Finding
from raycontext.errors import RaycontextError, RuntimeUnavailable, StorageError
from raycontext.runtime.base import ActorHandle, Runtime
from raycontext.store.collection import Collection, collection_names
from raycontext.store.storage.locations import is_url, storage_for

__all__ = ["check_cluster"]

ANSWER_SECONDS = 10.0
"""Time limit for the answer of an actor, in seconds."""


async def check_cluster(runtime: Runtime, address: str, root: str) -> AsyncIterator[Finding]:
    """Check that the cluster can be joined, that every node has the root, and that the actors of the root answer.

    `root` is a folder or a URL of object storage. Yields the findings. The runtime is started here, and closed at the
    end.
    """
    try:
        await runtime.start()
        attached = await asyncio.to_thread(runtime.attached)
    except RuntimeUnavailable as error:
        yield _cannot_join(address, error)
        return
    try:
        yield Finding(check="cluster", level="ok", what=f"{address} can be joined: {attached.parallelism} CPUs")
        if not is_url(root):
            for path, nodes in (await attached.without([root])).items():
                what = f"{path} does not exist on {', '.join(nodes)}"
                advice = "Mount the root on every node under the same path, or choose s3://…, gs://…, az://…."
                yield Finding(check="cluster", level="fault", what=what, advice=advice)
        for finding in await _check_actors(attached, root):
            yield finding
    except RaycontextError as error:
        yield Finding(check="cluster", level="fault", what=str(error), advice="Look into Ray's logs.")
    finally:
        await runtime.close()


def _cannot_join(address: str, error: RuntimeUnavailable) -> Finding:
    """Return a fault that says why the cluster cannot be joined, with both versions when they differ."""
    told = str(error.__cause__ or "")
    if "Version mismatch" not in told:
        return Finding(check="cluster", level="fault", what=error.what, advice=error.advice)
    versions = re.findall(r"(Ray|Python): ([\w.+]+)", told)
    theirs, ours = versions[: len(versions) // 2], versions[len(versions) // 2 :]
    there, here = _versions_text(theirs), _versions_text(ours)
    what = f"the cluster at {address} has {there}, here is {here}: Ray joins only equal versions"
    advice = "Install the cluster's versions here in a separate environment, or update the cluster."
    return Finding(check="cluster", level="fault", what=what, advice=advice)


def _versions_text(versions: list[tuple[str, str]]) -> str:
    """Return pairs of program and version as text."""
    return " and ".join(f"{name} {version}" for name, version in versions) or "other versions"


async def _check_actors(runtime: Runtime, root: str) -> list[Finding]:
    """Check that all running actors of a root answer.

    Actors that do not run are no fault, since they are started when they are needed.
    """
    found: dict[str, ActorHandle] = {}
    for name, shards in await asyncio.to_thread(lambda: list(_possible_actors(root))):
        handle = await runtime.find(name)
        if handle is not None:
            found[name] = handle
        if shards:
            found.update(await search_actors(runtime, name.removeprefix(vector_store_name("")), shards))
    silent = [
        name
        for name, answers in zip(found, await asyncio.gather(*map(_answers, found.values())), strict=True)
        if not answers
    ]
    if not silent:
        return [Finding(check="actors", level="ok", what=f"{len(found)} actors of this root run, all answer")]
    what = f"{', '.join(silent)} did not answer within {ANSWER_SECONDS:g} s"
    advice = "Look at the load and the logs of its node. A process that is killed there restarts by itself."
    return [Finding(check="actors", level="fault", what=what, advice=advice)]


def _possible_actors(root: str) -> Iterator[tuple[str, int]]:
    """Yield the names of the actors that a root can have, each with the number of shards that have search actors."""
    yield COORDINATOR, 0
    storage = storage_for(root)
    for name in collection_names(storage):
        try:
            manifest = Collection(storage, name).latest()
        except (StorageError, RaycontextError):  # `check_collections` reports it
            continue
        yield vector_store_name(name), manifest.options.num_shards if manifest else 0


async def _answers(actor: ActorHandle) -> bool:
    """Return whether an actor answers within `ANSWER_SECONDS`."""
    try:
        await asyncio.wait_for(actor.call("process"), ANSWER_SECONDS)
    except (TimeoutError, RuntimeUnavailable):
        return False
    return True
