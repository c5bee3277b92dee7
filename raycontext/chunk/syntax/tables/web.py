"""Rules for CSS, HTML and GraphQL."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import Describe, Found, LanguageRules, child_at, group, named, node_text, unquoted
from raycontext.models import ChunkKind

__all__ = ["CSS", "GRAPHQL", "HTML", "SCSS"]

MIN_ELEMENT_ROWS = 4
"""Smallest number of line ends in an element of HTML whose members are visited."""


def _selectors(node: Node, data: bytes) -> Found | None:
    """Describe a rule of CSS by its selectors."""
    selectors = child_at(node, 0)
    if selectors is None or selectors.type != "selectors":
        return None
    return Found(ChunkKind.SECTION, (node_text(selectors, data),), selectors.start_point[0])


def _style_block(kind: ChunkKind, name_type: str) -> Describe:
    """Return a function that describes blocks of a kind by their first child of type `name_type`."""

    def describe(node: Node, data: bytes) -> Found | None:
        for child in node.named_children:
            if child.type == name_type:
                return Found(kind, (node_text(child, data),), child.start_point[0])
        return None

    return describe


CSS = LanguageRules(
    describe={
        "rule_set": _selectors,
        "keyframes_statement": _style_block(ChunkKind.SECTION, "keyframes_name"),
        "mixin_statement": named(ChunkKind.FUNCTION, body=""),
        "function_statement": named(ChunkKind.FUNCTION, body=""),
        "placeholder": named(ChunkKind.SECTION, body=""),
        "media_statement": group,
        "supports_statement": group,
    },
    transparent=frozenset({"block"}),
    leading=frozenset({"comment", "js_comment"}),
    imports=frozenset({"import_statement", "use_statement", "forward_statement", "charset_statement"}),
)
SCSS = CSS


def _element(node: Node, data: bytes) -> Found | None:
    """Describe an element of HTML by its `id`, if it has one. Members of small elements are not visited."""
    body = node if node.end_point[0] - node.start_point[0] >= MIN_ELEMENT_ROWS else None
    tag = child_at(node, 0)
    if tag is None:
        return None
    start = data[tag.start_byte : tag.end_byte]
    position = start.find(b" id=")
    if position < 0:
        return Found(ChunkKind.BLOCK, (), node.start_point[0], body)
    words = start[position + 4 :].split(None, 1)
    name = unquoted(words[0].decode("utf-8", "ignore").rstrip(">")) if words else ""
    return Found(ChunkKind.SECTION, (name,) if name else (), node.start_point[0], body)


HTML = LanguageRules(describe={"element": _element}, transparent=frozenset({"document"}))


def _graphql(node: Node, data: bytes) -> Found | None:
    """Describe `type Name` or `query Name`. The name stands some levels deeper."""
    inner = node
    for _ in range(4):
        kind = _GRAPHQL_KINDS.get(inner.type)
        if kind is not None:
            name = next((child for child in inner.named_children if child.type in ("name", "fragment_name")), None)
            if name is None:
                return None
            return Found(kind, (node_text(name, data),), name.start_point[0])
        child = child_at(inner, 0)
        if child is None:
            return None
        inner = child
    return None


_GRAPHQL_KINDS = {
    "object_type_definition": ChunkKind.CLASS,
    "interface_type_definition": ChunkKind.INTERFACE,
    "input_object_type_definition": ChunkKind.CLASS,
    "enum_type_definition": ChunkKind.ENUM,
    "union_type_definition": ChunkKind.TYPE,
    "scalar_type_definition": ChunkKind.TYPE,
    "directive_definition": ChunkKind.MACRO,
    "operation_definition": ChunkKind.FUNCTION,
    "fragment_definition": ChunkKind.FUNCTION,
    "object_type_extension": ChunkKind.CLASS,
    "interface_type_extension": ChunkKind.INTERFACE,
}

GRAPHQL = LanguageRules(describe={"definition": _graphql}, spliced=frozenset({"document"}))
