"""Rules for JavaScript, TypeScript, CSS, HTML and GraphQL."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import (
    Describe,
    Found,
    LanguageRules,
    child_at,
    group,
    import_like,
    label_text,
    named,
    node_text,
    unquoted,
)
from raycontext.models import ChunkKind

__all__ = ["CSS", "GRAPHQL", "HTML", "JAVASCRIPT", "SCSS", "TYPESCRIPT"]

FUNCTIONS = frozenset(
    {"arrow_function", "function_expression", "function", "generator_function", "function_declaration"}
)
"""Types of nodes that are functions."""
TEST_CALLS = frozenset({"describe", "it", "test", "suite", "context", "specify", "bench"})
"""Names of functions that define a test or a group of tests."""
MIN_ELEMENT_ROWS = 4
"""Smallest number of line ends in an element of HTML whose members are visited."""
EXPORT_ROOTS = frozenset({"module.exports", "exports"})
"""Names of the object that a CommonJS module exports."""


def _value(value: Node | None, name: str, row: int, owner: str = "") -> Found:
    """Describe `name = value`: a function, a class or a constant. `row` is the row of the name."""
    names = (name,) if name else ()
    if value is None:
        return Found(ChunkKind.CONSTANT, names, row, owner=owner)
    kind = value.type
    if kind in FUNCTIONS:
        return Found(ChunkKind.FUNCTION, names, row, owner=owner)
    if kind == "class":
        return Found(ChunkKind.CLASS, names, row, value.child_by_field_name("body"), True, owner)
    if kind == "object" and value.end_point[0] > value.start_point[0]:
        return Found(ChunkKind.CONSTANT, names, row, value, False, owner)
    return Found(ChunkKind.CONSTANT, names, row, owner=owner)


def _is_require(value: Node | None, data: bytes) -> bool:
    """Return whether a value is a call of `require`."""
    return value is not None and data[value.start_byte : value.start_byte + 8] == b"require("


def _variables(node: Node, data: bytes) -> Found | None:
    """Describe `const x = …`: a function, a class or a constant. Values of `require` are imports."""
    names = []
    row = -1
    only: Node | None = None
    imports = False
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
        if row < 0:
            row = name.start_point[0]
    if not names:
        return import_like(node, data) if imports else None
    if len(names) == 1:
        return _value(only, names[0], row)
    return Found(ChunkKind.CONSTANT, tuple(names), row)


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
        return _value(right, node_text(own, data) if own is not None else "", row)
    while right.type == "assignment_expression":
        inner = right.child_by_field_name("right")
        if inner is None:
            break
        right = inner
    if left.type == "identifier":
        return _value(right, target, row) if right.type in FUNCTIONS or right.type == "class" else None
    if left.type != "member_expression":
        return None
    name = left.child_by_field_name("property")
    owner_node = left.child_by_field_name("object")
    if name is None or owner_node is None or right.type in ("identifier", "member_expression"):
        return None
    owner = node_text(owner_node, data).removesuffix(".prototype")
    if owner in EXPORT_ROOTS or owner == "this":
        owner = ""
    return _value(right, node_text(name, data), name.start_point[0], owner)


def _statement(node: Node, data: bytes) -> Found | None:
    """Describe a statement: an assignment, a function that is called at once, a test or a namespace."""
    expression = child_at(node, 0)
    if expression is None:
        return None
    if expression.type == "assignment_expression":
        return _assigned(expression, data)
    if expression.type == "call_expression":
        return _invoked_at_once(expression) or _test_call(expression, data)
    if expression.type in ("internal_module", "module"):
        return _namespace(expression, data)
    return None


def _invoked_at_once(call: Node) -> Found | None:
    """Describe `(function () { … })()`. Its functions count as functions of the file."""
    function = call.child_by_field_name("function")
    inner = child_at(function, 0) if function is not None and function.type == "parenthesized_expression" else None
    if inner is None or inner.type not in FUNCTIONS:
        return None
    return Found(ChunkKind.BLOCK, (), call.start_point[0], inner.child_by_field_name("body"))


def _test_call(call: Node, data: bytes) -> Found | None:
    """Describe `describe("title", () => { … })` by its title. The tests in it are its members."""
    function = call.child_by_field_name("function")
    if function is None:
        return None
    if node_text(function, data).split(".", 1)[0].split("(", 1)[0] not in TEST_CALLS:
        return None
    arguments = call.child_by_field_name("arguments")
    if arguments is None:
        return None
    children = arguments.named_children
    if len(children) < 2 or children[0].type not in ("string", "template_string"):
        return None
    body = children[-1].child_by_field_name("body") if children[-1].type in FUNCTIONS else None
    return Found(ChunkKind.TEST, (label_text(children[0], data),), children[0].start_point[0], body)


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
    if value.type == "object" and value.end_point[0] > value.start_point[0]:
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
    return _value(node, "default", node.start_point[0])


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
    "expression_statement": _statement,
    "method_definition": named(ChunkKind.METHOD),
    "field_definition": _class_field,
    "pair": _pair,
    "export_statement": _export,
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


def _selectors(node: Node, data: bytes) -> Found | None:
    """Describe a rule of CSS by its selectors."""
    selectors = child_at(node, 0)
    if selectors is None or selectors.type != "selectors":
        return None
    return Found(ChunkKind.SECTION, (node_text(selectors, data),), selectors.start_point[0])


def _style_block(kind: ChunkKind, name_type: str) -> Describe:
    """Return a function that describes blocks of a kind by their first child of type `name_type`."""

    def describe(node: Node, data: bytes) -> Found | None:
        for child in node.named_children:
            if child.type == name_type:
                return Found(kind, (node_text(child, data),), child.start_point[0])
        return None

    return describe


CSS = LanguageRules(
    describe={
        "rule_set": _selectors,
        "keyframes_statement": _style_block(ChunkKind.SECTION, "keyframes_name"),
        "mixin_statement": named(ChunkKind.FUNCTION, body=""),
        "function_statement": named(ChunkKind.FUNCTION, body=""),
        "placeholder": named(ChunkKind.SECTION, body=""),
        "media_statement": group,
        "supports_statement": group,
    },
    transparent=frozenset({"block"}),
    leading=frozenset({"comment", "js_comment"}),
    imports=frozenset({"import_statement", "use_statement", "forward_statement", "charset_statement"}),
)
SCSS = CSS


def _element(node: Node, data: bytes) -> Found | None:
    """Describe an element of HTML by its `id`, if it has one. Members of small elements are not visited."""
    body = node if node.end_point[0] - node.start_point[0] >= MIN_ELEMENT_ROWS else None
    tag = child_at(node, 0)
    if tag is None:
        return None
    start = data[tag.start_byte : tag.end_byte]
    position = start.find(b" id=")
    if position < 0:
        return Found(ChunkKind.BLOCK, (), node.start_point[0], body)
    words = start[position + 4 :].split(None, 1)
    name = unquoted(words[0].decode("utf-8", "ignore").rstrip(">")) if words else ""
    return Found(ChunkKind.SECTION, (name,) if name else (), node.start_point[0], body)


HTML = LanguageRules(describe={"element": _element}, transparent=frozenset({"document"}))


def _graphql(node: Node, data: bytes) -> Found | None:
    """Describe `type Name` or `query Name`. The name stands some levels deeper."""
    inner = node
    for _ in range(4):
        kind = _GRAPHQL_KINDS.get(inner.type)
        if kind is not None:
            name = next((child for child in inner.named_children if child.type in ("name", "fragment_name")), None)
            if name is None:
                return None
            return Found(kind, (node_text(name, data),), name.start_point[0])
        child = child_at(inner, 0)
        if child is None:
            return None
        inner = child
    return None


_GRAPHQL_KINDS = {
    "object_type_definition": ChunkKind.CLASS,
    "interface_type_definition": ChunkKind.INTERFACE,
    "input_object_type_definition": ChunkKind.CLASS,
    "enum_type_definition": ChunkKind.ENUM,
    "union_type_definition": ChunkKind.TYPE,
    "scalar_type_definition": ChunkKind.TYPE,
    "directive_definition": ChunkKind.MACRO,
    "operation_definition": ChunkKind.FUNCTION,
    "fragment_definition": ChunkKind.FUNCTION,
    "object_type_extension": ChunkKind.CLASS,
    "interface_type_extension": ChunkKind.INTERFACE,
}

GRAPHQL = LanguageRules(describe={"definition": _graphql}, spliced=frozenset({"document"}))
