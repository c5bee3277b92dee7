"""What an analysis returns: values alone, so that code that only holds them loads no compiled library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ANALYSIS_FINGERPRINT", "PostingLists", "Postings", "QueryTerms", "terms_by_row"]

ANALYSIS_FINGERPRINT = "terms-2"
"""Changes with everything that changes the terms of a text; indexes of another analysis do not match."""


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """Inverted index of n rows: T terms with P postings.

    The rows that hold `terms[t]` are `rows[offsets[t]:offsets[t + 1]]`, ascending, and it occurs
    `frequencies[...]` times in them.
    """

    terms: NDArray[np.uint64]
    """[T], ascending, each once, never 0."""
    offsets: NDArray[np.int64]
    """[T + 1], from 0 to P."""
    rows: NDArray[np.uint32]
    """[P]"""
    frequencies: NDArray[np.uint8]
    """[P], from 1, clipped at 255."""
    lengths: NDArray[np.unsignedinteger[Any]]
    """[n], number of terms of each row with all their occurrences."""


@dataclass(frozen=True, slots=True, eq=False)
class PostingLists:
    """The same as on disk, see `posting_lists`: the list of term t is `data[starts[t]:starts[t + 1]]`."""

    terms: NDArray[np.uint64]
    """[T], as in `Postings`."""
    starts: NDArray[np.integer[Any]]
    """[T + 1]"""
    data: NDArray[np.uint8]
    lengths: NDArray[np.unsignedinteger[Any]]
    """[n], as in `Postings`."""


@dataclass(frozen=True, slots=True, eq=False)
class QueryTerms:
    """The k terms of a query, each once, in the order of their first occurrence."""

    terms: NDArray[np.uint64]
    """[k]"""
    frequencies: NDArray[np.uint8]
    """[k], from 1, clipped at 255."""
    words: tuple[str, ...]
    """What was hashed: the stem of a part, or a whole word in lower case."""


def terms_by_row(postings: Postings) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return an index the other way round: offsets int64[n + 1] and terms uint64[P].

    Row i has the terms from offset i to i + 1.
    """
    by_row = np.argsort(postings.rows, kind="stable")
    terms = np.repeat(postings.terms, np.diff(postings.offsets))[by_row]
    counts = np.bincount(postings.rows, minlength=len(postings.lengths))
    offsets = np.zeros(len(postings.lengths) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets, terms
