"""A search, on whatever face, never indexes a private place in passing: only `index` that names it does."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.cli.indexing import runs
from raycontext.cli.queries import search
from raycontext.discover import tree_size
from raycontext.discover.private_places import PRIVATE_IN_HOME, PRIVATE_IN_SYSTEM, why_private
from raycontext.errors import InvalidInput, RemoteError
from raycontext.errors.exit_codes import ExitCode
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.service import Service

from ..conftest import write_tree

OWN_HOME = os.path.realpath(pwd.getpwuid(os.getuid()).pw_dir)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that only the environment names, with a key and two projects."""
    place = tmp_path / "home"
    write_tree(place, {".ssh/deep/keys.txt": "private text\n", "shop/a.py": "x = 1\n", ".config/nvim/init.lua": "x\n"})
    monkeypatch.setenv("HOME", str(place))
    return place


@pytest.mark.parametrize(
    "folder", ["/", "/etc", "/etc/ssl", "/proc/self", "/home", "/home/someone", "/tmp", "/var/log", "/usr", "/dev/shm"]
)
def test_places_of_the_system_and_of_others_are_private(folder: str) -> None:
    assert why_private(folder)


@pytest.mark.parametrize("name", PRIVATE_IN_HOME)
def test_places_of_a_home_are_private_with_all_below(home: Path, name: str) -> None:
    assert why_private(str(home / name)) == f"lies in the private folder ~/{name}"
    assert why_private(str(home / name / "deep" / "er"))


def test_homes_of_the_system_and_of_the_environment_are_private(home: Path) -> None:
    for place in (str(home), str(home.parent), OWN_HOME):
        assert why_private(place) == "is your home folder or holds it"
    assert why_private(str(Path(OWN_HOME).parent))
    assert why_private(f"{OWN_HOME}/.ssh")
    assert why_private(str(home / ".anything")) == "is a hidden folder of your home"


@pytest.mark.parametrize("project", ["shop", "shop/.hidden", ".config/nvim", "Documents", "ssh"])
def test_projects_in_a_home_are_not_private(home: Path, project: str) -> None:
    assert not why_private(str(home / project))


def test_projects_beside_a_home_and_in_containers_are_not_private(home: Path) -> None:
    beside = ("/workspace", "/srv/app", "/opt/app", "/usr/lib/python3/dist-packages/x", f"{OWN_HOME}/shop", "/etcetera")
    assert [place for place in (*beside, str(home.parent / "shop")) if why_private(place)] == []


def test_another_name_of_a_private_place_is_private(home: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (home / ".gnupg").symlink_to(tmp_path / "keys")
    (home / ".gnupg" / "below").mkdir()
    assert why_private(str(tmp_path / "keys"))
    assert why_private(str(tmp_path / "keys" / "below"))


def test_every_listed_place_of_the_system_is_private_unless_it_holds_the_home() -> None:
    for place in PRIVATE_IN_SYSTEM:
        assert why_private(place), place


async def test_search_code_indexes_no_private_place(home: Path, tmp_path: Path, root: Path) -> None:
    async with raycontext.connect(root=root, runtime="inline") as context:
        calls = Calls(Service(context))
        for place in (home, home / ".ssh", home / ".ssh" / "deep"):
            asked = {"path": str(place), "query": "private text", "limit": 5, "maxTokens": 1000}
            with pytest.raises(InvalidInput, match="a search does not index it"):
                await calls.call("search_code", asked, _silent)
        assert await context.collections() == []
        told = await calls.call("search_code", {**asked, "path": str(home / "shop")}, _silent)
        assert "has indexed it" in told.text


@pytest.mark.parametrize("folder", ["", ".ssh", ".ssh/deep"])
def test_search_of_the_command_line_indexes_no_private_place(
    home: Path, root: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(runs, "index_folder", lambda *given, **_: begun.append(given))
    with pytest.raises(RemoteError, match="a search does not index it"):
        search.run("search", searched(root, home / folder))
    assert not begun


@pytest.mark.parametrize("named", [True, False])
def test_search_of_the_command_line_indexes_no_large_folder_unasked(
    tmp_path: Path, root: Path, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(runs, "index_folder", lambda *given, **_: begun.append(given))
    monkeypatch.setattr(tree_size, "SMALL_FILES", 3)
    write_tree(tmp_path / "large", {f"{number}.py": "x = 1\n" for number in range(4)})
    monkeypatch.chdir(tmp_path / "large")
    with pytest.raises(RemoteError, match=r"is large .at least 4 files with 0.0 MB.: `raycontext index") as refused:
        search.run("search", searched(root, tmp_path / "large" if named else None))
    assert refused.value.exit_code == ExitCode.NO_COLLECTION
    assert not begun


def searched(root: Path, path: Path | None) -> dict[str, Any]:
    """What the command line passes on for a search."""
    return {
        **dict.fromkeys(
            ("limit", "offset", "languages", "paths", "kinds", "min_score", "max_tokens", "around", "context")
        ),
        **dict.fromkeys(("diversity", "address", "as_json", "json_hits", "files", "ref", "grep", "changed", "commits")),
        "lines": 12,
        "explain": False,
        "everywhere": False,
        "collections": [],
        "root": str(root),
        "query": "private text",
        "path": str(path) if path else None,
    }


async def _silent(value: float, total: float | None, text: str | None) -> None:
    """Report no progress."""
