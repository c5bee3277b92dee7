"""Results of an analysis. They are plain values, so that a process that only holds them loads no compiled library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ANALYSIS_FINGERPRINT",
    "REFERENCES_FINGERPRINT",
    "PostingLists",
    "Postings",
    "QueryTerms",
    "terms_by_row",
]

ANALYSIS_FINGERPRINT = "terms-2"
"""Version of the analysis. It changes whenever the terms of a text change, and such indexes are built anew."""

REFERENCES_FINGERPRINT = "references 3"
"""Version of the lexer and its tables. It changes whenever the references or imports of a text change."""


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """Inverted index of n rows: T terms with P postings.

    The rows that hold `terms[t]` are `rows[offsets[t]:offsets[t + 1]]`, ascending. `frequencies` at the same places is
    the number of times that it occurs in each of them.
    """

    terms: NDArray[np.uint64]
    """Hashes of the terms, ascending, each once, never 0, [T]."""
    offsets: NDArray[np.int64]
    """Offsets of the terms' postings, from 0 to P, [T + 1]."""
    rows: NDArray[np.uint32]
    """Row of each posting, [P]."""
    frequencies: NDArray[np.uint8]
    """Number of times that the term occurs in the row, 1 to 255, [P]."""
    lengths: NDArray[np.unsignedinteger[Any]]
    """Number of terms of each row, repeated terms included, [n]."""


@dataclass(frozen=True, slots=True, eq=False)
class PostingLists:
    """Inverted index in its form on disk, see `posting_lists`.

    The list of term t is `data[starts[t]:starts[t + 1]]`.
    """

    terms: NDArray[np.uint64]
    """Hashes of the terms, ascending, each once, never 0, [T]."""
    starts: NDArray[np.integer[Any]]
    """Offsets of the lists in `data`, [T + 1]."""
    data: NDArray[np.uint8]
    """Encoded lists, one after the other."""
    lengths: NDArray[np.unsignedinteger[Any]]
    """Number of terms of each row, repeated terms included, [n]."""
    check: Callable[[NDArray[np.integer[Any]], NDArray[np.integer[Any]]], None] | None = None
    """Function that is called with starts and ends in `data` before these parts are read, where they come from a file.
    It raises an error where they are damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class QueryTerms:
    """Terms of a query, k different ones, in the order of their first occurrence."""

    terms: NDArray[np.uint64]
    """Hashes of the terms, [k]."""
    frequencies: NDArray[np.uint8]
    """Number of times that each term occurs, 1 to 255, [k]."""
    words: tuple[str, ...]
    """Texts that were hashed, k of them: the stem of a part, or a whole word in lower case."""


def terms_by_row(postings: Postings) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the terms of each row: offsets int64[n + 1] and terms uint64[P].

    The terms of row i stand from offset i to offset i + 1.
    """
    by_row = np.argsort(postings.rows, kind="stable")
    terms = np.repeat(postings.terms, np.diff(postings.offsets))[by_row]
    counts = np.bincount(postings.rows, minlength=len(postings.lengths))
    offsets = np.zeros(len(postings.lengths) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets, terms
