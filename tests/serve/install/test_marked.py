"""Text of ours between marker lines: an install and its undo leave every character as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.cli.install.marked import NotMarked, Passage, find, with_passage, without_passage

ENDS = st.sampled_from(["\n", "\r\n", "\r", ""])
LINES = st.sampled_from(
    [
        "# Project",
        "",
        "text — ü",
        "\udc80",
        "\ufeff",
        "raycontext:begin",
        "<!-- raycontext:begin digest=0123456789abcdef made=0 -->",
        "<!-- raycontext:end -->",
        "# raycontext:end",
    ]
)
TEXTS = st.lists(st.tuples(LINES, ENDS).map("".join), max_size=6).map("".join)
PASSAGE = Passage("- one\n- two\n")
NEWER = Passage("- one\n- three\n\n- four\n")
WHOLE = Passage("- one\n", "---\nname: x\n---\n", is_whole_file=True)


@given(TEXTS, st.booleans())
def test_a_passage_that_is_taken_out_leaves_every_character(text: str, is_updated: bool) -> None:
    try:
        changed = with_passage(text, PASSAGE)
    except NotMarked:  # a text with marker lines of its own is refused
        assert "raycontext:" in text
        return
    if changed == text:  # as somebody else has written one
        assert "raycontext:begin" in text
        return
    assert changed.startswith(text)
    assert PASSAGE.body.replace("\n", "\r\n") in changed or PASSAGE.body in changed
    assert with_passage(changed, PASSAGE) == changed
    if is_updated:
        changed = with_passage(changed, NEWER)
        assert NEWER.body in changed.replace("\r\n", "\n")
    found = find(changed, PASSAGE)
    assert found is not None
    assert not found.is_changed
    assert without_passage(changed, found) == (text, 0)


@given(TEXTS, TEXTS)
def test_what_others_write_around_a_passage_stays(text: str, added: str) -> None:
    if "raycontext" in text + added or not text.endswith("\n"):
        return
    changed = with_passage(text, PASSAGE) + added
    found = find(changed, PASSAGE)
    assert found is not None
    assert without_passage(changed, found) == (text + added, 0)


@pytest.mark.parametrize("passage", [PASSAGE, WHOLE])
def test_a_file_that_was_made_for_a_passage_goes_with_it(passage: Passage) -> None:
    text = with_passage(None, passage, missing_folders=2)
    found = find(text, passage)
    assert found is not None
    assert without_passage(text, found) == (None, 2)


def test_a_file_that_others_went_on_with_stays() -> None:
    text = with_passage(None, PASSAGE, missing_folders=2) + "\nmine\n"
    found = find(text, PASSAGE)
    assert found is not None
    assert without_passage(text, found) == ("\nmine\n", 0)


@pytest.mark.parametrize("passage", [PASSAGE, WHOLE])
def test_a_passage_that_somebody_has_changed_is_known_and_stays(passage: Passage) -> None:
    text = with_passage(None, passage).replace("one", "mine")
    found = find(text, passage)
    assert found is not None
    assert found.is_changed
    assert with_passage(text, passage) == text


def test_a_file_of_others_is_not_taken_for_ours() -> None:
    with pytest.raises(NotMarked, match="did not put there"):
        with_passage("---\nname: x\n---\nmine\n", WHOLE)


@pytest.mark.parametrize("lost", ["<!-- raycontext:end -->", "<!-- raycontext:begin"])
def test_marker_lines_that_are_no_pair_are_refused(lost: str) -> None:
    with pytest.raises(NotMarked, match="not one pair"):
        with_passage(with_passage("x\n", PASSAGE).replace(lost, "<!--"), PASSAGE)
