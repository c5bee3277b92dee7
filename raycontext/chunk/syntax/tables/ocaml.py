"""Rules for OCaml and its interfaces."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import Describe, Found, LanguageRules, child_at, last_child, node_text
from raycontext.models import ChunkKind

__all__ = ["OCAML", "OCAML_INTERFACE"]


def _ocaml_bindings(binding_type: str, name_type: str, kind: ChunkKind) -> Describe:
    """Return a function that describes a binding such as `let a …`.

    It is a function when the binding is one. Otherwise it has the given kind. `let a … and b …` groups its bindings.
    """

    def describe(node: Node, data: bytes) -> Found | None:
        names = []
        row = -1
        found_kind = kind
        bindings = [node] if node.type == binding_type else [c for c in node.named_children if c.type == binding_type]
        if len(bindings) > 1:
            return Found(ChunkKind.BLOCK, (), node.start_point[0], node)
        for binding in bindings:
            name = binding.child_by_field_name("pattern") or binding.child_by_field_name("name")
            if name is None:
                name = next((child for child in binding.named_children if child.type == name_type), None)
            if name is None or name.type not in (name_type, "parenthesized_operator", "type_constructor"):
                continue
            if binding_type == "let_binding" and row < 0 and _ocaml_is_function(binding):
                found_kind = ChunkKind.FUNCTION
            names.append(_ocaml_text(name, data))
            row = name.start_point[0] if row < 0 else row
        return Found(found_kind, tuple(names), row) if names else None

    return describe


def _ocaml_text(name: Node, data: bytes) -> str:
    """Return a name as text. An operator has no parentheses around it."""
    text = node_text(name, data)
    return text.strip("() ") if name.type == "parenthesized_operator" else text


def _ocaml_is_function(binding: Node) -> bool:
    """Return whether a binding has parameters or a function as its value."""
    if any(child.type == "parameter" for child in binding.named_children):
        return True
    body = binding.child_by_field_name("body")
    return body is not None and body.type in ("fun_expression", "function_expression")


def _ocaml_module(node: Node, data: bytes) -> Found | None:
    """Describe a module or a module type. The members of a structure or signature are visited."""
    binding = child_at(node, 0) if node.type == "module_definition" else node
    if binding is None:
        return None
    name = next((child for child in binding.named_children if child.type in ("module_name", "module_type_name")), None)
    if name is None:
        return None
    body = binding.child_by_field_name("body")
    if body is None:
        body = next((child for child in binding.named_children if child.type in ("structure", "signature")), None)
    members = body if body is not None and body.type in ("structure", "signature") else None
    kind = ChunkKind.INTERFACE if node.type == "module_type_definition" else ChunkKind.MODULE
    return Found(kind, (node_text(name, data),), name.start_point[0], members)


def _ocaml_value(node: Node, data: bytes) -> Found | None:
    """Describe a value of a signature, or an external function."""
    name = next(
        (child for child in node.named_children if child.type in ("value_name", "parenthesized_operator")), None
    )
    if name is None:
        return None
    return Found(ChunkKind.FUNCTION, (_ocaml_text(name, data),), name.start_point[0], has_body=node.type == "external")


def _ocaml_exception(node: Node, data: bytes) -> Found | None:
    """Describe an exception by its constructor."""
    constructor = child_at(node, 0)
    name = child_at(constructor, 0) if constructor is not None else None
    return Found(ChunkKind.CLASS, (node_text(name, data),), name.start_point[0]) if name is not None else None


def _ocaml_class(node: Node, data: bytes) -> Found | None:
    """Describe a class by its first binding. The methods of its object are visited."""
    binding = next((child for child in node.named_children if child.type.endswith("_binding")), None)
    if binding is None:
        return None
    name = next((child for child in binding.named_children if child.type in ("class_name", "class_type_name")), None)
    if name is None:
        return None
    body = binding.child_by_field_name("body")
    for _ in range(4):
        if body is None or body.type in ("object_expression", "class_body_type"):
            break
        body = body.child_by_field_name("body") or last_child(body)
    kind = ChunkKind.CLASS if node.type == "class_definition" else ChunkKind.INTERFACE
    return Found(kind, (node_text(name, data),), name.start_point[0], body, True)


def _ocaml_method(node: Node, data: bytes) -> Found | None:
    """Describe a method of a class, or its signature."""
    name = next((child for child in node.named_children if child.type == "method_name"), None)
    if name is None:
        return None
    has_body = node.type == "method_definition"
    return Found(ChunkKind.METHOD, (node_text(name, data),), name.start_point[0], has_body=has_body)


_ocaml_let = _ocaml_bindings("let_binding", "value_name", ChunkKind.CONSTANT)
_ocaml_type = _ocaml_bindings("type_binding", "type_constructor", ChunkKind.TYPE)

OCAML = LanguageRules(
    describe={
        "value_definition": _ocaml_let,
        "let_binding": _ocaml_let,
        "type_definition": _ocaml_type,
        "type_binding": _ocaml_type,
        "class_definition": _ocaml_class,
        "class_type_definition": _ocaml_class,
        "method_definition": _ocaml_method,
        "method_specification": _ocaml_method,
        "module_definition": _ocaml_module,
        "module_type_definition": _ocaml_module,
        "value_specification": _ocaml_value,
        "external": _ocaml_value,
        "exception_definition": _ocaml_exception,
    },
    imports=frozenset({"open_module", "include_module"}),
    transparent=frozenset({"ERROR"}),
)
OCAML_INTERFACE = OCAML
