"""Diffs of commits by meaning: which definitions were added, modified or removed, and which the question is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import raycontext
from raycontext.cli.queries.direct import answer
from raycontext.errors import RefNotFound

from ..repositories import commit, git

TIDES = "def tide_table(port):\n    return port.tides\n\n\ndef ebb(port):\n    return port.tides[0]\n"
SINK = "    def sink(self):\n        return None\n"
BOATS = f"class Boat:\n    def moor(self, port):\n        return port.moor(self)\n\n{SINK}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("diff") / "port"
    commit(place, {"tides.py": TIDES, "boats.py": BOATS, "old/lamp.py": "def light_lamp():\n    return 'oil'\n"})
    git(place, "tag", "v1")
    git(place, "rm", "--quiet", "-r", "old")
    changed = (
        TIDES.replace("port.tides\n", "port.tides or port.forecast\n")
        + "\n\ndef flood(port):\n    return port.tides[1]\n"
    )
    commit(place, {"tides.py": changed, "boats.py": BOATS.replace(SINK, "")})
    git(place, "tag", "v2")
    return place


async def late(items: Sequence[object], *_: object) -> list[None]:
    return [None] * len(items)


def test_definitions_are_told_with_how_they_differ(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=2) as context:
        context.index(place)
        found = context.diff("v1", "v2", "tide table of a port", path=place)
        told = {(one.change, one.path, one.name) for one in found.definitions}
        assert told == {
            ("modified", "tides.py", "tide_table"),
            ("added", "tides.py", "flood"),
            ("removed", "boats.py", "sink"),
        }
        assert found.definitions[0].path == "tides.py"
        assert (found.before, found.after) == (git(place, "rev-parse", "v1"), git(place, "rev-parse", "v2"))
        back = context.diff("v2", "v1", "tide table of a port", path=place)
        assert ("removed", "tides.py", "flood") in {(one.change, one.path, one.name) for one in back.definitions}
        (lamp,) = context.diff("v1", "v2", "light lamp", path=place, limit=1).definitions
        assert (lamp.change, lamp.path, lamp.name) == ("removed", "old/lamp.py", "light_lamp")
        (only,) = context.diff("v1", "v2", "forecast", path=place / "tides.py", kinds=["function"], limit=1).definitions
        assert only.path == "tides.py"
        assert context.diff("v1", "v1", "tide", path=place).definitions == ()
        with pytest.raises(RefNotFound):
            context.diff("v1", "v9", "tide", path=place)
        assert not found.cut
        with monkeypatch.context() as patched:
            patched.setattr("raycontext.sdk.context.MAX_LIMIT", 1)
            assert context.diff("v1", "v2", "tide table of a port", path=place).cut, "there may be further chunks"
        monkeypatch.setattr("raycontext.sdk.access.outline.MAX_LIMIT", 1)
        assert context.diff("v1", "v2", "tide table of a port", path=place) == found, "outlines have several pages"
        monkeypatch.setattr("raycontext.sdk.access.outline.in_time", late)
        none = context.diff("v1", "v2", "tide table of a port", path=place)
        assert (none.definitions, none.cut) == ((), True)
        monkeypatch.undo()
    asked = {"before": "v1", "after": "v2", "query": "tide table of a port", "path": str(place)}
    shown = answer("diff", asked, root=str(tmp_path / "root"), address=None)
    assert shown == found.model_dump(mode="json") | {"source": shown["source"]}
