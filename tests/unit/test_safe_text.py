"""Text from files, made safe for a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.text.safe import safe

anything = st.text(st.characters(exclude_categories=()))
"""Unpaired surrogates included."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("def f(x):", "def f(x):"),
        ("\tindented", "\tindented"),
        ("größer, 漢字, 🙂", "größer, 漢字, 🙂"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x9b31mred", "\\x9b31mred"),
        ("bell\x07 back\x08 delete\x7f", "bell\\x07 back\\x08 delete\\x7f"),
        ("one\ntwo\rthree", "one\\ntwo\\rthree"),
        ("line\u2028paragraph\u2029", "line\\u2028paragraph\\u2029"),
        ("access\u202elevel\u2066 \u200b\ufeff", "access\\u202elevel\\u2066 \\u200b\\ufeff"),
        ("caf\udce9", "caf\\udce9"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_dangerous_characters_are_escapes(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(anything)
def test_what_is_shown_is_one_line_of_plain_text(text: str) -> None:
    shown = safe(text)
    assert len(shown.splitlines()) <= 1
    shown.encode()
    assert all(char == "\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)


@given(anything)
def test_text_that_is_safe_stays_as_it_is(text: str) -> None:
    assert safe(safe(text)) == safe(text)


@given(anything)
def test_other_characters_are_kept_in_order(text: str) -> None:
    """Each character is itself or an escape that says which one it was."""
    rest = safe(text)
    for char in text:
        escape = char.encode("unicode_escape", "backslashreplace").decode()
        assert rest.startswith((char, escape))
        rest = rest[len(char if rest.startswith(char) else escape) :]
    assert rest == ""
