"""Rules for Java, Kotlin, Scala, and the related languages C# and Swift."""

from __future__ import annotations

import re

from tree_sitter import Node

from raycontext.chunk.syntax.rules import (
    Describe,
    Found,
    LanguageRules,
    child_at,
    constants,
    label_text,
    named,
    node_text,
)
from raycontext.models import ChunkKind

__all__ = ["CSHARP", "JAVA", "KOTLIN", "SCALA", "SWIFT", "child_named", "first_of", "operator", "type_with_members"]


def type_with_members(kind: ChunkKind) -> Describe:
    """Return a function that describes types of a kind and has their members visited."""
    return named(kind, members=True, type_like=True)


JAVA = LanguageRules(
    describe={
        "class_declaration": type_with_members(ChunkKind.CLASS),
        "record_declaration": type_with_members(ChunkKind.CLASS),
        "interface_declaration": type_with_members(ChunkKind.INTERFACE),
        "annotation_type_declaration": type_with_members(ChunkKind.INTERFACE),
        "enum_declaration": type_with_members(ChunkKind.ENUM),
        "method_declaration": named(ChunkKind.METHOD),
        "constructor_declaration": named(ChunkKind.METHOD),
        "compact_constructor_declaration": named(ChunkKind.METHOD),
        "annotation_type_element_declaration": named(ChunkKind.METHOD, body="", has_body=False),
        "field_declaration": constants("variable_declarator"),
        "constant_declaration": constants("variable_declarator"),
        "module_declaration": named(ChunkKind.MODULE),
    },
    spliced=frozenset({"enum_body_declarations"}),
    leading=frozenset({"line_comment", "block_comment", "comment"}),
    imports=frozenset({"import_declaration", "package_declaration"}),
)


def operator(node: Node, data: bytes) -> Found | None:
    """Describe an operator by the word `operator` and its symbol."""
    text = node_text(node, data).split("operator", 1)
    if len(text) < 2:
        return None
    symbol = text[1].split("(", 1)[0].strip()
    return Found(ChunkKind.METHOD, (f"operator {symbol}",), node.start_point[0])


def _indexer(node: Node, data: bytes) -> Found | None:
    """Describe an indexer by the name `this[]`."""
    return Found(ChunkKind.METHOD, ("this[]",), node.start_point[0])


_CSHARP_FIELD = constants("variable_declarator", within="variable_declaration")

CSHARP = LanguageRules(
    describe={
        "namespace_declaration": named(ChunkKind.MODULE, members=True),
        "file_scoped_namespace_declaration": named(ChunkKind.MODULE, body="", has_body=False),
        "class_declaration": type_with_members(ChunkKind.CLASS),
        "struct_declaration": type_with_members(ChunkKind.CLASS),
        "record_declaration": type_with_members(ChunkKind.CLASS),
        "record_struct_declaration": type_with_members(ChunkKind.CLASS),
        "interface_declaration": type_with_members(ChunkKind.INTERFACE),
        "enum_declaration": named(ChunkKind.ENUM),
        "delegate_declaration": named(ChunkKind.TYPE, body=""),
        "method_declaration": named(ChunkKind.METHOD),
        "local_function_statement": named(ChunkKind.FUNCTION),
        "constructor_declaration": named(ChunkKind.METHOD),
        "destructor_declaration": named(ChunkKind.METHOD),
        "property_declaration": named(ChunkKind.CONSTANT, body=""),
        "event_declaration": named(ChunkKind.CONSTANT, body=""),
        "field_declaration": _CSHARP_FIELD,
        "event_field_declaration": _CSHARP_FIELD,
        "operator_declaration": operator,
        "conversion_operator_declaration": operator,
        "indexer_declaration": _indexer,
    },
    transparent=frozenset({"preproc_if", "preproc_else", "preproc_elif", "declaration_list", "ERROR"}),
    leading=frozenset({"comment", "preproc_region", "attribute_list"}),
    imports=frozenset({"using_directive", "extern_alias_directive"}),
    trailing=frozenset({"preproc_endregion"}),
)


