"""Nodes of a regular expression, and how each is written for the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["MOST_SIZE", "Assertion", "CharacterClass", "Choice", "Flagged", "Literal", "Node", "Repeat", "Run"]

MOST_SIZE = 20_000
"""Largest size of an expression with its repetitions written out. The time for a byte of text is at most in proportion
to it."""

CLASS_SIZE = 8
"""Size of a class of characters: in UTF-8 it is several states of an automaton."""


@dataclass(frozen=True, slots=True)
class Literal:
    """One character. `is_folded`: its case does not matter."""

    character: str
    is_folded: bool

    @property
    def engine(self) -> str:
        is_plain = self.character.isalnum() or not self.character.isascii() or self.character in " _"
        return self.character if is_plain else f"\\x{{{ord(self.character):X}}}"

    @property
    def size(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class CharacterClass:
    """One character of several. `engine` is the class without line ends, as the engine reads it."""

    engine: str
    members: frozenset[str] = frozenset()
    """All characters of the class where they are few; empty where they are many or not known."""
    is_folded: bool = False

    @property
    def size(self) -> int:
        return CLASS_SIZE


@dataclass(frozen=True, slots=True)
class Assertion:
    """Condition on a place, which takes no character."""

    engine: str

    @property
    def size(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class Run:
    """Nodes one after the other."""

    items: tuple[Node, ...]

    @property
    def engine(self) -> str:
        return "".join(item.engine if not isinstance(item, Choice) else f"(?:{item.engine})" for item in self.items)

    @property
    def size(self) -> int:
        return sum(item.size for item in self.items)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several nodes, the first that matches."""

    items: tuple[Node, ...]

    @property
    def engine(self) -> str:
        return "|".join(item.engine for item in self.items)

    @property
    def size(self) -> int:
        return sum(item.size for item in self.items) + 1


@dataclass(frozen=True, slots=True)
class Repeat:
    """Node that is repeated `least` to `most` times; without a bound where `most` is None."""

    item: Node
    least: int
    most: int | None
    is_lazy: bool

    @property
    def engine(self) -> str:
        bounds = f"{{{self.least},{'' if self.most is None else self.most}}}"
        return f"(?:{self.item.engine}){bounds}{'?' if self.is_lazy else ''}"

    @property
    def size(self) -> int:
        return max(1, self.least + 1 if self.most is None else self.most) * self.item.size


@dataclass(frozen=True, slots=True)
class Flagged:
    """Node under flags of the engine, such as `i-u`."""

    item: Node
    flags: str

    @property
    def engine(self) -> str:
        return f"(?{self.flags}:{self.item.engine})"

    @property
    def size(self) -> int:
        return self.item.size


Node: TypeAlias = Literal | CharacterClass | Assertion | Run | Choice | Repeat | Flagged
