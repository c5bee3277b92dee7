"""Collections by their source, where several make them at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from raycontext.store import new_names
from raycontext.store.catalog import Catalog
from raycontext.store.collection import collection_names
from raycontext.store.storage.memory import MemoryStorage


class Overtaken(MemoryStorage):
    """Another one prepares a source right after a listing."""

    def __init__(self, source: str, listing: int) -> None:
        super().__init__()
        self._source, self._left = source, listing

    def list(self, folder: str) -> list[str]:
        names = super().list(folder)
        self._left -= 1
        if self._left == 0:
            Catalog(self).prepare(self._source, None)
        return names


@pytest.mark.parametrize("listing", [1, 2, 3])
def test_one_source_has_one_collection_whoever_makes_it_first(listing: int) -> None:
    storage = Overtaken("/src/shop", listing)
    assert Catalog(storage).prepare("/src/shop", None).name == "shop"
    assert collection_names(storage) == ["shop"]


@pytest.mark.parametrize("listing", [1, 2])
def test_name_that_another_source_has_taken_meanwhile_is_left_to_it(listing: int) -> None:
    storage = Overtaken("/other/shop", listing)
    made = Catalog(storage).prepare("/src/shop", None)
    sources = {Catalog(storage).of_source(source) for source in ("/src/shop", "/other/shop")}
    assert made in sources
    assert len(sources) == len(collection_names(storage)) == 2


def test_names_tell_folders_of_one_name_apart(tmp_path: Path) -> None:
    """By the repository, else by the folder above, else by a digest of the path."""
    for folder in ("shop/.git", "shop/src", "depot/src", "a/depot/src", "b/depot/src"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "shop/.git/HEAD").write_text("ref: refs/heads/main\n")
    known = Catalog(MemoryStorage())
    made = [
        known.prepare(str(tmp_path / folder), None).name
        for folder in ("shop/src", "shop", "depot/src", "a/depot/src", "b/depot/src")
    ]
    assert made[:4] == ["shop-src", "shop", "src", "depot-src"]
    assert re.fullmatch("src-[0-9a-f]{8}", made[4])
    assert known.prepare(str(tmp_path / "shop/src"), None).name == "shop-src"
    long = known.prepare(str(tmp_path / ("x" * 200)), None).name
    assert len(long) < 100


def test_home_folder_in_git_is_no_repository_of_its_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    monkeypatch.setattr(new_names, "why_private", lambda folder: "home" if folder == str(tmp_path) else "")
    assert next(new_names.names_for(str(tmp_path / "shop"))) == "shop"