def first_of(node: Node, *types: str) -> Node | None:
    """Return the first named child that has one of the types; None when there is none."""
    for child in node.named_children:
        if child.type in types:
            return child
    return None


def _kotlin_class(node: Node, data: bytes) -> Found | None:
    """Describe a class, an interface, an enum or an object. One without a name only groups its members."""
    name = first_of(node, "type_identifier", "simple_identifier")
    body = first_of(node, "class_body", "enum_class_body")
    if name is None:
        return Found(ChunkKind.BLOCK, (), node.start_point[0], body, True) if body is not None else None
    kind = ChunkKind.CLASS
    if body is not None and body.type == "enum_class_body":
        kind = ChunkKind.ENUM
    elif b"interface" in data[node.start_byte : name.start_byte].split():
        kind = ChunkKind.INTERFACE
    return Found(kind, (node_text(name, data),), name.start_point[0], body, True)


def _kotlin_companion(node: Node, data: bytes) -> Found | None:
    """Describe a companion object. Its members belong to the class around it."""
    return Found(ChunkKind.BLOCK, (), node.start_point[0], first_of(node, "class_body"), True)


def _kotlin_owner(node: Node, data: bytes) -> str:
    """Return the type of the receiver of an extension; "" without a receiver."""
    receiver = node.child_by_field_name("receiver")
    return node_text(receiver, data).split("<", 1)[0].rstrip("?") if receiver is not None else ""


def _kotlin_function(node: Node, data: bytes) -> Found | None:
    """Describe a function, with the type of its receiver as its owner."""
    name = first_of(node, "simple_identifier")
    if name is None:
        return None
    text = node_text(name, data).strip("`")
    has_body = first_of(node, "function_body") is not None
    return Found(
        ChunkKind.FUNCTION,
        (text,),
        name.start_point[0],
        owner=_kotlin_owner(node, data),
        has_body=has_body,
    )


def _kotlin_property(node: Node, data: bytes) -> Found | None:
    """Describe a property, with the type of its receiver as its owner."""
    variable = first_of(node, "variable_declaration")
    name = child_at(variable, 0) if variable is not None else None
    if name is None:
        return None
    owner = _kotlin_owner(node, data)
    return Found(ChunkKind.CONSTANT, (node_text(name, data),), name.start_point[0], owner=owner)


def child_named(kind: ChunkKind, *types: str) -> Describe:
    """Return a function that describes definitions by their first child of one of the types."""

    def describe(node: Node, data: bytes) -> Found | None:
        name = first_of(node, *types)
        return Found(kind, (node_text(name, data),), name.start_point[0]) if name is not None else None

    return describe


def _kotlin_call(node: Node, data: bytes) -> Found | None:
    """Describe a call of a build script: `plugins { … }`, `id("name")` or `tasks.register("name") { … }`."""
    callee = child_at(node, 0)
    suffix = first_of(node, "call_suffix")
    if callee is not None and callee.type == "call_expression":
        inner = _kotlin_call(callee, data)
        if inner is not None:
            return inner
    if callee is None or suffix is None:
        return None
    word = node_text(callee, data)
    row = node.start_point[0]
    quoted = _STRING_ARGUMENT.search(data[suffix.start_byte : min(suffix.end_byte, suffix.start_byte + 400)])
    if callee.type == "simple_identifier" and word in _GRADLE_BLOCKS and quoted is None:
        members = suffix if word == "plugins" else None
        return Found(ChunkKind.CONSTANT, (word,), row, members)
    if quoted is None:
        return _gradle_task(callee, suffix, data)
    name = (quoted[1].decode("utf-8", "ignore"),)
    if word.split("<", 1)[0] in _GRADLE_TASKS:
        return Found(ChunkKind.FUNCTION, name, row)
    return Found(ChunkKind.CONSTANT, name, row) if word in ("id", "kotlin", "alias") else None


