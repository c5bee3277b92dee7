"""An edit is seen by the next search on every interface, and each answer says how old it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

import raycontext
from raycontext.daemon_client import wire

from ..conftest import write_tree
from ..waiting import PATIENCE, WAIT_SECONDS, until
from .conftest import SCRIPT, Command

pytestmark = pytest.mark.process

SMALL, LARGE = 2, 8
LOOK_FILES = 4
"""Number of files above which the daemon of these tests watches a tree instead of looking at it."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e")


@pytest.fixture(scope="module")
def daemon(place: Path) -> Iterator[Command]:
    """Commands with a daemon, which ends with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        variables = PATIENCE | {
            "XDG_RUNTIME_DIR": str(place / "run"),
            "XDG_STATE_HOME": str(place / "state"),
            "RAYCONTEXT_DAEMON": "on",
            "RAYCONTEXT_RUNTIME": "processes",
            "RAYCONTEXT_WORKERS": "1",
            "RAYCONTEXT_LOOK_FILES": str(LOOK_FILES),
        }
        for name in ("run", "state"):
            (place / name).mkdir(mode=0o700)
        for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
            patch.setenv(name, variables[name])  # for requests of the tests themselves
        command = Command(place / "root", variables)
        assert command("up").returncode == 0
        yield command
        command("down")
        assert command.remaining() == []


def tree(folder: Path, files: int) -> Path:
    write_tree(folder, {f"m{number}.py": f"def first_{number}():\n    return {number}\n" for number in range(files)})
    return folder


def edited(folder: Path, name: str) -> str:
    (folder / "m0.py").write_text(f"def {name}(parcel):\n    return parcel\n")
    return name


def asked(daemon: Command, folder: Path, query: str) -> dict[str, Any]:
    """The answer of the daemon over HTTP."""
    answer: dict[str, Any] = wire.checked(
        wire.ask(str(daemon.root), "POST", "/api/search", {"query": query, "path": str(folder)})
    )
    return answer


def test_eight_edits_are_each_seen_on_every_interface(daemon: Command, place: Path) -> None:
    folder = tree(place / "small", SMALL)
    assert daemon("index", folder).returncode == 0
    for number in range(8):
        name = edited(folder, f"by_http_{number}")
        answer = asked(daemon, folder, name)
        assert answer["hits"][0]["symbol"] == name
        assert not answer["may_miss_files"]
        assert answer["age_seconds"] is not None
        name = edited(folder, f"by_daemon_{number}")
        assert name in daemon("search", name, folder).stdout
    for number in range(2):  # each is a process that knows nothing of the one before
        name = edited(folder, f"by_command_{number}")
        assert name in daemon("search", name, folder, RAYCONTEXT_DAEMON="off").stdout
    with raycontext.connect(root=daemon.root, runtime="inline") as context:
        for number in range(8):
            name = edited(folder, f"by_sdk_{number}")
            assert context.search(name, path=folder)[0].symbol == name


async def test_eight_edits_are_each_seen_by_an_agent(daemon: Command, place: Path) -> None:
    folder = tree(place / "agent", SMALL)
    indexed = await asyncio.to_thread(daemon, "index", folder)
    assert indexed.returncode == 0
    server = StdioServerParameters(command=str(SCRIPT), args=["mcp"], env=daemon.environment())
    async with Client(server, read_timeout_seconds=WAIT_SECONDS) as client:
        for number in range(8):
            name = edited(folder, f"by_agent_{number}")
            result = await client.call_tool("search_code", {"path": str(folder), "query": name, "format": "json"})
            structured = result.structured_content
            assert structured is not None
            assert structured["results"][0]["symbol"] == name
            assert not structured["mayMissFiles"]
            assert structured["ageSeconds"] >= 0


def test_large_tree_is_watched_from_the_first_search_on(daemon: Command, place: Path) -> None:
    folder = tree(place / "large", LARGE)
    assert daemon("index", folder).returncode == 0
    first = asked(daemon, folder, "first")
    assert first["age_seconds"] is not None
    listed = daemon("watch", "--list", "--json")
    assert listed.returncode == 0, listed.stderr
    (watch,) = json.loads(listed.stdout)
    assert (watch["collection"], watch["asked"]) == ("large", False)
    until(lambda: not asked(daemon, folder, "first")["may_miss_files"])
    name = edited(folder, "seen_by_the_watch")
    until(lambda: any(hit["symbol"] == name for hit in asked(daemon, folder, name)["hits"]))
    assert daemon("watch", folder, "--stop").returncode == 0
    assert asked(daemon, folder, "first")["may_miss_files"]
    assert json.loads(daemon("watch", "--list", "--json").stdout) == []


def test_folder_that_was_moved_marks_its_hits(daemon: Command, place: Path) -> None:
    folder = tree(place / "moved", SMALL)
    assert daemon("index", folder).returncode == 0
    folder.rename(place / "elsewhere")
    done = daemon("search", "first_1", "-c", "moved")
    assert "deleted since it was indexed" in done.stdout
    assert f"The folder {folder} is gone" in done.stderr
