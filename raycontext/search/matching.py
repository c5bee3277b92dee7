"""What of a chunk matches a query best, for those who are shown the chunk. The order of hits does not depend on it."""

from __future__ import annotations

import numpy as np

from raycontext.analyse.names import folded_hash, identifiers
from raycontext.analyse.postings import terms_by_row
from raycontext.analyse.terms import analyse_texts
from raycontext.search.query_terms import search_terms

__all__ = ["matching_first"]


def matching_first(symbol: str, query: str) -> str:
    """Return the names of a chunk, parted by spaces, with the name first that matches the query best.

    A name that the query spells is better than one that differs in case or underscores, and that is better than one
    that shares words with the query. The others keep their order, and all do where none matches.
    """
    names = symbol.split(" ")
    if len(names) == 1 or not query:
        return symbol
    spelled = identifiers(query)
    folded = {folded_hash(name) for name in spelled}
    offsets, terms = terms_by_row(analyse_texts(names))
    is_wanted = np.isin(terms, search_terms(query).terms)
    shared = [int(is_wanted[first:last].sum()) for first, last in zip(offsets[:-1], offsets[1:], strict=True)]
    best = max(
        range(len(names)),
        key=lambda at: (
            names[at] in spelled,
            folded_hash(names[at]) in folded,
            shared[at] ** 2 / max(int(offsets[at + 1] - offsets[at]), 1),
            -at,
        ),
    )
    return " ".join([names[best], *names[:best], *names[best + 1 :]])
