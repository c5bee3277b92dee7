"""Files that queries name, in the forms in which runtimes, compilers and people write them."""

from __future__ import annotations

import pytest

from raycontext.analyse.named_files import MOST_NAMED, named_files, without_frames

FORMS = {
    'File "/srv/my app/flask/app.py", line 12, in run': ("srv/my app/flask/app.py", 12),
    "File 'lexer.ml', line 3, characters 5-7": ("lexer.ml", 3),
    "    at handle (/home/ci/app/node_modules/koa/lib/app.js:10:5)": ("home/ci/app/node_modules/koa/lib/app.js", 10),
    "    at webpack:///./src/cart.ts?:7:1": ("src/cart.ts", 7),
    "file:///home/u/x.mjs:3": ("home/u/x.mjs", 3),
    "\tat com.shop.Cart$1.run(Cart.java:33)": ("com/shop/Cart.java", 33),
    "\tat app//org.shop.Basket.add(Basket.kt:8)": ("org/shop/Basket.kt", 8),
    r"   at App.Store.Load(String name) in C:\work\src\Store.cs:line 12": ("work/src/Store.cs", 12),
    "#1 /var/www/vendor/a/B.php(161): run(Object)": ("var/www/vendor/a/B.php", 161),
    "PHP Warning: failed in /var/www/x.php on line 5": ("var/www/x.php", 5),
    "\t/go/src/shop/cart.go:12 +0x1d4": ("go/src/shop/cart.go", 12),
    "             at ./src/main.rs:3:5": ("src/main.rs", 3),
    "  --> src/main.rs:3:5": ("src/main.rs", 3),
    '{file,"src/shop.erl"},{line,12}': ("src/shop.erl", 12),
    "died at lib/Shop.pm line 12.": ("lib/Shop.pm", 12),
    "    (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.add/1": ("lib/shop/cart.ex", 12),
    "cart.cpp(12,5): error C2065": ("cart.cpp", 12),
    "cart.c:12:3: warning: unused": ("cart.c", 12),
    "from /gems/rack/lib/rack.rb:12:in `call'": ("gems/rack/lib/rack.rb", 12),
    "what does `src/shop/cart.py:7` do?": ("src/shop/cart.py", 7),
    "why does src/shop/cart.py open a file.": ("src/shop/cart.py", 0),
}


@pytest.mark.parametrize("row", FORMS)
def test_place_is_read(row: str) -> None:
    path, line = FORMS[row]
    assert [("/".join(named.parts), named.line) for named in named_files(row)] == [(path, line)]


@pytest.mark.parametrize(
    "question",
    [
        "how is config.json parsed",
        "e.g. and/or i.e.",
        "std::io::Read and a.b.c",
        "ratio 3:4 at 12:30",
        "where is the session stored?",
        "",
    ],
)
def test_question_names_no_place(question: str) -> None:
    assert named_files(question) == ()


def test_innermost_call_comes_first() -> None:
    python = 'Traceback (most recent call last):\n  File "outer.py", line 1\n  File "inner.py", line 2\nValueError: no'
    other = "Error: no\n    at inner (inner.js:2:1)\n    at outer (outer.js:1:1)"
    assert [named.parts for named in named_files(python)] == [("inner.py",), ("outer.py",)]
    assert [named.parts for named in named_files(other)] == [("inner.js",), ("outer.js",)]


def test_message_is_what_no_frame_holds() -> None:
    assert without_frames("Error: no such thing\n  at inner (inner.js:2:1)") == "Error: no such thing"
    assert without_frames("inner.js:2") == "inner.js:2"


def test_places_are_bounded() -> None:
    assert len(named_files("\n".join(f"file{number}.c:{number + 1}" for number in range(1000)))) == MOST_NAMED
