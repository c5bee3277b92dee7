"""Rules for Go, Rust, Zig and Protocol Buffers."""

from __future__ import annotations

import re

from tree_sitter import Node, Range

from raycontext.chunk.languages.grammars import parser_for
from raycontext.chunk.syntax.parsing import parse
from raycontext.chunk.syntax.rules import (
    Describe,
    Found,
    LanguageRules,
    child_at,
    last_child,
    named,
    node_text,
    unquoted,
)
from raycontext.models import ChunkKind

__all__ = ["GO", "PROTO", "RUST", "ZIG"]

_GO_TYPES = {"struct_type": ChunkKind.CLASS, "interface_type": ChunkKind.INTERFACE}


def _go_type(node: Node, data: bytes) -> Found | None:
    """Describe a struct, an interface or another type."""
    name = node.child_by_field_name("name")
    type_node = node.child_by_field_name("type")
    if name is None:
        return None
    kind = _GO_TYPES.get(type_node.type, ChunkKind.TYPE) if type_node is not None else ChunkKind.TYPE
    members = type_node if kind is ChunkKind.INTERFACE else None
    return Found(kind, (node_text(name, data),), name.start_point[0], members, True)


def _go_method(node: Node, data: bytes) -> Found | None:
    """Describe `func (t *T[K]) Name()` by its name and the scope `T`."""
    name = node.child_by_field_name("name")
    receiver = node.child_by_field_name("receiver")
    if name is None or receiver is None:
        return None
    owner = node_text(receiver, data).strip("() ").split("[", 1)[0].split(" ")[-1].lstrip("*")
    return Found(ChunkKind.METHOD, (node_text(name, data),), name.start_point[0], owner=owner)


def _go_values(node: Node, data: bytes) -> Found | None:
    """Describe constants or variables of one declaration."""
    names = node.children_by_field_name("name")
    if not names:
        return None
    return Found(ChunkKind.CONSTANT, tuple(node_text(name, data) for name in names), names[0].start_point[0])


GO = LanguageRules(
    describe={
        "function_declaration": named(ChunkKind.FUNCTION),
        "method_declaration": _go_method,
        "method_elem": named(ChunkKind.METHOD, body="", has_body=False),
        "method_spec": named(ChunkKind.METHOD, body="", has_body=False),
        "type_spec": _go_type,
        "type_alias": _go_type,
        "const_spec": _go_values,
        "var_spec": _go_values,
    },
    transparent=frozenset({"type_declaration", "const_declaration", "var_declaration", "var_spec_list", "ERROR"}),
    imports=frozenset({"import_declaration", "package_clause"}),
)


def _rust_type_name(node: Node, data: bytes) -> str:
    """Return the name of a type without its path, arguments and references."""
    inner = node
    for _ in range(8):
        if inner.type == "scoped_type_identifier":
            inner = inner.child_by_field_name("name") or inner
            break
        following = inner.child_by_field_name("type")
        if following is None:
            break
        inner = following
    return node_text(inner, data)


def _rust_impl(node: Node, data: bytes) -> Found | None:
    """Describe `impl … for Type { … }`. Its functions belong to the type."""
    type_node = node.child_by_field_name("type")
    if type_node is None:
        return None
    name = _rust_type_name(type_node, data)
    return Found(ChunkKind.MODULE, (name,), type_node.start_point[0], node.child_by_field_name("body"), True)


def _rust_module(node: Node, data: bytes) -> Found | None:
    """Describe `mod name { … }`. `mod name;` is an import."""
    name = node.child_by_field_name("name")
    body = node.child_by_field_name("body")
    if name is None or body is None:
        return Found(ChunkKind.IMPORT, (), node.start_point[0])
    return Found(ChunkKind.MODULE, (node_text(name, data),), name.start_point[0], body)


def _rust_foreign(node: Node, data: bytes) -> Found | None:
    """Describe `extern "C" { … }`, which only groups its members."""
    return Found(ChunkKind.BLOCK, (), node.start_point[0], node.child_by_field_name("body"))


_RUST_ITEMS = re.compile(rb"\b(?:fn|struct|enum|impl|mod|trait|macro_rules!|union|use)\b")
_RUST_MACRO_NAME = re.compile(rb"(?:pub(?:\([^)]*\))?\s+)?(?:const|static|struct)\s+(?:ref\s+|mut\s+)?(\w+)")


def _rust_macro(node: Node, data: bytes) -> Found | None:
    """Describe the call of a macro, such as `some_cfg! { items }`.

    The grammar keeps the arguments as tokens. Items in braces are therefore parsed again, and they become members.
    Without items, the names of constants and structs in the arguments are found by their form.
    """
    inner = child_at(node, 0) if node.type == "expression_statement" else node
    if inner is None or inner.type != "macro_invocation":
        return None
    tokens = last_child(inner)
    if tokens is None or tokens.type != "token_tree":
        return None
    body = data[tokens.start_byte : tokens.end_byte]
    first_row, last_row = tokens.start_point[0], tokens.end_point[0]
    if last_row > first_row and body[:1] == b"{" and _RUST_ITEMS.search(body):
        parser = parser_for("rust")
        if parser is None:
            return None
        start, end = tokens.start_point, tokens.end_point
        inside = Range((start[0], start[1] + 1), (end[0], end[1] - 1), tokens.start_byte + 1, tokens.end_byte - 1)
        parser.included_ranges = [inside]
        root = parse(parser, data, "rust")
        return Found(ChunkKind.BLOCK, (), node.start_point[0], root)
    names = tuple(match.decode() for match in _RUST_MACRO_NAME.findall(body[:4096]))
    return Found(ChunkKind.CONSTANT, names, node.start_point[0]) if names else None


