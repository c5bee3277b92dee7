"""Queries that quote: stack traces, places and error messages lead to their lines, on any number of shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext

from ..conftest import write_tree

TREE = {
    "src/shop/cart.py": '''"""Cart of a customer."""


def add(cart, item, count):
    """Add an item to a cart."""
    check(count)
    cart.items[item] = cart.items.get(item, 0) + count


def check(count):
    if count < 0:
        raise ValueError(f"cannot put {count} pieces into a cart that is closed")
    return count
''',
    "src/shop/orders.py": '''"""Orders, made of carts."""


def order(cart, customer):
    """Cannot put pieces into a cart that is closed: the order closes the cart."""
    cart.closed = True
    return Order(cart, customer)


class Order:
    def __init__(self, cart, customer):
        self.cart = cart
        self.customer = customer
''',
    "src/admin/cart.py": "def show(cart):\n    return list(cart.items)\n",
    "web/cart.ts": "export function cartTotal(items: Item[]) {\n  return items.length;\n}\n",
    "docs/cart.md": "# Cart\n\nA cart that is closed takes no pieces: you cannot put any into it.\n",
}

PYTHON_TRACE = """Traceback (most recent call last):
  File "/srv/site-packages/web/run.py", line 9, in <module>
  File "/srv/site-packages/shop/orders.py", line 6, in order
  File "/srv/site-packages/shop/cart.py", line 6, in add
TypeError: unexpected"""

SCRIPT_TRACE = """Error: boom
    at cartTotal (/home/ci/build/web/cart.ts:2:10)
    at order (/home/ci/build/node_modules/x/orders.js:1:1)"""

QUERIES = {
    PYTHON_TRACE: ("src/shop/cart.py", 6),
    SCRIPT_TRACE: ("web/cart.ts", 2),
    "what happens in src/admin/cart.py:1": ("src/admin/cart.py", 1),
    "ValueError: cannot put 17 pieces into a cart that is closed": ("src/shop/cart.py", 12),
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[raycontext.SyncContext]:
    folder = tmp_path_factory.mktemp("quoted_queries")
    write_tree(folder / "tree", TREE)
    with raycontext.connect(root=folder / "root", runtime="inline", workers=1) as opened:
        opened.index(folder / "tree", collection="one", num_shards=1)
        opened.index(folder / "tree", collection="many", num_shards=3)
        yield opened


@pytest.mark.parametrize("query", QUERIES)
def test_first_hit_holds_what_is_quoted(context: raycontext.SyncContext, query: str) -> None:
    path, line = QUERIES[query]
    one, many = (context.search(query, collection=name) for name in ("one", "many"))
    assert one[0].path == path
    assert one[0].start_line <= line <= one[0].end_line
    assert [(hit.path, hit.start_line, hit.score) for hit in one] == [
        (hit.path, hit.start_line, hit.score) for hit in many
    ]


def test_explanation_tells_of_what_is_quoted(context: raycontext.SyncContext) -> None:
    quoted, plain = (
        context.search(query, collection="one", explain=True)[0].explanation
        for query in ("src/admin/cart.py:1", "where are items counted?")
    )
    assert "quoted" in {part.feature for part in quoted}
    assert "quoted" not in {part.feature for part in plain}


def test_places_that_are_filtered_out_crowd_out_none(tmp_path: Path) -> None:
    """More files of one name than a search has candidates, and dead copies of all of them."""
    write_tree(tmp_path / "tree", {f"other/p{number}/index.js": "export const other = 1;\n" for number in range(150)})
    write_tree(tmp_path / "tree", {"packages/app/index.js": "export const wanted = 1;\nexport const second = 2;\n"})
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as context:
        context.index(tmp_path / "tree", collection="one")
        for place in (tmp_path / "tree/other").rglob("*.js"):
            place.write_text("export const edited = 1;\n")
        context.index(tmp_path / "tree", collection="one")
        hits = context.search("TypeError at index.js:2", collection="one", paths=["packages/**"])
        assert [hit.path for hit in hits] == ["packages/app/index.js"]
        assert context.search("packages/app/index.js:2", collection="one")[0].path == "packages/app/index.js"
        many = "\n".join(f"at f (/x/app/index.js:{line}:1)" for line in range(1, 40))
        assert context.search(many, collection="one")[0].path == "packages/app/index.js"


def test_filters_hold_for_named_places(context: raycontext.SyncContext) -> None:
    hits = context.search("src/admin/cart.py:1", collection="one", languages=["typescript"])
    assert {hit.path for hit in hits} <= {"web/cart.ts"}
