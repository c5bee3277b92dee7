"""Checks of a Ray cluster that raycontext is to join."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable

from raycontext.actors.balance import meetings
from raycontext.actors.hybrid_search import HybridSearchActor
from raycontext.diagnosis.finding import Finding
from raycontext.errors import RaycontextError, RuntimeUnavailable
from raycontext.models import ActorStatus
from raycontext.runtime.base import Runtime
from raycontext.store.fingerprint import installation
from raycontext.store.storage.locations import DEFAULT_STORAGE, StorageOptions, is_url

__all__ = ["check_cluster"]

ANSWER_SECONDS = 10.0
"""Time limit for the answer of an actor, in seconds."""


async def check_cluster(
    runtime: Runtime, address: str, root: str, storage_options: StorageOptions = DEFAULT_STORAGE
) -> AsyncIterator[Finding]:
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
        installations = await _check_installations(attached)
        for finding in installations:
            yield finding
        if any(finding.level == "fault" for finding in installations):
            return  # such a node refuses to be asked anything else
        if not is_url(root):
            for path, nodes in (await attached.without([root])).items():
                what = f"{path} does not exist on {', '.join(nodes)}"
                advice = "Mount the root on every node under the same path, or choose s3://…, gs://…, az://…."
                yield Finding(check="cluster", level="fault", what=what, advice=advice)
        for finding in await _check_actors(attached):
            yield finding
    except RaycontextError as error:
        yield Finding(check="cluster", level="fault", what=str(error), advice="Look into Ray's logs.")
    finally:
        await runtime.close()


async def _check_installations(runtime: Runtime) -> list[Finding]:
    """Ask every node what is installed, and return a fault for each that has something else than this machine."""
    here = installation()
    found = await runtime.installed()
    others = [(node, there) for node, there in found if there != here]
    if not others:
        return [Finding(check="cluster", level="ok", what=f"all {len(found)} nodes have {here}")]
    advice = "Install the same raycontext with the same grammars there: work on that node is refused."
    return [
        Finding(check="cluster", level="fault", what=f"node {node} has {there}; here is {here}", advice=advice)
        for node, there in sorted(others)
    ]


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


async def _check_actors(runtime: Runtime) -> list[Finding]:
    """Check that all running actors of a root answer.

    Actors that do not run are no fault, since they are started when they are needed.
    """
    asking: dict[str, Awaitable[ActorStatus]] = {}
    places = await runtime.places()
    for resident in places.residents:
        actor = await runtime.find(resident.name, HybridSearchActor)  # every actor has `process`
        if actor is not None:
            asking[resident.name] = actor.call(HybridSearchActor.process)
    answers = await asyncio.gather(*map(_is_answered, asking.values()))
    silent = [name for name, is_answered in zip(asking, answers, strict=True) if not is_answered]
    met = [
        Finding(
            check="replicas",
            level="warning",
            what=f"replicas of {name.removeprefix('rc/')} lie on one node",
            advice="They part within a minute; if they do not, look at the free memory of the other nodes.",
        )
        for name in meetings(places)
    ]
    if not silent:
        return [Finding(check="actors", level="ok", what=f"{len(asking)} actors of this root run, all answer"), *met]
    what = f"{', '.join(silent)} did not answer within {ANSWER_SECONDS:g} s"
    advice = "Look at the load and the logs of its node. A process that is killed there restarts by itself."
    return [Finding(check="actors", level="fault", what=what, advice=advice), *met]


async def _is_answered(question: Awaitable[ActorStatus]) -> bool:
    """Return whether an actor answers a question within `ANSWER_SECONDS`."""
    try:
        await asyncio.wait_for(question, ANSWER_SECONDS)
    except (TimeoutError, RuntimeUnavailable):
        return False
    return True
