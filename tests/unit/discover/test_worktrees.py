"""Working trees of a repository inside of it are not part of the tree."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import raycontext
from raycontext.discover.rules.ignore import FolderRules
from raycontext.discover.walk import walk, walk_places

from ...conftest import CART, write_tree

LIMIT = 1 << 20


def git(folder: Path, *arguments: str | Path) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def listed(folder: Path) -> set[str]:
    return {file.path for file in walk(folder, LIMIT).files}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    write_tree(top, {"shop/cart.py": CART, "shop/sub/a.py": "a = 1\n"})
    git(top, "init", "-q")
    git(top, "add", ".")
    git(top, "commit", "-qm", "first")
    return top


FILES = {"shop/cart.py", "shop/sub/a.py"}


@pytest.mark.parametrize("place", ["copy", ".claude/worktrees/x", "shop/deep/copy"])
def test_worktree_inside_of_its_repository_is_left_out(repository: Path, place: str) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", place)
    assert listed(repository) == FILES
    assert walk_places(repository, LIMIT, [place, f"{place}/shop/cart.py"]).files == []
    assert FolderRules(repository).inside(f"{place}/shop") is None
    with raycontext.connect(root=repository.parent / "root", runtime="inline") as context:
        assert context.index(repository, collection="t").files == 2


def test_worktree_that_is_named_itself_is_walked(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", "trees/x")
    git(repository, "worktree", "add", "-q", "-b", "third", tmp_path / "outside")
    assert listed(repository / "trees/x") == FILES
    assert listed(repository / "trees") == {f"x/{path}" for path in FILES}
    assert listed(tmp_path / "outside") == FILES
    assert {path for path in listed(tmp_path) if path.startswith("outside/")} == {f"outside/{path}" for path in FILES}


def test_worktree_that_lies_in_a_worktree_is_left_out(repository: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", "trees/x")
    git(repository / "trees/x", "worktree", "add", "-q", "-b", "third", "inner")
    assert listed(repository) == FILES
    assert listed(repository / "trees/x") == FILES


def test_worktree_whose_pointer_is_stale_is_left_out(repository: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", "copy")
    (repository / "copy/.git").write_text("gitdir: /another/place/.git/worktrees/copy\n")  # as in a container
    assert listed(repository) == FILES
    (repository / "copy/.git").write_text(f"gitdir: {repository}/.git/worktrees/copy\n")
    shutil.rmtree(repository / ".git/worktrees")
    assert listed(repository) == FILES


def test_submodules_other_repositories_and_their_worktrees_are_part_of_the_tree(
    repository: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write_tree(other, {"b.py": "b = 1\n"})
    git(other, "init", "-q")
    git(other, "add", ".")
    git(other, "commit", "-qm", "first")
    git(repository, "submodule", "add", "-q", other, "module")
    git(other, "worktree", "add", "-q", "-b", "x", repository / "foreign")
    shutil.copytree(other, repository / "own")
    assert listed(repository) >= FILES | {"module/b.py", "foreign/b.py", "own/b.py"}


def test_working_trees_of_a_bare_repository_are_walked(repository: Path, tmp_path: Path) -> None:
    place = tmp_path / "bare"
    place.mkdir()
    git(tmp_path, "clone", "-q", "--bare", repository, place / ".bare")
    (place / ".git").write_text("gitdir: ./.bare\n")
    git(place, "worktree", "add", "-q", "-b", "x", "x")
    assert listed(place) >= {f"x/{path}" for path in FILES}
