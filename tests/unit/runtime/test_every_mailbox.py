"""Every actor has a mailbox, and it holds against ten thousand calls of Ray at once."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from pathlib import Path
from typing import Any

import pytest

from raycontext.actors.coordinator import Coordinator
from raycontext.actors.embedder import EmbedderActor
from raycontext.actors.hybrid_search import HybridSearchActor
from raycontext.actors.vector_store import VectorStoreActor
from raycontext.errors import Overloaded
from raycontext.runtime.base import ANYWHERE
from raycontext.runtime.mailbox import MOST_CALLS, NEVER_REFUSED, Mailbox, with_mailbox
from raycontext.sdk.connection import runtime_for, settings_of

from ...waiting import until_async

CALLS = 10_000
ACTORS = (Coordinator, VectorStoreActor, HybridSearchActor, EmbedderActor)


@pytest.mark.parametrize("kind", ACTORS, ids=lambda kind: kind.__name__)
async def test_every_method_of_an_actor_is_refused_where_its_mailbox_is_full(kind: type[Any]) -> None:
    full: Any = object.__new__(with_mailbox(kind, "full"))
    full._mailbox, full._actor = Mailbox("full", 0), object.__new__(kind)
    methods = {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}
    assert len(methods - NEVER_REFUSED) >= 2
    for name in sorted(methods - NEVER_REFUSED):
        with pytest.raises(Overloaded):
            await getattr(full, name)()


@pytest.mark.ray
async def test_ten_thousand_calls_are_refused_early_and_those_that_were_taken_are_done(
    local_ray: None, tmp_path: Path
) -> None:
    class Held:  # defined here, so that Ray sends the class itself
        def __init__(self, file: str) -> None:
            self.file = Path(file)

        def work(self, number: int) -> int:
            while not self.file.exists():
                time.sleep(0.01)
            return number

    runtime = runtime_for(settings_of(root=tmp_path, runtime="ray"), str(tmp_path))
    await runtime.start()
    try:
        actor = await runtime.actor("held", ANYWHERE, Held, str(tmp_path / "go"))
        calls = [asyncio.ensure_future(actor.call(Held.work, number)) for number in range(CALLS)]
        await until_async(lambda: sum(call.done() for call in calls) == CALLS - MOST_CALLS, pause=0.2)
        (tmp_path / "go").touch()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await runtime.close()
    done = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert len(done) == MOST_CALLS
    assert done == sorted(done)
    assert sum(isinstance(outcome, Overloaded) for outcome in outcomes) == CALLS - MOST_CALLS


@pytest.mark.ray
async def test_an_idle_actor_of_ray_ends_and_comes_back_for_the_next_call(local_ray: None, tmp_path: Path) -> None:
    class Idle:
        def pid(self) -> int:
            return os.getpid()

    settings = settings_of(root=tmp_path, runtime="ray", actor_idle_seconds=0.2)
    runtime = runtime_for(settings, str(tmp_path))
    await runtime.start()
    try:
        actor = await runtime.actor("idle", ANYWHERE, Idle)
        first = await actor.call(Idle.pid)

        async def is_gone() -> bool:
            return await runtime.find("idle", Idle) is None

        await until_async(is_gone, pause=0.2)
        both = await asyncio.gather(actor.call(Idle.pid), actor.call(Idle.pid))
        assert len(set(both)) == 1  # it is made once
        assert both[0] != first
    finally:
        await runtime.close()
