"""Which whole words a line must hold if it matches: what an index of words by chunk can leave out.

A word between two characters that are no part of a word is a token of the analysis by itself, so that the chunk has
all of its terms. The analysis takes `$` for a part of a word, and the engine does not: a word beside which the pattern
leaves that open counts only for files that do not hold it with a `$` beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from raycontext.grep.nodes import Assertion, Literal, Node, Run
from raycontext.grep.required import trigrams_of

__all__ = ["Word", "required_words"]

LINE_EDGES = frozenset({"(?m:^)", "(?m:$)", "(?m-R:^)", "(?m-R:$)"})
BEFORE_WORDS = frozenset({"\\b", "\\b{start}", "\\b{start-half}"})
BEHIND_WORDS = frozenset({"\\b", "\\b{end}", "\\b{end-half}"})

_IS_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]+").fullmatch
_OF_WORD = re.compile(r"[A-Za-z0-9_]").fullmatch


class Word(NamedTuple):
    """Word that each matching line has between characters of no word."""

    text: str
    unless: tuple[int, ...]
    """Trigrams of the word with a `$` beside it. A file with one of them may have a match without the token."""


def required_words(node: Node) -> tuple[Word, ...]:
    """Return the words that each matching line has. Expressions whose parts are chosen or repeated add none."""
    items = list(_flat(node))
    found, first = [], 0
    while first < len(items):
        end = first
        while end < len(items) and _is_of_word(items[end]):
            end += 1
        if end > first:
            text = "".join(item.character for item in items[first:end] if isinstance(item, Literal))
            before = _openness(items[first - 1] if first else None, BEFORE_WORDS)
            behind = _openness(items[end] if end < len(items) else None, BEHIND_WORDS)
            if before is not None and behind is not None and _IS_WORD(text):
                folded = text.lower().encode()
                unless = (b"$" + folded[:2],) * before + (folded[-2:] + b"$",) * behind
                found.append(Word(text, tuple(trigram for beside in unless for trigram in trigrams_of(beside))))
        first = end + 1
    return tuple(dict.fromkeys(found))


def _flat(node: Node) -> Iterator[Node]:
    """Yield the nodes that stand one after the other in a match."""
    if isinstance(node, Run):
        for item in node.items:
            yield from _flat(item)
    else:
        yield node


def _is_of_word(node: Node) -> bool:
    return isinstance(node, Literal) and not node.is_folded and _OF_WORD(node.character) is not None


def _openness(neighbour: Node | None, boundaries: frozenset[str]) -> bool | None:
    """Return whether a `$` can stand where a word ends; None where the word may go on."""
    if isinstance(neighbour, Assertion):
        return False if neighbour.engine in LINE_EDGES else True if neighbour.engine in boundaries else None
    if isinstance(neighbour, Literal) and neighbour.character.isascii():
        is_inside = _OF_WORD(neighbour.character) is not None or neighbour.character == "$"
        return None if is_inside else False
    return None
