"""Attributes of files are those that git finds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from raycontext.discover.rules.attributes import Attributes

from ...conftest import write_tree

NAME = "working-tree-encoding"
FILES = ("a.txt", "b.c", "src/a.txt", "src/deep/b.c", "src/deep/with space.txt", "src/special.txt", "other/a.txt")
ATTRIBUTES = {
    ".gitattributes": (
        "# comment\n*.txt working-tree-encoding=UTF-16 text\n/b.c working-tree-encoding=latin1\n"
        "src/special.txt -working-tree-encoding\n*.c diff=c\nother/ working-tree-encoding=big5\n"
    ),
    "src/.gitattributes": '*.txt !working-tree-encoding\n"deep/with space.txt" working-tree-encoding=gbk\n',
    "src/deep/.gitattributes": "*.c working-tree-encoding=koi8-r\n",
}


def of_git(root: Path, path: str) -> str:
    said = subprocess.run(
        ["git", "check-attr", NAME, "--", path], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    value = said.rpartition(": ")[2].strip()
    return {"unspecified": "", "unset": "false", "set": "true"}.get(value, value)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_tree(tmp_path, {**ATTRIBUTES, **dict.fromkeys(FILES, "x\n")})
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize("path", FILES)
def test_attributes_are_those_of_git(tree: Path, path: str) -> None:
    assert Attributes(tree).of(path).get(NAME, "") == of_git(tree, path)


def test_attributes_of_the_repository_and_of_folders_above_count(tree: Path) -> None:
    (tree / ".git/info").mkdir(exist_ok=True)
    (tree / ".git/info/attributes").write_text("special.txt working-tree-encoding=cp1252\n")
    inner = Attributes(tree / "src")
    for path in ("a.txt", "deep/b.c", "special.txt", "deep/with space.txt"):
        assert inner.of(path).get(NAME, "") == of_git(tree, f"src/{path}")


def test_tree_without_attributes_has_none(tmp_path: Path) -> None:
    assert dict(Attributes(tmp_path).of("a/b.c")) == {}
