"""Rules for reading a language's syntax tree: which nodes define something, only group others, or lead others.

Each language has a table (`raycontext.chunk.syntax.tables`). It maps node types to functions that describe what a node
defines. The functions look at a node and its nearest children only, so that chunking costs far less than parsing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

from tree_sitter import Node

from raycontext.models import ChunkKind

__all__ = [
    "DEFINES",
    "IMPORT",
    "LEADING",
    "LEADS",
    "MAX_NAME_BYTES",
    "OPENS",
    "PLAIN",
    "TRAILING",
    "WRAPS",
    "Describe",
    "Found",
    "LanguageRules",
    "child_at",
    "constants",
    "group",
    "import_like",
    "label_text",
    "last_child",
    "named",
    "node_text",
    "unquoted",
]

MAX_NAME_BYTES = 160
"""Largest length of a name, in bytes. The rest is cut off."""


class Found(NamedTuple):
    """Description of what a node defines."""

    kind: ChunkKind
    names: tuple[str, ...]
    """Names that the node defines. They are empty when the node only groups its members or is an import."""
    row: int
    """Row of the first name, from 0."""
    body: Node | None = None
    """Container whose children are the members; None when the members are not visited."""
    type_like: bool = False
    """Whether functions directly inside are methods."""
    owner: str = ""
    """Scope that is written in the name itself, such as a receiver or `Foo` in `Foo::bar`."""
    has_body: bool = True
    """Whether the definition has a body. A declaration has none."""


LEADS = Found(ChunkKind.BLOCK, (), -1)
"""Description of a node that belongs to the node after it, as a comment does."""

Describe = Callable[[Node, bytes], Found | None]
"""Function of a node and the content of its file. It describes what the node defines; None when it defines nothing."""


# Roles of node types. They are plain integers, since a role is compared for every node and enum members are slow.
# Nodes with the role `DEFINES` or a higher one are examined further.
PLAIN: Final = 0
"""Role of a node of no interest, such as a statement."""
LEADING: Final = 1
"""Role of a node that belongs to the node after it."""
TRAILING: Final = 2
"""Role of a node that belongs to the node before it."""
IMPORT: Final = 3
"""Role of an import."""
DEFINES: Final = 4
"""Role of a node that may define something."""
WRAPS: Final = 5
"""Role of a node around a definition."""
OPENS: Final = 6
"""Role of a node whose children belong to the level around it."""


@dataclass(frozen=True, slots=True, eq=False)
class LanguageRules:
    """Table of rules for one language. All keys and all members of the sets are node types."""

    describe: Mapping[str, Describe] = field(default_factory=dict)
    """Functions that describe nodes which may define something."""
    wrappers: Mapping[str, str] = field(default_factory=dict)
    """Nodes that wrap a definition, each with the names of the fields that may hold it, separated by spaces.

    "" means that the definition is one of the last named children.
    """
    transparent: frozenset[str] = frozenset()
    """Nodes whose children belong to the surrounding level but may be chunks of their own."""
    spliced: frozenset[str] = frozenset()
    """Nodes that are replaced by their children."""
    leading: frozenset[str] = frozenset({"comment"})
    """Nodes that belong to the node after them: comments, attributes, decorators."""
    imports: frozenset[str] = frozenset()
    """Nodes that are imports."""
    merge_clauses: bool = False
    """Whether neighbouring functions of one name (equations, clauses, a signature) are one definition."""
    trailing: frozenset[str] = frozenset()
    """Nodes that belong to the node before them."""
    open_functions: bool = False
    """Whether the members of a function are no local variables, as in Nix, where a file is one function."""

    @cache  # noqa: B019 (tables live as long as the process)
    def roles(self) -> dict[str, int]:
        """Return the role of each node type that has one. All other node types are `PLAIN`."""
        roles: dict[str, int] = dict.fromkeys(self.transparent, OPENS)
        roles |= dict.fromkeys(self.describe, DEFINES)
        roles |= dict.fromkeys(self.describe.keys() & self.transparent, OPENS)
        roles |= dict.fromkeys(self.wrappers, WRAPS)
        roles |= dict.fromkeys(self.imports, IMPORT)
        roles |= dict.fromkeys(self.trailing, TRAILING)
        roles |= dict.fromkeys(self.leading, LEADING)
        return roles


def child_at(node: Node, index: int) -> Node | None:
    """Return the named child at `index`; None when there are fewer children."""
    children = node.named_children
    return children[index] if index < len(children) else None


def last_child(node: Node) -> Node | None:
    """Return the last named child; None when there is none."""
    children = node.named_children
    return children[-1] if children else None


def node_text(node: Node, data: bytes) -> str:
    """Return the source text of a node on one line, cut at `MAX_NAME_BYTES`."""
    start, end = node.start_byte, node.end_byte
    if end - start > MAX_NAME_BYTES:
        end = start + MAX_NAME_BYTES
    text = data[start:end].decode("utf-8", "ignore")
    if "\n" in text or "  " in text or "\t" in text:
        return " ".join(text.split())
    return text


def unquoted(text: str) -> str:
    """Return a name or title without quotes, colons and spaces around it."""
    return text.strip("\"'`: ")


def label_text(node: Node, data: bytes) -> str:
    """Return the source text of a node on one line, without quotes, colons and spaces around it."""
    return unquoted(node_text(node, data))


def named(
    kind: ChunkKind,
    *,
    name: str = "name",
    body: str = "body",
    members: bool = False,
    type_like: bool = False,
    has_body: bool = True,
) -> Describe:
    """Return a function that describes definitions whose name and body are fields of their nodes.

    `name` and `body` are the names of these fields; `body` "" means that the node has no such field. `members` says
    whether the children of the body are visited. A node without the field `body` is a declaration,
    and so is every node when `has_body` is false.
    """

    def describe(node: Node, data: bytes) -> Found | None:
        name_node = node.child_by_field_name(name)
        if name_node is None:
            return None
        body_node = node.child_by_field_name(body) if body else None
        return Found(
            kind,
            (node_text(name_node, data),),
            name_node.start_point[0],
            body_node if members else None,
            type_like,
            "",
            has_body and (not body or body_node is not None),
        )

    return describe


def constants(item_type: str, *, name: str = "name", within: str = "") -> Describe:
    """Return a function that describes declarations of one or more variables.

    Each variable is a child of type `item_type`, whose field `name` holds its name. `name` "" means that its first
    child is the name. `within` is the type of the child that holds the items; "" means the node itself.
    """

    def describe(node: Node, data: bytes) -> Found | None:
        items = node.named_children
        if within:
            items = [item for child in items if child.type == within for item in child.named_children]
        names = []
        row = -1
        for item in items:
            if item.type != item_type:
                continue
            name_node = item.child_by_field_name(name) if name else child_at(item, 0)
            if name_node is None:
                continue
            names.append(node_text(name_node, data).lstrip("$"))
            if row < 0:
                row = name_node.start_point[0]
        return Found(ChunkKind.CONSTANT, tuple(names), row) if names else None

    return describe


def group(node: Node, data: bytes) -> Found | None:
    """Describe a node without a name whose children are members of the surrounding level."""
    return Found(ChunkKind.BLOCK, (), node.start_point[0], node)


def import_like(node: Node, data: bytes) -> Found | None:
    """Describe a node that is an import."""
    return Found(ChunkKind.IMPORT, (), node.start_point[0])
