"""Table of the class and the lower case of each code point, for the tokeniser.

Text is not normalised. So a letter whose accent is part of its code point (NFC) and the letter with a combining mark
(NFD) give different terms. Combining marks belong to the word that they stand in.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CJK",
    "CLASS_SHIFT",
    "CONNECTOR",
    "DIGIT",
    "LOWER",
    "MARK",
    "SEPARATOR",
    "TABLE_SIZE",
    "UPPER",
    "code_point_table",
]

SEPARATOR = 0  # ends a word
MARK = 1  # combining mark: belongs to the letter before it
DIGIT = 2  # decimal digit of any script
CONNECTOR = 3  # underscore and dollar: inside a word, in none of its parts
LOWER = 4  # lower-case letter, or letter of a script without case
UPPER = 5  # upper-case or title-case letter
CJK = 6  # Han, Hiragana, Katakana, Hangul: scripts written without spaces, or nearly so

CLASS_SHIFT = 24
"""Number of bits below the class in an entry, which is `class << CLASS_SHIFT | lower-case code point`."""

TABLE_SIZE = 0x20000
"""Number of code points in the table: the planes 0 and 1. Planes 2 and 3 are Han, and the others have no letters."""

_CLASS_OF_CATEGORY = {
    b"Lu": UPPER,
    b"Lt": UPPER,
    b"Ll": LOWER,
    b"Lm": LOWER,
    b"Lo": LOWER,
    b"Nd": DIGIT,
    b"Mn": MARK,
    b"Mc": MARK,
    b"Me": MARK,
}

# First and last code point of the blocks with letters of CJK scripts.
_CJK_RANGES = (
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x3005, 0x30FF),  # ideographic and kana marks, Hangzhou numerals, Hiragana, Katakana
    (0x3131, 0x318E),  # Hangul compatibility Jamo
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # Han extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA960, 0xA97C),  # Hangul Jamo extended A
    (0xAC00, 0xD7FB),  # Hangul syllables, Jamo extended B
    (0xF900, 0xFAD9),  # Han compatibility ideographs
    (0xFF66, 0xFFDC),  # half-width Katakana and Hangul
    (0x1AFF0, 0x1B16F),  # Kana extensions and supplement
)
_CJK_CATEGORIES = (b"Lo", b"Lm", b"Nl", b"Mn")

_GREEK_FINAL_SIGMA, _GREEK_SIGMA = 0x3C2, 0x3C3


@cache
def code_point_table() -> NDArray[np.uint32]:
    """Return the table, uint32[TABLE_SIZE], read-only. The first call of a process builds it in about 15 ms."""
    joined = "".join(map(unicodedata.category, map(chr, range(TABLE_SIZE))))
    categories = np.frombuffer(joined.encode("ascii"), dtype="S2")
    classes = np.full(TABLE_SIZE, SEPARATOR, dtype=np.uint32)
    for category, character_class in _CLASS_OF_CATEGORY.items():
        classes[categories == category] = character_class
    lower = np.arange(TABLE_SIZE, dtype=np.uint32)
    for code_point in np.flatnonzero(classes == UPPER).tolist():
        # One letter, U+0130, has a lower case of two code points. The first one is taken.
        lower[code_point] = ord(chr(code_point).lower()[0])
    lower[_GREEK_FINAL_SIGMA] = _GREEK_SIGMA
    for first, last in _CJK_RANGES:
        block = slice(first, last + 1)
        classes[block][np.isin(categories[block], _CJK_CATEGORIES)] = CJK
    classes[[ord("_"), ord("$")]] = CONNECTOR
    table = (classes << np.uint32(CLASS_SHIFT)) | lower
    table.flags.writeable = False
    return table
