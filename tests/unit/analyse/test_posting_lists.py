"""Postings as lists of bytes and back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raycontext.analyse.posting_lists import decode, encode, lookup
from raycontext.analyse.postings import PostingLists, Postings, terms_by_row

LARGEST_ROW = (1 << 32) - 1

Index = dict[int, dict[int, int]]
"""Frequency by row by term."""


def rows_of_a_term() -> st.SearchStrategy[dict[int, int]]:
    near = st.integers(0, 300)
    return st.dictionaries(near | st.integers(0, LARGEST_ROW), st.integers(1, 255), min_size=1, max_size=30)


INDEXES = st.dictionaries(st.integers(1, (1 << 64) - 1), rows_of_a_term(), max_size=12)


def postings_of(index: Index) -> Postings:
    terms = sorted(index)
    offsets = np.zeros(len(terms) + 1, np.int64)
    np.cumsum([len(index[term]) for term in terms], out=offsets[1:])
    rows = [row for term in terms for row in sorted(index[term])]
    frequencies = [index[term][row] for term in terms for row in sorted(index[term])]
    return Postings(
        np.array(terms, np.uint64),
        offsets,
        np.array(rows, np.uint32),
        np.array(frequencies, np.uint8),
        np.ones(3, np.uint32),
    )


def index_of(postings: Postings) -> Index:
    rows, frequencies = postings.rows.tolist(), postings.frequencies.tolist()
    return {
        term: dict(zip(rows[start:end], frequencies[start:end], strict=True))
        for term, (start, end) in zip(postings.terms.tolist(), pairwise(postings.offsets), strict=True)
    }


@given(INDEXES)
def test_what_is_encoded_is_decoded(index: Index) -> None:
    postings = postings_of(index)
    lists = encode(postings)
    found = decode(lists)
    assert index_of(found) == index
    for name in ("terms", "offsets", "rows", "frequencies", "lengths"):
        assert np.array_equal(getattr(found, name), getattr(postings, name))
        assert getattr(found, name).dtype == getattr(postings, name).dtype
    assert lists.data.size <= 7 * len(postings.rows)


@given(INDEXES, st.lists(st.integers(1, (1 << 64) - 1), max_size=5), st.booleans())
def test_only_the_lists_of_some_terms_are_decoded(index: Index, others: list[int], narrow: bool) -> None:
    lists = encode(postings_of(index))
    if narrow:  # as where they are mapped
        lists = PostingLists(lists.terms, lists.starts.astype(np.int32), lists.data, lists.lengths)
    wanted = [*others, *list(index)[::2], *list(index)[:1]]
    starts, ends, rows, frequencies = lookup(lists, np.array(wanted, np.uint64))
    for term, start, end in zip(wanted, starts, ends, strict=True):
        found = dict(zip(rows[start:end].tolist(), frequencies[start:end].tolist(), strict=True))
        assert found == index.get(term, {})


def test_ordinary_postings_take_a_byte() -> None:
    index = {term: dict.fromkeys(range(0, 6000, 60), 1) for term in range(1, 50)}
    assert encode(postings_of(index)).data.size == 49 * 100


@given(st.binary(max_size=60), st.lists(st.integers(-5, 70), min_size=3, max_size=3))
def test_damaged_lists_are_decoded_within_their_bounds(data: bytes, starts: list[int]) -> None:
    lists = PostingLists(
        np.array([3, 5], np.uint64), np.array(starts, np.int64), np.frombuffer(data, np.uint8), np.ones(3, np.uint32)
    )
    found = decode(lists)
    assert len(found.offsets) == 3
    assert found.offsets[-1] == len(found.rows) == len(found.frequencies) <= 2 * len(data)


def test_terms_by_row_turns_an_index_round() -> None:
    postings = postings_of({7: {0: 1, 2: 3}, 9: {2: 1}})
    offsets, terms = terms_by_row(postings)
    assert (offsets.tolist(), terms.tolist()) == ([0, 1, 1, 3], [7, 7, 9])
