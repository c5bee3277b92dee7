"""Questions at a ref: relations, outlines, maps and grep of a commit that is not checked out, on every face."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.cli.main import main
from raycontext.cli.queries.direct import answer
from raycontext.errors import RemoteError
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.reach import Reach
from raycontext.serve.relation_messages import UsagesQuery
from raycontext.serve.relations import usages
from raycontext.serve.service import Service

from ..repositories import commit, git

OLD = {
    "harbour/tides.py": "def tide_table(port):\n    '''Return the tides of a port.'''\n    return port.tides\n",
    "harbour/boats.py": "from harbour.tides import tide_table\n\n\ndef moor(boat):\n    return tide_table(boat.port)\n",
}
NEW = {
    "harbour/tides.py": "def ebb_table(port):\n    return port.ebbs\n",
    "harbour/boats.py": "def sail():\n    return 1\n",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("refs") / "port"
    commit(place, dict(OLD))
    git(place, "tag", "v1")
    commit(place, dict(NEW))
    return place


@pytest.fixture(scope="module")
def root(place: Path) -> Iterator[Path]:
    root = place.parent / "root"
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        context.index(place)
    yield root


def test_the_sdk_asks_a_ref(place: Path, root: Path) -> None:
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        assert context.usages("tide_table", path=place).definitions == ()
        found = context.usages("tide_table", path=place, ref="v1")
        assert [one.path for one in found.definitions] == ["harbour/tides.py"]
        assert {use.path for use in found.uses} == {"harbour/boats.py"}
        at = f"{place}/harbour/tides.py:1"
        assert context.usages(at, ref="v1").name == "tide_table"
        (called,) = context.callers("tide_table", path=place, ref="v1").called
        assert called.definition is not None
        assert called.definition.name == "moor"
        names = [one.name for one in context.outline(place / "harbour" / "tides.py", ref="v1").definitions]
        assert names == ["tide_table"]
        assert "tide_table" in [one.name for one in context.map(place, ref="v1").definitions]
        lines = context.grep("port.tides", path=place / "harbour", ref="v1").lines
        assert [(line.path, line.line) for line in lines] == [("harbour/tides.py", 3)]
        assert context.grep("port.tides", path=place).lines == ()
        assert context.grep("port.tides", collection="port", path="harbour/boats.py", ref="v1").lines == ()


@pytest.mark.parametrize(
    ("name", "asked", "found"),
    [
        ("usages", {"target": "tide_table"}, lambda told: told["uses"][0]["path"] == "harbour/boats.py"),
        ("callers", {"target": "tide_table"}, lambda told: told["called"][0]["path"] == "harbour/boats.py"),
        ("callees", {"target": "moor"}, lambda told: told["called"][0]["definition"]["name"] == "tide_table"),
        ("impact", {"target": "tide_table"}, lambda told: told["reached"][0]["definition"]["name"] == "moor"),
        ("path", {"start": "moor", "goal": "tide_table"}, lambda told: len(told["steps"]) == 2),
        ("outline", {}, lambda told: told["definitions"][0]["name"] == "moor"),
        ("map", {}, lambda told: "moor" in {one["name"] for one in told["definitions"]}),
        ("grep", {"pattern": "port.tides"}, lambda told: told["lines"][0]["line"] == 3),
        ("search", {"query": "tide_table"}, lambda told: told["hits"][0]["path"] == "harbour/tides.py"),
    ],
)
def test_the_daemons_interface_and_the_command_line_ask_a_ref(
    place: Path, root: Path, name: str, asked: dict[str, Any], found: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = answer(name, {**asked, "path": str(place), "ref": "v1"}, root=str(root), address=None)
    assert found(told)
    monkeypatch.setenv("RAYCONTEXT_DAEMON", "off")
    monkeypatch.chdir(place)
    targets = [str(value) for value in asked.values()] or ["."]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        monkeypatch.setattr(sys, "argv", ["raycontext", name, *targets, "--ref", "v1", "--root", str(root), "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0
    assert found(json.loads(printed.getvalue()))


def test_agents_ask_a_ref(place: Path, root: Path) -> None:
    async def report(*_: Any) -> None:
        return None

    async def asked(tool: str, **given: Any) -> str:
        async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
            calls = Calls(Service(context))
            return (await calls.call(tool, {"path": str(place), "ref": "v1", "maxTokens": 4000, **given}, report)).text

    found = asyncio.run(asked("find_usages", symbol="tide_table", relation="usages", limit=5))
    assert "harbour/boats.py" in found
    assert "tide_table" in asyncio.run(asked("outline", map=False, limit=50))
    assert "tide_table" in asyncio.run(asked("outline", map=True, limit=50))
    flags = dict.fromkeys(("ignoreCase", "word", "fixedString", "hidden"), False)
    lines = asyncio.run(asked("grep_code", pattern="port.tides", output="lines", context=0, limit=5, **flags))
    assert "harbour/tides.py" in lines


def test_a_ref_that_is_not_there_is_told(place: Path, root: Path) -> None:
    with pytest.raises(RemoteError, match="v9"):
        answer("usages", {"target": "moor", "path": str(place), "ref": "v9"}, root=str(root), address=None)


def test_a_caller_with_bounds_asks_no_ref_outside_of_them(place: Path, root: Path, tmp_path: Path) -> None:
    async def asked() -> None:
        async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
            bounded = Service(context).restricted(Reach([str(tmp_path)]))
            await usages(bounded, UsagesQuery(target="moor", path=str(place), ref="v1"))

    with pytest.raises(raycontext.RaycontextError):
        asyncio.run(asked())
