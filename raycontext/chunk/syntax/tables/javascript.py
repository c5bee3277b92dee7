"""Rules for JavaScript and TypeScript, also where all of the code stands in the arguments of a call."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import (
    Describe,
    Found,
    LanguageRules,
    child_at,
    import_like,
    label_text,
    named,
    node_text,
)
from raycontext.chunk.syntax.tables.javascript_calls import FUNCTIONS, argument, call_value, defining_call, module_code
from raycontext.models import ChunkKind

__all__ = ["JAVASCRIPT", "TYPESCRIPT"]

EXPORT_ROOTS = frozenset({"module.exports", "exports"})
"""Names of the object that a CommonJS module exports."""


def _value(value: Node | None, name: str, row: int, data: bytes, owner: str = "") -> Found:
    """Describe `name = value`: a function, a class or a constant. `row` is the row of the name."""
    names = (name,) if name else ()
    while value is not None and value.type in _TRANSPARENT_VALUES:
        value = child_at(value, 0)
    if value is None:
        return Found(ChunkKind.CONSTANT, names, row, owner=owner)
    kind = value.type
    if kind in FUNCTIONS:
        return Found(ChunkKind.FUNCTION, names, row, owner=owner)
    if kind == "class":
        return Found(ChunkKind.CLASS, names, row, value.child_by_field_name("body"), True, owner)
    if kind == "object" and value.end_point[0] > value.start_point[0]:
        is_prototype = name == "prototype"  # its members are those of the owner
        return Found(ChunkKind.CONSTANT, () if is_prototype else names, row, value, is_prototype, owner)
    if kind == "call_expression":
        return call_value(value, names, row, owner, data)
    return Found(ChunkKind.CONSTANT, names, row, owner=owner)


_TRANSPARENT_VALUES = frozenset({"parenthesized_expression", "as_expression", "satisfies_expression"})
"""Types of expressions whose value is that of their first child."""


def _is_require(value: Node | None, data: bytes) -> bool:
    """Return whether a value is a call of `require`."""
    return value is not None and data[value.start_byte : value.start_byte + 8] == b"require("


def _variables(node: Node, data: bytes) -> Found | None:
    """Describe `const x = …`: a function, a class or a constant. Values of `require` are imports."""
    names = []
    row = -1
    only: Node | None = None
    imports = has_function = False
    for item in node.named_children:
        if item.type != "variable_declarator":
            continue
        value = item.child_by_field_name("value")
        if _is_require(value, data):
            imports = True
            continue
        name = item.child_by_field_name("name")
        if name is None or name.type != "identifier":
            continue
        names.append(node_text(name, data))
        only = value
        has_function = has_function or (value is not None and (value.type in FUNCTIONS or value.type == "class"))
        if row < 0:
            row = name.start_point[0]
    if not names:
        return import_like(node, data) if imports else None
    if len(names) == 1:
        return _value(only, names[0], row, data)
    if has_function:
        return Found(ChunkKind.BLOCK, (), row, node)  # each variable for itself
    return Found(ChunkKind.CONSTANT, tuple(names), row)


def _variable(node: Node, data: bytes) -> Found | None:
    """Describe one of several variables of a declaration."""
    name = node.child_by_field_name("name")
    value = node.child_by_field_name("value")
    if name is None or name.type != "identifier" or _is_require(value, data):
        return None
    return _value(value, node_text(name, data), name.start_point[0], data)


def _assigned(expression: Node, data: bytes) -> Found | None:
    """Describe `a.b.c = value`. `module.exports` and `prototype` are no part of the scope."""
    left = expression.child_by_field_name("left")
    right = expression.child_by_field_name("right")
    if left is None or right is None:
        return None
    row = left.start_point[0]
    target = node_text(left, data)
    if target in EXPORT_ROOTS:
        own = right.child_by_field_name("name") if right.type in FUNCTIONS or right.type == "class" else None
        return _value(right, node_text(own, data) if own is not None else "", row, data)
    while right.type == "assignment_expression":
        inner = right.child_by_field_name("right")
        if inner is None:
            break
        right = inner
    if left.type == "identifier":
        return _value(right, target, row, data) if right.type in FUNCTIONS or right.type == "class" else None
    if left.type != "member_expression" or right.type in ("identifier", "member_expression"):
        return None
    name = left.child_by_field_name("property")
    owner_node = left.child_by_field_name("object")
    owner = node_text(owner_node, data).removesuffix(".prototype") if owner_node is not None else ""
    if name is None or _only_sets(owner, right):
        return None
    if owner in EXPORT_ROOTS or owner == "this":
        owner = ""
    return _value(right, node_text(name, data), name.start_point[0], data, owner)


_OWN = frozenset({"this", "window", "global", "globalThis", "self", "root"})
_PLAIN_VALUES = frozenset(
    {
        "string",
        "template_string",
        "number",
        "true",
        "false",
        "null",
        "undefined",
        "binary_expression",
        "unary_expression",
        "subscript_expression",
        "ternary_expression",
        "parenthesized_expression",
        "regex",
        "this",
    }
)
"""Types of values whose assignment to a member defines nothing, unless the owner is a class or an exported object."""


def _only_sets(owner: str, value: Node) -> bool:
    """Return whether an assignment of a value to a member of `owner` defines nothing, as `element.title = "…"`."""
    known = owner[:1].isupper() or owner in EXPORT_ROOTS or owner in _OWN
    return value.type in _PLAIN_VALUES and not known


def _statement(node: Node, data: bytes) -> Found | None:
    """Describe a statement: an assignment, a function that is called at once, a test or a namespace."""
    expression = child_at(node, 0)
    if expression is None:
        return None
    if expression.type == "assignment_expression":
        return _assigned(expression, data)
    if expression.type in ("internal_module", "module"):
        return _namespace(expression, data)
    if expression.type in ("call_expression", "unary_expression", "await_expression", "parenthesized_expression"):
        return module_code(expression, data) or defining_call(expression, data)
    return None


def _returned(node: Node, data: bytes) -> Found | None:
    """Describe `return { … }`, `return function name() { … }` and `return class Name { … }` in the code of a module."""
    value = child_at(node, 0)
    if value is None:
        return None
    if value.type == "object":
        return Found(ChunkKind.BLOCK, (), node.start_point[0], value)
    if (value.type in FUNCTIONS or value.type == "class") and value.end_point[0] > value.start_point[0]:
        name = value.child_by_field_name("name")
        return _value(value, node_text(name, data), node.start_point[0], data) if name is not None else None
    return None


def _namespace(node: Node, data: bytes) -> Found | None:
    """Describe a namespace or a module of TypeScript."""
    name = node.child_by_field_name("name")
    body = node.child_by_field_name("body")
    if name is None:
        return None
    return Found(ChunkKind.MODULE, (label_text(name, data),), name.start_point[0], body)


def _class_field(node: Node, data: bytes) -> Found | None:
    """Describe a field of a class. It is a method when its value is a function, else a constant."""
    name = node.child_by_field_name("name") or node.child_by_field_name("property")
    if name is None:
        return None
    value = node.child_by_field_name("value")
    kind = ChunkKind.METHOD if value is not None and value.type in FUNCTIONS else ChunkKind.CONSTANT
    return Found(kind, (node_text(name, data),), name.start_point[0])


def _pair(node: Node, data: bytes) -> Found | None:
    """Describe a property of an object literal: a function, or an object that may hold functions."""
    value = node.child_by_field_name("value")
    key = node.child_by_field_name("key")
    if value is None or key is None:
        return None
    if value.type == "object":
        return Found(ChunkKind.BLOCK, (), key.start_point[0], value)
    if value.type not in FUNCTIONS:
        return None
    return Found(ChunkKind.METHOD, (label_text(key, data),), key.start_point[0])


def _export(node: Node, data: bytes) -> Found | None:
    """Describe `export … from` or `export { … }`, which both count as imports. Other exports are unwrapped before."""
    if node.child_by_field_name("source") is not None:
        return import_like(node, data)
    child = child_at(node, 0)
    if child is None:
        return None
    return import_like(node, data) if child.type == "export_clause" else None


def _default(node: Node, data: bytes) -> Found | None:
    """Describe a function or a class without a name that is exported, by the name `default`."""
    parent = node.parent
    if parent is None or parent.type != "export_statement":
        return None
    return _value(node, "default", node.start_point[0], data)


def _exported_call(node: Node, data: bytes) -> Found | None:
    """Describe a call that is exported, such as `export default defineComponent({ … })`."""
    parent = node.parent
    if parent is None or parent.type != "export_statement":
        return None
    found = call_value(node, (), node.start_point[0], "", data)
    if found.kind is ChunkKind.FUNCTION:
        wrapped = argument(node, 0)
        own = wrapped.child_by_field_name("name") if wrapped is not None else None
        return found._replace(names=(node_text(own, data) if own is not None else "default",))
    return Found(ChunkKind.BLOCK, (), node.start_point[0], found.body) if found.body is not None else None


def _object(node: Node, data: bytes) -> Found | None:
    """Describe an object literal, which only groups its members."""
    return Found(ChunkKind.BLOCK, (), node.start_point[0], node)


def _class(node: Node, data: bytes) -> Found | None:
    """Describe a class. Its members are visited."""
    name = node.child_by_field_name("name")
    body = node.child_by_field_name("body")
    if name is None:
        return None
    return Found(ChunkKind.CLASS, (node_text(name, data),), name.start_point[0], body, True)


_JAVASCRIPT: dict[str, Describe] = {
    "function_declaration": named(ChunkKind.FUNCTION),
    "generator_function_declaration": named(ChunkKind.FUNCTION),
    "class_declaration": _class,
    "lexical_declaration": _variables,
    "variable_declaration": _variables,
    "variable_declarator": _variable,
    "expression_statement": _statement,
    "method_definition": named(ChunkKind.METHOD),
    "field_definition": _class_field,
    "pair": _pair,
    "export_statement": _export,
    "return_statement": _returned,
    "call_expression": _exported_call,
    "arrow_function": _default,
    "function_expression": _default,
    "generator_function": _default,
    "class": _default,
    "object": _object,
}

JAVASCRIPT = LanguageRules(
    describe=_JAVASCRIPT,
    wrappers={"export_statement": "declaration value"},
    transparent=frozenset({"if_statement", "statement_block", "else_clause", "try_statement"}),
    leading=frozenset({"comment", "decorator"}),
    imports=frozenset({"import_statement"}),
)

TYPESCRIPT = LanguageRules(
    describe={
        **_JAVASCRIPT,
        "abstract_class_declaration": _class,
        "interface_declaration": named(ChunkKind.INTERFACE),
        "type_alias_declaration": named(ChunkKind.TYPE, body=""),
        "enum_declaration": named(ChunkKind.ENUM),
        "function_signature": named(ChunkKind.FUNCTION, body="", has_body=False),
        "method_signature": named(ChunkKind.METHOD, body="", has_body=False),
        "abstract_method_signature": named(ChunkKind.METHOD, body="", has_body=False),
        "public_field_definition": _class_field,
        "internal_module": _namespace,
        "module": _namespace,
    },
    wrappers={"export_statement": "declaration value", "ambient_declaration": ""},
    transparent=JAVASCRIPT.transparent,
    leading=JAVASCRIPT.leading,
    imports=frozenset({"import_statement", "import_alias"}),
)
