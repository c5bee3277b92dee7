"""Rules for SQL, CMake and Make, and a table for the many languages whose grammars use the usual node names."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import Describe, Found, LanguageRules, child_at, label_text, node_text
from raycontext.models import ChunkKind

__all__ = ["CMAKE", "GENERIC", "MAKE", "SQL"]

_SQL_KINDS = {
    "create_table": ChunkKind.CLASS,
    "create_view": ChunkKind.CLASS,
    "create_materialized_view": ChunkKind.CLASS,
    "create_type": ChunkKind.TYPE,
    "create_domain": ChunkKind.TYPE,
    "create_function": ChunkKind.FUNCTION,
    "create_procedure": ChunkKind.FUNCTION,
    "create_trigger": ChunkKind.FUNCTION,
    "create_index": ChunkKind.CONSTANT,
    "create_sequence": ChunkKind.CONSTANT,
    "create_schema": ChunkKind.MODULE,
    "create_database": ChunkKind.MODULE,
    "create_role": ChunkKind.CONSTANT,
    "create_extension": ChunkKind.IMPORT,
}


def _sql_statement(node: Node, data: bytes) -> Found | None:
    """Describe `CREATE … name`. A schema before the name is its scope."""
    create = child_at(node, 0)
    kind = _SQL_KINDS.get(create.type) if create is not None else None
    if create is None or kind is None:
        return None
    for child in create.named_children:
        if child.type == "identifier":
            return Found(kind, (label_text(child, data),), child.start_point[0])
        if child.type == "object_reference":
            name = child.child_by_field_name("name")
            schema = child.child_by_field_name("schema")
            owner = label_text(schema, data) if schema is not None else ""
            if name is None:
                return None
            return Found(kind, (label_text(name, data),), name.start_point[0], None, False, owner)
    return None


SQL = LanguageRules(
    describe={"statement": _sql_statement},
    transparent=frozenset({"transaction", "block"}),
    leading=frozenset({"comment", "marginalia"}),
)


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


def _make_rule(node: Node, data: bytes) -> Found | None:
    """Describe a rule by its first four targets. `.PHONY` defines nothing."""
    targets = child_at(node, 0)
    if targets is None or targets.type != "targets":
        return None
    names = tuple(node_text(target, data) for target in targets.named_children)
    if names[:1] == (".PHONY",):
        return None
    return Found(ChunkKind.FUNCTION, names[:4], targets.start_point[0])


def _make_variable(node: Node, data: bytes) -> Found | None:
    """Describe a variable, or a macro that begins with `define`."""
    name = node.child_by_field_name("name")
    if name is None:
        return None
    kind = ChunkKind.MACRO if node.type == "define_directive" else ChunkKind.CONSTANT
    return Found(kind, (node_text(name, data),), name.start_point[0])


MAKE = LanguageRules(
    describe={"rule": _make_rule, "variable_assignment": _make_variable, "define_directive": _make_variable},
    transparent=frozenset({"conditional", "ERROR"}),
    imports=frozenset({"include_directive"}),
)


_NAME_TYPES = frozenset(
    {"identifier", "name", "type_identifier", "simple_identifier", "word", "symbol", "function_name", "type_name"}
)


def _generic(kind: ChunkKind) -> Describe:
    """Return a function that describes definitions of a kind.

    The name is the field `name` or the first child that looks like a name.
    """

    def describe(node: Node, data: bytes) -> Found | None:
        name = node.child_by_field_name("name")
        children: list[Node] = []
        if name is None:
            children = node.named_children
            name = next((child for child in children if child.type in _NAME_TYPES), None)
        if name is None and children:
            header = children[0]
            name = header.child_by_field_name("name") or next(
                (child for child in header.named_children if child.type in _NAME_TYPES), None
            )
        if name is None:
            return None
        is_type = kind not in (ChunkKind.FUNCTION, ChunkKind.MACRO, ChunkKind.TYPE)
        body = (node.child_by_field_name("body") or node) if is_type else None
        return Found(kind, (label_text(name, data),), name.start_point[0], body, kind is not ChunkKind.MODULE)

    return describe


_GENERIC_KINDS: dict[ChunkKind, str] = {
    ChunkKind.FUNCTION: (
        "function_definition function_declaration function_item function func_definition procedure_declaration "
        "procedure_definition procedure method_definition method_declaration subroutine subroutine_definition "
        "task_declaration proc_declaration constructor_definition modifier_definition event_definition "
        "defproc declProc func_declaration proc_definition function_signature subprogram_body "
        "subprogram_declaration value_declaration rule_definition"
    ),
    ChunkKind.CLASS: (
        "class_definition class_declaration struct_definition struct_declaration struct_item record_definition "
        "contract_declaration library_declaration struct entity_declaration class_specifier struct_specifier "
        "message resource model_declaration component_declaration union_declaration"
    ),
    ChunkKind.INTERFACE: "interface_declaration interface_definition trait_definition trait_item protocol_declaration "
    "service_definition",
    ChunkKind.ENUM: "enum_declaration enum_definition enum_item enum_specifier",
    ChunkKind.TYPE: "type_definition type_declaration type_alias typedef_definition type_alias_declaration",
    ChunkKind.MODULE: "module module_declaration module_definition namespace_definition namespace_declaration "
    "package_declaration architecture_definition",
    ChunkKind.MACRO: "macro_definition macro_declaration",
}

GENERIC = LanguageRules(
    describe={name: _generic(kind) for kind, names in _GENERIC_KINDS.items() for name in names.split()},
    leading=frozenset({"comment", "line_comment", "block_comment", "doc_comment", "attribute", "annotation"}),
    imports=frozenset(
        {
            "import",
            "import_statement",
            "import_declaration",
            "import_directive",
            "include_statement",
            "use_statement",
            "using_statement",
            "package_clause",
        }
    ),
    transparent=frozenset({"ERROR", "preproc_if", "preproc_ifdef", "preproc_else"}),
)
