"""Borders of questions about code: patterns, and the targets of `usages` and its kin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import raycontext
from raycontext.errors import InvalidInput, RaycontextError
from raycontext.grep.engine import compiled
from raycontext.grep.pattern import GrepPattern
from raycontext.grep.required import AnyOf, Need
from raycontext.kernel.trigrams import collect

from .asked import any_value
from .border import Attempt, Border

__all__ = ["PATTERNS", "USAGES"]

PIECES = (
    *(
        "a",
        "b",
        "ab",
        "foo",
        "Foo",
        "é",
        "\u017f",
        "\u212a",
        "\u0130",
        ".",
        "*",
        "+",
        "?",
        "|",
        "(",
        ")",
        "(?:",
        "(?i)",
        "(?x)",
        "(?",
    ),
    *(
        "[",
        "]",
        "[^",
        "a-z",
        "\\d",
        "\\w",
        "\\b",
        "\\s",
        "\\p{L}",
        "\\p{",
        "\\x41",
        "\\x{10ffff}",
        "\\u00e9",
        "\\U",
        "\\",
    ),
    *("{2}", "{0,3}", "{1000}", "{,", "}", "^", "$", "\\1", "(?=a)", "(?P<n>a)", "(?<n>", "\\Q", "&&", "~~", "--", " "),
    *("#", "\n", "\0", "\u2028", "\ud800", "\\n", "\\R", "\\b{start}", "[[:alpha:]]", "(?s)", "(?m)", "(?u)", "(?-u)"),
)
LETTERS = (
    "a",
    "b",
    "ab",
    "A",
    "foo",
    "FOO",
    "é",
    "É",
    "\u017f",
    "s",
    "k",
    "\u212a",
    "\u0131",
    " ",
    "(",
    "1",
    "_",
    "\t",
    "\r",
    "\n",
    "\n",
)


@contextmanager
def patterns(_: Path) -> Iterator[Attempt]:
    """A pattern is refused in words, or all ways to match agree, and each file with a match holds what is needed."""

    def attempt(random: Random) -> str:
        if random.random() < 0.1:
            size = random.choice((10, 300, 5_000))
            text = random.choice(("(", "[", "(?:a|", "a{9}", "(a*)*", "\\")) * size
        else:
            text = "".join(random.choice(PIECES) for _ in range(random.randint(0, 12)))
        flags = {name: random.random() < 0.3 for name in ("ignore_case", "word", "fixed_string")}
        try:
            matcher = compiled(GrepPattern(text, **flags))
        except InvalidInput as error:
            assert len(str(error)) < 20_000
            return "refused"
        searched = "".join(random.choice(LETTERS) for _ in range(random.randint(0, 200))).encode()
        found = list(matcher.lines(searched, lambda: None))
        assert len(found) == matcher.count(searched, lambda: None)
        assert bool(found) == matcher.matches(searched, lambda: None)
        for start, end, place in found:
            assert 0 <= start <= place <= end <= len(searched)
            assert b"\n" not in searched[start:end]
        if found:
            assert holds(matcher.need, set(collect(*one_file(searched)).trigrams.tolist()))
        return "matched" if found else "not matched"

    yield attempt


def one_file(text: bytes) -> tuple[Any, Any, Any]:
    """Return a text as the kernel takes the contents of files: data, and where each begins and ends."""
    return np.frombuffer(text, np.uint8), np.array([0], np.int64), np.array([len(text)], np.int64)


def holds(need: Need, trigrams: set[int]) -> bool:
    """Return whether a text with these trigrams has what is needed."""
    if isinstance(need, int):
        return need in trigrams
    parts = [holds(part, trigrams) for part in need.needs]
    return any(parts) if isinstance(need, AnyOf) else all(parts)


NAMES = (
    "~nobody-of-this-name/a.py:3",
    "\udcff",
    "\udcff.py:1",
    "Cart",
    "total",
    "Cart.total",
    "shop.py:3",
    "shop.py:0",
    "shop.py:99999999999999999999",
    ":",
    ".",
    "..",
    "a..b",
    "",
)
NAMES += (
    "shop.py:",
    ":3",
    "x" * 100_000,
    "\0",
    "\ud800",
    "é",
    "../shop.py:1",
    "/etc/passwd:1",
    "shop.py:-1",
    "shop.py:\u0663",
)
NAMES += ("a.b.c.d.e.f.g", "Cart::total", "Cart#total", "[", "*", "%s", "{}", "\u202e", "total()", " total ", "\n")


@contextmanager
def usages(folder: Path) -> Iterator[Attempt]:
    """Whatever is asked for is answered, or refused in words; nothing outside of the collection is named."""
    tree = folder / "tree"
    tree.mkdir()
    (tree / "shop.py").write_text(
        "class Cart:\n    def total(self):\n        return sum(self)\n\n\ndef pay(c):\n    c.total()\n"
    )
    (tree / "use.py").write_text("from shop import Cart\n\n\ndef run():\n    return Cart().total()\n")
    with raycontext.connect(root=folder / "root", runtime="inline", workers=1) as context:
        context.index(tree)
        asked: dict[str, Callable[..., Any]] = {
            "usages": context.usages,
            "callers": context.callers,
            "callees": context.callees,
            "impact": context.impact,
        }

        def attempt(random: Random) -> str:
            name = random.choice(sorted(asked))
            target: Any = random.choice(NAMES) if random.random() < 0.6 else "".join(random.choices(NAMES[:12], k=3))
            if random.random() < 0.1:
                target = any_value(random)
            options: dict[str, Any] = {"collection": "tree", "refresh": False}
            for option in ("limit", "offset", "languages", "paths", "uses"):
                if random.random() < 0.15 and (name == "usages" or option in ("limit",)):
                    options[option] = any_value(random)
            try:
                asked[name](target, **options)
            except (RaycontextError, TypeError) as error:
                assert isinstance(error, RaycontextError) or not isinstance(target, str) or len(options) > 2, target
                assert len(str(error)) < 200_000
                return f"{name}: refused"
            return f"{name}: answered"

        yield attempt


PATTERNS = Border("patterns", 1000, patterns)
USAGES = Border("usages", 60, usages)
