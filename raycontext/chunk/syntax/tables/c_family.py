"""Rules for C, C++ and CUDA. Names stand inside nested declarators, and macros may look like anything."""

from __future__ import annotations

import itertools

from tree_sitter import Node

from raycontext.chunk.syntax.defining_macros import is_test_macro
from raycontext.chunk.syntax.rules import Describe, Found, LanguageRules, child_at, named, node_text
from raycontext.models import ChunkKind

__all__ = ["CPP", "C_DESCRIBE", "GLSL", "PREPROCESSOR", "C"]

MAX_DECLARATORS = 32
"""Largest number of nested declarators around a name."""

_NAMES = frozenset(
    {"identifier", "field_identifier", "type_identifier", "operator_name", "destructor_name", "operator_cast"}
)
_TYPE_KINDS = {
    "struct_specifier": ChunkKind.CLASS,
    "class_specifier": ChunkKind.CLASS,
    "union_specifier": ChunkKind.TYPE,
    "enum_specifier": ChunkKind.ENUM,
}

# A definition with one of these names shows that the grammar has misread the file.
_KEYWORDS = frozenset(
    {"class", "struct", "namespace", "typedef", "if", "for", "while", "switch", "enum", "union", "explicit"}
)


_TYPE_WORDS = frozenset(
    {"void", "int", "char", "const", "unsigned", "signed", "long", "short", "float", "double", "bool"}
)


class _Declared:
    """Result of following a chain of declarators: the name, its scope, and whether it is a function."""

    __slots__ = ("is_function", "name", "owner", "parameters")

    def __init__(self) -> None:
        self.name: Node | None = None
        self.owner = ""
        self.is_function = False
        self.parameters: Node | None = None


def _declared(declarator: Node | None, data: bytes) -> _Declared:
    """Follow declarators such as `*(*name(args))[3]` down to the name."""
    result = _Declared()
    owners: list[str] = []
    behind_pointer = False
    for _ in range(MAX_DECLARATORS):
        if declarator is None:
            break
        kind = declarator.type
        if kind in _NAMES:
            result.name = declarator
            break
        if kind == "qualified_identifier":
            scope = declarator.child_by_field_name("scope")
            if scope is not None:
                owners.append(node_text(scope, data).split("<", 1)[0])
            declarator = declarator.child_by_field_name("name")
            continue
        if kind in ("template_function", "template_method", "template_type"):
            declarator = declarator.child_by_field_name("name")
            continue
        if kind == "function_declarator":
            result.is_function = True
            result.parameters = declarator.child_by_field_name("parameters")
        elif kind == "parenthesized_declarator":
            behind_pointer = True
        inner = declarator.child_by_field_name("declarator")
        if inner is None:
            children = declarator.named_children
            inner = children[-1] if children else None
            if kind == "parenthesized_declarator" and inner is not None and inner.type in _NAMES:
                behind_pointer = False  # `(name)(args)` prevents the expansion of a macro with this name
        declarator = inner
    if behind_pointer:
        result.is_function = False
    result.owner = " > ".join(owners)
    return result


def _declared_name(declared: _Declared, data: bytes) -> str:
    """Return the declared name as text; "" when there is none. A cast operator has its type as its name."""
    name = declared.name
    if name is None:
        return ""
    if name.type == "operator_cast":
        target = name.child_by_field_name("type")
        return f"operator {node_text(target, data)}" if target is not None else "operator"
    return node_text(name, data)


def _type_specifier(node: Node, data: bytes) -> Found | None:
    """Describe `struct name { … }`. Return None without a body, since that is a declaration or a use of the type."""
    body = node.child_by_field_name("body")
    name = node.child_by_field_name("name")
    if body is None or name is None:
        return None
    members = body if node.type != "enum_specifier" else None
    text = node_text(name, data).split("<", 1)[0]
    return Found(_TYPE_KINDS[node.type], (text,), name.start_point[0], members, True)


