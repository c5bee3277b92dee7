"""Units of a file (rows that belong together), their levels, and drafts of the definitions found in them."""

from __future__ import annotations

from typing import NamedTuple

from tree_sitter import Node

from raycontext.models import ChunkKind

__all__ = ["Draft", "Level", "Unit", "join_scope"]


# Kinds are compared by identity, since hashing a member of an enum is slow.
FUNCTION_KIND = ChunkKind.FUNCTION
METHOD_KIND = ChunkKind.METHOD
TEST_KIND = ChunkKind.TEST
MODULE_KIND = ChunkKind.MODULE
CONSTANT_KIND = ChunkKind.CONSTANT
IMPORT_KIND = ChunkKind.IMPORT


class Level(NamedTuple):
    """Place of a list of nodes in the structure of a file."""

    scope: str = ""
    """Names of the definitions around, outermost first, joined by " > "."""
    depth: int = 0
    """Depth of the definitions around: 1 for each type, 2 for each function, 0 for each namespace."""
    methods: bool = False
    """Whether functions here are methods."""
    in_code: bool = False
    """Whether this is inside a function or a statement, where local variables are no definitions."""
    nesting: int = 0
    """Number of containers around."""


class Unit:
    """Unit of a file: rows `first` to `last` (0-based, inclusive) that belong together.

    `node` is the syntax node of the unit, or None when there is none. `level` is the place where the unit stands.
    """

    children: list[Unit] | None = None
    """Units inside this one; None when the unit is closed or empty."""
    clauses = False
    """Whether the children are the clauses of one function."""
    defines = False
    """Whether the unit defines a function, a type or a macro. Variables do not count."""
    is_import = False
    """Whether the unit is an import, or a container with imports and without definitions."""
    is_header = False
    """Whether the rows are those of a container before its first member."""
    leads = False
    """Whether the unit belongs to the unit after it, as a comment does."""
    draft: Draft | None = None
    """Draft of the (first) definition of the unit."""

    def __init__(self, first: int, last: int, node: Node | None, level: Level) -> None:
        self.first = first
        self.last = last
        self.node = node
        self.level = level

    @property
    def inside(self) -> Level:
        """Level of the unit's members."""
        draft = self.draft
        if draft is None:
            return self.level
        level = self.level
        callable_draft = is_callable(draft.kind)
        return Level(
            join_scope(draft.scope, draft.name),
            draft.depth + (2 if callable_draft else 0 if draft.kind is MODULE_KIND else 1),
            draft.type_like,
            level.in_code or callable_draft,
            level.nesting + 1,
        )


class Draft:
    """Draft of a definition that was found in a unit.

    `row` is the row of its name, from 0. `depth` is that of the level where it stands. `type_like` says whether
    functions inside it are methods.
    """

    __slots__ = ("depth", "has_body", "kind", "name", "row", "scope", "type_like", "unit")

    def __init__(
        self,
        name: str,
        kind: ChunkKind,
        row: int,
        scope: str,
        unit: Unit,
        depth: int = 0,
        has_body: bool = True,
        type_like: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.row = row
        self.scope = scope
        self.unit = unit
        self.depth = depth
        self.has_body = has_body
        self.type_like = type_like

    @property
    def rows(self) -> int:
        """Height of the definition's unit, in rows."""
        return self.unit.last - self.unit.first + 1


def join_scope(outer: str, inner: str) -> str:
    """Join two scopes, the outer one first. Either may be empty."""
    if not inner:
        return outer
    return f"{outer} > {inner}" if outer else inner


def is_callable(kind: ChunkKind) -> bool:
    """Return whether a kind is a function, a method or a test."""
    return kind is FUNCTION_KIND or kind is METHOD_KIND or kind is TEST_KIND
