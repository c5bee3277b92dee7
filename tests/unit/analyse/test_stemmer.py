"""The stemmer agrees with Snowball's own English stemmer, word for word."""

from __future__ import annotations

import random
import re
import sysconfig
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import snowballstemmer  # type: ignore[import-untyped]

from raycontext.kernel.text import hash_terms

MAX_FILES = 400
MAX_WORDS = 12_000
SUFFIXES = [
    *("ational", "ation", "ator", "biliti", "bility", "bly", "ably", "abli", "fully", "iveness", "iviti"),
    *("ivity", "izer", "ization", "ousness", "ously", "ancy", "anci", "ency", "enci", "ently", "entli"),
    *("lessly", "lessli", "ogist", "tional", "ogy", "ogi", "ly", "li", "icate", "iciti", "icity", "ical"),
    *("ful", "fulness", "ness", "ative", "alize", "alism", "aliti", "al", "ance", "ence", "er", "able"),
    *("ible", "ant", "ement", "ment", "ent", "ism", "ate", "iti", "ity", "ous", "ive", "ize", "ion"),
    *("sion", "tion", "e", "ee", "l", "ll", "ed", "edly", "ing", "ingly", "eed", "eedly", "ying", "s"),
    *("es", "ies", "ied", "sses", "ss", "us", "y", "ey", "ats", "bled", "ized", "hopping"),
]
PREFIXES = [
    *("arsen", "commun", "emerg", "gener", "inter", "later", "organ", "past", "univers", "succ", "proc"),
    *("exc", "even", "cann", "inn", "earr", "herr", "out"),
]
WHOLE_WORDS = [
    *("andes", "atlas", "bias", "cosmos", "howe", "news", "sky", "skis", "skies", "idly", "gently"),
    *("ugly", "early", "only", "singly", "dying", "lying", "tying", "add", "egg", "off", "adding"),
    *("hoping", "hopping", "pasted", "paste", "pasting", "yes", "yyyy", "syzygy", "ties", "dies", "cries"),
    *("gas", "gaps", "kiwis", "this", "does", "was"),
]


def words_of_installed_packages() -> list[str]:
    files = islice(sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.py")), MAX_FILES)
    words: set[str] = set()
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        words.update(part.lower() for part in re.findall("[A-Z]?[a-z]+|[A-Z]+", text) if len(part) <= 64)
        if len(words) > MAX_WORDS:
            break
    return sorted(words)[:MAX_WORDS]


def made_up_words() -> list[str]:
    """Words that reach each rule: every pair of endings, after random beginnings, and the irregular ones."""
    generator = random.Random(2001)
    words = {*WHOLE_WORDS, *PREFIXES}
    for suffix in SUFFIXES:
        words.update(prefix + suffix for prefix in PREFIXES)
        for second in ("", *SUFFIXES):
            for _ in range(3):
                beginning = generator.choices("aeioyybcdlmnrstwxz", k=generator.randint(0, 5))
                words.add("".join(beginning) + suffix + second)
    return sorted(words)


def stems(words: list[str]) -> list[str]:
    data = np.frombuffer("".join(words).encode(), dtype=np.uint8).copy()
    offsets = np.zeros(len(words) + 1, dtype=np.int64)
    np.cumsum([len(word) for word in words], out=offsets[1:])
    _, lengths = hash_terms(data, offsets, np.ones(len(words), dtype=np.uint8))
    return [
        data[first : first + length].tobytes().decode()
        for first, length in zip(offsets[:-1].tolist(), lengths.tolist(), strict=True)
    ]


@pytest.mark.parametrize("vocabulary", [words_of_installed_packages, made_up_words])
def test_stems_are_those_of_snowball(vocabulary: Callable[[], list[str]]) -> None:
    words = vocabulary()
    assert len(words) > 5000
    expected = snowballstemmer.stemmer("english").stemWords(words)
    different = [row for row in zip(words, stems(words), expected, strict=True) if row[1] != row[2]]
    assert different == []


def test_words_of_the_greatest_length_are_stemmed() -> None:
    words = ["b" * 125 + "ing", "ab" * 64, "ba" * 62 + "ying", "ba" * 61 + "hopped"]
    assert stems(words) == ["b" * 125 + "ing", "ab" * 64, "ba" * 62 + "y", "ba" * 61 + "hop"]


def test_parts_not_to_be_stemmed_stay() -> None:
    data = np.frombuffer(b"runningrunning", dtype=np.uint8).copy()
    terms, lengths = hash_terms(data, np.array([0, 7, 14]), np.array([0, 1], dtype=np.uint8))
    assert lengths.tolist() == [7, 3]
    assert terms[0] != terms[1]
