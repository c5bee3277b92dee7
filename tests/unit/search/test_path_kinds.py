"""What a path says about a file's role, and that a query may ask for files of a role."""

from __future__ import annotations

from pathlib import Path

import pytest

import raycontext
from raycontext.analyse.path_kinds import PATH_KINDS, asked_for, path_kinds

from ...conftest import CART, write_tree


def named(bits: int) -> set[str]:
    """The kinds whose bits are set."""
    return {name for bit, name in enumerate(PATH_KINDS) if bits >> bit & 1}


@pytest.mark.parametrize(
    ("path", "language", "expected"),
    [
        ("shop/cart.py", "python", set()),
        ("shop/contest.py", "python", set()),
        ("shop/latest.py", "python", set()),
        ("inspect/attest.go", "go", set()),
        ("threshold/golden.rs", "rust", set()),
        ("tests/conftest.py", "python", {"test"}),
        ("shop/test_cart.py", "python", {"test"}),
        ("core/ledger_test.go", "go", {"test"}),
        ("web/router.spec.ts", "typescript", {"test"}),
        ("web/__tests__/router.js", "javascript", {"test"}),
        ("src/CartTest.java", "java", {"test"}),
        ("src/TestCart.java", "java", {"test"}),
        ("Tests/Cart.swift", "swift", {"test"}),
        ("src/Test/Cart.php", "php", {"test"}),
        ("Cart.Tests/Total.cs", "csharp", {"test"}),
        ("src/Latest/Contest.cs", "csharp", set()),
        ("src/CartTests.cs", "c_sharp", {"test"}),
        ("shop/fixtures/card.json", "json", {"test", "data"}),
        ("examples/first.py", "python", {"example"}),
        ("benchmarks/speed.rs", "rust", {"example"}),
        ("lib/compat.py", "python", {"legacy"}),
        ("old/parser.c", "c", {"legacy"}),
        ("vendor/zlib/inflate.c", "c", {"vendored"}),
        ("web/node_modules/left/pad.js", "javascript", {"vendored"}),
        ("api/shop_pb2.py", "python", {"generated"}),
        ("web/shop.min.js", "javascript", {"generated"}),
        ("package-lock.json", "json", {"generated", "data"}),
        ("net/internal/poll.go", "go", {"internal"}),
        ("shop/_cache.py", "python", {"internal"}),
        ("shop/__init__.py", "python", {"entry"}),
        ("src/lib.rs", "rust", {"entry"}),
        ("web/index.ts", "typescript", {"entry"}),
        ("shop/cart.pyi", "python", {"declaration"}),
        ("web/router.d.ts", "typescript", {"declaration"}),
        ("README.md", "markdown", {"prose"}),
        ("docs/testing.rst", "rst", {"prose", "test"}),
        ("pyproject.toml", "toml", {"data"}),
    ],
)
def test_path_and_language_say_what_a_file_is_for(path: str, language: str, expected: set[str]) -> None:
    assert named(path_kinds(path, language)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("where is the cart emptied", set()),
        ("latest contest", set()),
        ("Tests of the cart", {"test"}),
        ("mock of the bank", {"test"}),
        ("example of a router", {"example"}),
        ("deprecated api", {"legacy"}),
        ("third-party code", {"vendored"}),
        ("minified script", {"generated"}),
        ("private helper", {"internal"}),
        ("what does the package re-export", {"entry"}),
        ("type hints of the cart", {"declaration"}),
        ("documentation of settings", {"prose", "data"}),
    ],
)
def test_words_of_a_query_ask_for_kinds_of_files(query: str, expected: set[str]) -> None:
    assert named(asked_for(query)) == expected


def test_every_kind_can_be_asked_for() -> None:
    words = "test example legacy vendored generated internal stubs docs json package"
    assert named(asked_for(words)) == set(PATH_KINDS)


def test_query_that_asks_for_tests_lifts_test_files(tmp_path: Path) -> None:
    write_tree(
        tmp_path / "shop",
        {
            "shop/cart.py": CART,
            "tests/test_cart.py": "from shop.cart import ShoppingCart\n\n\n"
            "def test_total_price_of_the_cart():\n"
            '    cart = ShoppingCart("me")\n'
            "    cart.add_article(article, quantity=2)\n"
            "    assert cart.total_price() == 2 * article.price\n",
        },
    )
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "shop")
        plain = [hit.path for hit in context.search("total price of the cart", collection="shop", diversity=1.0)]
        asked = [hit.path for hit in context.search("tests of the total price", collection="shop", diversity=1.0)]
    assert plain == ["shop/cart.py", "tests/test_cart.py"]
    assert asked == ["tests/test_cart.py", "shop/cart.py"]
