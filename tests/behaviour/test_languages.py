"""Languages of files: what the user and the tree say comes before names and contents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import InvalidInput
from raycontext.sdk.connection import SyncContext

from ..conftest import settle, write_tree

PHP = "<html>\n<?php\nfunction open_store($path) {\n    return $path;\n}\n"
PASCAL = "procedure OpenStore;\nbegin\nend;\n"


def languages(context: SyncContext, name: str) -> dict[str, str]:
    hits = context.search("store", collection=name, limit=50)
    return {hit.path: hit.language for hit in hits}


def test_option_gives_languages_to_files_and_the_collection_keeps_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write_tree(tree, {"a.inc": PASCAL, "b.foo": PASCAL, "lib/c.foo": PHP})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tree, collection="t", language_of=["*.foo=pascal", "lib/=PHP"])
        assert languages(context, "t") == {"a.inc": "pascal", "b.foo": "pascal", "lib/c.foo": "php"}
        assert context.status("t").language_of == ("*.foo=pascal", "lib/=PHP")
        assert not context.index(tree, collection="t").changed
        assert context.index(tree, collection="t", language_of=()).changed
        assert languages(context, "t") == {"a.inc": "pascal", "b.foo": "text", "lib/c.foo": "text"}
        with pytest.raises(InvalidInput, match="klingon"):
            context.index(tree, collection="t", language_of=["*.foo=klingon"])


def test_setting_gives_languages_where_no_option_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path / "tree", {"b.foo": PASCAL})
    monkeypatch.setenv("RAYCONTEXT_LANGUAGE_OF", "*.foo=pascal, *.bar=php")
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "tree", collection="t")
        assert languages(context, "t") == {"b.foo": "pascal"}


def test_attributes_of_the_tree_give_languages_and_marks(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    source = "def open_store(path):\n    return path\n"
    write_tree(tree, {"a.foo": source, "made.py": source, "own.py": source, "other.py": source})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        settle(tree)
        context.index(tree, collection="t")
        assert languages(context, "t")["a.foo"] == "text"
        attributes = "*.foo linguist-language=Python\nmade.py linguist-generated\nother.py linguist-vendored=true\n"
        write_tree(tree, {".gitattributes": attributes})
        assert context.index(tree, collection="t").modified == 3
        assert languages(context, "t")["a.foo"] == "python"
        found = [hit.path for hit in context.search("open_store", collection="t", limit=50)]
        assert set(found) == {"a.foo", "made.py", "own.py", "other.py"}
        assert max(found.index("a.foo"), found.index("own.py")) < min(found.index("made.py"), found.index("other.py"))


def test_status_names_languages_without_definitions(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", {"a.py": "def f():\n    return 1\n", "b.csv": "a,b\n1,2\n", "c.txt": "words\n"})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "tree", collection="t")
        assert context.status("t").without_definitions == ("csv", "text")


def test_pictures_in_notebooks_are_not_indexed_and_cells_of_one_line_are(tmp_path: Path) -> None:
    picture = "iVBORw0KGgoAAAANSUhEUgAA" * 40
    pictures = {"image/png": picture, "image/jpeg": [picture[:76], picture[:76]]}
    output = {"data": pictures, "output_type": "display_data"}
    code = {"cell_type": "code", "metadata": {}, "outputs": [output]}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Quetzal\n\nText of the page."},
        {
            **code,
            "source": ["# no heading\n", "def open_ocelot(path):\n", "    return path\n"] + ["    # more\n"] * 200,
        },
        {**code, "source": "class Marmot:\n    pass"},
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    write_tree(tmp_path / "tree", {"one.ipynb": json.dumps(notebook), "many.ipynb": json.dumps(notebook, indent=1)})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "tree", collection="t")
        for path in ("one.ipynb", "many.ipynb"):
            hits = context.search("open_ocelot", collection="t", paths=[path])
            assert "open_ocelot" in hits[0].symbol
            assert context.search("Marmot", collection="t", paths=[path])[0].text != hits[0].text
            texts = [hit.text for hit in context.search("page quetzal marmot ocelot", collection="t", paths=[path])]
            assert not any("iVBORw0" in text for text in texts)
        assert context.verify("t", deep=True)[0].damage == ()
