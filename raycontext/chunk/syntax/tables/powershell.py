"""Rules for PowerShell."""

from __future__ import annotations

import re

from tree_sitter import Node

from raycontext.chunk.syntax.rules import MAX_NAME_BYTES, Found, LanguageRules, child_at, node_text
from raycontext.models import ChunkKind

__all__ = ["POWERSHELL"]


def _powershell_function(node: Node, data: bytes) -> Found | None:
    """Describe a function by its name without a scope such as `global:`."""
    name = next((child for child in node.named_children if child.type == "function_name"), None)
    if name is None:
        return None
    return Found(ChunkKind.FUNCTION, (node_text(name, data).split(":")[-1],), name.start_point[0])


def _powershell_type(node: Node, data: bytes) -> Found | None:
    """Describe a class, an enum or a method. The members of a class are visited."""
    name = next((child for child in node.named_children if child.type == "simple_name"), None)
    if name is None:
        return None
    kinds = {"class_statement": ChunkKind.CLASS, "enum_statement": ChunkKind.ENUM}
    kind = kinds.get(node.type, ChunkKind.METHOD)
    members = node if node.type == "class_statement" else None
    return Found(kind, (node_text(name, data),), name.start_point[0], members, True)


def _powershell_assignment(node: Node, data: bytes) -> Found | None:
    """Describe `$name = …`."""
    text = data[node.start_byte : node.start_byte + 80].decode("utf-8", "ignore")
    name, equals, _ = text.partition("=")
    name = name.strip().lstrip("$").rpartition(":")[2]
    if not equals or not name.isidentifier():
        return None
    return Found(ChunkKind.CONSTANT, (name,), node.start_point[0])


def _powershell_property(node: Node, data: bytes) -> Found | None:
    """Describe a property of a class."""
    name = next((child for child in node.named_children if child.type == "variable"), None)
    return Found(ChunkKind.CONSTANT, (node_text(name, data).lstrip("$"),), name.start_point[0]) if name else None


_PESTER = re.compile(rb"(?i:Describe|Context|It)[ \t]+(?:-Name[ \t]+)?(?:\"([^\"\n]+)\"|'([^'\n]+)')")


def _powershell_pipeline(node: Node, data: bytes) -> Found | None:
    """Describe an assignment, or a test of Pester such as `Describe 'title' { … }`."""
    first = child_at(node, 0)
    if first is not None and first.type == "assignment_expression":
        return _powershell_assignment(node, data)
    test = _PESTER.match(data, node.start_byte, node.end_byte)
    if test is None:
        return None
    title = (test[1] or test[2])[:MAX_NAME_BYTES].decode("utf-8", "ignore")
    return Found(ChunkKind.TEST, (title,), node.start_point[0])


POWERSHELL = LanguageRules(
    describe={
        "function_statement": _powershell_function,
        "class_statement": _powershell_type,
        "enum_statement": _powershell_type,
        "class_method_definition": _powershell_type,
        "class_property_definition": _powershell_property,
        "pipeline": _powershell_pipeline,
    },
    spliced=frozenset({"statement_list"}),
)
