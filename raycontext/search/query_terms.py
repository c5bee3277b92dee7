"""Terms by which a query is searched: its own terms, and neighbouring words joined like in an identifier."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.terms import STOP_WORDS, query_terms

__all__ = ["SearchTerms", "search_terms"]

COMPOUND_WEIGHT = 0.5
"""Weight of a joined pair or triple of words; a word has 1. `event loop` also finds `EventLoop` and `event_loop`."""

MOST_COMPOUNDS = 32
"""Largest number of joined pairs and triples of a query."""

KEPT_QUERIES = 32
"""Number of queries whose terms are kept."""

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """Terms of a query with their weights, k different terms."""

    terms: NDArray[np.uint64]
    """Hashes of the terms, [k]."""
    weights: NDArray[np.float64]
    """Number of times that the term occurs in the query, or `COMPOUND_WEIGHT` for a joined term, [k]."""
    compound: NDArray[np.bool_]
    """Whether the term is a joined pair or triple of words, [k]."""

    def weighted(self, inverse: NDArray[np.float64], frequencies: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the weight of each term times its idf `inverse`, [k].

        A joined term whose document frequency in `frequencies` is 0 gets weight 0.
        """
        return np.where(self.compound & (frequencies == 0), 0.0, inverse * self.weights)


@lru_cache(maxsize=KEPT_QUERIES)
def search_terms(text: str) -> SearchTerms:
    """Return the terms of a query with their weights. The steps of a query ask for the same ones."""
    own = query_terms(text)
    joined = query_terms(" ".join(_compounds(text)[:MOST_COMPOUNDS]))
    fresh = ~np.isin(joined.terms, own.terms)
    terms = np.concatenate([own.terms, joined.terms[fresh]])
    compound = np.arange(len(terms)) >= len(own.terms)
    weights = np.concatenate([own.frequencies.astype(np.float64), np.full(int(fresh.sum()), COMPOUND_WEIGHT)])
    return SearchTerms(terms, weights, compound)


def _compounds(text: str) -> list[str]:
    """Return the neighbouring words of a query, joined: pairs first, then triples. Stop words are left out before."""
    words = [word for word in _WORD.findall(text.lower()) if word not in STOP_WORDS]
    return ["".join(words[first : first + size]) for size in (2, 3) for first in range(len(words) - size + 1)]
