"""Rules for languages without a table of their own, made from the names that grammars give to their nodes."""

from __future__ import annotations

from functools import cache

from tree_sitter import Node

from raycontext.chunk.languages.grammars import node_types
from raycontext.chunk.syntax.rules import Describe, Found, LanguageRules, label_text
from raycontext.models import ChunkKind

__all__ = ["generic", "generic_rules"]

_HOLDERS = frozenset({ChunkKind.CLASS, ChunkKind.INTERFACE, ChunkKind.ENUM, ChunkKind.TYPE, ChunkKind.MODULE})
_NAME_TYPES = frozenset(
    {"identifier", "name", "type_identifier", "simple_identifier", "word", "symbol", "function_name", "type_name"}
)


def generic(kind: ChunkKind) -> Describe:
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
        if kind is ChunkKind.CONSTANT and any("function" in child.type for child in node.named_children):
            return Found(ChunkKind.FUNCTION, (label_text(name, data),), name.start_point[0])
        is_type = kind in _HOLDERS
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
        "message resource model_declaration component_declaration"
    ),
    ChunkKind.INTERFACE: "interface_declaration interface_definition trait_definition trait_item protocol_declaration "
    "service_definition",
    ChunkKind.ENUM: "enum_declaration enum_definition enum_item enum_specifier",
    ChunkKind.TYPE: "type_definition type_declaration type_alias typedef_definition type_alias_declaration "
    "union_declaration",
    ChunkKind.MODULE: "module module_declaration module_definition namespace_definition namespace_declaration "
    "package_declaration architecture_definition",
    ChunkKind.MACRO: "macro_definition macro_declaration",
}
_KIND_OF_TYPE = {name: kind for kind, names in _GENERIC_KINDS.items() for name in names.split()}

_SUFFIXES = ("_definition", "_declaration", "_item", "_def", "_decl")
_KINDS_BY_WORD: tuple[tuple[str, ChunkKind], ...] = (
    ("import", ChunkKind.IMPORT),
    ("function", ChunkKind.FUNCTION),
    ("method", ChunkKind.METHOD),
    ("procedure", ChunkKind.FUNCTION),
    ("subroutine", ChunkKind.FUNCTION),
    ("constructor", ChunkKind.METHOD),
    ("destructor", ChunkKind.METHOD),
    ("operator", ChunkKind.METHOD),
    ("macro", ChunkKind.MACRO),
    ("interface", ChunkKind.INTERFACE),
    ("protocol", ChunkKind.INTERFACE),
    ("trait", ChunkKind.INTERFACE),
    ("enum", ChunkKind.ENUM),
    ("class", ChunkKind.CLASS),
    ("struct", ChunkKind.CLASS),
    ("record", ChunkKind.CLASS),
    ("object", ChunkKind.CLASS),
    ("union", ChunkKind.TYPE),
    ("alias", ChunkKind.TYPE),
    ("type", ChunkKind.TYPE),
    ("module", ChunkKind.MODULE),
    ("namespace", ChunkKind.MODULE),
    ("package", ChunkKind.MODULE),
    ("test", ChunkKind.TEST),
    ("const", ChunkKind.CONSTANT),
    ("variable", ChunkKind.CONSTANT),
    ("value", ChunkKind.CONSTANT),
    ("property", ChunkKind.CONSTANT),
    ("field", ChunkKind.CONSTANT),
)
_NO_DEFINITIONS = ("parameter", "argument", "local", "label", "statement")


def _kind_of(node_type: str) -> ChunkKind | None:
    """Return the kind of definition that a node of a type is by its name; None when it is not one."""
    known = _KIND_OF_TYPE.get(node_type)
    if known is not None or not node_type.endswith(_SUFFIXES):
        return known
    if any(word in node_type for word in _NO_DEFINITIONS):
        return None
    return next((kind for word, kind in _KINDS_BY_WORD if word in node_type), ChunkKind.CONSTANT)


@cache
def generic_rules(language: str) -> LanguageRules:
    """Return rules for a language by the names of the nodes of its grammar.

    Nodes that end in `definition`, `declaration` or `item` define what their names say. Bodies are entered where a node
    defines a type or a module.
    """
    describe = dict(_FIXED)
    imports = set(_IMPORTS)
    spliced = set()
    for node_type in node_types(language):
        kind = _kind_of(node_type)
        if kind is ChunkKind.IMPORT:
            imports.add(node_type)
        elif kind is not None:
            describe.setdefault(node_type, generic(kind))
        elif node_type.endswith(_BODIES) and "function" not in node_type and "method" not in node_type:
            spliced.add(node_type)
    return LanguageRules(
        describe=describe, leading=_LEADING, imports=frozenset(imports), transparent=_TRANSPARENT | spliced
    )


_BODIES = ("class_body", "aggregate_body", "struct_body", "interface_body", "module_body", "contract_body", "enum_body")
_FIXED = {name: generic(kind) for name, kind in _KIND_OF_TYPE.items()}
_LEADING = frozenset(
    {"comment", "line_comment", "block_comment", "doc_comment", "attribute", "annotation", "decorator"}
)
_IMPORTS = frozenset(
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
)
_TRANSPARENT = frozenset({"ERROR", "preproc_if", "preproc_ifdef", "preproc_else"})