RUST = LanguageRules(
    describe={
        "function_item": named(ChunkKind.FUNCTION),
        "function_signature_item": named(ChunkKind.FUNCTION, body="", has_body=False),
        "struct_item": named(ChunkKind.CLASS, body=""),
        "enum_item": named(ChunkKind.ENUM, body=""),
        "union_item": named(ChunkKind.TYPE, body=""),
        "type_item": named(ChunkKind.TYPE, body=""),
        "associated_type": named(ChunkKind.TYPE, body="", has_body=False),
        "const_item": named(ChunkKind.CONSTANT, body=""),
        "static_item": named(ChunkKind.CONSTANT, body=""),
        "trait_item": named(ChunkKind.INTERFACE, members=True, type_like=True),
        "impl_item": _rust_impl,
        "mod_item": _rust_module,
        "macro_definition": named(ChunkKind.MACRO, body=""),
        "foreign_mod_item": _rust_foreign,
        "macro_invocation": _rust_macro,
        "expression_statement": _rust_macro,
    },
    transparent=frozenset({"ERROR"}),
    leading=frozenset({"line_comment", "block_comment", "attribute_item", "inner_attribute_item"}),
    imports=frozenset({"use_declaration", "extern_crate_declaration"}),
)


def _zig_declaration(node: Node, data: bytes) -> Found | None:
    """Describe a function, or a constant such as `const Name = struct { … }`."""
    inner = child_at(node, 0)
    if inner is not None and inner.type == "STRINGLITERALSINGLE":  # `extern "c" fn name() void;`
        inner = child_at(node, 1)
    if inner is None:
        return None
    function = inner.child_by_field_name("function")
    if function is not None:
        has_body = node.named_child_count > 1
        return Found(ChunkKind.FUNCTION, (node_text(function, data),), function.start_point[0], has_body=has_body)
    name = inner.child_by_field_name("variable_type_function")
    if name is None:
        return None
    value = data[name.end_byte : min(node.end_byte, name.end_byte + 200)].partition(b"=")[2].lstrip()
    kind = ChunkKind.CONSTANT
    if value.startswith(b"@import"):
        kind = ChunkKind.IMPORT
    elif value.startswith((b"struct", b"extern struct", b"packed struct", b"opaque")):
        kind = ChunkKind.CLASS
    elif value.startswith(b"enum"):
        kind = ChunkKind.ENUM
    elif value.startswith(b"union"):
        kind = ChunkKind.TYPE
    names = (node_text(name, data),)
    return Found(kind, names, name.start_point[0], _zig_container(inner), kind is not ChunkKind.CONSTANT)


def _zig_container(node: Node) -> Node | None:
    """Return the node of `struct { … }` some levels below a declaration; None when there is none."""
    inner = node
    for _ in range(6):
        children = inner.named_children
        if not children:
            return None
        for child in children:
            if child.type == "ContainerDecl":
                return child
        inner = children[-1]
    return None


def _zig_test(node: Node, data: bytes) -> Found | None:
    """Describe a test by its title."""
    name = child_at(node, 0)
    if name is None:
        return None
    return Found(ChunkKind.TEST, (unquoted(node_text(name, data)),), name.start_point[0])


ZIG = LanguageRules(
    describe={"Decl": _zig_declaration, "TestDecl": _zig_test},
    leading=frozenset({"line_comment", "doc_comment", "container_doc_comment"}),
)


def _proto_type(kind: ChunkKind, name_type: str) -> Describe:
    """Return a function that describes definitions of a kind by their child of type `name_type`."""

    def describe(node: Node, data: bytes) -> Found | None:
        name = body = None
        for child in node.named_children:
            if child.type == name_type:
                name = child
            elif child.type == "message_body":
                body = child
        if name is None:
            return None
        members = node if kind is ChunkKind.INTERFACE else body
        return Found(kind, (node_text(name, data),), name.start_point[0], members, True)

    return describe


def _proto_package(node: Node, data: bytes) -> Found | None:
    """Describe `package a.b;`. It stands among the imports."""
    name = next((child for child in node.named_children if child.type == "full_ident"), None)
    if name is None:
        return None
    return Found(ChunkKind.MODULE, (node_text(name, data),), name.start_point[0], has_body=False)


PROTO = LanguageRules(
    describe={
        "message": _proto_type(ChunkKind.CLASS, "message_name"),
        "enum": _proto_type(ChunkKind.ENUM, "enum_name"),
        "service": _proto_type(ChunkKind.INTERFACE, "service_name"),
        "rpc": _proto_type(ChunkKind.METHOD, "rpc_name"),
        "extend": _proto_type(ChunkKind.MODULE, "full_ident"),
        "package": _proto_package,
    },
    imports=frozenset({"import", "syntax", "option", "edition"}),
)
