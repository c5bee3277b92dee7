"""Texts in any encoding are found, shown, verified and repaired, with the lines that editors count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import raycontext
from raycontext.cli.display import with_context

from ..conftest import settle, write_tree

TEXT = "# первая строка\n\n\ndef quetzal():\n    return 1\n\n\n# {}\ndef ocelot():\n    return 2\n"
ODD_ENDS = "a\x0cb\x85c\u2028d\x0be\x1cf"
"""Characters at which `str.splitlines` cuts and editors do not."""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "utf-8-sig"])
def test_context_lines_are_the_lines_of_the_file(tmp_path: Path, encoding: str) -> None:
    text = f"# {ODD_ENDS}\n" + "".join(f"# line {number} {ODD_ENDS}\n" for number in range(2, 200)) + TEXT
    write_tree(tmp_path / "tree", {"odd.py": text.encode(encoding)})
    lines = text.split("\n")
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "tree", collection="odd")
        hit = context.search("quetzal", collection="odd")[0]
    assert hit.text.encode() in text.encode()
    assert lines[hit.start_line - 1 : hit.end_line] == hit.text.split("\n")
    (shown,) = with_context([hit.model_dump()], 3)
    assert shown["before"] == lines[hit.start_line - 4 : hit.start_line - 1]
    assert shown["after"] == lines[hit.end_line : hit.end_line + 3][: len(shown["after"])]


def test_texts_in_old_encodings_are_found_verified_and_repaired(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write_tree(
        tree,
        {
            "russian.py": TEXT.format("проверить ввод пользователя").encode("koi8_r"),
            "western.vhdl": b"-- Copyright \xa9 2008\nentity adder is\nend adder;\n",
            "japanese.c": ("/* 在庫が足りない場合は例外を投げる */\nint f(void) { return 1; }\n" * 3).encode(
                "shift_jis"
            ),
            "plain.py": "def plain():\n    return 1\n",
        },
    )
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tree, collection="old")
        status = context.status("old")
        assert (status.files, status.skipped) == (4, {})
        assert status.encodings == {"koi8-r": 1, "latin-1": 1, "cp932": 1}
        assert status.guessed_encodings == ("western.vhdl",)
        hit = context.search("пользователя", collection="old")[0]
        assert (hit.path, hit.encoding) == ("russian.py", "koi8-r")
        assert context.search("在庫が足りない", collection="old")[0].path == "japanese.c"
        (report,) = context.verify("old", deep=True)
        assert (report.damage, report.compared_files) == ((), 4)
        damaged = max((tmp_path / "root/old/segments").rglob("text.arrow"))
        content = damaged.read_bytes()
        damaged.chmod(0o600)
        damaged.write_bytes(content[:-40] + bytes(40))
        assert context.repair("old")[0].dropped_files == 4
        assert context.status("old").encodings == status.encodings
        assert context.verify("old", deep=True)[0].damage == ()
        assert context.search("пользователя", collection="old")[0].text == hit.text


def test_declaration_that_changes_has_its_files_indexed_again(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write_tree(tree, {"a.py": "# Ёжик в тумане идёт\n".encode("cp1251"), "sub/b.py": "# Ёжик\n".encode("cp1251")})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        settle(tree)
        context.index(tree, collection="t")
        write_tree(tree, {"sub/.gitattributes": "*.py working-tree-encoding=cp1251\n"})
        report = context.index(tree, collection="t")
        assert (report.added, report.modified) == (1, 1)
        assert context.search("Ёжик", collection="t", paths=["sub"])[0].text == "# Ёжик"
        assert not context.index(tree, collection="t").changed
        assert context.verify("t", deep=True)[0].damage == ()
        os.unlink(tree / "sub/.gitattributes")  # noqa: PTH108
        report = context.index(tree, collection="t")
        assert (report.removed, report.modified, report.files) == (1, 1, 2)