def _type_definition(node: Node, data: bytes) -> Found | None:
    """Describe `typedef … name;` by its names and by the name of its struct, if that differs."""
    names = []
    row = node.start_point[0]
    kind = ChunkKind.TYPE
    type_node = node.child_by_field_name("type")
    if type_node is not None and type_node.type in _TYPE_KINDS and type_node.child_by_field_name("body") is not None:
        kind = _TYPE_KINDS[type_node.type]
        tag = type_node.child_by_field_name("name")
        if tag is not None:
            names.append(node_text(tag, data))
            row = tag.start_point[0]
    aliases = []
    for declarator in node.children_by_field_name("declarator"):
        declared = _declared(declarator, data)
        if declared.name is not None:
            aliases.append(_declared_name(declared, data))
            row = row if names else declared.name.start_point[0]
    ordered = tuple(dict.fromkeys([*aliases, *names]))
    return Found(kind, ordered, row) if ordered else None


def _macro_function(node: Node, declared: _Declared, data: bytes) -> Found | None:
    """Describe `TEST(Suite, Name) { … }`, a function whose name stands in the arguments of a macro."""
    if node.child_by_field_name("type") is not None or declared.name is None or declared.parameters is None:
        return None
    macro = _declared_name(declared, data)
    if not macro.isupper() or declared.owner:
        return None
    arguments = [node_text(argument, data) for argument in declared.parameters.named_children]
    if not arguments:
        return None
    is_test = "TEST" in macro or "BENCHMARK" in macro or macro in ("SCENARIO", "FEATURE")
    if not is_test and " " in arguments[0] and "(" in arguments[0]:  # `INLINE(int name(void)) { … }`
        name = arguments[0].partition("(")[0].split()[-1].lstrip("*&")
    elif arguments[0].startswith('"'):
        name = arguments[0].strip('"')  # a title, as in Catch2; the tags after it are no part of the name
    elif macro.endswith("TEST_CASE_METHOD") and len(arguments) > 1:
        name = arguments[1].strip('"')
    else:
        name = ".".join(arguments[:2]) if is_test else arguments[0]
    return Found(ChunkKind.TEST if is_test else ChunkKind.FUNCTION, (name,), declared.name.start_point[0])


def _function(node: Node, data: bytes) -> Found | None:
    """Describe the definition of a function. A class with an export macro looks like one and is a class."""
    declared = _declared(node.child_by_field_name("declarator"), data)
    if declared.name is None or _declared_name(declared, data) in _KEYWORDS:
        return None
    row = declared.name.start_point[0]
    if not declared.is_function and declared.name.type != "operator_cast":
        # The grammar reads `class EXPORT Name { … }` as a function that returns `class EXPORT`.
        type_node = node.child_by_field_name("type")
        if type_node is None or type_node.type not in _TYPE_KINDS:
            return Found(ChunkKind.FUNCTION, (_declared_name(declared, data),), row)
        kind = _TYPE_KINDS[type_node.type]
        return Found(kind, (_declared_name(declared, data),), row, node.child_by_field_name("body"), True)
    macro = _macro_function(node, declared, data)
    if macro is not None:
        return macro
    if is_test_macro(data, node.start_byte):
        return Found(ChunkKind.TEST, (_declared_name(declared, data),), row)
    return Found(ChunkKind.FUNCTION, (_declared_name(declared, data),), row, owner=declared.owner)


def _declaration(node: Node, data: bytes) -> Found | None:
    """Describe a prototype, variables, or the type in `struct name { … } variable;`."""
    type_node = node.child_by_field_name("type")
    if type_node is not None and type_node.type in _TYPE_KINDS:
        found = _type_specifier(type_node, data)
        if found is not None:
            return found
    names = []
    row = -1
    is_function = False
    owner = ""
    for declarator in node.children_by_field_name("declarator"):
        declared = _declared(declarator, data)
        if declared.name is None:
            continue
        name = _declared_name(declared, data)
        if name in _TYPE_WORDS:
            continue  # a macro stands where the grammar expects the type: `EXPORT void CALL name(…);`
        names.append(name)
        if row < 0:
            row = declared.name.start_point[0]
            is_function = declared.is_function
            owner = declared.owner
    if not names:
        return None
    if is_function:
        return Found(ChunkKind.FUNCTION, tuple(names), row, owner=owner, has_body=False)
    return Found(ChunkKind.CONSTANT, tuple(names), row, owner=owner)


