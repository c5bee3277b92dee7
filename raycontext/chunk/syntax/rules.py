"""How a language's syntax tree is read: which nodes define something, which only group, which lead.

A table per language (`raycontext.chunk.syntax.tables`) maps node types to functions that say what a node
defines. The functions look at a node and its nearest children only, so that the cost of chunking
stays far below that of parsing.
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


class Found(NamedTuple):
    """What a node defines."""

    kind: ChunkKind
    names: tuple[str, ...]  # empty: the node only groups its members, or is an import
    row: int  # 0-based row of the (first) name
    body: Node | None = None  # container whose children are members
    type_like: bool = False  # functions directly inside are methods
    owner: str = ""  # scope that is written in the name: receiver, `Foo::` of `Foo::bar`
    has_body: bool = True  # False: a declaration


LEADS = Found(ChunkKind.BLOCK, (), -1)
"""Said of a node that, like a comment, belongs to what follows."""

Describe = Callable[[Node, bytes], Found | None]


# What is done with a node of some type. Plain integers, for comparing members of an enum is slow and
# done for every node; `DEFINES` and above need a closer look.
PLAIN: Final = 0
LEADING: Final = 1
TRAILING: Final = 2
IMPORT: Final = 3
DEFINES: Final = 4
WRAPS: Final = 5
OPENS: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class LanguageRules:
    """The table of one language. Keys are node types."""

    describe: Mapping[str, Describe] = field(default_factory=dict)
    wrappers: Mapping[str, str] = field(default_factory=dict)
    """Nodes around a definition, and the field of what they wrap; "" means the last named child."""
    transparent: frozenset[str] = frozenset()
    """Nodes whose children belong to the surrounding level but may be chunks of their own."""
    spliced: frozenset[str] = frozenset()
    """Nodes that are replaced by their children."""
    leading: frozenset[str] = frozenset({"comment"})
    """Comments, attributes, decorators: they belong to what follows."""
    imports: frozenset[str] = frozenset()
    merge_clauses: bool = False
    """Neighbouring functions of one name (equations, clauses, a signature) are one definition."""
    trailing: frozenset[str] = frozenset()
    """Nodes that belong to what stands before them."""

    @cache  # noqa: B019 (tables live as long as the process)
    def roles(self) -> dict[str, int]:
        """The role of each node type that has one."""
        roles: dict[str, int] = dict.fromkeys(self.transparent, OPENS)
        roles |= dict.fromkeys(self.describe, DEFINES)
        roles |= dict.fromkeys(self.describe.keys() & self.transparent, OPENS)
        roles |= dict.fromkeys(self.wrappers, WRAPS)
        roles |= dict.fromkeys(self.imports, IMPORT)
        roles |= dict.fromkeys(self.trailing, TRAILING)
        roles |= dict.fromkeys(self.leading, LEADING)
        return roles


def child_at(node: Node, index: int) -> Node | None:
    """The named child at `index`, None where there are fewer."""
    children = node.named_children
    return children[index] if index < len(children) else None


def last_child(node: Node) -> Node | None:
    """The last named child, None where there is none."""
    children = node.named_children
    return children[-1] if children else None


def node_text(node: Node, data: bytes) -> str:
    """Source text of a node on one line, cut at `MAX_NAME_BYTES`."""
    start, end = node.start_byte, node.end_byte
    if end - start > MAX_NAME_BYTES:
        end = start + MAX_NAME_BYTES
    text = data[start:end].decode("utf-8", "ignore")
    if "\n" in text or "  " in text or "\t" in text:
        return " ".join(text.split())
    return text


def unquoted(text: str) -> str:
    """A name or title without the quotes, colons or sigils around it."""
    return text.strip("\"'`: ")


def label_text(node: Node, data: bytes) -> str:
    """`node_text` without quotes."""
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
    """A definition whose name and body are fields of its node.

    With `members` the children of the body are visited. A node that has a `body` field in some
    places and lacks it here is a declaration.
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
    """A declaration of one or more variables: children of type `item_type`, each with a name field.

    `within` names the type of a child that holds the items.
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
    """A node without a name whose children are members of the surrounding level."""
    return Found(ChunkKind.BLOCK, (), node.start_point[0], node)


def import_like(node: Node, data: bytes) -> Found | None:
    """A node that is an import."""
    return Found(ChunkKind.IMPORT, (), node.start_point[0])
