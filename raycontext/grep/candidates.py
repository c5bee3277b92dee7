"""Files of a segment that may have a match, by their trigrams and by the words of their chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.posting_lists import lookup
from raycontext.analyse.postings import PostingLists
from raycontext.analyse.terms import analyse_texts
from raycontext.grep.required import ANY, AllOf, AnyOf, Need
from raycontext.grep.words import Word
from raycontext.kernel.postings import find_lists
from raycontext.kernel.trigrams import find, read_list
from raycontext.store.segments import checks
from raycontext.store.segments.segment import Segment

__all__ = ["may_match"]

ENOUGH_FILES = 4
"""Number of files that are left from which no more trigrams are looked at: it is as quick to read the files."""


def may_match(segment: Segment, need: Need, words: Sequence[Word] = ()) -> NDArray[np.bool_]:
    """Return which files hold what is needed, bool[files]. All of a segment that has no trigrams.

    words: words of which all must stand in one line. Raises `CorruptSegment`.
    """
    if need == ANY or not segment.has_trigrams:
        return np.ones(segment.reference.files, np.bool_)
    held = checks.refusing("trigrams.arrow")(_may_match)(segment, need)
    if words and np.count_nonzero(held) > ENOUGH_FILES:
        held &= checks.refusing("postings.arrow")(_with_words)(segment, words)
    return held


def _with_words(segment: Segment, words: Sequence[Word]) -> NDArray[np.bool_]:
    """Return which files have a chunk with all words, or a word with a `$` beside it, bool[files]."""
    body = segment.posting_lists("body")
    rows = np.ones(segment.reference.rows, np.bool_)
    for word in words:
        of_word = np.zeros(segment.reference.rows, np.bool_)
        of_word[_rows_with(body, word.text, rows)] = True
        rows &= of_word
    held = np.zeros(segment.reference.files, np.bool_)
    held[segment.chunk_column("file")[rows]] = True
    beside = {trigram for word in words for trigram in word.unless}
    if beside:
        held |= checks.refusing("trigrams.arrow")(_may_match)(segment, AnyOf(tuple(beside)))
    return held


def _rows_with(body: PostingLists, word: str, every: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the rows with the rarest term of a word; `every` where the analysis finds no term in it."""
    terms = analyse_texts([word]).terms
    if not len(terms):
        return every
    places = find_lists(body.terms, terms)
    if (places < 0).any():
        return np.empty(0, np.uint32)
    sizes = body.starts[places + 1].astype(np.int64) - body.starts[places]
    _, _, rows, _ = lookup(body, terms[[int(sizes.argmin())]])
    return rows


def _may_match(segment: Segment, need: Need) -> NDArray[np.bool_]:
    wanted = np.array(sorted(_trigrams(need)), np.uint32)
    places, counts = find(segment.trigrams, wanted)
    lists = dict(zip(wanted.tolist(), zip(places.tolist(), counts.tolist(), strict=True), strict=True))
    return _holding(segment, need, lists)


def _trigrams(need: Need) -> set[int]:
    if isinstance(need, int):
        return {need}
    return {trigram for part in need.needs for trigram in _trigrams(part)}


def _holding(segment: Segment, need: Need, lists: dict[int, tuple[int, int]]) -> NDArray[np.bool_]:
    files = segment.reference.files
    if isinstance(need, int):
        held = np.zeros(files, np.bool_)
        held[read_list(segment.trigrams, *lists[need])] = True
        return held
    if isinstance(need, AnyOf):
        held = np.zeros(files, np.bool_)
        for part in need.needs:
            held |= _holding(segment, part, lists)
        return held
    held = np.ones(files, np.bool_)
    for part in sorted(need.needs, key=lambda part: _most_files(part, lists)):
        held &= _holding(segment, part, lists)
        if np.count_nonzero(held) <= ENOUGH_FILES:
            break
    return held


def _most_files(need: Need, lists: dict[int, tuple[int, int]]) -> int:
    """Return how many files can hold what is needed, at most."""
    if isinstance(need, int):
        return lists[need][1]
    counts = [_most_files(part, lists) for part in need.needs]
    if isinstance(need, AllOf):
        return min(counts, default=1 << 62)
    return sum(counts)