def _shader_block(node: Node, data: bytes) -> Found | None:
    """Describe `uniform Name { … } variable;` of GLSL, or another declaration."""
    children = node.named_children
    for name, fields in itertools.pairwise(children):
        if fields.type == "field_declaration_list" and name.type == "identifier":
            return Found(ChunkKind.CLASS, (node_text(name, data),), name.start_point[0])
    return _declaration(node, data)


def _namespace(node: Node, data: bytes) -> Found | None:
    """Describe a namespace. One without a name only groups its members."""
    body = node.child_by_field_name("body")
    name = node.child_by_field_name("name")
    if name is None:
        return Found(ChunkKind.BLOCK, (), node.start_point[0], body)
    return Found(ChunkKind.MODULE, (node_text(name, data),), name.start_point[0], body)


def _linkage(node: Node, data: bytes) -> Found | None:
    """Describe `extern "C"` before a block or one declaration. It only groups them."""
    return Found(ChunkKind.BLOCK, (), node.start_point[0], node)


def _destructor_default(node: Node, data: bytes) -> Found | None:
    """Describe `Foo::~Foo() = default;`, which the grammar reads as an assignment to a call."""
    expression = child_at(node, 0)
    left = expression.child_by_field_name("left") if expression is not None else None
    if left is None or left.type != "call_expression":
        return None
    function = left.child_by_field_name("function")
    if function is None or function.type != "qualified_identifier":
        return None
    declared = _declared(function, data)
    if declared.name is None:
        return None
    name = _declared_name(declared, data)
    return Found(ChunkKind.FUNCTION, (name,), declared.name.start_point[0], owner=declared.owner)


C_DESCRIBE: dict[str, Describe] = {
    "function_definition": _function,
    "declaration": _declaration,
    "type_definition": _type_definition,
    "struct_specifier": _type_specifier,
    "union_specifier": _type_specifier,
    "enum_specifier": _type_specifier,
    "preproc_def": named(ChunkKind.MACRO, body=""),
    "preproc_function_def": named(ChunkKind.MACRO, body=""),
    "linkage_specification": _linkage,
}

PREPROCESSOR = frozenset(
    {
        "preproc_if",
        "preproc_ifdef",
        "preproc_else",
        "preproc_elif",
        "preproc_elifdef",
        "declaration_list",
        "ERROR",
    }
)

C = LanguageRules(
    describe={**C_DESCRIBE, "struct_specifier": _type_specifier},
    transparent=PREPROCESSOR,
    imports=frozenset({"preproc_include"}),
)

GLSL = LanguageRules(
    describe={**C.describe, "declaration": _shader_block}, transparent=C.transparent, imports=C.imports
)

CPP = LanguageRules(
    describe={
        **C_DESCRIBE,
        "class_specifier": _type_specifier,
        "field_declaration": _declaration,
        "namespace_definition": _namespace,
        "alias_declaration": named(ChunkKind.TYPE, body=""),
        "concept_definition": named(ChunkKind.TYPE, body=""),
        "namespace_alias_definition": named(ChunkKind.CONSTANT, body=""),
        "expression_statement": _destructor_default,
    },
    wrappers={"template_declaration": "", "export_declaration": ""},
    transparent=PREPROCESSOR,
    leading=frozenset({"comment", "access_specifier", "attribute_declaration"}),
    imports=frozenset({"preproc_include", "using_declaration", "import_declaration", "module_declaration"}),
)
