"""Lines that match a regular expression: the same that ripgrep finds, over shards, filters and edits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.errors import InvalidInput

from ..conftest import write_tree

RIPGREP = shutil.which("rg", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

UNICODE = """Straße, STRASSE, Straẞe
été ÉTÉ αβγς ΑΒΓΣ
\u212aelvin, kelvin, KELVIN, \u017fin
中文字 \u01c5 a\u2028b
"""
TREE = {
    "shop/cart.py": "class Cart:\n    def total(self):\n        return sum(self.prices)\n\n\n    TODO = 1  \n",
    "shop/dos.txt": "first \r\n\r\n\r\n  indented\r\nlast",
    "shop/blank.txt": "\n \n\n\t\n",
    "shop/unicode.md": UNICODE,
    "shop/empty.py": "",
    "shop/.hidden/secret_place.py": "def total():\n    pass\n",
    "web/app.ts": "export function total(x: number): number {\n  return x * 2;\n}\n" * 40,
    "web/long.js": "var a = 1;" + "x" * 5000 + "needle" + "y" * 5000 + "\n",
    "logo.png": "\x00PNG total",
}
PATTERNS = (
    *("total", r"\btotal\b", "^$", r"\s+$", r"\s$", "", "a*", "$", r"\bx\b", "return|TODO", r"[A-Z]{3,}", r"\S+\s\S+"),
    *(
        r"\w+",
        r"\W$",
        r"[^\x00-\x7F]",
        r"\p{Greek}+",
        r"\p{Lu}",
        "(?i)stra\u00dfe",
        "(?i)k",
        "(?i)\u03c3",
        "\u00e9",
        r"\d",
    ),
    *(
        r"(?x) to tal",
        r"\Afirst",
        r"last\z",
        "d$",
        r"[a-z&&[^aeiou]]{3}",
        r"to(?:tal|es){1,2}",
        r"\bß",
        "ue\\.",
    ),
    *(r"(?-u:\w)+", "x{3,}n", "nothing here", r"\x{4e2d}", r"[[:upper:]]{2}", r"(a|b)\(", r"\Bt", "a.b", r"=\s*\d"),
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("grep") / "tree"
    for path, text in TREE.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return place


@pytest.fixture(scope="module", params=[1, 3], ids=["one shard", "three shards"])
def context(
    request: pytest.FixtureRequest, tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[raycontext.SyncContext]:
    root = tmp_path_factory.mktemp("root")
    with raycontext.connect(root=root, runtime="inline", workers=1) as opened:
        opened.index(tree, collection="shop", num_shards=request.param)
        yield opened


def found(context: raycontext.SyncContext, pattern: str, **options: Any) -> list[tuple[str, int, int]]:
    answer = context.grep(pattern, **{"collection": "shop", "limit": 1000, "refresh": False, **options})
    assert answer.matching_lines == len(answer.lines)
    assert answer.matching_files == len({line.path for line in answer.lines})
    assert answer.is_exact and not answer.cut
    return [(line.path, line.line, line.column) for line in answer.lines]


def by_ripgrep(tree: Path, pattern: str, *flags: str) -> list[tuple[str, int, int]]:
    assert RIPGREP is not None
    command = [RIPGREP, "--json", "--no-config", *flags, "-e", pattern, "."]
    done = subprocess.run(command, cwd=tree, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    lines = []
    for entry in map(json.loads, done.stdout.decode().split("\n")[:-1]):
        if entry["type"] == "match" and entry["data"]["path"]["text"] != "./logo.png":
            data = entry["data"]
            text = data["lines"]["text"].encode()
            places = [found["start"] for found in data["submatches"]]  # it lists no empty match
            before = text[: places[0] if places else len(text.removesuffix(b"\n"))].decode()
            lines.append((data["path"]["text"].removeprefix("./"), data["line_number"], len(before) + 1))
    return sorted(lines)


@pytest.mark.skipif(RIPGREP is None, reason="ripgrep is not installed")
@pytest.mark.parametrize("pattern", PATTERNS)
def test_lines_are_those_of_ripgrep(context: raycontext.SyncContext, tree: Path, pattern: str) -> None:
    assert found(context, pattern) == by_ripgrep(tree, pattern)
    assert found(context, pattern, ignore_case=True) == by_ripgrep(tree, pattern, "-i")
    assert found(context, pattern, hidden=True) == by_ripgrep(tree, pattern, "--hidden")


@pytest.mark.skipif(RIPGREP is None, reason="ripgrep is not installed")
@pytest.mark.parametrize("pattern", ["total", "tot", "\u00e9t\u00e9", "x", "=", "ue."])
def test_words_and_fixed_strings_are_those_of_ripgrep(
    context: raycontext.SyncContext, tree: Path, pattern: str
) -> None:
    assert found(context, pattern, word=True) == by_ripgrep(tree, pattern, "-w")
    assert found(context, pattern, fixed_string=True) == by_ripgrep(tree, pattern, "-F")


def test_text_and_lines_around_a_match(context: raycontext.SyncContext) -> None:
    answer = context.grep("indented", collection="shop", before=2, after=2)
    (line,) = answer.lines
    assert (line.text, line.before, line.after, line.column) == ("  indented", ("", ""), ("last",), 3)
    assert (answer.read_files, answer.searched_files, answer.matching_files) == (1, 7, 1)
    (line,) = context.grep("needle", collection="shop").lines
    assert line.text_cut and "needle" in line.text and len(line.text) == 1500


def test_limit_offset_and_totals(context: raycontext.SyncContext) -> None:
    whole = found(context, "return")
    pages = [context.grep("return", collection="shop", limit=15, offset=start) for start in (0, 15, 30)]
    assert [(line.path, line.line, line.column) for page in pages for line in page.lines] == whole
    assert all(page.matching_lines == 41 and page.is_exact for page in pages)
    assert [page.cut for page in pages] == [True, True, False]
    first = context.grep("return", collection="shop", limit=1, totals=False)
    assert len(first.lines) == 1 and not first.is_exact and first.cut


def test_files_and_counts(context: raycontext.SyncContext) -> None:
    counted = context.grep("total", collection="shop", output="counts")
    assert [(file.path, file.lines) for file in counted.files] == [("shop/cart.py", 1), ("web/app.ts", 40)]
    assert (counted.matching_lines, counted.matching_files, counted.lines) == (41, 2, ())
    named = context.grep("total", collection="shop", output="files", limit=1)
    assert [file.path for file in named.files] == ["shop/cart.py"] and named.matching_files == 2 and named.cut


def test_filters_and_places(context: raycontext.SyncContext, tree: Path) -> None:
    assert {path for path, _, _ in found(context, "total", languages=["python"])} == {"shop/cart.py"}
    assert {path for path, _, _ in found(context, "total", paths=["*.ts"])} == {"web/app.ts"}
    assert {path for path, _, _ in found(context, "total", path="shop")} == {"shop/cart.py"}
    assert found(context, "total", path="shop/.hidden") == [("shop/.hidden/secret_place.py", 1, 5)]
    assert context.grep("total", path=tree / "web").matching_files == 1
    with pytest.raises(InvalidInput, match="not in the index"):
        context.grep("total", collection="shop", path="gone")
    with pytest.raises(InvalidInput, match="does not lie in"):
        context.grep("total", collection="shop", path="../elsewhere")


def test_answer_says_what_was_not_searched(context: raycontext.SyncContext) -> None:
    answer = context.grep("total", collection="shop")
    assert answer.not_indexed == {"binary": 1} and answer.notes == ()
    assert context.grep("total", collection="shop", path="web").not_indexed == {}
    (note,) = context.grep("^$", collection="shop").notes
    assert "7 of 7 files were read" in note


@pytest.mark.parametrize(
    "pattern", ["(", "a)", "[", r"\1", "(?=a)", "a{2", "*", "a\nb", r"\n", r"\q", "(?z)", "\udcff"]
)
def test_what_is_no_pattern_is_refused(context: raycontext.SyncContext, pattern: str) -> None:
    with pytest.raises(InvalidInput, match="pattern"):
        context.grep(pattern, collection="shop")


@pytest.mark.parametrize("pattern", [r"\w{1000}", "((((a{99}){99}){99}){99})", "x" * 5000, "(" * 500 + ")" * 500])
def test_what_is_too_large_is_refused_at_once(context: raycontext.SyncContext, pattern: str) -> None:
    with pytest.raises(InvalidInput, match="pattern"):
        context.grep(pattern, collection="shop")


def test_edits_are_searched_and_equal_an_index_from_scratch(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", {f"{number}.py": f"value = {number}\n\n\nother = 'x'\n" for number in range(12)})
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as context:
        context.index(tmp_path / "tree", collection="edited", num_shards=2)
        for number in range(12):
            write_tree(tmp_path / "tree", {f"{number}.py": f"value = {number + 5}\r\n\r\nnew = 1"})
            context.index(tmp_path / "tree", collection="edited")
        (tmp_path / "tree/3.py").unlink()
        context.index(tmp_path / "tree", collection="edited")
        context.index(tmp_path / "tree", collection="fresh", num_shards=1)
        for pattern in ("value", "^$", r"\s$", "other", "new", r"value = 1\d", "1$"):
            edited, fresh = (context.grep(pattern, collection=name) for name in ("edited", "fresh"))
            assert edited.lines == fresh.lines
            assert edited.matching_files == fresh.matching_files
        shutil.rmtree(tmp_path / "tree")
        assert context.grep("value", collection="fresh", refresh=False).matching_lines == 11
