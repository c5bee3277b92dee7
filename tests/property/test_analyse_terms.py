"""The compiled analysis agrees with a plain one, written from its definition, on any text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import numpy as np
import snowballstemmer  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from raycontext.analyse.postings import Postings
from raycontext.analyse.terms import STOP_WORDS, analyse, analyse_texts, query_terms

MASK = (1 << 64) - 1
STEMMER = snowballstemmer.stemmer("english")
CJK_NAMES = re.compile("CJK |IDEOGRAPHIC|HIRAGANA|KATAKANA|HENTAIGANA|HANGUL|KANA REPEAT|MASU MARK|HANGZHOU")
CLASS_LETTERS = {"Lu": "U", "Lt": "U", "Ll": "l", "Lm": "l", "Lo": "l", "Nd": "d", "Mn": "m", "Mc": "m", "Me": "m"}


def reference_hash(word: str) -> int:
    """FNV-1a, then SplitMix64's mixer, in whole numbers."""
    value = 0xCBF29CE484222325
    for byte in word.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return (value ^ value >> 31) or 1


def reference_class(character: str) -> str:
    if character in "_$":
        return "_"
    if ord(character) >= 0x20000:
        return "c" if ord(character) < 0x40000 else " "
    category = unicodedata.category(character)
    if category in ("Lo", "Lm", "Nl", "Mn") and CJK_NAMES.search(unicodedata.name(character, "")):
        return "c"
    return CLASS_LETTERS.get(category, " ")


def reference_lower(text: str) -> str:
    return "".join("\u03c3" if character == "\u03c2" else character.lower()[0] for character in text)


def reference_terms(text: str) -> list[str]:
    """The terms of a text in order, readable."""
    classes = "".join(map(reference_class, text))
    terms = []
    for word in re.finditer("[Ul_][Ul_dm]*|d+|c+", classes):
        first, last = word.span()
        if classes[first] == "c":
            terms += [text[i : i + 2] for i in range(first, last - 1)] or [text[first]]
            continue
        if len(text[first:last].encode()) > 128:
            continue
        parts = [
            (match.group(), reference_lower(text[slice(*match.span())]))
            for match in re.compile("(?:Um*)+(?=Um*l)|(?:Um*)?(?:lm*)+|(?:Um*)+|(?:dm*)+").finditer(
                classes, first, last
            )
        ]
        for part_classes, part in parts:
            if part_classes.count("d") > 20:
                continue
            terms.append(reference_stem(part))
        if len(parts) > 1:
            terms.append(reference_stem("".join(part for _, part in parts)))
    return terms


def reference_stem(word: str) -> str:
    is_english = len(word) > 3 and re.fullmatch("[a-z]+", word)
    return STEMMER.stemWord(word) if is_english else word


def assert_agrees(postings: Postings, rows: list[str]) -> None:
    counts = [Counter(map(reference_hash, reference_terms(row))) for row in rows]
    expected = sorted(
        (term, row, min(frequency, 255)) for row, count in enumerate(counts) for term, frequency in count.items()
    )
    terms = sorted({term for term, _, _ in expected})
    assert postings.terms.dtype == np.uint64
    assert postings.terms.tolist() == terms
    found = np.repeat(postings.terms, np.diff(postings.offsets))
    assert list(zip(found.tolist(), postings.rows.tolist(), postings.frequencies.tolist(), strict=True)) == expected
    assert postings.lengths.tolist() == [count.total() for count in counts]


SOURCE_CHARACTERS = (
    "aabBCdEsyz019__$$ .(\n-'éÉßẞİıſΣςσЖжĐǅȺ\u0301\u20dd\ufe0f漢字かナー々\u3007ｱ한글ᄀ"
    "٣२²½Ⅳⅷ😀𝒜𐐀𐐨𠀀\U0001b002\U000e0100\x00"
)
WORDS = [
    *("HTTPServer2", "parseJSONFast", "snake_case_name", "__init__", "$scope", "utf8", "sha256", "x86_64"),
    *("running", "runs", "generalization", "URLs", "IDs", "isEmpty", "a1b2", "2nd", "0xFF", "don't", "Ünïcode"),
    *("x" * 128, "x" * 129, "_" * 127 + "é", "_" * 126 + "é", "1" * 20, "1" * 21, "n" + "1" * 21, "使用HTTP服务"),
]
source_text = st.lists(
    st.one_of(st.sampled_from(WORDS), st.text(SOURCE_CHARACTERS, max_size=12), st.text(max_size=6)), max_size=12
).map("".join)


@settings(deadline=None)  # the first call loads the library and makes the table of characters
@given(st.lists(source_text, max_size=6))
def test_compiled_analysis_agrees_with_the_reference(rows: list[str]) -> None:
    rows = [row.encode("utf-8", "replace").decode() for row in rows]
    assert_agrees(analyse_texts(rows), rows)


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=8), source_text.map(lambda text: text.encode("utf-8", "replace")))).map(
        b"".join
    ),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=5),
)
def test_any_bytes_cut_anywhere_agree_with_the_reference(data: bytes, cuts: list[tuple[int, int]]) -> None:
    ranges = [sorted((min(a, len(data)), min(b, len(data)))) for a, b in cuts]
    starts = np.array([first for first, _ in ranges], dtype=np.int64)
    ends = np.array([last for _, last in ranges], dtype=np.int64)
    rows = [data[first:last].decode("utf-8", "replace") for first, last in ranges]
    assert_agrees(analyse(data, starts, ends), rows)


@settings(deadline=None)
@given(source_text)
def test_a_query_has_the_terms_of_its_text_less_stop_words(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    query = query_terms(text)
    counts = Counter(reference_terms(text))
    if not STOP_WORDS.issuperset(counts):
        counts = Counter({word: count for word, count in counts.items() if word not in STOP_WORDS})
    assert query.words == tuple(counts)
    assert query.frequencies.tolist() == [min(count, 255) for count in counts.values()]
    assert query.terms.tolist() == [reference_hash(word) for word in counts]
