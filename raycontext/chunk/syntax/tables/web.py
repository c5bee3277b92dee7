"""Rules for CSS, HTML and GraphQL."""

from __future__ import annotations

import re

from tree_sitter import Node, Range

from raycontext.chunk.languages.grammars import parser_for
from raycontext.chunk.syntax.parsing import parse
from raycontext.chunk.syntax.rules import Describe, Found, LanguageRules, child_at, group, last_child, named, node_text
from raycontext.chunk.syntax.tables.javascript import TYPESCRIPT
from raycontext.models import ChunkKind

__all__ = ["CSS", "GRAPHQL", "HTML"]

_ID = re.compile(rb"\sid\s*=\s*[\"']?([^\s\"'>]+)")
MIN_ELEMENT_ROWS = 4
"""Smallest number of line ends in an element of HTML whose members are visited."""


def _selectors(node: Node, data: bytes) -> Found | None:
    """Describe a rule of CSS by its selectors."""
    selectors = child_at(node, 0)
    if selectors is None or selectors.type != "selectors":
        return None
    text = node_text(selectors, data)
    if ";" in text:
        return None  # `*zoom: 1;` for an old browser, which the grammar takes for a selector
    body = last_child(node) if text in (":root", ":host") else None
    return Found(ChunkKind.SECTION, (text,), selectors.start_point[0], body)


def _custom_property(node: Node, data: bytes) -> Found | None:
    """Describe `--name: value` of the root element, which is a variable of the whole style sheet."""
    name = child_at(node, 0)
    if name is None or data[name.start_byte : name.start_byte + 2] != b"--":
        return None
    return Found(ChunkKind.CONSTANT, (node_text(name, data),), name.start_point[0])


def _at_rule(node: Node, data: bytes) -> Found | None:
    """Describe `@layer name { … }`, `@container name …` and `@property --name { … }` by the name."""
    children = node.named_children
    word = node_text(children[0], data) if children else ""
    body = children[-1] if children and children[-1].type == "block" else None
    names = [child for child in children[1:] if child.type == "keyword_query"]
    if word not in ("@layer", "@property", "@counter-style", "@font-palette-values") or not names:
        return Found(ChunkKind.BLOCK, (), node.start_point[0], body) if body is not None else None
    kind = ChunkKind.CONSTANT if word == "@property" else ChunkKind.SECTION
    members = body if word == "@layer" else None
    return Found(kind, tuple(node_text(name, data) for name in names), names[0].start_point[0], members)


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
        "declaration": _custom_property,
        "at_rule": _at_rule,
        "media_statement": group,
        "supports_statement": group,
    },
    transparent=frozenset({"block"}),
    leading=frozenset({"comment", "js_comment"}),
    imports=frozenset({"import_statement", "use_statement", "forward_statement", "charset_statement"}),
)


def _element(node: Node, data: bytes) -> Found | None:
    """Describe an element of HTML by its `id`, if it has one. Members of small elements are not visited."""
    body = node if node.end_point[0] - node.start_point[0] >= MIN_ELEMENT_ROWS else None
    tag = child_at(node, 0)
    if tag is None:
        return None
    found = _ID.search(data[tag.start_byte : tag.end_byte])
    if found is None:
        return Found(ChunkKind.BLOCK, (), node.start_point[0], body)
    name = found[1].decode("utf-8", "ignore")
    return Found(ChunkKind.SECTION, (name,) if name else (), node.start_point[0], body)


_SCRIPT_TYPE = re.compile(rb"\btype\s*=\s*[\"']?([\w./+-]+)")
_SCRIPT_TYPES = frozenset(
    {b"module", b"text/javascript", b"application/javascript", b"text/babel", b"text/typescript", b"text/jsx"}
)


def _embedded(language: str) -> Describe:
    """Return a function that has the text of an element parsed as another language. Its units are members."""

    def describe(node: Node, data: bytes) -> Found | None:
        tag, text = child_at(node, 0), child_at(node, 1)
        parser = parser_for(language)
        if tag is None or text is None or text.type != "raw_text" or parser is None:
            return None
        kind = _SCRIPT_TYPE.search(data[tag.start_byte : tag.end_byte])
        if language == "typescript" and kind is not None and kind[1].lower() not in _SCRIPT_TYPES:
            return None
        parser.included_ranges = [Range(text.start_point, text.end_point, text.start_byte, text.end_byte)]
        root = parse(parser, data, language)
        return Found(ChunkKind.BLOCK, (), node.start_point[0], root) if root is not None else None

    return describe


HTML = LanguageRules(
    describe={
        **CSS.describe,
        **TYPESCRIPT.describe,
        "element": _element,
        "script_element": _embedded("typescript"),
        "style_element": _embedded("css"),
    },
    wrappers=TYPESCRIPT.wrappers,
    transparent=frozenset({"document"}) | TYPESCRIPT.transparent | CSS.transparent,
    leading=TYPESCRIPT.leading,
    imports=TYPESCRIPT.imports,
)


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
