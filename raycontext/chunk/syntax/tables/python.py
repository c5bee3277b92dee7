"""Rules for Python and Starlark."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import Found, LanguageRules, child_at, import_like, label_text, named, node_text
from raycontext.models import ChunkKind

__all__ = ["PYTHON", "STARLARK"]


def _python_assignment(node: Node, data: bytes) -> Found | None:
    """Describe `NAME = …`, `name: type` or `a, b = …`. An attribute or a subscript on the left defines nothing."""
    left = node.child_by_field_name("left")
    if left is None:
        return None
    if left.type == "identifier":
        right = node.child_by_field_name("right")
        kind = ChunkKind.FUNCTION if right is not None and right.type == "lambda" else ChunkKind.CONSTANT
        return Found(kind, (node_text(left, data),), left.start_point[0])
    if left.type not in ("pattern_list", "tuple_pattern"):
        return None
    names = tuple(node_text(child, data) for child in left.named_children if child.type == "identifier")
    return Found(ChunkKind.CONSTANT, names, left.start_point[0]) if names else None


def _python_type_alias(node: Node, data: bytes) -> Found | None:
    """Describe `type Name = …`."""
    left = node.child_by_field_name("left") or child_at(node, 0)
    if left is None:
        return None
    return Found(ChunkKind.TYPE, (node_text(left, data).split("[", 1)[0],), left.start_point[0])


PYTHON = LanguageRules(
    describe={
        "class_definition": named(ChunkKind.CLASS, members=True, type_like=True),
        "function_definition": named(ChunkKind.FUNCTION),
        "assignment": _python_assignment,
        "type_alias_statement": _python_type_alias,
    },
    wrappers={"decorated_definition": "definition", "expression_statement": ""},
    transparent=frozenset(
        {
            "if_statement",
            "else_clause",
            "elif_clause",
            "try_statement",
            "except_clause",
            "except_group_clause",
            "finally_clause",
            "with_statement",
            "block",
            "ERROR",
        }
    ),
    imports=frozenset({"import_statement", "import_from_statement", "future_import_statement"}),
)


def _starlark_target(node: Node, data: bytes) -> Found | None:
    """Describe `cc_library(name = "x", …)` by its argument `name`. `load(…)` is an import."""
    function = node.child_by_field_name("function")
    arguments = node.child_by_field_name("arguments")
    if function is None or arguments is None:
        return None
    if node_text(function, data) == "load":
        return import_like(node, data)
    for argument in arguments.named_children:
        key = argument.child_by_field_name("name")
        value = argument.child_by_field_name("value")
        if key is not None and value is not None and node_text(key, data) == "name":
            return Found(ChunkKind.MODULE, (label_text(value, data),), value.start_point[0])
    return None


STARLARK = LanguageRules(
    describe={**PYTHON.describe, "call": _starlark_target, "call_expression": _starlark_target},
    wrappers=PYTHON.wrappers,
    transparent=PYTHON.transparent,
    imports=PYTHON.imports,
)
