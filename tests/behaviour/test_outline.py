"""Outlines of files and folders, over shards, filters and edits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import InvalidInput

from ..conftest import write_tree

TREE = {
    "shop/cart.py": '''"""Module."""

# Rate of the tax.
RATE = 3

#: Number of tries.
TRIES = 2
NOTE: "str" = "x"
"""What is noted."""
BARE: "str" = "x"


class Cart:
    """Articles of a customer.

    Further lines.
    """

    def add(self, item: dict[str, int] = {"a": 1}) -> None:  # header
        # before the string
        r"""Put an article in."""

        def local():
            "not a method"

    @property
    # Number of articles.
    def size(self):
        return ":" and "no docstring"

    class Entry:
        """Inner class."""

        def price(self):
            return 1
''',
    "web/api.ts": """/**
 * Client of the API.
 */
@sealed({
  // not of the class
  key: [1],
})
export class Client {
  // Sends a request.
  send(x: number): number { return x }

  close(): void {}
}

/// One line.
export function load(): void {}
""",
    "go/a.go": "package a\n\n// Start begins.\n// More.\nfunc Start() {}\n\n// apart\n\nfunc Stop() {}\n",
    "c/run.c": "/* Runs it. */\nstatic int\nrun(int x)\n{\n    // inside\n    return x;\n}\n"
    "int stop(void) { return 0; }\n",
    "notes.md": "words only\n",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("outline") / "tree"
    write_tree(place, TREE)
    return place


@pytest.fixture(scope="module")
def context(tree: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=tree.parent / "root", runtime="inline", workers=1) as opened:
        opened.index(tree, collection="tree", num_shards=3)
        yield opened


def shown(outline: raycontext.Outline) -> list[tuple[int, str, str, str]]:
    return [(one.depth, one.kind, one.name, one.documentation) for one in outline.definitions]


def test_python_is_nested_with_docstrings(context: raycontext.SyncContext) -> None:
    found = context.outline("shop/cart.py", collection="tree")
    assert [entry for entry in shown(found) if entry[1] in ("class", "method")] == [
        (0, "class", "Cart", "Articles of a customer."),
        (1, "method", "add", "Put an article in."),
        (1, "method", "size", "Number of articles."),
        (1, "class", "Entry", "Inner class."),
        (2, "method", "price", ""),
    ]
    entry = next(one for one in found.definitions if one.name == "Entry")
    assert (entry.line, entry.end_line, entry.scope) == (31, 35, "Cart")
    assert (found.shards_answered, found.shards_total, found.files, found.cut) == (3, 3, 1, False)


def test_a_string_below_documents_a_constant_and_an_annotation_does_not(context: raycontext.SyncContext) -> None:
    found = context.outline("shop/cart.py", collection="tree", kinds=["constant"])
    assert [(one.name, one.documentation) for one in found.definitions] == [
        ("RATE", "Rate of the tax."),
        ("TRIES", "Number of tries."),
        ("NOTE", "What is noted."),
        ("BARE", ""),
    ]


def test_a_result_type_of_its_own_line_is_no_obstacle(context: raycontext.SyncContext) -> None:
    assert [one[2:] for one in shown(context.outline("c/run.c", collection="tree"))] == [
        ("run", "Runs it."),
        ("stop", ""),
    ]


def test_typescript_is_nested_with_comments(context: raycontext.SyncContext) -> None:
    assert shown(context.outline("web/api.ts", collection="tree")) == [
        (0, "class", "Client", "Client of the API."),
        (1, "method", "send", "Sends a request."),
        (1, "method", "close", ""),
        (0, "function", "load", "One line."),
    ]


def test_a_comment_that_stands_apart_documents_nothing(context: raycontext.SyncContext) -> None:
    assert [one[2:] for one in shown(context.outline("go", collection="tree"))] == [
        ("Start", "Start begins."),
        ("Stop", ""),
    ]


def test_a_folder_is_in_order_and_in_pages(tree: Path, context: raycontext.SyncContext) -> None:
    whole = context.outline(tree)
    assert [one.path for one in whole.definitions] == sorted(one.path for one in whole.definitions)
    assert whole.files == 5 and whole.path == ""
    pages = [context.outline(tree, limit=1, offset=number) for number in range(len(whole.definitions))]
    assert [page.definitions[0] for page in pages] == list(whole.definitions)
    assert [page.cut for page in pages] == [True] * (len(pages) - 1) + [False]


def test_constants_do_not_crowd_a_folder(context: raycontext.SyncContext) -> None:
    whole = context.outline(".", collection="tree", limit=2)
    assert (whole.constants, [one.name for one in whole.definitions]) == (4, ["run", "stop"])
    assert "RATE" not in [one.name for one in context.outline("shop", collection="tree").definitions]
    file = context.outline("shop/cart.py", collection="tree")
    assert (file.constants, file.definitions[0].name) == (0, "RATE")
    asked = context.outline("shop", collection="tree", kinds=["constant"])
    assert (asked.constants, len(asked.definitions)) == (0, 4)


def test_an_offset_has_a_bound_and_an_answer_has_an_age(context: raycontext.SyncContext) -> None:
    assert context.outline(".", collection="tree", offset=100_000).definitions == ()
    with pytest.raises(InvalidInput):
        context.outline(".", collection="tree", offset=100_001)
    with pytest.raises(InvalidInput):
        context.usages("Cart", collection="tree", offset=100_001)
    looked = context.outline(".", collection="tree", refresh=True)
    assert looked.age_seconds is not None and not looked.may_miss_files
    blind = context.callers("add", collection="tree", refresh=False)
    assert (blind.age_seconds, blind.may_miss_files) == (None, True)


def test_filters_choose_files_and_kinds(tree: Path, context: raycontext.SyncContext) -> None:
    assert {one.language for one in context.outline(tree, languages=["ts"]).definitions} == {"typescript"}
    assert {one.path for one in context.outline(tree, paths=["!*.py", "!*.ts", "!*.c"]).definitions} == {"go/a.go"}
    assert [one.name for one in context.outline(tree, kinds="class").definitions] == ["Cart", "Entry", "Client"]


def test_a_file_without_definitions_is_no_error_and_a_missing_one_is(
    tree: Path, context: raycontext.SyncContext
) -> None:
    assert context.outline("notes.md", collection="tree").files == 1
    for path in ("missing.py", "../tree2", "shop/car"):
        with pytest.raises(InvalidInput):
            context.outline(path, collection="tree")
    with pytest.raises(raycontext.PathNotFound):
        context.outline(tree.parent / "nowhere")


def test_any_number_of_shards_edits_and_a_source_that_is_gone(tmp_path: Path, context: raycontext.SyncContext) -> None:
    place = tmp_path / "tree"
    write_tree(place, TREE)
    expected = context.outline(".", collection="tree").definitions
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as opened:
        opened.index(place, collection="one", num_shards=1)
        assert opened.outline(place).definitions == expected
        (place / "go/a.go").write_text("package a\n\n// Restart begins.\nfunc Restart() {}\n")
        assert [one[2:] for one in shown(opened.outline(place / "go"))] == [("Restart", "Restart begins.")]
        shutil.rmtree(place)
        gone = opened.outline("go/a.go", collection="one", refresh=False)
        assert [one.documentation for one in gone.definitions] == ["Restart begins."]
