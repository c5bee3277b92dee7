"""The terms that a query is searched by: its own, and neighbouring words joined as they would be in an identifier."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.terms import STOP_WORDS, query_terms

__all__ = ["SearchTerms", "search_terms"]

COMPOUND_WEIGHT = 0.5
"""Of a joined pair or triple of words, next to 1 for a word: `event loop` also looks for `EventLoop`, `event_loop`."""

MOST_COMPOUNDS = 32

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """k terms, each once."""

    terms: NDArray[np.uint64]
    """[k]"""
    weights: NDArray[np.float64]
    """[k]: occurrences in the query; `COMPOUND_WEIGHT` for compounds."""
    compound: NDArray[np.bool_]
    """[k]"""

    def weighted(self, inverse: NDArray[np.float64], frequencies: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weights [k] by idf and document frequency; a compound that no one uses counts for nothing."""
        return np.where(self.compound & (frequencies == 0), 0.0, inverse * self.weights)


def search_terms(text: str) -> SearchTerms:
    """Terms of a query with their weights."""
    own = query_terms(text)
    joined = query_terms(" ".join(_compounds(text)[:MOST_COMPOUNDS]))
    fresh = ~np.isin(joined.terms, own.terms)
    terms = np.concatenate([own.terms, joined.terms[fresh]])
    compound = np.arange(len(terms)) >= len(own.terms)
    weights = np.concatenate([own.frequencies.astype(np.float64), np.full(int(fresh.sum()), COMPOUND_WEIGHT)])
    return SearchTerms(terms, weights, compound)


def _compounds(text: str) -> list[str]:
    """Pairs, then triples, of words that stand side by side, stop words left out."""
    words = [word for word in _WORD.findall(text.lower()) if word not in STOP_WORDS]
    return ["".join(words[first : first + size]) for size in (2, 3) for first in range(len(words) - size + 1)]
