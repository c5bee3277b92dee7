"""What of a chunk matches a query best, for those who are shown the chunk. The order of hits does not depend on it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain, pairwise

import numpy as np

from raycontext.analyse.names import folded_hash, identifiers
from raycontext.analyse.postings import terms_by_row
from raycontext.analyse.terms import analyse_texts
from raycontext.search.query_terms import search_terms
from raycontext.text.cuts import SHOWN_CHARACTERS

__all__ = ["matching_first", "place_of_match"]

PIECE_CHARACTERS = 200
"""Length of the pieces of a text that are compared with a query."""

MOST_CHARACTERS = 500_000
"""Length of the beginning of a text in which the match is looked for, so that no hit takes long."""

_WORD = re.compile(r"\w+")


def matching_first(symbols: Sequence[str], query: str) -> list[str]:
    """Return the names of chunks, those of each parted by spaces, with the name first that matches the query best.

    A name that the query spells is better than one that differs in case or underscores, and that is better than one
    that shares words with the query. The others keep their order, and all do where none matches.
    """
    several = {symbol: symbol.split(" ") for symbol in symbols if " " in symbol} if query else {}
    if not several:
        return list(symbols)
    spelled = identifiers(query)
    folded = {folded_hash(name) for name in spelled}
    names = list(dict.fromkeys(chain.from_iterable(several.values())))
    offsets, terms = terms_by_row(analyse_texts(names))  # at once, since each call costs more than a name
    is_wanted = np.isin(terms, search_terms(query).terms)
    worth = {
        name: (
            name in spelled,
            folded_hash(name) in folded,
            int(is_wanted[first:last].sum()) ** 2 / max(int(last - first), 1),
        )
        for name, (first, last) in zip(names, pairwise(offsets), strict=True)
    }
    return [_with_best_first(several[symbol], worth) if symbol in several else symbol for symbol in symbols]


def _with_best_first(names: list[str], worth: Mapping[str, tuple[bool, bool, float]]) -> str:
    best = max(range(len(names)), key=lambda at: (*worth[names[at]], -at))
    return " ".join([names[best], *names[:best], *names[best + 1 :]])


def place_of_match(text: str, query: str) -> int:
    """Return the place of the character from which on a text with long lines matches a query best.

    It is 0 where no line has more than `SHOWN_CHARACTERS` characters, since such a text is shown from its beginning,
    and where no word of the query is in the text. Of several places that match alike it is the first.
    """
    if not query or max(map(len, text.split("\n"))) <= SHOWN_CHARACTERS:
        return 0
    text = text[:MOST_CHARACTERS]
    words = [found.start() for found in _WORD.finditer(text)]
    if not words:
        return 0
    starts = [words[0]]
    for word in words:  # pieces begin with words, so that no word is cut
        if word - starts[-1] >= PIECE_CHARACTERS:
            starts.append(word)
    pieces = [text[first:last] for first, last in zip(starts, [*starts[1:], len(text)], strict=True)]
    wanted = search_terms(query)
    offsets, terms = terms_by_row(analyse_texts(pieces))
    is_wanted = np.isin(terms, wanted.terms)
    if not is_wanted.any():
        return 0
    rows = np.repeat(np.arange(len(pieces)), np.diff(offsets))[is_wanted]
    order = np.argsort(wanted.terms)
    numbers = order[np.searchsorted(wanted.terms, terms[is_wanted], sorter=order)]
    having = np.bincount(numbers)[numbers]  # a word that stands everywhere says little about the place
    weights = wanted.weights[numbers] * np.log(1.0 + len(pieces) / having)
    best = int(np.argmax(np.bincount(rows, weights)))
    inside = list(_WORD.finditer(pieces[best]))
    found = analyse_texts([word[0] for word in inside])
    offsets, terms = terms_by_row(found)
    is_wanted = np.isin(terms, wanted.terms)
    first = int(np.searchsorted(offsets[1:], int(np.argmax(is_wanted)), side="right")) if is_wanted.any() else 0
    return starts[best] + inside[first].start()
