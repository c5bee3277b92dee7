"""Places that users give: a path with a line, as the answers print them, also with a column."""

from __future__ import annotations

import pytest

from raycontext.files.paths import place_of


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("shop/cart.py:12", ("shop/cart.py", 12)),
        ("shop/cart.py:12:5", ("shop/cart.py", 12)),  # as `usages` prints a use
        ("C:\\shop\\cart.py:12", ("C:\\shop\\cart.py", 12)),
        ("odd:name:3", ("odd:name", 3)),
        ("two\nlines:3", ("two\nlines", 3)),
        ("a:1:2:3", ("a:1", 2)),
    ],
)
def test_path_and_line_are_told_apart(target: str, place: tuple[str, int]) -> None:
    assert place_of(target) == place


@pytest.mark.parametrize("target", ["run", "Server.run", "Server::run", ":12", "a:", "a:b", "a:1234567890", "a:\u0661"])
def test_name_is_no_place(target: str) -> None:
    assert place_of(target) is None
