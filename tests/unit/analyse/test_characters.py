"""The table of code points, against the Unicode database."""

from __future__ import annotations

import re
import unicodedata

import pytest

from raycontext.analyse.characters import CJK, CLASS_SHIFT, CONNECTOR, DIGIT, LOWER, MARK, SEPARATOR, UPPER
from raycontext.analyse.characters import code_point_table as table

CJK_NAMES = re.compile("CJK |IDEOGRAPHIC|HIRAGANA|KATAKANA|HENTAIGANA|HANGUL|KANA REPEAT|MASU MARK|HANGZHOU")


@pytest.mark.parametrize(
    ("characters", "expected"),
    [
        ("azéßжλक", LOWER),
        ("AZÉΣЖǅ", UPPER),
        ("09٣२", DIGIT),
        ("_$", CONNECTOR),
        ("漢々〇かナーｱ한ᄀ", CJK),
        ("\u0301\u0939\u094d"[::2], MARK),
        (" \t\n.-'\x00\x7f²½Ⅳ😀・。\ud800\ue000", SEPARATOR),
    ],
)
def test_characters_have_their_class(characters: str, expected: int) -> None:
    assert [int(table()[ord(character)]) >> CLASS_SHIFT for character in characters] == [expected] * len(characters)


def test_cjk_characters_are_those_with_a_cjk_name() -> None:
    for code_point, entry in enumerate(table().tolist()):
        character = chr(code_point)
        is_letter = unicodedata.category(character) in ("Lo", "Lm", "Nl", "Mn")
        is_cjk = is_letter and CJK_NAMES.search(unicodedata.name(character, "")) is not None
        assert (entry >> CLASS_SHIFT == CJK) == is_cjk, hex(code_point)


def test_lower_case_is_that_of_the_language() -> None:
    for code_point, entry in enumerate(table().tolist()):
        lower = entry & ((1 << CLASS_SHIFT) - 1)
        if entry >> CLASS_SHIFT in (LOWER, UPPER) and code_point != 0x3C2:
            assert chr(lower) == chr(code_point).lower()[0]
    assert table()[0x3C2] == table()[0x3C3]


def test_the_table_is_shared_and_read_only() -> None:
    assert table() is table()
    with pytest.raises(ValueError, match="read-only"):
        table()[0] = 1
