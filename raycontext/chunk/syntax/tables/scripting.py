"""Rules for PHP, Lua, Bash, R and Julia."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import (
    Describe,
    Found,
    LanguageRules,
    child_at,
    import_like,
    label_text,
    last_child,
    named,
    node_text,
)
from raycontext.models import ChunkKind

__all__ = ["BASH", "JULIA", "LUA", "PHP", "R"]


def _php_constants(node: Node, data: bytes) -> Found | None:
    """Describe the constants or properties of one declaration."""
    names = []
    for item in node.named_children:
        if item.type in ("const_element", "property_element"):
            name = item.child_by_field_name("name") or child_at(item, 0)
            if name is not None:
                names.append(node_text(name, data).lstrip("$"))
    return Found(ChunkKind.CONSTANT, tuple(names), node.start_point[0]) if names else None


def _php_namespace(node: Node, data: bytes) -> Found | None:
    """Describe a namespace. One without a body has no members, since it holds the rest of the file."""
    body = node.child_by_field_name("body")
    name = node.child_by_field_name("name")
    if name is None:
        return import_like(node, data)
    return Found(ChunkKind.MODULE, (node_text(name, data),), name.start_point[0], body, has_body=body is not None)


def _php_statement(node: Node, data: bytes) -> Found | None:
    """Describe `define('NAME', …)`, `$name = function …` or `$name = …`."""
    expression = child_at(node, 0)
    if expression is None:
        return None
    if expression.type == "assignment_expression":
        left = expression.child_by_field_name("left")
        right = expression.child_by_field_name("right")
        if left is None or right is None or left.type != "variable_name":
            return None
        is_function = right.type in ("anonymous_function", "arrow_function", "anonymous_function_creation_expression")
        kind = ChunkKind.FUNCTION if is_function else ChunkKind.CONSTANT
        return Found(kind, (node_text(left, data).lstrip("$"),), left.start_point[0])
    if expression.type != "function_call_expression":
        return None
    function = expression.child_by_field_name("function")
    arguments = expression.child_by_field_name("arguments")
    if function is None or arguments is None or node_text(function, data) != "define":
        return None
    first = child_at(arguments, 0)
    return Found(ChunkKind.CONSTANT, (label_text(first, data),), first.start_point[0]) if first is not None else None


PHP = LanguageRules(
    describe={
        "namespace_definition": _php_namespace,
        "class_declaration": named(ChunkKind.CLASS, members=True, type_like=True),
        "interface_declaration": named(ChunkKind.INTERFACE, members=True, type_like=True),
        "trait_declaration": named(ChunkKind.INTERFACE, members=True, type_like=True),
        "enum_declaration": named(ChunkKind.ENUM, members=True, type_like=True),
        "function_definition": named(ChunkKind.FUNCTION),
        "method_declaration": named(ChunkKind.METHOD),
        "const_declaration": _php_constants,
        "property_declaration": _php_constants,
        "expression_statement": _php_statement,
    },
    transparent=frozenset({"if_statement", "compound_statement", "else_clause", "ERROR"}),
    leading=frozenset({"comment", "attribute_list"}),
    imports=frozenset({"namespace_use_declaration", "php_tag", "declare_statement"}),
)

_LUA_FUNCTIONS = frozenset({"function_definition", "function"})


def _lua_target(node: Node, data: bytes) -> tuple[str, str]:
    """Return the name and the owner of `M.a.name` or `M:name`. The owner is "" for a plain name."""
    member = node.child_by_field_name("field") or node.child_by_field_name("method")
    table = node.child_by_field_name("table")
    if member is None or table is None:
        return node_text(node, data), ""
    return node_text(member, data), node_text(table, data)


def _lua_function(node: Node, data: bytes) -> Found | None:
    """Describe `function M.name(…)`."""
    name = node.child_by_field_name("name")
    if name is None:
        return None
    text, owner = _lua_target(name, data)
    return Found(ChunkKind.FUNCTION, (text,), name.start_point[0], owner=owner)


def _lua_assignment(node: Node, data: bytes) -> Found | None:
    """Describe an assignment of a function, a table or another value. `require` is an import."""
    assignment: Node | None = node
    if node.type == "variable_declaration":
        assignment = child_at(node, 0)
    if assignment is None or assignment.type != "assignment_statement":
        return None
    targets = child_at(assignment, 0)
    values = child_at(assignment, 1)
    target = child_at(targets, 0) if targets is not None else None
    value = child_at(values, 0) if values is not None else None
    if target is None or value is None:
        return None
    if data[value.start_byte : value.start_byte + 7] == b"require":
        return import_like(node, data)
    text, owner = _lua_target(target, data)
    row = target.start_point[0]
    if value.type in _LUA_FUNCTIONS:
        return Found(ChunkKind.FUNCTION, (text,), row, owner=owner)
    if target.type == "bracket_index_expression":
        return None
    members = value if value.type == "table_constructor" and value.end_point[0] > row else None
    return Found(ChunkKind.CONSTANT, (text,), row, members, owner=owner)


def _lua_field(node: Node, data: bytes) -> Found | None:
    """Describe a function that is a field of a table, also of a table in a table."""
    name = node.child_by_field_name("name")
    value = node.child_by_field_name("value")
    if name is None or value is None:
        return None
    if value.type == "table_constructor" and value.end_point[0] > name.start_point[0]:
        return Found(ChunkKind.BLOCK, (), name.start_point[0], value)
    if value.type not in _LUA_FUNCTIONS:
        return None
    return Found(ChunkKind.FUNCTION, (label_text(name, data),), name.start_point[0])


LUA = LanguageRules(
    describe={
        "function_declaration": _lua_function,
        "variable_declaration": _lua_assignment,
        "assignment_statement": _lua_assignment,
        "field": _lua_field,
    },
    transparent=frozenset({"if_statement", "do_statement", "block", "else_statement", "ERROR"}),
)


def _bash_variable(node: Node, data: bytes) -> Found | None:
    """Describe the assignment of one or more variables."""
    items = [node] if node.type == "variable_assignment" else node.named_children
    names = []
    for item in items:
        name = item.child_by_field_name("name") if item.type == "variable_assignment" else None
        if name is not None:
            names.append(node_text(name, data))
    return Found(ChunkKind.CONSTANT, tuple(names), node.start_point[0]) if names else None


def _bash_command(node: Node, data: bytes) -> Found | None:
    """Describe `source file`, which is an import. Other commands define nothing."""
    word = node_text(node, data).split(" ", 1)[0]
    return import_like(node, data) if word in ("source", ".", "load") else None


BASH = LanguageRules(
    describe={
        "function_definition": named(ChunkKind.FUNCTION),
        "variable_assignment": _bash_variable,
        "declaration_command": _bash_variable,
        "command": _bash_command,
    },
    transparent=frozenset({"if_statement", "else_clause", "elif_clause", "ERROR"}),
)

_R_ASSIGNMENTS = frozenset({"<-", "=", "<<-", ":="})
_R_CLASSES = frozenset({"R6Class", "setRefClass", "R6::R6Class", "setClass", "new_class"})
_R_DEFINERS = {
    "setClass": ChunkKind.CLASS,
    "setRefClass": ChunkKind.CLASS,
    "setMethod": ChunkKind.METHOD,
    "setGeneric": ChunkKind.FUNCTION,
    "test_that": ChunkKind.TEST,
    "describe": ChunkKind.TEST,
}


def _r_assignment(node: Node, data: bytes) -> Found | None:
    """Describe an assignment: a function, a class that a call makes, or a constant."""
    left = node.child_by_field_name("lhs")
    right = node.child_by_field_name("rhs")
    operator = node.child_by_field_name("operator")
    if left is None or right is None or operator is None or node_text(operator, data) not in _R_ASSIGNMENTS:
        return None
    if left.type not in ("identifier", "string"):
        return None
    kind = ChunkKind.CONSTANT
    members: Node | None = None
    if right.type == "function_definition":
        kind = ChunkKind.FUNCTION
    elif right.type == "call":
        function = right.child_by_field_name("function")
        if function is not None and node_text(function, data) in _R_CLASSES:
            kind = ChunkKind.CLASS
            members = right.child_by_field_name("arguments")
    return Found(kind, (label_text(left, data),), left.start_point[0], members, members is not None)


def _r_argument(node: Node, data: bytes) -> Found | None:
    """Describe a method of a class: a function in one of the lists that are arguments of the call."""
    name = node.child_by_field_name("name")
    value = node.child_by_field_name("value")
    if name is None or value is None:
        return None
    if value.type == "function_definition":
        return Found(ChunkKind.METHOD, (label_text(name, data),), name.start_point[0])
    if value.type == "call" and value.end_point[0] > value.start_point[0]:
        return Found(ChunkKind.BLOCK, (), name.start_point[0], value.child_by_field_name("arguments"))
    return None


def _r_call(node: Node, data: bytes) -> Found | None:
    """Describe a call that defines something, such as `setClass`, or that is an import."""
    function = node.child_by_field_name("function")
    if function is None:
        return None
    word = node_text(function, data)
    if word in ("library", "require", "source", "requireNamespace"):
        return import_like(node, data)
    kind = _R_DEFINERS.get(word)
    arguments = node.child_by_field_name("arguments")
    first = child_at(arguments, 0) if arguments is not None else None
    if kind is None or first is None:
        return None
    members = arguments if kind is ChunkKind.CLASS else None
    return Found(kind, (label_text(first, data),), first.start_point[0], members, members is not None)


R = LanguageRules(
    describe={"binary_operator": _r_assignment, "call": _r_call, "argument": _r_argument},
    transparent=frozenset({"ERROR"}),
)


def _julia_name(node: Node, data: bytes) -> tuple[Node, str, str] | None:
    """Return the node, the name and the owner inside a signature such as `Base.length(s::S) where T`."""
    inner: Node | None = node
    for _ in range(8):
        if inner is None:
            return None
        if inner.type in ("identifier", "operator"):
            return inner, node_text(inner, data), ""
        if inner.type == "parenthesized_expression":  # `(s::Session)(x)` makes a type callable
            text = node_text(inner, data).strip("()").rpartition("::")[2].split("{", 1)[0]
            return (inner, text, "") if text.isidentifier() else None
        if inner.type == "field_expression":
            parts = node_text(inner, data).rsplit(".", 1)
            return inner, parts[-1], parts[0]
        inner = child_at(inner, 0)
    return None


def _julia_function(node: Node, data: bytes) -> Found | None:
    """Describe a function or a macro by its signature."""
    signature = child_at(node, 0)
    found = _julia_name(signature, data) if signature is not None else None
    if found is None:
        return None
    kind = ChunkKind.MACRO if node.type == "macro_definition" else ChunkKind.FUNCTION
    return Found(kind, (found[1],), found[0].start_point[0], owner=found[2])


def _julia_type(node: Node, data: bytes) -> Found | None:
    """Describe a struct or an abstract type."""
    head = child_at(node, 0)
    found = _julia_name(head, data) if head is not None else None
    if found is None:
        return None
    kind = ChunkKind.INTERFACE if node.type == "abstract_definition" else ChunkKind.CLASS
    return Found(kind, (found[1],), found[0].start_point[0])


def _julia_assignment(node: Node, data: bytes) -> Found | None:
    """Describe an assignment. `f(x) = …` is a function, and `const K = …` is a constant."""
    inner = child_at(node, 0) if node.type == "const_statement" else node
    left = child_at(inner, 0) if inner is not None else None
    if left is None:
        return None
    if left.type == "identifier":
        return Found(ChunkKind.CONSTANT, (node_text(left, data),), left.start_point[0])
    if left.type == "parametrized_type_expression":
        own = child_at(left, 0)
        return Found(ChunkKind.TYPE, (node_text(own, data),), left.start_point[0]) if own is not None else None
    if left.type not in ("call_expression", "where_expression", "typed_expression"):
        return None
    found = _julia_name(left, data)
    if found is None:
        return None
    return Found(ChunkKind.FUNCTION, (found[1],), found[0].start_point[0], owner=found[2])


def _julia_module(node: Node, data: bytes) -> Found | None:
    """Describe a module. Its members are visited."""
    name = node.child_by_field_name("name")
    body = next((child for child in node.named_children if child.type == "block"), None)
    if name is None:
        return None
    return Found(ChunkKind.MODULE, (node_text(name, data),), name.start_point[0], body)


def _julia_macro_call(node: Node, data: bytes) -> Found | None:
    """Describe `@inline function …`, `Base.@kwdef struct …`, `@enum Name …` and `@testset "title" begin … end`."""
    arguments = last_child(node)
    first = child_at(arguments, 0) if arguments is not None and arguments.type == "macro_argument_list" else None
    if arguments is None or first is None:
        return None
    word = node_text(node, data)[: first.start_byte - node.start_byte].strip().rpartition("@")[2]
    if word == "enum":
        return Found(ChunkKind.ENUM, (node_text(first, data).split("::", 1)[0],), first.start_point[0])
    if word in ("testset", "testitem") and first.type == "string_literal":
        return Found(ChunkKind.TEST, (label_text(first, data),), first.start_point[0])
    for child in reversed(arguments.named_children):
        describe = _JULIA.get(child.type)
        if describe is not None and (child.type != "assignment" or _julia_defines_function(child)):
            return describe(child, data)
    return None


def _julia_defines_function(assignment: Node) -> bool:
    """Return whether an assignment defines a function, as `f(x) = …` does."""
    left = child_at(assignment, 0)
    return left is not None and left.type in ("call_expression", "where_expression", "typed_expression")


_JULIA: dict[str, Describe] = {
    "module_definition": _julia_module,
    "function_definition": _julia_function,
    "macro_definition": _julia_function,
    "struct_definition": _julia_type,
    "abstract_definition": _julia_type,
    "primitive_definition": _julia_type,
    "assignment": _julia_assignment,
    "const_statement": _julia_assignment,
    "macrocall_expression": _julia_macro_call,
}

JULIA = LanguageRules(
    describe=_JULIA,
    leading=frozenset({"line_comment", "block_comment", "comment", "string_literal"}),
    imports=frozenset({"using_statement", "import_statement", "export_statement"}),
)
