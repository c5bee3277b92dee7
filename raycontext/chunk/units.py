"""Units of a file: runs of rows that belong together, where they stand, and the definitions found in them."""

from __future__ import annotations

from typing import NamedTuple

from tree_sitter import Node

from raycontext.models import ChunkKind

__all__ = ["Draft", "Level", "Unit", "join_scope"]


# Kinds are compared by identity: hashing a member of an enum is slow.
FUNCTION_KIND = ChunkKind.FUNCTION
METHOD_KIND = ChunkKind.METHOD
TEST_KIND = ChunkKind.TEST
MODULE_KIND = ChunkKind.MODULE
CONSTANT_KIND = ChunkKind.CONSTANT
IMPORT_KIND = ChunkKind.IMPORT


class Level(NamedTuple):
    """Where in the file's structure a list of nodes stands."""

    scope: str = ""
    depth: int = 0  # types and functions around; namespaces do not count
    methods: bool = False  # functions here are methods
    in_code: bool = False  # inside a function or statement: local variables are no definitions
    nesting: int = 0


class Unit:
    """Rows `first` to `last` (inclusive) that belong together; `level` is where they stand."""

    children: list[Unit] | None = None
    clauses = False  # children are the clauses of one function
    defines = False  # a function, type or macro, not a variable
    is_import = False
    is_header = False  # the rows of a container before its first member
    leads = False  # belongs to the unit after it
    draft: Draft | None = None

    def __init__(self, first: int, last: int, node: Node | None, level: Level) -> None:
        self.first = first
        self.last = last
        self.node = node
        self.level = level

    @property
    def inside(self) -> Level:
        """Where its members stand."""
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
    """A definition found in a unit; `row` is the 0-based row of its name."""

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
        """Height of the definition."""
        return self.unit.last - self.unit.first + 1


def join_scope(outer: str, inner: str) -> str:
    """Scopes joined, outermost first."""
    if not inner:
        return outer
    return f"{outer} > {inner}" if outer else inner


def is_callable(kind: ChunkKind) -> bool:
    return kind is FUNCTION_KIND or kind is METHOD_KIND or kind is TEST_KIND
