"""Rules for D, Gleam, MATLAB and Solidity: the usual node names, and what these languages have beside them."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import Describe, Found, LanguageRules, node_text
from raycontext.chunk.syntax.tables.generic import generic
from raycontext.models import ChunkKind

__all__ = ["GLEAM", "MATLAB", "SOLIDITY", "D"]


def _keyword(kind: ChunkKind, *, text: str = "") -> Describe:
    """Return a function that describes definitions that have a keyword in place of a name, such as a constructor."""

    def describe(node: Node, data: bytes) -> Found | None:
        name = (
            text or data[node.start_byte : node.start_byte + 40].decode("utf-8", "ignore").split("(", 1)[0].split()[0]
        )
        return Found(kind, (name,), node.start_point[0])

    return describe


def _inside(kind: ChunkKind, item: str) -> Describe:
    """Return a function that describes definitions whose names are the first identifiers in children of a type."""

    def describe(node: Node, data: bytes) -> Found | None:
        names = []
        for child in node.named_children:
            if child.type == item:
                inner = child if not child.named_children else child.named_children[0]
                names.append(inner)
        if not names:
            return None
        return Found(kind, tuple(node_text(name, data) for name in names), names[0].start_point[0])

    return describe


def _d_module(node: Node, data: bytes) -> Found | None:
    """Describe `module a.b;`. What follows belongs to the module."""
    declaration = next((child for child in node.named_children if child.type == "module_declaration"), None)
    if declaration is None:
        return None
    name = next((child for child in declaration.named_children if child.type == "module_fqn"), None)
    if name is None:
        return None
    return Found(ChunkKind.MODULE, (node_text(name, data),), name.start_point[0], node)


def _gleam_type(node: Node, data: bytes) -> Found | None:
    """Describe a type by its name without its parameters."""
    found = generic(ChunkKind.TYPE)(node, data)
    return found._replace(names=(found.names[0].partition("(")[0],)) if found is not None else None


D = LanguageRules(
    describe={
        "module_def": _d_module,
        "function_declaration": generic(ChunkKind.FUNCTION),
        "class_declaration": generic(ChunkKind.CLASS),
        "struct_declaration": generic(ChunkKind.CLASS),
        "union_declaration": generic(ChunkKind.TYPE),
        "interface_declaration": generic(ChunkKind.INTERFACE),
        "enum_declaration": generic(ChunkKind.ENUM),
        "template_declaration": generic(ChunkKind.MACRO),
        "constructor": _keyword(ChunkKind.METHOD, text="this"),
        "destructor": _keyword(ChunkKind.METHOD, text="~this"),
        "manifest_constant": _inside(ChunkKind.CONSTANT, "manifest_declarator"),
        "alias_declaration": _inside(ChunkKind.TYPE, "alias_initializer"),
        "variable_declaration": _inside(ChunkKind.CONSTANT, "declarator"),
        "auto_declaration": _inside(ChunkKind.CONSTANT, "identifier"),
        "unittest_declaration": _keyword(ChunkKind.TEST, text="unittest"),
    },
    wrappers={"mixin_template_declaration": ""},
    transparent=frozenset({"ERROR", "aggregate_body", "attribute_specifier", "declaration_block"}),
    leading=frozenset({"comment", "block_comment"}),
    imports=frozenset({"import_declaration"}),
)

GLEAM = LanguageRules(
    describe={
        "function": generic(ChunkKind.FUNCTION),
        "type_definition": _gleam_type,
        "type_alias": _gleam_type,
        "constant": generic(ChunkKind.CONSTANT),
    },
    transparent=frozenset({"ERROR"}),
    leading=frozenset({"comment", "statement_comment", "module_comment", "attribute"}),
    imports=frozenset({"import"}),
)


def _matlab_enumeration(node: Node, data: bytes) -> Found | None:
    """Describe the events or the members of an enumeration of a class."""
    names = [child.named_children[0] if child.named_children else child for child in node.named_children]
    texts = tuple(node_text(name, data) for name in names if name.type == "identifier")
    return Found(ChunkKind.CONSTANT, texts, names[0].start_point[0]) if texts else None


MATLAB = LanguageRules(
    describe={
        "class_definition": generic(ChunkKind.CLASS),
        "function_definition": generic(ChunkKind.FUNCTION),
        "function_signature": generic(ChunkKind.FUNCTION),
        "property": generic(ChunkKind.CONSTANT),
        "events": _matlab_enumeration,
        "enumeration": _matlab_enumeration,
    },
    transparent=frozenset({"ERROR", "properties", "methods"}),
)

SOLIDITY = LanguageRules(
    describe={
        "contract_declaration": generic(ChunkKind.CLASS),
        "library_declaration": generic(ChunkKind.CLASS),
        "interface_declaration": generic(ChunkKind.INTERFACE),
        "struct_declaration": generic(ChunkKind.CLASS),
        "enum_declaration": generic(ChunkKind.ENUM),
        "function_definition": generic(ChunkKind.FUNCTION),
        "modifier_definition": generic(ChunkKind.FUNCTION),
        "event_definition": generic(ChunkKind.FUNCTION),
        "error_declaration": generic(ChunkKind.TYPE),
        "constructor_definition": _keyword(ChunkKind.METHOD),
        "fallback_receive_definition": _keyword(ChunkKind.METHOD),
        "user_defined_type_definition": generic(ChunkKind.TYPE),
        "state_variable_declaration": generic(ChunkKind.CONSTANT),
        "constant_variable_declaration": generic(ChunkKind.CONSTANT),
    },
    transparent=frozenset({"ERROR", "contract_body"}),
    imports=frozenset({"import_directive", "pragma_directive"}),
)
