"""Rows of columns by their values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from raycontext.store.segments.places import NumberPlaces, WordPlaces, Words

NUMBERS = st.lists(st.integers(0, 12), max_size=40)


@given(NUMBERS, NUMBERS)
def test_rows_of_numbers_are_those_that_a_scan_finds(values: list[int], wanted: list[int]) -> None:
    each, rows = NumberPlaces(np.array(values, np.uint32)).find(np.array(wanted, np.uint32))
    expected = [(at, row) for at, value in enumerate(wanted) for row, held in enumerate(values) if held == value]
    assert list(zip(each.tolist(), rows.tolist(), strict=True)) == expected


@given(st.lists(st.sampled_from("abcdé"), max_size=40), st.sets(st.sampled_from("abcdéz")))
def test_rows_of_words_are_those_that_a_scan_finds(values: list[str], wanted: set[str]) -> None:
    column = pa.chunked_array([pa.array(values, pa.string()).dictionary_encode()])
    words = Words(column)
    assert words.read(0, len(values)) == values
    found = WordPlaces(words, column.chunk(0).dictionary.to_pylist()).find(wanted)
    assert found.tolist() == [row for row, value in enumerate(values) if value in wanted]


def test_words_that_a_dictionary_holds_twice_are_all_found() -> None:
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 1], pa.int32()), pa.array(["a", "b", "a"]))
    words = Words(pa.chunked_array([twice]))
    assert WordPlaces(words, ["a", "b", "a"]).find(["a"]).tolist() == [0, 2]


def test_column_without_rows_has_no_words() -> None:
    words = Words(pa.chunked_array([], pa.dictionary(pa.int32(), pa.string())))
    assert words.read(0, 0) == []
    assert len(WordPlaces(words, []).find(["a"])) == 0
