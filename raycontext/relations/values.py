"""Answers about relations, as the SDK returns them and every interface prints them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from raycontext.models import FrozenModel

__all__ = [
    "Called",
    "Certainty",
    "Chain",
    "CodeMap",
    "Definition",
    "Impact",
    "MapEntry",
    "Outline",
    "OutlineEntry",
    "Reached",
    "RelationAnswer",
    "Relations",
    "UseSite",
]


class Certainty(StrEnum):
    """How sure it is that a use is one of the definition that was asked for."""

    CERTAIN = "certain"  # scope, imports or the receiver tell it
    POSSIBLE = "possible"  # it cannot be told without types


class Definition(FrozenModel):
    """Definition of a name. Lines are from 1 and inclusive."""

    path: str
    """Path of the file, relative to the source of the collection."""
    line: int
    """Line of the name."""
    end_line: int
    kind: str
    """Kind of the definition: a value of `ChunkKind`."""
    name: str
    scope: str
    """Enclosing definitions, outermost first, joined by " > "; "" at top level."""
    language: str
    test: bool = False
    """Whether the file is a test, by its path."""


class UseSite(FrozenModel):
    """Place that uses a name."""

    path: str
    line: int
    column: int
    """Place of the name in its line, in characters, from 1."""
    kind: str
    """How the name is used: call, construction, inheritance, import, type or mention."""
    certainty: Certainty
    text: str
    """The line, without white space at its ends."""
    enclosing: str
    """Enclosing definitions, outermost first, joined by " > "; "" at top level."""
    enclosing_line: int
    """Line of the name of the innermost enclosing definition; 0 at top level."""
    language: str
    test: bool = False


class RelationAnswer(FrozenModel):
    """What every answer about relations tells besides what was found: where it is from, how complete it is, how old."""

    collection: str
    source: str
    """Folder of the collection, which paths are relative to."""
    cut: bool = False
    """Whether a limit or the budget of tokens left something out."""
    version: int = 0
    """Version of the collection that was asked."""
    age_seconds: float | None = None
    """Age in seconds of the state of the source that the answer knows: later changes may be missing. None: unknown."""
    may_miss_files: bool = True
    """Whether new or changed files may be missing. False: the answer knows all that was there `age_seconds` ago."""
    shards_answered: int = 1
    shards_total: int = 1
    notes: tuple[str, ...] = ()
    """Sentences that say what limits the answer, and what to do about it."""

    @property
    def partial(self) -> bool:
        """Whether a shard did not answer in time, so that there may be more."""
        return self.shards_answered < self.shards_total


class Relations(RelationAnswer):
    """Answer to a question for usages: the definitions of a name, and the places that use it."""

    name: str
    definitions: tuple[Definition, ...]
    """Definitions that were asked for."""
    uses: tuple[UseSite, ...]
    """Places, those that are certain first, then by path and line."""
    certain: int
    """Number of uses that are certain, also of those that the limit leaves out."""
    possible: int
    is_exact: bool = True
    """Whether these are the numbers of all uses. False: the search ended with enough certain ones, or at its limit."""
    chunks: int
    """Number of chunks that use a thing of this name, whichever it is."""


class Called(FrozenModel):
    """Definition at the other end of calls, and the calls. `definition` is None for code outside of definitions."""

    definition: Definition | None
    path: str
    certainty: Certainty
    calls: tuple[UseSite, ...] = ()


class Reached(FrozenModel):
    """Definition that reaches another one through calls."""

    definition: Definition
    depth: int
    """Number of calls between the two, from 1."""
    through: str
    """Name of the definition that it calls on this way."""
    certainty: Certainty


class Impact(RelationAnswer):
    """Answer to a question for callers, callees or impact."""

    name: str
    definitions: tuple[Definition, ...]
    called: tuple[Called, ...] = ()
    """Callers or callees, those that are certain first."""
    reached: tuple[Reached, ...] = ()
    """Definitions that reach this one, without tests, nearest first."""
    tests: tuple[Reached, ...] = ()
    """Tests that reach it."""
    not_followed: dict[str, int] = Field(default_factory=dict)
    """Names that were not followed, with the number of their definitions: too many to tell them apart."""


class Chain(RelationAnswer):
    """Answer to a question for a path: a shortest chain of calls from one definition to another."""

    steps: tuple[Definition, ...]
    """Definitions from the first to the last; each calls the next. Empty where no chain was found."""
    certain: bool = True
    """Whether each call of the chain is certain."""


class OutlineEntry(Definition):
    """Definition in the outline of a file or folder."""

    signature: str = ""
    """Its header on one line, without its body."""
    depth: int = 0
    """Number of the definitions around it, of which those of the wanted kinds stand before it."""
    documentation: str = ""
    """First line of its docstring or of the comment above it; "" where it has none."""


class Outline(RelationAnswer):
    """Answer to a question for an outline: the definitions of a file or folder."""

    path: str
    """The file or folder, relative to the source; "" for all of it."""
    files: int
    """Number of indexed files there that the filters let pass, also of those that the limit leaves out."""
    constants: int = 0
    """Number of constants that are left out, since the outline is one of a folder and no kinds were given."""
    definitions: tuple[OutlineEntry, ...]
    """Definitions by path and line; each stands after the one that encloses it."""


class MapEntry(Definition):
    """Definition in a map, with its signature and its importance."""

    signature: str = ""
    """Its header on one line, without its body."""
    documentation: str = ""
    """First line of its docstring or of the comment above it; "" where it has none."""
    importance: int = 0
    """Importance by who uses it, in millionths of what each chunk has by itself: the users of important definitions
    count more. 0 where nothing is known to use it."""
    users: int = 0
    """Number of chunks that use a thing of its name, as far as their files are linked to one that defines it."""


class CodeMap(RelationAnswer):
    """Answer to a question for a map: the most important definitions of a file or folder."""

    path: str
    """The file or folder, relative to the source; "" for all of it."""
    files: int
    """Number of indexed files there that the filters let pass."""
    names: int = 0
    """Number of different names that are defined there, without those that more than 20 definitions have."""
    definitions: tuple[MapEntry, ...]
    """Definitions, the most important one first."""