def _gradle_task(callee: Node, suffix: Node, data: bytes) -> Found | None:
    """Describe `tasks.name { … }` by the name of the task that it sets up."""
    if callee.type != "navigation_expression" or data[suffix.start_byte : suffix.start_byte + 1] != b"{":
        return None
    task = _GRADLE_TASK.fullmatch(data[callee.start_byte : callee.end_byte])
    return Found(ChunkKind.FUNCTION, (task[1].decode(),), callee.start_point[0]) if task is not None else None


def _kotlin_infix(node: Node, data: bytes) -> Found | None:
    """Describe `id("name") version "1"` of a build script by the call in it."""
    first = child_at(node, 0)
    for _ in range(4):
        if first is None or first.type == "call_expression":
            break
        first = child_at(first, 0) if first.type == "infix_expression" else None
    return _kotlin_call(first, data) if first is not None else None


_STRING_ARGUMENT = re.compile(rb"^\s*(?:<[^>]*>)?\s*\(\s*\"([^\"\n]+)\"")
_GRADLE_TASK = re.compile(rb"tasks\.(?!register|create|named|withType|matching|all|configureEach)(\w+)")
_GRADLE_TASKS = frozenset(
    {"tasks.register", "tasks.create", "tasks.named", "task", "configurations.create", "tasks.registering"}
)
_GRADLE_BLOCKS = frozenset(
    {
        "allprojects",
        "android",
        "application",
        "buildscript",
        "configurations",
        "dependencies",
        "java",
        "kotlin",
        "plugins",
        "publishing",
        "repositories",
        "sourceSets",
        "subprojects",
    }
)

KOTLIN = LanguageRules(
    describe={
        "class_declaration": _kotlin_class,
        "object_declaration": _kotlin_class,
        "companion_object": _kotlin_companion,
        "function_declaration": _kotlin_function,
        "property_declaration": _kotlin_property,
        "call_expression": _kotlin_call,
        "infix_expression": _kotlin_infix,
        "type_alias": child_named(ChunkKind.TYPE, "type_identifier"),
    },
    transparent=frozenset({"ERROR", "annotated_lambda", "lambda_literal", "statements"}),
    spliced=frozenset({"import_list", "import_header"}),
    leading=frozenset({"line_comment", "multiline_comment", "comment"}),
    imports=frozenset({"package_header", "import_header", "identifier", "import_alias", "wildcard_import"}),
    trailing=frozenset({"getter", "setter"}),
)


def _swift_class(node: Node, data: bytes) -> Found | None:
    """Describe a class, a struct, an actor, an enum or an extension. The grammar has one node type for all."""
    name = node.child_by_field_name("name")
    body = node.child_by_field_name("body")
    if name is None:
        return None
    text = node_text(name, data).split("<", 1)[0]
    words = data[node.start_byte : name.start_byte].split()
    kind = ChunkKind.CLASS
    if b"extension" in words:
        kind = ChunkKind.MODULE
    elif b"enum" in words:
        kind = ChunkKind.ENUM
    return Found(kind, (text,), name.start_point[0], body, True)


def _swift_init(node: Node, data: bytes) -> Found | None:
    """Describe an initialiser, a deinitialiser or a subscript by its keyword."""
    word = node.type.split("_", 1)[0]
    return Found(ChunkKind.METHOD, (word,), node.start_point[0])


def _swift_property(node: Node, data: bytes) -> Found | None:
    """Describe a property."""
    name = node.child_by_field_name("name")
    if name is not None and name.type == "pattern" and node.type == "protocol_property_declaration":
        name = first_of(name, "simple_identifier") or name
    return Found(ChunkKind.CONSTANT, (node_text(name, data),), name.start_point[0]) if name is not None else None


SWIFT = LanguageRules(
    describe={
        "class_declaration": _swift_class,
        "protocol_declaration": type_with_members(ChunkKind.INTERFACE),
        "function_declaration": named(ChunkKind.FUNCTION),
        "protocol_function_declaration": named(ChunkKind.METHOD, body="", has_body=False),
        "protocol_property_declaration": _swift_property,
        "init_declaration": _swift_init,
        "deinit_declaration": _swift_init,
        "subscript_declaration": _swift_init,
        "property_declaration": _swift_property,
        "typealias_declaration": named(ChunkKind.TYPE, body=""),
        "associatedtype_declaration": named(ChunkKind.TYPE, body=""),
        "macro_declaration": named(ChunkKind.MACRO, body=""),
    },
    transparent=frozenset({"ERROR", "if_config_declaration"}),
    leading=frozenset({"comment", "multiline_comment", "directive"}),
    imports=frozenset({"import_declaration"}),
)


