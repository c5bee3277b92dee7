"""Calls of actors by method: a type checker sees a renamed method, a changed argument and a changed result."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pytest

import raycontext
from raycontext.runtime.base import ANYWHERE, ActorHandle
from raycontext.runtime.inline import InlineRuntime

REPOSITORY = Path(raycontext.__file__).parent.parent

SNIPPET = """
from raycontext.actors.coordinator import Coordinator
from raycontext.actors.embedder import EmbedderActor
from raycontext.actors.vector_store import VectorStoreActor
from raycontext.index.work.pooled_embedder import EmbeddedTexts, TextEmbedder
from raycontext.index.request import IndexRequest
from raycontext.models import CollectionStatus, IndexReport
from raycontext.runtime.base import ANYWHERE, ActorHandle, Runtime
from raycontext.store.collection import Location


async def right(
    runtime: Runtime,
    coordinator: ActorHandle[Coordinator],
    store: ActorHandle[VectorStoreActor],
    embedder: ActorHandle[EmbedderActor],
    request: IndexRequest,
) -> None:
    report: IndexReport = await coordinator.call(Coordinator.index, request)
    status: CollectionStatus = await store.call(VectorStoreActor.status)
    named: CollectionStatus = await coordinator.call(Coordinator.status, collection=status.name)
    pooled: ActorHandle[TextEmbedder] = embedder
    found: EmbeddedTexts = pooled.wait(TextEmbedder.embed, ["text"], "run", None, 0)
    made: ActorHandle[VectorStoreActor] = await runtime.actor("name", ANYWHERE, VectorStoreActor, Location("/", "shop"))


async def wrong(
    runtime: Runtime,
    coordinator: ActorHandle[Coordinator],
    store: ActorHandle[VectorStoreActor],
    pooled: ActorHandle[TextEmbedder],
) -> None:
    await coordinator.call("index")  # a method by its name
    await coordinator.call(Coordinator.reindex)  # a method that was renamed
    await coordinator.call(Coordinator.index, "shop")  # another type
    await coordinator.call(Coordinator.status)  # an argument that is missing
    await store.call(VectorStoreActor.status, "shop")  # an argument too many
    await store.call(Coordinator.collections)  # a method of another actor
    number: int = await coordinator.call(Coordinator.cancel, "shop") + "1"  # another result
    pooled.wait(TextEmbedder.embed, ["text"], "run", None)  # an argument that is missing, in a task
    runtime.actor("name", ANYWHERE, VectorStoreActor, "shop")  # an argument of the constructor
    other: ActorHandle[TextEmbedder] = store  # an actor that has no such method
"""


@pytest.mark.process
def test_type_checker_finds_each_wrong_call_and_nothing_else(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    checker = [sys.executable, "-m", "mypy", "--config-file", str(REPOSITORY / "pyproject.toml"), "--no-pretty"]
    told = subprocess.run(
        [*checker, "--cache-dir", str(tmp_path / "cache"), str(snippet)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not told.stderr
    found = {int(number) for number in re.findall(r"snippet\.py:(\d+): error", told.stdout)}
    lines = SNIPPET.splitlines()
    assert found == {number for number, line in enumerate(lines, 1) if "  # " in line}, told.stdout
    assert all("snippet.py" in line for line in told.stdout.splitlines()[:-1]), told.stdout


class Texts(Protocol):
    """What a lower layer knows of `Store`."""

    def joined(self, words: Sequence[str], between: str = " ") -> str:
        """Return the words as one text."""
        ...


class Store:
    """An actor with both kinds of methods."""

    def __init__(self, prefix: str, end: str = "") -> None:
        self._prefix = prefix
        self._end = end

    def joined(self, words: Sequence[str], between: str = " ") -> str:
        """Return the words as one text."""
        return self._prefix + between.join(words) + self._end


class AsyncStore(Store):
    """An actor whose methods are coroutines."""

    async def later(self, word: str, *, times: int) -> str:
        """Return the word, several times."""
        return self._prefix + word * times


async def test_methods_are_called_with_positions_and_names() -> None:
    runtime = InlineRuntime(1)
    store = await runtime.actor("store", ANYWHERE, Store, "> ", end=".")
    assert await store.call(Store.joined, ["a", "b"]) == "> a b."
    assert await store.call(Store.joined, ["a", "b"], between="-") == "> a-b."
    through: ActorHandle[Texts] = store
    assert await waited_for(through) == "> c d."
    later = await runtime.actor("later", ANYWHERE, AsyncStore, "> ")
    assert await later.call(AsyncStore.later, "x", times=3) == "> xxx"
    assert await later.call(AsyncStore.joined, ["inherited"]) == "> inherited"
    found = await runtime.find("store", Store)
    assert found is not None
    assert await found.call(Store.joined, []) == "> ."
    assert await runtime.find("other", Store) is None
    await runtime.close()


async def waited_for(store: ActorHandle[Texts]) -> str:
    """Block for an answer as a task does: in a thread that has no event loop."""
    return await asyncio.to_thread(lambda: store.wait(Texts.joined, ["c", "d"]))


def test_no_actor_is_called_by_a_string() -> None:
    modules = [*(REPOSITORY / "raycontext").rglob("*.py"), *(REPOSITORY / "benchmarks").rglob("*.py")]
    assert modules
    by_string = re.compile(r"""\.(call|wait)\(\s*["']""")
    assert [str(module) for module in modules if by_string.search(module.read_text())] == []
