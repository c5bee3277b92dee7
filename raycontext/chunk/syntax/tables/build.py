"""Rules for CMake and Make."""

from __future__ import annotations

import re

from tree_sitter import Node

from raycontext.chunk.syntax.rules import Found, LanguageRules, child_at, label_text, node_text
from raycontext.models import ChunkKind

__all__ = ["CMAKE", "MAKE"]


def _cmake_definition(node: Node, data: bytes) -> Found | None:
    """Describe `function(name …)` and `macro(name …)`."""
    command = child_at(node, 0)
    arguments = command.named_children[-1] if command is not None and command.named_child_count > 1 else None
    name = child_at(arguments, 0) if arguments is not None else None
    if name is None:
        return None
    kind = ChunkKind.FUNCTION if node.type == "function_def" else ChunkKind.MACRO
    return Found(kind, (node_text(name, data),), name.start_point[0])


_CMAKE_COMMANDS = {
    "add_library": ChunkKind.MODULE,
    "add_executable": ChunkKind.MODULE,
    "add_custom_target": ChunkKind.MODULE,
    "project": ChunkKind.MODULE,
    "add_test": ChunkKind.TEST,
    "option": ChunkKind.CONSTANT,
    "set": ChunkKind.CONSTANT,
    "include": ChunkKind.IMPORT,
    "find_package": ChunkKind.IMPORT,
    "add_subdirectory": ChunkKind.IMPORT,
}


def _cmake_command(node: Node, data: bytes) -> Found | None:
    """Describe a command that defines a target, a test or a variable, or that is an import."""
    word = child_at(node, 0)
    if word is None or node.named_child_count < 2:
        return None
    kind = _CMAKE_COMMANDS.get(node_text(word, data).lower())
    arguments = node.named_children[-1]
    name = child_at(arguments, 0)
    if name is not None and node_text(name, data) == "NAME":
        name = child_at(arguments, 1)
    if kind is None or name is None:
        return None
    return Found(kind, (label_text(name, data),), name.start_point[0])


CMAKE = LanguageRules(
    describe={
        "function_def": _cmake_definition,
        "macro_def": _cmake_definition,
        "normal_command": _cmake_command,
    },
    transparent=frozenset({"if_condition", "body", "ERROR"}),
    leading=frozenset({"line_comment", "bracket_comment"}),
)


_CONDITIONAL = re.compile(rb"\s*(?:ifn?def|ifn?eq|else|endif|endef)\b(?!\s*:)")
_TOLD = re.compile(r"(?:[$]\([^()]*\)|[$]\{[^{}]*\})*[^$@\s]")
"""Target that has a letter of its own beside the variables that it begins with."""


def _make_rule(node: Node, data: bytes) -> Found | None:
    """Describe a rule by its first four targets.

    `.PHONY` defines nothing, nor do targets whose names only variables tell. The grammar loses its way in long
    assignments: what it takes for a rule inside of a continued line or behind a conditional is none.
    """
    targets = child_at(node, 0)
    if targets is None or targets.type != "targets":
        return None
    line = data.rfind(b"\n", 0, targets.start_byte) + 1
    if data[max(line - 3, 0) : line].rstrip(b"\r\n").endswith(b"\\"):
        return None
    own = targets.named_children
    row = targets.start_point[0]
    if _CONDITIONAL.match(data, line):
        row = targets.end_point[0]
        own = [target for target in own if row > targets.start_point[0] and target.start_point[0] == row]
    names = tuple(node_text(target, data) for target in own)
    if names[:1] == (".PHONY",):
        return None
    told = tuple(name for name in names[:4] if _TOLD.match(name))
    return Found(ChunkKind.FUNCTION, told, row) if told else None


def _make_variable(node: Node, data: bytes) -> Found | None:
    """Describe a variable, or a macro that begins with `define`."""
    name = node.child_by_field_name("name")
    if name is None:
        return None
    kind = ChunkKind.MACRO if node.type == "define_directive" else ChunkKind.CONSTANT
    return Found(kind, (node_text(name, data).rstrip("?+:! \t"),), name.start_point[0])


MAKE = LanguageRules(
    describe={"rule": _make_rule, "variable_assignment": _make_variable, "define_directive": _make_variable},
    transparent=frozenset({"conditional", "else_directive", "elsif_directive", "ERROR"}),
    imports=frozenset({"include_directive"}),
)
