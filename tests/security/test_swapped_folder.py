"""A folder of a tree that is swapped for a link, at any moment, lets nothing in from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import raycontext
from raycontext.cli.display import with_context
from raycontext.discover import read, walk
from raycontext.discover.opening import open_real
from raycontext.errors import RootNotFound
from raycontext.models import Freshness
from raycontext.store.collection import Collection
from raycontext.store.storage.local import LocalStorage

from ..conftest import write_tree
from ..waiting import until

SECRET = "violet seventeen opens the vault"
ROUNDS = 12


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_tree(tmp_path / "tree", {f"inner/deep/file_{n}.py": f"value_{n} = {n}\n" for n in range(30)})
    write_tree(tmp_path / "private", {f"deep/file_{n}.py": f'value_{n} = "{SECRET}"\n' for n in range(30)})
    write_tree(tmp_path / "private", {f"deep/other_{n}.py": f'value_{n} = "{SECRET}"\n' for n in range(30)})
    return tmp_path / "tree"


def swap(tree: Path) -> None:
    """Put a link to the private folder in the place of `inner`."""
    (tree / "inner").rename(tree.parent / "aside")
    (tree / "inner").symlink_to(tree.parent / "private")


def texts(root: Path) -> list[str]:
    """All texts and paths in the collections of a root."""
    found: list[str] = []
    for place in root.glob("*/COLLECTION.json"):
        collection = Collection(LocalStorage(root), place.parent.name)
        manifest = collection.latest()
        assert manifest is not None
        found += collection.snapshot(manifest).entries
        for shard in range(len(manifest.shards)):
            for segment in collection.segments(manifest, shard):
                found += segment.texts().column("text").to_pylist()
    return found


@pytest.mark.parametrize("moment", [1, 2, 3, 4, 5, 8, 20, 33])
def test_folder_that_is_swapped_before_any_opening_lets_nothing_in(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    opened = 0

    def hooked(open_it: Callable[..., int]) -> Callable[..., int]:
        def opening(*arguments: object) -> int:
            nonlocal opened
            opened += 1
            if opened == moment:
                swap(tree)
            return open_it(*arguments)

        return opening

    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as context:
        monkeypatch.setattr(walk, "open_real", hooked(open_real))
        monkeypatch.setattr(read, "open_below", hooked(read.open_below))
        context.index(tree)
        assert (tree / "inner").is_symlink(), "the moment has come"
    kept = texts(tmp_path / "root")
    assert not any(SECRET in text for text in kept)
    assert not any("other_" in text for text in kept), "nor the names of its files"


SWAPPER = """
import ctypes, os, sys
aside, inner = sys.argv[1:]
swap = ctypes.CDLL(None).syscall
print("begun", flush=True)
while True:
    swap(316, -100, os.fsencode(aside), -100, os.fsencode(inner), 2)
"""
"""Program that exchanges two names without a pause: renameat2(2) with RENAME_EXCHANGE."""


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="the number of renameat2")
def test_folder_that_is_swapped_without_a_pause_lets_nothing_in(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "aside").symlink_to(tmp_path / "private")
    swapper = subprocess.Popen(
        [sys.executable, "-c", SWAPPER, tmp_path / "aside", tree / "inner"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert swapper.stdout is not None
        assert swapper.stdout.readline() == "begun\n"
        until((tree / "inner").is_symlink)
        with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as context:
            for number in range(ROUNDS):
                (tree / "new.py").write_text(f"number = {number}\n")
                context.index(tree)
                kept = texts(tmp_path / "root")
                assert not any(SECRET in text for text in kept)
                assert not any("other_" in text for text in kept)
                assert any(text.startswith("number") for text in kept), "all else is indexed"
    finally:
        swapper.kill()
        swapper.communicate()


def test_root_that_is_swapped_for_a_link_is_not_followed(tree: Path, tmp_path: Path) -> None:
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as context:
        context.index(tree)
    tree.rename(tmp_path / "moved")
    tree.symlink_to(tmp_path / "private")
    with pytest.raises(RootNotFound):
        walk.walk(tree, 1 << 20)
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as context:
        hits = context.search("value", collection="tree")
        assert hits, "what was indexed still answers"
        assert all(hit.freshness is not Freshness.UNCHANGED for hit in hits)
    assert not any(SECRET in text for text in texts(tmp_path / "root"))


def test_later_readers_follow_no_link_either(tree: Path, tmp_path: Path) -> None:
    """Freshness, context lines, verification and repair read the source again."""
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as context:
        context.index(tree)
        swap(tree)
        for path in (tmp_path / "private/deep").glob("file_*.py"):
            path.write_bytes((tmp_path / "aside/deep" / path.name).read_bytes() + SECRET.encode())
        hits = context.search("value_7", collection="tree", limit=3)
        assert all(hit.freshness is not Freshness.UNCHANGED for hit in hits)
        (report,) = context.verify("tree", deep=True)
        assert report.compared_files == 0
        context.repair("tree")
        assert context.estimate(tree).files == 0
    told = [{**hit.model_dump(mode="json"), "freshness": "unchanged"} for hit in hits]
    shown = with_context(told, 5)  # type: ignore[arg-type]
    assert [(hit["before"], hit["after"]) for hit in shown] == [([], [])] * len(shown)
