"""Engine that matches: Rust's regex crate, through the package rurex. Its time grows in proportion to the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import InvalidInput
from raycontext.grep.nodes import Assertion, Choice, Flagged, Literal, Node, Repeat, Run
from raycontext.grep.pattern import GrepPattern
from raycontext.grep.required import Need, required_trigrams
from raycontext.grep.syntax import MAX_PATTERN_CHARACTERS, parsed
from raycontext.grep.words import required_words

__all__ = ["BLOCK_BYTES", "LineMatcher", "compiled"]

BLOCK_BYTES = 1 << 18
"""Size of the pieces of a text, in bytes, between which a search looks at the time. A longer line makes one larger."""

KEPT_PATTERNS = 64
"""Number of compiled patterns that a process keeps."""


class LineMatcher:
    """Compiled pattern. A line matches where the pattern matches somewhere in it."""

    def __init__(self, node: Node) -> None:
        """Compile an expression. Raises `InvalidInput` where the engine refuses it."""
        import rurex  # loaded by the first search alone

        self.need: Need = required_trigrams(node)
        """What the folded text of a file with a match must hold."""
        self.words = required_words(node)
        """Words that a line with a match must hold."""
        self.may_match: Callable[[bytes | NDArray[np.uint8]], bool] | None = None
        """Function that holds for every text with a match in a line of it, wherever lines begin and end; None where it
        would always hold."""
        try:
            # With the rest of the line and its end, so that there is one match a line.
            self._whole = rurex.compile(f"(?mu:(?:{node.engine})[^\\n]*\\n)".encode())
            inside = rurex.compile(f"(?mu:{_without_assertions(node).engine})".encode())
        except rurex.PatternError as error:
            first_line = str(error).splitlines()[-1][:200]
            raise InvalidInput(f"The pattern cannot be compiled: {first_line}", "Mend or shorten it.") from None
        if not inside.is_match(b""):
            self.may_match = inside.is_match

    def lines(self, text: bytes, check: Callable[[], None]) -> Iterator[tuple[int, int, int]]:
        """Yield the matching lines of a text in order: beginning, end without line end, and place of the first match.

        `check` is called between pieces of the text; what it raises is raised.
        """
        for piece, first in _pieces(text):
            check()
            for match in self._whole.finditer(piece):
                place, end = match.span()
                yield first + piece.rfind(b"\n", 0, place) + 1, first + end - 1, first + place

    def count(self, text: bytes, check: Callable[[], None]) -> int:
        """Return the number of matching lines of a text."""
        total = 0
        for piece, _ in _pieces(text):
            check()
            total += len(self._whole.findall(piece))
        return total

    def matches(self, text: bytes, check: Callable[[], None]) -> bool:
        """Return whether a line of a text matches."""
        for piece, _ in _pieces(text):
            check()
            if self._whole.search(piece) is not None:
                return True
        return False


@lru_cache(KEPT_PATTERNS)
def compiled(pattern: GrepPattern) -> LineMatcher:
    """Return the matcher of a pattern. Raises `InvalidInput` where it is none."""
    return LineMatcher(_node(pattern))


def _node(pattern: GrepPattern) -> Node:
    try:
        pattern.pattern.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"The pattern has something that is no character, at character {error.start}",
            "Give text in UTF-8; texts of other encodings are searched in UTF-8, too.",
        ) from None
    if pattern.fixed_string:
        if "\n" in pattern.pattern or len(pattern.pattern) > MAX_PATTERN_CHARACTERS:
            raise InvalidInput(
                "The text has a line end or is too long",
                f"Give one line of at most {MAX_PATTERN_CHARACTERS} characters.",
            )
        node: Node = Run(tuple(Literal(character, pattern.ignore_case) for character in pattern.pattern))
        node = Flagged(node, "i") if pattern.ignore_case else node
    else:
        node = parsed(pattern.pattern, ignore_case=pattern.ignore_case)
    if not pattern.word:
        return node
    return Run((Assertion("\\b{start-half}"), Run((node,)), Assertion("\\b{end-half}")))


def _without_assertions(node: Node) -> Node:
    """Return an expression that matches whatever `node` matches, and does not look at what stands around it."""
    match node:
        case Assertion():
            return Run(())
        case Run() | Choice():
            return replace(node, items=tuple(map(_without_assertions, node.items)))
        case Repeat() | Flagged():
            return replace(node, item=_without_assertions(node.item))
        case _:
            return node


def _pieces(text: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield pieces of whole lines, each with its line end, and where each piece begins."""
    start = 0
    while len(text) - start > BLOCK_BYTES:
        end = text.rfind(b"\n", start, start + BLOCK_BYTES) + 1 or text.find(b"\n", start) + 1
        if not end:
            break
        yield text[start:end], start
        start = end
    if start < len(text):
        rest = text[start:] if start else text
        yield rest if rest.endswith(b"\n") else rest + b"\n", start
