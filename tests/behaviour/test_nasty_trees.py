"""Trees that break indexers: huge, deep, oddly named, made by machines. Each is indexed, and found is what is in it."""

from __future__ import annotations

import os
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.chunk.syntax import parsing
from raycontext.discover.walk import walk

from ..conftest import write_tree

MARKER = "def peculiar_marker():\n    return 1\n"


@pytest.fixture
def context(root: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        yield context


def found(context: raycontext.SyncContext, query: str = "peculiar_marker") -> set[str]:
    return {hit.path for hit in context.search(query, collection="tree", limit=100) if query in hit.text}


@pytest.mark.soak
def test_a_hundred_thousand_files_in_a_folder(tmp_path: Path) -> None:
    names = [f"f{number}.py" for number in range(100_000)]
    for name in names:
        os.close(os.open(tmp_path / name, os.O_CREAT | os.O_WRONLY))
    assert [file.path for file in walk(tmp_path, 1000).files] == sorted(names)


def test_two_hundred_folders_deep(tmp_path: Path, context: raycontext.SyncContext) -> None:
    deep = "/".join(["d"] * 200) + "/end.py"
    write_tree(tmp_path / "tree", {deep: MARKER})
    context.index(tmp_path / "tree")
    assert found(context) == {deep}


def test_names_that_differ_in_case_or_unicode_form(tmp_path: Path, context: raycontext.SyncContext) -> None:
    names = {"Read.py", "read.py", *(f"{unicodedata.normalize(form, 'é')}.py" for form in ("NFC", "NFD"))}
    write_tree(tmp_path / "tree", {name: MARKER + f"# {number}\n" for number, name in enumerate(names)})
    there = {path.name for path in (tmp_path / "tree").iterdir()}  # some file systems keep fewer
    context.index(tmp_path / "tree")
    assert found(context) == there


def test_lines_that_a_machine_made(tmp_path: Path, context: raycontext.SyncContext) -> None:
    line = "function peculiar_marker(){return 1};" + "var a=[1,2,{b:3}];" * 290_000
    write_tree(tmp_path / "tree", {"bundle.min.js": line, "plain.py": MARKER})
    assert len(line) > 5_000_000
    report = context.index(tmp_path / "tree", max_file_bytes=8 << 20)
    assert report.cut_by_lines == ("bundle.min.js",)
    assert (report.files, report.skipped) == (2, {})
    assert "plain.py" in found(context)


@pytest.mark.parametrize("name", ["nested.json", "nested.js", "nested.py", "nested.c", "nested.lisp"])
def test_ten_thousand_brackets_in_each_other(tmp_path: Path, context: raycontext.SyncContext, name: str) -> None:
    brackets = "(" * 10_000 + ")" * 10_000 if name.endswith("lisp") else "[" * 10_000 + "]" * 10_000
    write_tree(tmp_path / "tree", {name: f"{brackets}\n", "plain.py": MARKER})
    report = context.index(tmp_path / "tree")
    assert (report.files, report.skipped) == (2, {})
    assert found(context) == {"plain.py"}


def test_file_that_takes_too_much_work_is_counted_and_parsed_once_more_is_allowed(
    tmp_path: Path, context: raycontext.SyncContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "PARSE_CPU_SECONDS", -1.0)
    slow = "".join(f"def slow_{number}():\n    return {number}\n" for number in range(3000))
    write_tree(tmp_path / "tree", {"slow.py": slow, "plain.md": "peculiar_marker"})
    report = context.index(tmp_path / "tree")
    assert (report.cut_by_lines, report.files) == (("slow.py",), 2)
    assert found(context, "slow_7") == {"slow.py"}
    assert context.search("slow_7", path=tmp_path / "tree")[0].symbol == ""
    assert context.status(path=tmp_path / "tree").cut_by_lines == ("slow.py",)
    monkeypatch.undo()
    again = context.index(tmp_path / "tree")  # the file is as it was
    assert (again.changed, again.cut_by_lines, again.added, again.modified) == (True, (), 0, 0)
    assert context.status(path=tmp_path / "tree").cut_by_lines == ()
    assert "slow_7" in context.search("slow_7", path=tmp_path / "tree")[0].symbol
    assert not context.index(tmp_path / "tree").changed


def test_file_that_takes_too_much_work_is_known_after_compaction_and_not_parsed_in_vain(
    tmp_path: Path, context: raycontext.SyncContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "PARSE_CPU_SECONDS", -1.0)
    slow = "".join(f"def slow_{number}():\n    return {number}\n" for number in range(3000))
    write_tree(tmp_path / "tree", {"slow.py": slow})
    for number in range(12):
        write_tree(tmp_path / "tree", {f"plain_{number}.md": "peculiar_marker"})
        context.index(tmp_path / "tree")
    assert context.status(path=tmp_path / "tree").segments <= 8
    assert context.status(path=tmp_path / "tree").cut_by_lines == ("slow.py",)
    assert not context.index(tmp_path / "tree").changed  # it was tried twice


def test_carriage_returns_alone_and_bytes_of_nul(tmp_path: Path, context: raycontext.SyncContext) -> None:
    write_tree(
        tmp_path / "tree",
        {
            "mac.py": MARKER.replace("\n", "\r").encode(),
            "wide.py": MARKER.encode("utf-16"),
            "late.py": MARKER.encode() + b"x = 1\n" * 20_000 + b"\0",
        },
    )
    report = context.index(tmp_path / "tree")
    assert report.skipped == {"binary": 1}
    assert found(context) == {"mac.py", "wide.py"}


def test_submodules_are_part_of_the_tree_and_its_own_worktrees_are_not(
    tmp_path: Path, context: raycontext.SyncContext
) -> None:
    tree = tmp_path / "tree"
    write_tree(tree, {"main.py": MARKER, ".gitignore": "*.log\n"})

    def git(*arguments: str, place: Path = tree) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")
        subprocess.run(["git", *identity, *arguments], cwd=place, check=True, capture_output=True)

    other = tmp_path / "other"
    write_tree(other, {"inner.py": MARKER, "inner.log": "x", ".gitignore": "build/\n", "build/out.py": MARKER})
    for place in (other, tree):
        git("init", "--quiet", place=place)
        git("add", ".", place=place)
        git("commit", "--quiet", "--message=one", place=place)
    git("submodule", "add", "--quiet", str(other), "vendor/other")
    write_tree(tree / "vendor/other", {"build/out.py": MARKER, "local.log": "x"})
    git("worktree", "add", "--quiet", "-b", "side", str(tree / "side"))
    assert (tree / "vendor/other/.git").is_file()
    assert (tree / "side/.git").is_file()
    report = context.index(tree)
    assert found(context) == {"main.py", "vendor/other/inner.py"}
    assert report.skipped == {}
