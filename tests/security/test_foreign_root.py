"""A root that others made, or a source that was swapped, must not choose what a search reads."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import raycontext
from raycontext.cli.application import application
from raycontext.models.hits import Hits
from raycontext.sdk.connection import Connection
from raycontext.serve.mcp.arguments import checked_arguments
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.messages import SearchQuery
from raycontext.serve.service import Service

from ..conftest import settle, write_tree

SECRET = "def launch_code():\n    return 'violet-17'\n"
QUESTION = "launch code, total price"


@pytest.fixture
def other_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Become another user, as far as what this user has chosen counts."""
    return lambda name: monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / name))


def inline(root: Path) -> Connection:
    return raycontext.connect(root=root, runtime="inline", workers=1)


def index(root: Path, source: Path) -> None:
    with inline(root) as context:
        context.index(source)


def asked(root: Path, collection: str = "shop") -> Hits:
    with inline(root) as context:
        return context.search(QUESTION, collection=collection)


def holds_secret(root: Path) -> bool:
    return any(b"violet-17" in path.read_bytes() for path in root.rglob("*") if path.is_file())


def add_secret(source: Path) -> None:
    write_tree(source, {"launch.py": SECRET})
    settle(source)


def test_root_of_another_user_gets_nothing_of_the_folder_that_it_names(
    root: Path, source: Path, other_user: Callable[[str], None]
) -> None:
    other_user("attacker")
    index(root, source)
    other_user("victim")
    add_secret(source)
    hits = asked(root)
    assert hits, "what is there is answered"
    assert not any("violet-17" in hit.text for hit in hits)
    (note,) = hits.notes
    assert str(source) in note and "raycontext index" in note
    with inline(root) as context:
        (repaired,) = context.repair("shop")
        assert repaired.index is None
    assert not holds_secret(root)

    index(root, source)  # the user says so
    write_tree(source, {"second.py": SECRET.replace("17", "18")})
    hits = asked(root)
    assert any("violet-18" in hit.text for hit in hits)
    assert not hits.notes


def test_damage_in_a_root_of_another_user_makes_repair_read_nothing(
    root: Path, source: Path, other_user: Callable[[str], None]
) -> None:
    other_user("attacker")
    index(root, source)
    (chunks,) = (root / "shop/segments").glob("*/SEGMENT.json")
    chunks.write_bytes(b"{}")
    other_user("victim")
    add_secret(source)
    with inline(root) as context:
        (repaired,) = context.repair("shop")
    assert repaired.damage
    assert repaired.index is None
    assert not holds_secret(root)


@pytest.mark.parametrize("kind", ["link", "link above", "folder"])
def test_source_that_was_swapped_is_not_read(root: Path, tmp_path: Path, kind: str) -> None:
    source = tmp_path / "projects/shop"
    write_tree(source, {"cart.py": "def total_price():\n    return 1\n"})
    index(root, source)
    private = tmp_path / "private/shop"
    add_secret(private)
    if kind == "link above":
        source.parent.rename(tmp_path / "before")
        source.parent.symlink_to(private.parent)
    else:
        source.rename(tmp_path / "before")
        _ = source.symlink_to(private) if kind == "link" else shutil.copytree(private, source)
    hits = asked(root)
    assert not any("violet-17" in hit.text for hit in hits)
    assert hits.notes
    assert not holds_secret(root)


def test_root_may_be_reached_through_a_link(root: Path, source: Path, tmp_path: Path) -> None:
    index(root, source)
    (tmp_path / "link").symlink_to(root)
    add_secret(source)
    hits = asked(tmp_path / "link")
    assert any("violet-17" in hit.text for hit in hits)
    assert not hits.notes


def test_user_without_a_place_for_notes_can_index_and_is_told(
    root: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    index(root, source)
    assert asked(root).notes


async def test_note_is_the_same_on_every_interface(
    root: Path, source: Path, other_user: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    other_user("attacker")
    async with inline(root) as context:
        await context.index(source)
        other_user("victim")
        (note,) = (await context.search(QUESTION, collection="shop")).notes
        service = Service(context)
        answer = await service.search(SearchQuery(query=QUESTION, collection="shop"))
        assert answer.notes == (note,)
        arguments = checked_arguments("search_code", {"path": str(source), "query": QUESTION, "format": "json"})

        async def report(*_: object) -> None:
            pass

        told = await Calls(service).call("search_code", arguments, report)
        assert note in told.structured["notes"]
        arguments = checked_arguments("search_code", {"path": str(source), "query": QUESTION})
        assert note in (await Calls(service).call("search_code", arguments, report)).text
        await service.close()
    monkeypatch.setenv("RAYCONTEXT_ROOT", str(root))
    arguments_of_command = ["search", QUESTION, "--collection", "shop"]
    done = await asyncio.to_thread(CliRunner().invoke, application, arguments_of_command)
    assert note in done.stderr