def _scala_value(node: Node, data: bytes) -> Found | None:
    """Describe a `val` or a `var`."""
    pattern = node.child_by_field_name("pattern") or node.child_by_field_name("name")
    if pattern is None:
        return None
    if pattern.type == "identifiers":
        names = tuple(node_text(name, data) for name in pattern.named_children)
        return Found(ChunkKind.CONSTANT, names, pattern.start_point[0])
    if pattern.type in ("tuple_pattern", "case_class_pattern", "typed_pattern"):
        return _scala_pattern(pattern, data)
    return Found(ChunkKind.CONSTANT, (node_text(pattern, data),), pattern.start_point[0])


def _scala_pattern(pattern: Node, data: bytes) -> Found | None:
    """Describe `val (a, b) = …` and `val Some(a) = …` by the names that they bind."""
    names = tuple(node_text(child, data) for child in pattern.named_children if child.type == "identifier")
    return Found(ChunkKind.CONSTANT, names, pattern.start_point[0]) if names else None


def _scala_test(node: Node, data: bytes) -> Found | None:
    """Describe `test("title") { … }` by its title."""
    call = child_at(node, 0)
    if call is None or call.type != "call_expression":
        return None
    function, arguments = child_at(call, 0), child_at(call, 1)
    title = child_at(arguments, 0) if arguments is not None else None
    if function is None or title is None or title.type != "string" or node_text(function, data) not in _SCALA_TESTS:
        return None
    return Found(ChunkKind.TEST, (label_text(title, data),), node.start_point[0])


_SCALA_TESTS = frozenset({"test", "property", "describe", "it", "feature", "scenario"})


def _scala_given(node: Node, data: bytes) -> Found | None:
    """Describe a given instance by its name, or by its type when it has no name."""
    name = node.child_by_field_name("name") or node.child_by_field_name("return_type")
    if name is None:
        return None
    body = node.child_by_field_name("body")
    members = body if body is not None and body.type in ("template_body", "with_template_body") else None
    return Found(ChunkKind.CONSTANT, (node_text(name, data),), name.start_point[0], members, True)


def _scala_extension(node: Node, data: bytes) -> Found | None:
    """Describe `extension (s: String)`. Its functions belong to the extended type."""
    parameters = node.child_by_field_name("parameters")
    type_node = None
    if parameters is not None:
        parameter = first_of(parameters, "parameter")
        type_node = parameter.child_by_field_name("type") if parameter is not None else None
    if type_node is None:
        return None
    name = node_text(type_node, data).split("[", 1)[0]
    return Found(ChunkKind.MODULE, (name,), node.start_point[0], node, True)


SCALA = LanguageRules(
    describe={
        "class_definition": type_with_members(ChunkKind.CLASS),
        "object_definition": type_with_members(ChunkKind.CLASS),
        "package_object": type_with_members(ChunkKind.MODULE),
        "trait_definition": type_with_members(ChunkKind.INTERFACE),
        "enum_definition": type_with_members(ChunkKind.ENUM),
        "given_definition": _scala_given,
        "extension_definition": _scala_extension,
        "function_definition": named(ChunkKind.FUNCTION),
        "function_declaration": named(ChunkKind.FUNCTION, body="", has_body=False),
        "val_definition": _scala_value,
        "var_definition": _scala_value,
        "val_declaration": _scala_value,
        "var_declaration": _scala_value,
        "type_definition": named(ChunkKind.TYPE, body=""),
        "call_expression": _scala_test,
    },
    transparent=frozenset({"ERROR"}),
    leading=frozenset({"comment", "block_comment"}),
    imports=frozenset({"import_declaration", "package_clause"}),
)
