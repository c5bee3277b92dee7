"""Which trigrams a text must hold if a line of it matches: what an index of trigrams can leave out.

For each part of an expression there is a fact about all texts that match it: the texts themselves where they are few,
else how they begin and end, and which trigrams they hold (R. Cox, "Regular expression matching with a trigram index",
2012). Texts are folded as in `kernel/trigrams.c`, so that the fact holds whatever the case.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from raycontext.grep.nodes import Assertion, CharacterClass, Choice, Flagged, Literal, Node, Repeat, Run

__all__ = ["ANY", "AllOf", "AnyOf", "Need", "required_trigrams", "trigrams_of"]

MOST_TEXTS = 24
"""Largest number of texts that are looked at one by one."""
MOST_BYTES = 24
"""Largest size of a text that is kept whole, in bytes."""
EDGE = 2
"""Number of bytes of a beginning or an end that are kept: with one byte more they make a trigram."""
MOST_COPIES = 4
"""Largest number of times that a repeated part is written out."""

CASELESS = frozenset({"Lo", "Nd", "Pd", "Ps", "Pe", "Po", "Sm", "Sc"})
"""Categories of Unicode whose characters have no case in any version of Unicode."""

_FOLDED = {0x017F: "s", 0x212A: "k", **{ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}}


@dataclass(frozen=True, slots=True)
class AllOf:
    """Need for all of some needs."""

    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Need for one of some needs."""

    needs: tuple[Need, ...]


Need: TypeAlias = int | AllOf | AnyOf
"""What a text must hold: a trigram as a number, all of some needs, or one of them."""

ANY = AllOf(())
"""Need that every text fulfils."""

Texts: TypeAlias = frozenset[bytes]
NOTHING: Texts = frozenset({b""})


@dataclass(frozen=True, slots=True)
class _Fact:
    """What is known of all texts that match a part."""

    exact: Texts | None  # all of them, where they are few
    begins: Texts  # each begins with one of these
    ends: Texts  # each ends with one of these
    need: Need


UNKNOWN = _Fact(None, NOTHING, NOTHING, ANY)


def required_trigrams(node: Node) -> Need:
    """Return what a text must hold if the expression matches in one of its lines."""
    return _opened(_fact(node)).need


def trigrams_of(text: bytes) -> list[int]:
    """Return the trigrams of a folded text that has no line end, in order."""
    return [int.from_bytes(text[place : place + 3]) for place in range(len(text) - 2)]


def _fact(node: Node) -> _Fact:  # noqa: PLR0911 - one for each kind of node
    match node:
        case Literal():
            return _of_characters([node.character], node.is_folded)
        case CharacterClass():
            return _of_characters(node.members, node.is_folded) if node.members else UNKNOWN
        case Assertion():
            return _exact([b""])
        case Flagged():
            return _fact(node.item)
        case Run():
            found = _exact([b""])
            for item in node.items:
                found = _joined(found, _fact(item))
            return found
        case Choice():
            return _either([_fact(item) for item in node.items])
        case Repeat():
            return _repeated(node)


def _of_characters(characters: Iterable[str], is_folded: bool) -> _Fact:
    """Return the fact about one of some characters, which may stand for their other case."""
    texts = []
    for character in characters:
        if is_folded and not character.isascii() and not _is_caseless(character):
            return UNKNOWN
        texts.append(character.translate(_FOLDED).encode())
    return _exact(texts)


def _is_caseless(character: str) -> bool:
    """Return whether a character is known to have no other case; versions of Unicode differ in what has one."""
    return unicodedata.category(character) in CASELESS and character.lower() == character.upper() == character


def _exact(texts: Iterable[bytes]) -> _Fact:
    return _bounded(frozenset(texts), ANY)


def _bounded(texts: Texts, need: Need) -> _Fact:
    """Return the fact about exactly these texts, or about their edges and trigrams where they are many or long."""
    fact = _Fact(texts, NOTHING, NOTHING, need)
    is_small = len(texts) <= MOST_TEXTS and max(map(len, texts)) <= MOST_BYTES
    return fact if is_small else _opened(fact)


def _opened(fact: _Fact) -> _Fact:
    """Return a fact in which edges and trigrams stand for exact texts."""
    if fact.exact is None:
        return fact
    return _Fact(None, _begins(fact.exact), _ends(fact.exact), _both(fact.need, _trigrams(fact.exact)))


def _begins(texts: Texts) -> Texts:
    short = frozenset(text[:EDGE] for text in texts)
    return short if len(short) <= MOST_TEXTS and b"" not in short else NOTHING


def _ends(texts: Texts) -> Texts:
    short = frozenset(text[-EDGE:] for text in texts)
    return short if len(short) <= MOST_TEXTS and b"" not in short else NOTHING


def _joined(first: _Fact, second: _Fact) -> _Fact:
    """Return the fact about texts of `first` followed by texts of `second`."""
    need = _both(first.need, second.need)
    if first.exact is not None and second.exact is not None:
        return _bounded(_crossed(first.exact, second.exact), need)
    ends = first.exact if first.exact is not None else first.ends
    begins = second.exact if second.exact is not None else second.begins
    need = _both(need, _trigrams(_crossed(ends, begins)))
    return _Fact(
        None,
        _begins(_crossed(first.exact, second.begins)) if first.exact is not None else first.begins,
        _ends(_crossed(first.ends, second.exact)) if second.exact is not None else second.ends,
        need,
    )


def _crossed(first: Texts, second: Texts) -> Texts:
    """Return all texts of one followed by one of the other."""
    return frozenset(one + other for one in first for other in second)


def _either(facts: list[_Fact]) -> _Fact:
    exact = [fact.exact for fact in facts if fact.exact is not None]
    if len(exact) == len(facts) and all(fact.need == ANY for fact in facts):
        return _bounded(frozenset().union(*exact), ANY)
    opened = [_opened(fact) for fact in facts]
    begins, ends = (frozenset().union(*texts) for texts in zip(*((f.begins, f.ends) for f in opened), strict=True))
    need = ANY if any(fact.need == ANY for fact in opened) else AnyOf(tuple(dict.fromkeys(f.need for f in opened)))
    return _Fact(None, _begins(begins), _ends(ends), need)


def _repeated(node: Repeat) -> _Fact:
    if node.most == 0:
        return _exact([b""])
    once = _fact(node.item)
    if node.least == 0:
        return _either([once, _exact([b""])]) if node.most == 1 else UNKNOWN
    found = once
    for _ in range(min(node.least, MOST_COPIES) - 1):
        found = _joined(found, once)
    if node.most == node.least <= MOST_COPIES:
        return found
    open_end = _joined(found, UNKNOWN)
    return _Fact(None, open_end.begins, _opened(once).ends, open_end.need)


def _trigrams(texts: Texts) -> Need:
    """Return the need for the trigrams of one of some texts."""
    if any(len(text) < 3 for text in texts):
        return ANY
    needs = dict.fromkeys(AllOf(tuple(dict.fromkeys(trigrams_of(text)))) for text in texts)
    return next(iter(needs)) if len(needs) == 1 else AnyOf(tuple(needs))


def _both(first: Need, second: Need) -> Need:
    if first in (ANY, second):
        return second
    if second == ANY:
        return first
    parts = (need.needs if isinstance(need, AllOf) else (need,) for need in (first, second))
    return AllOf(tuple(dict.fromkeys(need for part in parts for need in part)))
