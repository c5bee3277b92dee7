"""A part of a text that is too long: it has the match, and no more bytes than fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.search.signals.matching import place_of_match
from raycontext.text.cuts import cut_line, cut_text

pytestmark = pytest.mark.property

TEXTS = st.text(st.sampled_from("ab \né漢🦜"), min_size=1, max_size=300)


@given(TEXTS, st.integers(4, 200), st.integers(0, 299))
def test_a_part_has_the_match(text: str, most: int, place: int) -> None:
    match = min(place, len(text) - 1)
    cut = cut_text(text, most, match)
    assert text[cut.begin :].startswith(cut.text)
    assert len(cut.text.encode()) <= most
    assert cut.is_cut == (cut.text != text)
    assert cut.begin <= match
    if most >= 16:
        assert match <= cut.begin + len(cut.text)


@given(TEXTS, st.text(max_size=20))
def test_a_short_line_is_shown_from_its_beginning(text: str, query: str) -> None:
    assert place_of_match(text, query) == 0


def test_a_long_line_says_how_much_is_missing() -> None:
    line = "x" * 5000 + " quetzal " + "y" * 5000
    match = place_of_match(line, "quetzal")
    assert line[match:].startswith("quetzal")
    assert " quetzal " in cut_line(line, match)
    assert cut_line(line, match).endswith(f" … {len(line) - 400} more characters")
    assert place_of_match("." * 5000, "quetzal") == 0
