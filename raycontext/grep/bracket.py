"""Reader of classes in brackets."""

from __future__ import annotations

from raycontext.grep.nodes import CharacterClass
from raycontext.grep.scanner import SPACE, Scanner

__all__ = ["bracket_class"]

MOST_MEMBERS = 12
"""Largest number of characters of a class that the prefilter looks at one by one."""

MOST_DEPTH = 50
"""Largest depth of brackets in brackets."""


def bracket_class(scanner: Scanner, *, is_folded: bool, is_spaced: bool, is_bytes: bool) -> CharacterClass:
    """Read a class from its bracket on. Raises `InvalidInput` where it has no end or no form."""
    reader = _Brackets(scanner, is_spaced)
    text = reader.bracket(0)
    members = frozenset() if reader.is_complex or is_bytes else frozenset(reader.members)
    return CharacterClass(f"[{text}--\\n]", members if len(members) <= MOST_MEMBERS else frozenset(), is_folded)


class _Brackets:
    """Reader of one class. It keeps the characters of a simple one."""

    def __init__(self, scanner: Scanner, is_spaced: bool) -> None:
        self._scanner = scanner
        self._is_spaced = is_spaced
        self.members: set[str] = set()
        self.is_complex = False

    def bracket(self, depth: int) -> str:
        """Return the text of a bracket expression, without white space that means nothing."""
        scanner = self._scanner
        if depth > MOST_DEPTH:
            raise scanner.problem("brackets in too many brackets")
        scanner.expect("[")
        text = ["["]
        self._skip()
        if scanner.take("^"):
            text.append("^")
            self.is_complex = True
            self._skip()
        while scanner.peek() == "-":  # literal at the beginning
            scanner.next()
            text.append("\\-")
            self.members.add("-")
            self._skip()
        if len(text) <= 2 and scanner.peek() == "]":
            scanner.next()
            text.append("\\]")
            self.members.add("]")
        while True:
            self._skip()
            if scanner.is_done:
                raise scanner.problem("a [ that nothing closes")
            if scanner.take("]"):
                return "".join([*text, "]"])
            text.append(self._item(depth))

    def _item(self, depth: int) -> str:
        scanner = self._scanner
        for operator in ("&&", "--", "~~"):
            if scanner.take(operator):
                self.is_complex = True
                return operator
        if scanner.peek() == "[":
            self.is_complex = True
            if scanner.peek(1) == ":":
                end = scanner.text.find(":]", scanner.place)
                if end > 0 and scanner.text[scanner.place + 2 : end].lstrip("^").isalpha():
                    return f"{scanner.until(':]')}:]"
            return self.bracket(depth + 1)
        first = self._character()
        self._skip()
        if scanner.peek() == "-" and scanner.peek(1) not in ("]", "-", ""):
            scanner.next()
            self._skip()
            last = self._character()
            if not first or not last or ord(last) < ord(first):
                raise scanner.problem("a range that ends before it begins")
            self._add(first, last)
            return f"{_written(first)}-{_written(last)}"
        if first:
            self._add(first, first)
            return _written(first)
        return scanner.text[self._start : scanner.place].rstrip(SPACE) if self._is_spaced else self._escape

    def _character(self) -> str:
        """Take one character, or "" for an escape that means several."""
        scanner = self._scanner
        self._start = scanner.place
        if not scanner.take("\\"):
            return scanner.next()
        if scanner.peek() in tuple("dDsSwWpP"):
            self.is_complex = True
            if scanner.next() in "pP":
                scanner.until("}") if scanner.take("{") else scanner.next()
            self._escape = scanner.text[self._start : scanner.place]
            return ""
        return scanner.escaped()

    def _add(self, first: str, last: str) -> None:
        if ord(last) - ord(first) >= MOST_MEMBERS:
            self.is_complex = True
        else:
            self.members.update(map(chr, range(ord(first), ord(last) + 1)))

    def _skip(self) -> None:
        if self._is_spaced:
            self._scanner.skip_space()


def _written(character: str) -> str:
    """Return a character as it stands in a class of the engine."""
    return character if character.isalnum() and character.isascii() else f"\\x{{{ord(character):X}}}"
