"""Globs of callers: none takes long, whatever it is matched with, and one that can match nothing is refused at once."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raycontext
from raycontext.cli.main import main
from raycontext.discover.rules.globs import MAX_GLOB_CHARACTERS, MAX_GLOBS, check_globs, path_filter
from raycontext.errors import InvalidInput
from raycontext.sdk.context import Context
from raycontext.serve.http.api import http_application
from raycontext.serve.mcp.arguments import checked_arguments
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.service import Service

from ..conftest import write_tree
from ..serve.http_server import OpenDaemon

INVALID = ["\\", "[z-a]", "[", "[!", "[a", "[[:nothing:]]", "src/\\", "a[b-a]c", "/", "//", "#x", "  ", "a\0b"]
SLOW = ["*a*a*a*a*a*c", "*a*a*a*a*a*a*a*c", "**/*a**/*a**/*a**/*a**/c", "*[!b]*[!b]*[!b]*[!b]*[!b]*[!b]*c"]


class Place(NamedTuple):
    """An indexed folder and every interface to it."""

    context: Context
    http: httpx.AsyncClient
    calls: Calls
    source: Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("globs")
    write_tree(place / "shop", {f"{'a' * 200}.py": "def total_price():\n    return 1\n", "é.py": "price = 2\n"})
    with raycontext.connect(root=place / "root", runtime="inline") as context:
        context.index(place / "shop")
    return place


@pytest.fixture
async def place(folder: Path) -> AsyncIterator[Place]:
    async with raycontext.connect(root=folder / "root", runtime="inline", workers=1) as context:
        service = Service(context)
        transport = httpx.ASGITransport(app=http_application(OpenDaemon(service)))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            yield Place(context, client, Calls(service), folder / "shop")
        await service.close()


@pytest.mark.parametrize("glob", INVALID)
async def test_glob_that_matches_nothing_is_invalid_input_for_python(place: Place, glob: str) -> None:
    for asked in (
        place.context.search("price", collection="shop", paths=[glob]),
        place.context.search("price", collection="shop", paths=["*.py", f"!{glob}"]),
        place.context.index(place.source, include=[glob]),
        place.context.index(place.source, exclude=["*.md", glob]),
        place.context.estimate(place.source, exclude=[glob]),
        place.context.related("é.py", 1, collection="shop", paths=[glob]),
    ):
        with pytest.raises(InvalidInput, match="which is not a glob"):
            await asked


@pytest.mark.parametrize("glob", [glob for glob in INVALID if glob.isprintable()])
async def test_glob_that_matches_nothing_is_a_bad_request(place: Place, glob: str) -> None:
    for path, body in (
        ("/api/search", {"query": "price", "collection": "shop", "paths": [glob]}),
        ("/api/index", {"path": str(place.source), "include": [glob]}),
        ("/api/index", {"path": str(place.source), "exclude": [glob]}),
        ("/api/watch", {"path": str(place.source), "exclude": [glob]}),
    ):
        answer = await place.http.post(path, json=body)
        assert answer.status_code == 400, (path, answer.text)
        assert "which is not a glob" in answer.json()["message"]


@pytest.mark.parametrize("glob", [glob for glob in INVALID if glob.strip() and glob.isprintable()])
async def test_glob_that_matches_nothing_is_invalid_for_an_agent(place: Place, glob: str) -> None:
    async def report(*_: object) -> None:
        pass

    for tool, arguments in (
        ("search_code", {"query": "price", "pathFilter": [glob]}),
        ("search_code", {"query": "price", "pathFilter": [f"!{glob}"]}),
        ("index_codebase", {"include": [glob]}),
        ("index_codebase", {"ignorePatterns": [glob]}),
    ):
        asked: dict[str, Any] = {"path": str(place.source), **arguments}
        with pytest.raises(InvalidInput, match="which is not a glob"):
            await place.calls.call(tool, checked_arguments(tool, asked), report)


@pytest.mark.parametrize("glob", ["\\", "[z-a]"])
def test_glob_that_matches_nothing_is_wrong_use_of_a_command(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, glob: str
) -> None:
    monkeypatch.setenv("RAYCONTEXT_DAEMON", "off")
    source = str(folder / "shop")
    lists = folder / "list.yaml"
    lists.write_text(json.dumps({"sources": [{"folder": source, "exclude": [glob]}]}))
    monkeypatch.setenv("RAYCONTEXT_RUNTIME", "inline")
    whole = folder / "whole.yaml"
    whole.write_text(json.dumps({"sources": [{"folder": source}]}))
    common = ["--root", str(folder / "root")]
    for arguments in (
        ["search", "price", source, "--path", glob],
        ["index", source, "--include", glob],
        ["index", source, "--exclude", glob],
        ["batch", str(lists)],
        ["batch", str(whole), "--only", glob],
    ):
        monkeypatch.setattr(sys, "argv", ["raycontext", *arguments, *common])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2, arguments
        told = capsys.readouterr()
        assert "which is not a glob" in told.err, arguments
        assert "Traceback" not in told.err


@pytest.mark.parametrize("glob", SLOW)
async def test_no_glob_takes_long(place: Place, glob: str) -> None:
    hits = await place.context.search("price", collection="shop", paths=[glob])
    assert list(hits) == []
    estimate = await place.context.estimate(place.source, include=[glob])
    assert estimate.files == 0


@pytest.mark.parametrize("path", ["a" * 4000, "/".join(["a"] * 2000), "/".join(["a" * 20] * 190)])
def test_longest_paths_and_globs_take_a_moment(path: str) -> None:
    for glob in ("*a" * 1000 + "c", "a/**/" * 800 + "c", "**/*a*/" * 500 + "c", "[!b]*" * 800 + "c"):
        assert not path_filter([glob], [])(path)


def test_lists_and_globs_have_a_size() -> None:
    check_globs("paths", ["*.py"] * MAX_GLOBS)
    check_globs("paths", ["a" * MAX_GLOB_CHARACTERS])
    for globs in (["\ud800"], ["*.py"] * (MAX_GLOBS + 1), ["a" * (MAX_GLOB_CHARACTERS + 1)]):
        with pytest.raises(InvalidInput, match="paths"):
            check_globs("paths", globs)


def test_ignore_file_of_a_hostile_tree_takes_a_moment(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", {f"{'a' * 200}.py": "price = 1\n", ".gitignore": "\n".join([*SLOW, *INVALID[:-1]])})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        assert context.index(tmp_path / "tree").files == 2


def matches(glob: str, path: str) -> bool:
    """Match one component of stars and letters by the definition."""

    @cache
    def rest(at: int, place: int) -> bool:
        if at == len(glob):
            return place == len(path)
        if glob[at] == "*":
            return rest(at + 1, place) or (place < len(path) and rest(at, place + 1))
        return place < len(path) and glob[at] in ("?", path[place]) and rest(at + 1, place + 1)

    return rest(0, 0)


@settings(max_examples=300, deadline=None)
@given(st.text("ab*?", min_size=1, max_size=12), st.text("ab", min_size=1, max_size=16))
def test_stars_match_what_they_are_defined_to_match(glob: str, name: str) -> None:
    assert path_filter([glob], [])(name) == matches(glob, name)
