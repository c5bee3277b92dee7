"""Maps of trees: which definitions are important, in which budget, over shards and edits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import InvalidInput

from ..conftest import write_tree

TREE = {
    "shop/store.py": '''class Store:
    """Keeps articles."""

    def append(self, item): ...

    def load(self, path, *,
             deep=False):  # a comment
        """Read a path."""
        return check(path)


def check(path):
    return path


def unused(path):
    return path
''',
    "shop/pay.py": "from shop.store import Store, check\n\n\ndef pay(a):\n    return Store().load(check(a))\n",
    "shop/ship.py": "from shop import store\n\n\ndef ship(where):\n    store.Store()\n    return store.check(where)\n",
    "shop/lists.py": "def collect(rows):\n    found = []\n    found.append(rows)\n    return found\n",
    "other/more.py": "from library import check\n\n\ndef run(a):\n    check(a)\n    [].append(a)\n\n\nrun(1)\n",
    "tests/test_pay.py": "from shop.pay import pay\n\n\ndef test_pay():\n    assert pay(1)\n",
    "c/api.c": "static int twice(int x)\n{\n    return x * 2;\n}\n\nint run(int x) { return twice(x); }\n",
    "c/main.c": "int main(void) { return run(3); }\n",
    "web/net.ts": "export function send(x: Request): void {}\n",
    "web/api.ts": "import { send } from './net'\nexport const load = (x: Request) => { send(x) }\n",
    "notes.md": "words only\n",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("map") / "tree"
    write_tree(place, TREE)
    return place


@pytest.fixture(scope="module")
def context(tree: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=tree.parent / "root", runtime="inline", workers=1) as opened:
        opened.index(tree, collection="tree", num_shards=3)
        yield opened


def users(found: raycontext.CodeMap) -> dict[tuple[str, str], int]:
    return {(one.path, one.name): one.users for one in found.definitions}


def test_what_is_used_most_comes_first_and_what_nothing_uses_last(context: raycontext.SyncContext) -> None:
    found = context.map(".", collection="tree")
    assert {one.name for one in found.definitions if one.language == "python"} >= {"check", "Store"}
    assert [one.name for one in context.map("shop", collection="tree").definitions[:2]] == ["Store", "check"]
    ranks = [one.importance for one in found.definitions]
    assert ranks == sorted(ranks, reverse=True) and ranks[0] > 0 and ranks[-1] == 0
    assert {one.name for one in found.definitions if not one.importance} >= {"unused", "ship", "append"}
    assert (found.shards_answered, found.files, found.cut, found.path) == (3, len(TREE), False, "")


def test_uses_count_where_the_files_are_linked(context: raycontext.SyncContext) -> None:
    found = users(context.map(".", collection="tree"))
    assert found["shop/store.py", "append"] == 0  # lists have one, too
    assert found["shop/store.py", "check"] == 2  # not that of another library, nor in its own chunk
    assert found["shop/store.py", "load"] == 1
    assert found["shop/pay.py", "pay"] == 1
    assert found["c/api.c", "run"] == 1
    assert found["other/more.py", "run"] == 0  # that is C
    assert found["web/net.ts", "send"] == 1


def test_a_place_is_ranked_by_all_its_users_and_filters_choose(tree: Path, context: raycontext.SyncContext) -> None:
    file = context.map(tree / "shop/store.py")
    assert users(file)["shop/store.py", "check"] == 2
    assert {one.path for one in file.definitions} == {"shop/store.py"} and file.path == "shop/store.py"
    assert {one.language for one in context.map(tree, languages=["c"]).definitions} == {"c"}
    assert [one.name for one in context.map(tree, kinds=["class"]).definitions] == ["Store"]
    assert context.map("notes.md", collection="tree").definitions == ()


def test_signatures_are_headers_on_one_line(context: raycontext.SyncContext) -> None:
    found = {one.name: one.signature for one in context.map(".", collection="tree").definitions[::-1]}
    found |= {one.name: one.signature for one in context.map("shop", collection="tree").definitions}
    assert found["Store"] == "class Store"
    assert found["load"] == "def load(self, path, *, deep=False)"
    assert found["twice"] == "static int twice(int x)"
    assert found["send"] == "export function send(x: Request): void"


def test_a_budget_cuts_and_bad_arguments_are_refused(tree: Path, context: raycontext.SyncContext) -> None:
    whole = context.map(tree).definitions
    for most in (1, 60, 120):
        part = context.map(tree, max_tokens=most)
        assert part.definitions == whole[: len(part.definitions)] and len(part.definitions) >= 1 and part.cut
    assert len(context.map(tree, limit=2).definitions) == 2
    for wrong in ({"max_tokens": 0}, {"limit": 0}, {"kinds": ["nokind"]}):
        with pytest.raises(InvalidInput):
            context.map(tree, **wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        context.map("missing.py", collection="tree")


def test_any_number_of_shards_and_edits_give_the_same_map(tmp_path: Path, context: raycontext.SyncContext) -> None:
    place = tmp_path / "tree"
    write_tree(place, {name: text.replace("check", "verify") for name, text in TREE.items()})
    expected = context.map(".", collection="tree").definitions
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as opened:
        opened.index(place, collection="edited", num_shards=2)
        for name, text in TREE.items():
            write_tree(place, {name: text})
            opened.index(place, collection="edited")
        assert opened.map(".", collection="edited").definitions == expected
