"""One collection that is damaged, or cannot be searched for another reason, does not end a search of several."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import raycontext
from raycontext import StorageError
from raycontext.cli.application import application
from raycontext.sdk.connection import Connection

from ..conftest import write_tree

QUESTION = "total price"


def lose_segments(collection: Path) -> None:
    shutil.rmtree(collection / "segments")


def damage_manifests(collection: Path) -> None:
    for manifest in (collection / "manifests").iterdir():
        manifest.write_bytes(b"{}")


def damage_segments(collection: Path) -> None:
    for segment in (collection / "segments").glob("*/SEGMENT.json"):
        segment.write_bytes(b"{}")


DAMAGE: list[Callable[[Path], None]] = [lose_segments, damage_manifests, damage_segments]


def inline(root: Path) -> Connection:
    return raycontext.connect(root=root, runtime="inline", workers=1)


@pytest.fixture
def collections(root: Path, tmp_path: Path) -> list[Path]:
    """Folders of three collections."""
    names = ("one", "two", "three")
    with inline(root) as context:
        for name in names:
            write_tree(tmp_path / name, {f"{name}.py": f"def total_price_{name}():\n    return 1\n"})
            context.index(tmp_path / name)
    return [root / name for name in names]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("named", [["*"], ["one", "two", "three"]], ids=["all", "named"])
def test_others_answer_and_a_note_names_the_bad_one(
    root: Path, collections: list[Path], damage: Callable[[Path], None], named: list[str]
) -> None:
    damage(collections[1])
    with inline(root) as context:
        hits = context.search(QUESTION, collections=named)
        assert {hit.collection for hit in hits} == {"one", "three"}
        assert any("'two' could not be searched" in note for note in hits.notes)
        with pytest.raises(raycontext.RaycontextError):
            context.search(QUESTION, collection="two")


def test_error_is_raised_where_none_can_be_searched(root: Path, collections: list[Path]) -> None:
    for collection in collections:
        damage_segments(collection)
    with inline(root) as context, pytest.raises(StorageError):
        context.search(QUESTION, collections=["*"])


def test_command_says_which_one_failed(root: Path, collections: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    damage_segments(collections[0])
    monkeypatch.setenv("RAYCONTEXT_ROOT", str(root))
    done = CliRunner().invoke(application, ["search", QUESTION, "--all"])
    assert done.exit_code == 0
    assert "two.py" in done.stdout
    assert "'one' could not be searched" in done.stderr
