"""Usages, callers, callees, impact and paths of calls, over real files, shards and edits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import InvalidInput

from ..conftest import write_tree

TREE = {
    "shop/__init__.py": "from .cart import Cart as Cart, total\n",
    "shop/cart.py": '''"""total() in a string is no use."""


class Base:
    def price(self):
        return 1


class Cart(Base):
    def add(self, item):
        self.items.append(item)  # total() in a comment is no use
        return self.price()

    def clear(self):
        self.add(None)


def total(cart):
    return sum(article.price for article in cart.items)
''',
    "shop/pay.py": """from shop import Cart
from shop.cart import total as whole
from other import total


def pay(amount):
    cart = Cart()
    cart.add(amount)
    return whole(cart) + total(cart)


def refund(box):
    box.add(1)
    [].append(2)
""",
    "other.py": "def total(cart):\n    return 0\n\n\ntotal(1)\n",
    "tests/test_pay.py": "from shop.pay import pay\n\n\ndef test_pay():\n    assert pay(1)\n",
    "web/api.ts": "import { send } from './net'\nexport function load(x: Request) { return send(x) }\n",
    "web/net.ts": "export function send(x: Request) { return fetch(x) }\nexport class Request {}\n",
    "web/free.ts": "function send(x) { return x }\nsend(1)\n",
    "go/a.go": "package a\n\ntype Ring struct{}\n\nfunc (r *Ring) Push(x int) {}\n\n"
    "func Start() { r := &Ring{}; r.Push(1); helper() }\n",
    "go/b.go": "package a\n\nfunc helper() {}\n",
    "c/api.h": "int run(int x);\n",
    "c/api.c": '#include "api.h"\nstatic int twice(int x) { return x * 2; }\nint run(int x) { return twice(x); }\n',
    "c/main.c": '#include "api.h"\nint main(void) { return run(3); }\n',
    "src/lib.rs": "mod util;\nuse crate::util::join;\npub fn top() { join(1); util::split(2); }\n",
    "src/shape.rs": "pub struct Ring<T>(T);\nimpl<T> Ring<T> {\n    fn turn(&self) {}\n}\n"
    "impl<T> Clone for Ring<T> {}\nfn spin(ring: Box<Ring<u8>>) { ring.turn() }\n",
    "src/all/mod.rs": "mod inner;\npub use inner::deep;\n",
    "src/all/inner.rs": "pub fn deep() {}\n",
    "go/c.go": "package a\n\ntype Turner interface{ Push(int) }\n\ntype Box struct {\n\tRing Turner\n}\n\n"
    "func Fill(t Turner) {\n\tt.Push(2)\n\tb := Box{Ring: t}\n\tb.Push(3)\n\tother.Ring().Push(4)\n}\n",
    "c/calls.c": "static void twice_all(int x) {}\nstruct twice { int x; };\nvoid go(int x)\n{\n\tif (x)\n\t\tx++;\n"
    "\telse\n\t\ttwice_all(x);\n#ifdef FAST\n\ttwice_all(2);\n#endif\n\ttwice_all(3);\n}\n"
    "int hold(void) { struct twice *twice = 0; return twice->x; }\n",
    "web/kinds.ts": "export default function post(x) {}\nexport class Reply {}\n",
    "web/all.ts": "export * from './kinds'\n",
    "web/more.ts": "export * from './all'\n",
    "web/door.ts": "export type {\n  /** the `Reply`, not more */\n  Reply,\n} from './more'\n",
    "web/guest.ts": "import { Reply } from './door'\nlet x: Reply\n",
    "web/keys.ts": "import post, { Reply } from './kinds'\nenum Kind { Reply = 'Reply' }\n"
    "function f(a: Reply, post: string) { return { Reply: 1, post } }\nclass Bag { get(k) { return 1 } }\n"
    "new Bag().get(2)\npost(3)\n",
    "shop/named.py": "def tally(x):\n    return x\n\n\nprint(1, tally=2)\ntally(3)\n\n\n"
    "class Held:\n    @property\n    def kept(self):\n        return 1\n\n    @kept.setter\n"
    "    def kept(self, value):\n        pass\n",
    "src/util.rs": "pub fn join(x: u8) {}\npub fn split(x: u8) { join(x) }\n",
    "notes.md": "Call total for the sum.\n",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("relations") / "tree"
    write_tree(place, TREE)
    return place


@pytest.fixture(scope="module")
def context(tree: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=tree.parent / "root", runtime="inline", workers=2) as opened:
        opened.index(tree, collection="tree", num_shards=3)
        yield opened


def uses(found: raycontext.Relations) -> list[str]:
    return [f"{use.certainty[0]} {use.kind} {use.path}:{use.line}" for use in found.uses]


def called(found: raycontext.Impact) -> list[str]:
    names = [one.definition.name if one.definition else "" for one in found.called]
    return [
        f"{one.certainty[0]} {one.path}:{name}:{[use.line for use in one.calls]}"
        for one, name in zip(found.called, names, strict=True)
    ]


def test_uses_of_a_definition_leave_out_other_things_of_its_name(context: raycontext.SyncContext) -> None:
    found = context.usages("shop/cart.py:18", collection="tree")
    assert [(one.path, one.line, one.name, one.kind) for one in found.definitions] == [
        ("shop/cart.py", 18, "total", "function")
    ]
    assert uses(found) == [
        "c import shop/__init__.py:1",
        "c import shop/pay.py:2",
        "c call shop/pay.py:9",  # under its alias
    ]
    assert uses(context.usages("other.py:1", collection="tree")) == [
        "c call other.py:5",
        "c import shop/pay.py:3",
        "c call shop/pay.py:9",
    ]
    both = context.usages("total", collection="tree")
    assert len(both.definitions) == 2
    assert (both.certain, both.possible, both.chunks) == (6, 0, 3)
    assert both.uses[0].text == "total(1)"


def test_comments_strings_and_prose_are_mentions(context: raycontext.SyncContext) -> None:
    found = context.usages("total", collection="tree", mentions=True)
    added = [use for use in uses(found) if use.startswith("p mention")]
    assert added == ["p mention notes.md:1", "p mention shop/cart.py:1", "p mention shop/cart.py:11"]


def test_receivers_tell_methods_apart(context: raycontext.SyncContext) -> None:
    assert uses(context.usages("Cart.add", collection="tree")) == [
        "c call shop/cart.py:15",  # self
        "c call shop/pay.py:8",  # a variable that was made from the class
        "p call shop/pay.py:13",  # an argument of any type
    ]
    assert uses(context.usages("Base.price", collection="tree")) == [
        "c call shop/cart.py:12",  # inherited
        "p mention shop/cart.py:19",
    ]
    pushed = uses(context.usages("go/a.go:5", collection="tree"))
    assert pushed[:1] == ["c call go/a.go:7"]
    assert "p call go/c.go:10" in pushed  # an interface can hold it
    assert all(not use.startswith("c call go/c.go") for use in pushed)


def test_a_block_of_implementation_uses_the_type_that_it_is_of(context: raycontext.SyncContext) -> None:
    found = context.usages("src/shape.rs:1", collection="tree")
    assert [use.line for use in found.uses if use.path == "src/shape.rs"] == [2, 5, 6]
    assert context.usages("src/shape.rs:5", collection="tree").definitions == found.definitions
    assert uses(context.usages("turn", collection="tree")) == ["c call src/shape.rs:6"]  # through what holds it


def test_a_name_of_a_field_of_go_is_no_use_of_a_type(context: raycontext.SyncContext) -> None:
    found = context.usages("go/a.go:3", collection="tree")
    assert [(use.path, use.line) for use in found.uses] == [("go/a.go", 5), ("go/a.go", 7)]


def test_a_call_behind_a_keyword_or_a_directive_is_a_call(context: raycontext.SyncContext) -> None:
    assert uses(context.usages("twice_all", collection="tree")) == [f"c call c/calls.c:{line}" for line in (8, 10, 12)]


def test_variables_keys_and_arguments_are_no_uses(context: raycontext.SyncContext) -> None:
    tagged = context.usages("c/calls.c:2", collection="tree")
    assert [(use.path, use.line) for use in tagged.uses] == [("c/calls.c", 14)]
    named = context.usages("web/kinds.ts:2", collection="tree").uses
    through = [("web/door.ts", 3), ("web/guest.ts", 1), ("web/guest.ts", 2)]  # files that pass all names on
    assert [(use.path, use.line) for use in named] == [*through, ("web/keys.ts", 1), ("web/keys.ts", 3)]
    assert uses(context.usages("tally", collection="tree")) == ["c call shop/named.py:6"]


def test_imported_defaults_and_methods_named_by_keywords_are_uses(context: raycontext.SyncContext) -> None:
    posted = context.usages("web/kinds.ts:1", collection="tree").uses
    assert [(use.path, use.line) for use in posted] == [("web/keys.ts", 1), ("web/keys.ts", 6)]
    assert uses(context.usages("Bag.get", collection="tree")) == ["c call web/keys.ts:5"]


def test_a_name_in_the_body_of_a_class_is_that_of_its_member(context: raycontext.SyncContext) -> None:
    assert uses(context.usages("shop/named.py:11", collection="tree")) == ["p call shop/named.py:14"]


def test_a_module_below_passes_names_on(context: raycontext.SyncContext) -> None:
    assert uses(context.usages("deep", collection="tree")) == ["c import src/all/mod.rs:2"]


def test_uses_follow_imports_that_pass_a_name_on(context: raycontext.SyncContext) -> None:
    assert uses(context.usages("Cart", collection="tree")) == [
        "c import shop/__init__.py:1",
        "c import shop/pay.py:1",
        "c construction shop/pay.py:7",
    ]
    assert uses(context.usages("Base", collection="tree")) == ["c inheritance shop/cart.py:9"]


def test_kinds_of_use_paths_and_languages_are_filters(context: raycontext.SyncContext) -> None:
    assert uses(context.usages("Cart", collection="tree", uses=["construction"])) == ["c construction shop/pay.py:7"]
    assert uses(context.usages("total", collection="tree", paths=["other.py"])) == ["c call other.py:5"]
    assert uses(context.usages("send", collection="tree", languages=["python"])) == []
    page = context.usages("total", collection="tree", limit=2, offset=1)
    assert (len(page.uses), page.certain, page.cut) == (2, 6, True)


def test_callers_and_callees(context: raycontext.SyncContext) -> None:
    assert called(context.callers("pay", collection="tree")) == ["c tests/test_pay.py:test_pay:[5]"]
    assert called(context.callees("pay", collection="tree")) == [
        "c other.py:total:[9]",
        "c shop/cart.py:Cart:[7]",
        "c shop/cart.py:add:[8]",
        "c shop/cart.py:total:[9]",
    ]
    assert called(context.callers("web/net.ts:1", collection="tree")) == ["c web/api.ts:load:[2]"]
    assert called(context.callers("web/free.ts:1", collection="tree")) == ["c web/free.ts::[2]"]
    assert called(context.callers("helper", collection="tree")) == ["c go/a.go:Start:[7]"]
    assert called(context.callers("run", collection="tree")) == ["c c/main.c:main:[2]"]
    assert called(context.callers("join", collection="tree")) == ["c src/lib.rs:top:[3]", "c src/util.rs:split:[2]"]
    assert called(context.callers("split", collection="tree")) == ["c src/lib.rs:top:[3]"]


def test_impact_has_tests_apart_and_ends_in_circles(context: raycontext.SyncContext) -> None:
    found = context.impact("shop/cart.py:18", collection="tree")
    assert [(one.definition.name, one.depth, one.through) for one in found.reached] == [("pay", 1, "total")]
    assert [(one.definition.name, one.depth) for one in found.tests] == [("test_pay", 2)]
    assert context.impact("shop/cart.py:18", collection="tree", depth=1).tests == ()


def test_path_is_a_shortest_chain_of_calls(context: raycontext.SyncContext) -> None:
    found = context.path("test_pay", "shop/cart.py:18", collection="tree")
    assert [step.name for step in found.steps] == ["test_pay", "pay", "total"]
    assert found.certain
    assert context.path("total", "test_pay", collection="tree").steps == ()


def test_line_inside_of_a_definition_means_it(context: raycontext.SyncContext) -> None:
    assert context.usages("shop/pay.py:8", collection="tree").name == "pay"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("shop/pay.py:4", "no definition at line 4"),
        ("shop/none.py:4", "not in the index"),
        ("  ", "no name"),
    ],
)
def test_what_is_not_there_is_said(context: raycontext.SyncContext, target: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        context.usages(target, collection="tree")


def test_type_of_a_result_and_a_function_in_a_function(tmp_path: Path) -> None:
    text = "class A:\n    pass\n\n\ndef make() -> A:\n    def inner(x):\n        return x\n\n    return inner(A())\n"
    write_tree(tmp_path / "tree", {"a.py": text, "b.py": "def other(inner):\n    return inner(1)\n"})
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as opened:
        opened.index(tmp_path / "tree", collection="t")
        assert uses(opened.usages("A", collection="t")) == ["c type a.py:5", "c construction a.py:9"]
        found = opened.usages("a.py:6", collection="t")
        assert (found.name, uses(found)) == ("inner", ["c call a.py:9"])


def test_type_that_does_not_have_the_member_is_told(context: raycontext.SyncContext) -> None:
    found = context.usages("Nobody.total", collection="tree")
    assert found.uses == ()
    assert "'Nobody' has no definition of 'total'" in found.notes[0]


def test_unknown_name_has_no_uses(context: raycontext.SyncContext) -> None:
    found = context.usages("nothing_of_this_name", collection="tree")
    assert (found.definitions, found.uses, found.chunks) == ((), (), 0)


def test_search_for_uses_ends_when_the_page_is_full_of_certain_ones(tmp_path: Path) -> None:
    files = {f"user{number:03}.py": "from lib import run\n\n\ndef go():\n    run()\n" for number in range(150)}
    write_tree(tmp_path / "tree", {"lib.py": "def run():\n    pass\n", **files})
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as opened:
        opened.index(tmp_path / "tree", collection="one", num_shards=1)
        opened.index(tmp_path / "tree", collection="many", num_shards=4)
        whole = opened.usages("run", collection="one", limit=1000)
        assert (len(whole.uses), whole.certain, whole.is_exact, whole.cut) == (300, 300, True, False)
        callers = opened.callers("run", collection="one", limit=1000)
        assert (len(callers.called), callers.cut) == (150, False)
        for collection in ("one", "many"):
            for offset in (0, 40, 260):
                page = opened.usages("run", collection=collection, limit=20, offset=offset)
                assert page.uses == whole.uses[offset : offset + 20]
                assert page.chunks == 150
                assert page.cut
                assert page.is_exact == (page.certain == 300)
            assert not opened.usages("run", collection=collection, limit=20).is_exact
            some = opened.callers("run", collection=collection, limit=20)
            assert (some.called, some.cut) == (callers.called[:20], True)


def test_search_for_uses_that_are_possible_alone_ends_after_some_files(tmp_path: Path) -> None:
    files = {f"user{number:03}.py": "def go(box):\n    box.put(1)\n" for number in range(250)}
    write_tree(tmp_path / "tree", {"lib.py": "class Box:\n    def put(self, x):\n        pass\n", **files})
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as opened:
        opened.index(tmp_path / "tree", collection="one")
        found = opened.usages("Box.put", collection="one", limit=20)
        assert [use.path for use in found.uses] == [f"user{number:03}.py" for number in range(20)]
        assert (found.certain, found.is_exact, found.cut, found.chunks) == (0, False, True, 250)
        assert "of 250 files that use 'put'" in found.notes[0]
        assert opened.usages("Box.put", collection="one", limit=1000).possible == 250


def test_impact_that_reaches_too_many_files_is_cut_and_says_so(tmp_path: Path) -> None:
    files = {f"user{number:03}.py": f"from lib import run\n\n\ndef go{number}():\n    run()\n" for number in range(300)}
    write_tree(tmp_path / "tree", {"lib.py": "def run():\n    pass\n", **files})
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as opened:
        opened.index(tmp_path / "tree", collection="one")
        found = opened.impact("run", collection="one", limit=1000)
        assert 0 < len(found.reached) < 300
        assert found.cut
        assert "in 256 files" in found.notes[0]
        assert not opened.impact("go7", collection="one").cut


def test_edits_and_shards_change_no_answer(tree: Path, tmp_path: Path) -> None:
    """An edited collection of several shards answers as one that was made anew does."""
    place = tmp_path / "tree"
    write_tree(place, {name: text.replace("total", "sum_of") for name, text in TREE.items()})
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=2) as opened:
        opened.index(place, collection="edited", num_shards=5)
        for name, text in TREE.items():
            write_tree(place, {name: text})
            opened.index(place, collection="edited")
        opened.index(place, collection="fresh", num_shards=1)

        def answers(name: str) -> list[object]:
            apart = {"collection", "version", "age_seconds", "shards_answered", "shards_total"}
            return [
                ask(target, collection=name).model_dump(exclude=apart)
                for target in ("total", "Cart", "add", "price", "send", "run", "join", "helper", "shop/cart.py:18")
                for ask in (opened.usages, opened.callers, opened.callees, opened.impact)
            ]

        assert answers("edited") == answers("fresh")
