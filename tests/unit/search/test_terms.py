"""Which terms a query is searched by, and what they weigh."""

from __future__ import annotations

import numpy as np

from raycontext.analyse.terms import query_terms
from raycontext.search.query_terms import COMPOUND_WEIGHT, search_terms


def weight_of(word: str, query: str) -> float:
    """Of the only term of a word, zero where the query is not searched by it."""
    (term,) = query_terms(word).terms
    found = search_terms(query)
    return float(found.weights[found.terms == term].sum())


def test_words_weigh_as_often_as_they_occur() -> None:
    assert weight_of("card", "charge the card, then drop the card") == 2.0
    assert weight_of("charge", "charge the card, then drop the card") == 1.0


def test_neighbouring_words_are_also_looked_for_as_one_identifier() -> None:
    query = "where is the event loop of the server stopped"
    assert weight_of("eventloop", query) == COMPOUND_WEIGHT
    assert weight_of("loopserver", query) == COMPOUND_WEIGHT  # stop words do not separate
    assert weight_of("eventloopserver", query) == COMPOUND_WEIGHT
    assert weight_of("serverevent", query) == 0.0


def test_identifier_of_the_query_is_no_compound() -> None:
    found = search_terms("event loop eventloop")
    assert weight_of("eventloop", "event loop eventloop") == 1.0
    assert len(set(found.terms.tolist())) == len(found.terms)


def test_compound_that_no_one_uses_counts_for_nothing() -> None:
    found = search_terms("event loop")
    assert found.compound.tolist() == [False, False, True]
    inverse, nowhere = np.array([2.0, 3.0, 5.0]), np.array([4, 0, 0])
    assert found.weighted(inverse, nowhere).tolist() == [2.0, 3.0, 0.0]
    assert found.weighted(inverse, np.array([4, 0, 1])).tolist() == [2.0, 3.0, 5.0 * COMPOUND_WEIGHT]


def test_query_without_a_word_has_no_terms() -> None:
    assert len(search_terms("?! --").terms) == 0
