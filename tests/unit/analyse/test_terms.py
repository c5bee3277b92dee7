"""What text becomes: words, parts, rows, queries."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from raycontext.analyse.terms import analyse, analyse_texts, query_terms
from raycontext.errors import InvalidInput

NONE = np.zeros(0, dtype=np.int64)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("HTTPServer2", "http server 2 httpserver2"),
        ("parseJSONFast", "pars json fast parsejsonfast"),
        ("snake_case_name", "snake case name snakecasenam"),
        ("__init__", "init"),
        ("$scope", "scope"),
        ("utf8", "utf 8 utf8"),
        ("sha256", "sha 256 sha256"),
        ("x86_64", "x 86 64 x8664"),
        ("foo.bar(qux)", "foo bar qux"),
        ("running runner's", "run runner s"),
        ("naïveté ÉCOLE Straße", "naïveté école straße"),
        ("ΛΌΓΟΣ λόγος", "λόγοσ"),
        ("Привет приветМир", "привет мир приветмир"),
        ("漢字かな", "漢字 字か かな"),
        ("漢 x 字", "漢 x 字"),
        ("使用HTTP服务", "使用 http 服务"),
        ("서버를 켠다", "서버 버를 켠다"),
        ("0x1F", "0 x 1 f x1f"),
        ("___ $ -- !?", ""),
        ("", ""),
    ],
)
def test_words_are_split_lowered_and_stemmed(text: str, words: str) -> None:
    assert " ".join(query_terms(text).words) == words


def test_words_over_128_bytes_and_numbers_over_20_digits_are_dropped_and_not_counted() -> None:
    longest, too_long = "x" * 128, "x" * 129
    digits, too_many_digits = "1" * 20, "1" * 21
    assert query_terms(f"{longest} {too_long}").words == (longest,)
    assert query_terms(f"{digits} {too_many_digits}").words == (digits,)
    assert query_terms(f"v{too_many_digits}").words == ("v", f"v{too_many_digits}")
    assert analyse_texts([f"{too_long} {too_many_digits} word"]).lengths.tolist() == [1]


def test_stop_words_leave_a_query_but_not_the_index() -> None:
    assert query_terms("how does the parser work").words == ("parser", "work")
    assert analyse_texts(["how does the parser work"]).terms.size == 5


def test_stop_words_stay_in_a_query_of_nothing_else() -> None:
    assert query_terms("for this").words == ("for", "this")


def test_repeated_words_of_a_query_are_one_term() -> None:
    query = query_terms("run JSON running json run")
    assert query.words == ("run", "json")
    assert query.frequencies.tolist() == [3, 2]
    assert query.terms.size == 2


def test_query_with_lone_surrogates_is_analysed() -> None:
    assert query_terms("caf\udce9 bar").words == ("caf", "bar")


def test_term_hashes_are_those_of_indexes_on_disk() -> None:
    query = query_terms("http server 漢字")
    assert query.words == ("http", "server", "漢字")
    assert query.terms.tolist() == [0x1F41B90DC8DA9BA2, 0x6336BEC2EEB4C738, 0xB066DF5962CBDAB2]


def test_postings_are_sorted_by_term_and_row() -> None:
    postings = analyse_texts(["alpha beta alpha", "", "beta alpha gamma"])
    terms = postings.terms.tolist()
    assert terms == sorted(set(terms))
    alpha = terms.index(query_terms("alpha").terms[0])
    assert postings.rows[postings.offsets[alpha] : postings.offsets[alpha + 1]].tolist() == [0, 2]
    assert postings.frequencies[postings.offsets[alpha] : postings.offsets[alpha + 1]].tolist() == [2, 1]
    assert postings.lengths.tolist() == [3, 0, 3]
    dtypes = [
        array.dtype
        for array in (postings.terms, postings.offsets, postings.rows, postings.frequencies, postings.lengths)
    ]
    assert dtypes == [np.uint64, np.int64, np.uint32, np.uint8, np.uint32]


def test_words_of_one_stem_are_counted_together() -> None:
    postings = analyse_texts(["walks walking walked", "walk"])
    assert postings.terms.tolist() == query_terms("walk").terms.tolist()
    assert postings.frequencies.tolist() == [3, 1]


def test_frequencies_are_clipped_and_lengths_are_not() -> None:
    postings = analyse_texts(["walk " * 200 + "walks " * 200 + "x " * 300])
    assert postings.frequencies.tolist() == [255, 255]
    assert postings.lengths.tolist() == [700]


def test_many_different_words_are_all_found() -> None:
    generator = random.Random(7)
    words = ["".join(generator.choices("bcdfghjkmz", k=generator.randint(5, 40))) + "q" for _ in range(30_000)]
    rows = [" ".join(words[first : first + 100]) for first in range(0, len(words), 100)]
    postings = analyse_texts(rows)
    assert postings.terms.size == len(set(words))
    assert postings.offsets[-1] == sum(len(set(row.split())) for row in rows)
    counts = np.bincount(postings.rows, weights=postings.frequencies)
    assert counts.tolist() == [Counter(row.split()).total() for row in rows]


def test_a_row_with_very_many_parts_to_a_word_is_analysed() -> None:
    word = "aB" * 64
    postings = analyse_texts([f"{word} " * 3 + "_".join("abcdefgh")])
    assert postings.lengths.tolist() == [3 * (65 + 1) + 9]


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8).copy()])
def test_any_buffer_is_accepted_and_left_as_it_was(make: Callable[[bytes], Any]) -> None:
    buffer = make(b"one two three")
    postings = analyse(buffer, np.array([0, 4, 4]), np.array([3, 13, 7]))
    assert postings.lengths.tolist() == [1, 2, 1]
    assert bytes(buffer) == b"one two three"


def test_no_rows_and_empty_buffers_give_empty_postings() -> None:
    for postings in (analyse(b"", NONE, NONE), analyse(b"text", NONE, NONE), analyse_texts([])):
        assert postings.terms.size == postings.rows.size == postings.lengths.size == 0
        assert postings.offsets.tolist() == [0]
    assert analyse(b"", np.array([0]), np.array([0])).lengths.tolist() == [0]


@pytest.mark.parametrize(("starts", "ends"), [([-1], [2]), ([0], [5]), ([3], [2]), ([0, 1], [2])])
def test_rows_outside_the_buffer_are_refused(starts: list[int], ends: list[int]) -> None:
    with pytest.raises(InvalidInput):
        analyse(b"text", np.array(starts), np.array(ends))


def test_a_row_ends_a_character_that_is_cut_in_two() -> None:
    text = "né".encode()
    postings = analyse(text, np.array([0]), np.array([2]))
    assert postings.terms.tolist() == query_terms("n").terms.tolist()
