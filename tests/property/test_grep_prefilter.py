"""The prefilter by trigrams never loses a match, and what is written for the engine means what Python's `re` means."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raycontext.analyse.characters import CLASS_SHIFT, CONNECTOR, DIGIT, LOWER, TABLE_SIZE, UPPER, code_point_table
from raycontext.analyse.terms import analyse_texts
from raycontext.errors import InvalidInput
from raycontext.grep.engine import LineMatcher, compiled
from raycontext.grep.pattern import GrepPattern
from raycontext.grep.required import AllOf, Need, trigrams_of

CHARACTERS = "abkKsSxyz_ .\u00e9\u00c9\u017f\u212a\u4e2d\u0131\u01c5\u03c3\u03c2"
FOLDED = {0x017F: "s", 0x212A: "k", **{ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}}

LITERALS = st.text(st.sampled_from("abkKsSxyz_\u00e9\u017f\u212a\u4e2d\u03c3"), min_size=1, max_size=6)
ATOMS = st.one_of(
    LITERALS,
    st.sampled_from([".", r"\w", r"\d", r"\s", r"\b", "^", "$", "[ab]", "[^a]", "[a-z]", "[k\u00e9]", r"\x61", r"\."]),
)


def grouped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"(?i:{one})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    )


PATTERNS = st.recursive(ATOMS, grouped, max_leaves=8)
TEXTS = st.lists(st.text(st.sampled_from(CHARACTERS), max_size=25), max_size=6).map("\n".join)


def holds(need: Need, trigrams: set[int]) -> bool:
    if isinstance(need, int):
        return need in trigrams
    return (all if isinstance(need, AllOf) else any)(holds(part, trigrams) for part in need.needs)


def trigrams_in(text: str) -> set[int]:
    return {trigram for line in text.split("\n") for trigram in trigrams_of(line.translate(FOLDED).encode())}


def lines_of(matcher: LineMatcher, text: str) -> list[str]:
    data = text.encode()
    return [data[start:end].decode() for start, end, _ in matcher.lines(data, lambda: None)]


@settings(max_examples=400)
@given(PATTERNS, TEXTS, st.booleans(), st.booleans())
def test_a_text_with_a_match_has_what_is_required(pattern: str, text: str, ignore_case: bool, word: bool) -> None:
    matcher = compiled(GrepPattern(pattern, ignore_case, word))
    for line in lines_of(matcher, text):
        assert holds(matcher.need, trigrams_in(line))
    if matcher.may_match is not None and lines_of(matcher, text):
        assert matcher.may_match("".join(text.split("\n")).encode())
    assert matcher.count(text.encode(), lambda: None) == len(lines_of(matcher, text))
    assert matcher.matches(text.encode(), lambda: None) == bool(lines_of(matcher, text))


NAMES = st.sampled_from(
    ["ab", "a_b", "abAB", "ABab2", "_ab", "ab_", "running", "3ab", "x" * 300, "a$b", "K\u00e9", "at"]
)
BESIDE = st.sampled_from(["", " ", "(", ".", "$", "_", "1", "\u00e9", "\u0301", "\u4e2d", "\u203f", "-"])
EDGES = st.sampled_from(
    ["", r"\b", "^", "$", r"\b{start}", r"\b{end-half}", " ", r"\(", r"\$", "_", ".", "(?:)", "(?i:A)"]
)


@settings(max_examples=400)
@given(
    st.lists(st.tuples(EDGES, NAMES, EDGES), min_size=1, max_size=2),
    st.lists(st.tuples(BESIDE, NAMES, BESIDE).map("".join), max_size=3).map("".join),
    st.booleans(),
)
def test_a_line_with_a_match_has_the_words_that_are_required(
    parts: list[tuple[str, str, str]], line: str, word: bool
) -> None:
    pattern = "".join(f"{before}{re.escape(name)}{behind}" for before, name, behind in parts)
    matcher = compiled(GrepPattern(pattern, word=word))
    for text in (line, "".join(name for _, name, _ in parts), " ".join(name for _, name, _ in parts)):
        if not lines_of(matcher, text):
            continue
        terms = set(analyse_texts([text]).terms.tolist())
        for wanted, unless in matcher.words:
            assert terms >= set(analyse_texts([wanted]).terms.tolist()) or trigrams_in(text) & set(unless)


def test_words_are_required_where_the_pattern_bounds_them() -> None:
    words = {
        pattern: [word.text for word in compiled(GrepPattern(pattern)).words]
        for pattern in (r"\bone_two\b", r"one\(", r" one\(two\b", r"(?i)\bone\b", r"\bone|two\b", r"\bone\w", r"^one:")
    }
    assert list(words.values()) == [["one_two"], [], ["one", "two"], [], [], [], ["one"]]
    assert [word.text for word in compiled(GrepPattern("one", word=True, fixed_string=True)).words] == ["one"]


def test_no_character_but_a_dollar_goes_on_with_a_word_of_the_analysis_alone() -> None:
    classes = code_point_table() >> CLASS_SHIFT
    goes_on = np.flatnonzero(np.isin(classes, (DIGIT, CONNECTOR, LOWER, UPPER)))
    ends = compiled(GrepPattern(r"\ba\b")).count
    alone = [chr(code) for code in goes_on.tolist() if ends(f"a{chr(code)}".encode(), lambda: None)]
    assert alone == ["$"]
    assert len(classes) == TABLE_SIZE


@settings(max_examples=200)
@given(LITERALS, TEXTS, st.booleans())
def test_a_fixed_string_is_found_where_it_is(wanted: str, text: str, ignore_case: bool) -> None:
    matcher = compiled(GrepPattern(wanted, ignore_case, fixed_string=True))
    flags = re.IGNORECASE if ignore_case else 0
    assert lines_of(matcher, text) == [line for line in _lines(text) if re.search(re.escape(wanted), line, flags)]


ASCII_PATTERNS = st.recursive(
    st.sampled_from(["a", "b", "ab", "_", r"\w", r"\d", ".", r"\b", "^", "$", "[ab]", "[^a]"]), grouped, max_leaves=6
)


@settings(max_examples=300)
@given(ASCII_PATTERNS, st.lists(st.text("ab_ .1\u00e9", max_size=12), max_size=5).map("\n".join))
def test_lines_are_those_of_another_engine(pattern: str, text: str) -> None:
    expected = [line for line in _lines(text) if re.search(pattern, line)]
    assert lines_of(compiled(GrepPattern(pattern)), text) == expected


@given(st.text(st.sampled_from("ab(|)[]{}*+?\\^$.-&~:<>=!PiuxswdDb1,#\u00e9 "), max_size=15))
def test_any_text_is_a_pattern_or_refused(pattern: str) -> None:
    try:
        matcher = compiled(GrepPattern(pattern))
    except InvalidInput as error:
        assert "pattern" in str(error)
    else:
        for line in lines_of(matcher, "abc\n(a)\n\u00e9 1"):
            assert holds(matcher.need, trigrams_in(line))


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []
