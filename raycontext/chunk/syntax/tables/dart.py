"""Rules for Dart."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import Found, LanguageRules, child_at, node_text
from raycontext.chunk.syntax.tables.jvm import child_named, first_of, operator, type_with_members
from raycontext.models import ChunkKind

__all__ = ["DART"]


def _dart_signature(node: Node, data: bytes) -> Found | None:
    """Describe the signature of a method or function. Its body is the next sibling."""
    inner = node
    for _ in range(3):
        name = inner.child_by_field_name("name")
        if inner.type.endswith("constructor_signature"):
            words = [child for child in inner.named_children if child.type == "identifier"]
            if words:
                text = ".".join(node_text(word, data) for word in words)
                return Found(ChunkKind.METHOD, (text,), words[0].start_point[0])
        if inner.type == "operator_signature":
            return operator(inner, data)
        if name is not None:
            following = node.next_named_sibling
            has_body = following is not None and following.type == "function_body"
            return Found(ChunkKind.FUNCTION, (node_text(name, data),), name.start_point[0], has_body=has_body)
        child = first_of(inner, *_DART_SIGNATURES)
        if child is None:
            return None
        inner = child
    return None


_DART_SIGNATURES = (
    "function_signature",
    "getter_signature",
    "setter_signature",
    "constructor_signature",
    "factory_constructor_signature",
    "constant_constructor_signature",
    "redirecting_factory_constructor_signature",
    "operator_signature",
)


def _dart_field(node: Node, data: bytes) -> Found | None:
    """Describe a declaration inside a class: the signature of a method, or fields."""
    signature = first_of(node, *_DART_SIGNATURES)
    if signature is not None:
        return _dart_signature(node, data)
    items = first_of(node, "initialized_identifier_list", "static_final_declaration_list", "identifier_list")
    if items is None:
        return None
    names = [child_at(item, 0) for item in items.named_children if item.named_child_count]
    texts = tuple(node_text(name, data) for name in names if name is not None)
    return Found(ChunkKind.CONSTANT, texts, items.start_point[0]) if texts else None


def _dart_constants(node: Node, data: bytes) -> Found | None:
    """Describe a list of variables by their names."""
    names = [child_at(item, 0) for item in node.named_children]
    texts = tuple(node_text(name, data) for name in names if name is not None)
    return Found(ChunkKind.CONSTANT, texts, node.start_point[0]) if texts else None


def _dart_mixin(node: Node, data: bytes) -> Found | None:
    """Describe a mixin. Its members are visited."""
    name = first_of(node, "identifier")
    if name is None:
        return None
    return Found(ChunkKind.CLASS, (node_text(name, data),), name.start_point[0], first_of(node, "class_body"), True)


def _dart_extension(node: Node, data: bytes) -> Found | None:
    """Describe an extension by its name, or by the type that it extends when it has none."""
    extended = node.child_by_field_name("name") or node.child_by_field_name("class")
    body = node.child_by_field_name("body")
    if extended is None:
        return None
    return Found(ChunkKind.MODULE, (node_text(extended, data),), node.start_point[0], body, True)


DART = LanguageRules(
    describe={
        "class_definition": type_with_members(ChunkKind.CLASS),
        "mixin_declaration": _dart_mixin,
        "extension_declaration": _dart_extension,
        "extension_type_declaration": _dart_extension,
        "enum_declaration": type_with_members(ChunkKind.ENUM),
        "type_alias": child_named(ChunkKind.TYPE, "type_identifier"),
        "function_signature": _dart_signature,
        "method_signature": _dart_signature,
        "getter_signature": _dart_signature,
        "setter_signature": _dart_signature,
        "declaration": _dart_field,
        "static_final_declaration_list": _dart_constants,
        "initialized_identifier_list": _dart_constants,
    },
    leading=frozenset(
        {"comment", "documentation_comment", "annotation", "const_builtin", "final_builtin", "inferred_type"}
    ),
    imports=frozenset({"import_or_export", "library_name", "part_directive", "part_of_directive"}),
    trailing=frozenset({"function_body"}),
)
