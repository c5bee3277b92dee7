"""Rules for Java, Kotlin, Scala, and the related languages C#, Swift and Dart."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import Describe, Found, LanguageRules, child_at, constants, named, node_text
from raycontext.models import ChunkKind

__all__ = ["CSHARP", "DART", "JAVA", "KOTLIN", "SCALA", "SWIFT"]


def _type(kind: ChunkKind) -> Describe:
    """Return a function that describes types of a kind and has their members visited."""
    return named(kind, members=True, type_like=True)


JAVA = LanguageRules(
    describe={
        "class_declaration": _type(ChunkKind.CLASS),
        "record_declaration": _type(ChunkKind.CLASS),
        "interface_declaration": _type(ChunkKind.INTERFACE),
        "annotation_type_declaration": _type(ChunkKind.INTERFACE),
        "enum_declaration": _type(ChunkKind.ENUM),
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


def _operator(node: Node, data: bytes) -> Found | None:
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
        "class_declaration": _type(ChunkKind.CLASS),
        "struct_declaration": _type(ChunkKind.CLASS),
        "record_declaration": _type(ChunkKind.CLASS),
        "record_struct_declaration": _type(ChunkKind.CLASS),
        "interface_declaration": _type(ChunkKind.INTERFACE),
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
        "operator_declaration": _operator,
        "conversion_operator_declaration": _operator,
        "indexer_declaration": _indexer,
    },
    transparent=frozenset({"preproc_if", "preproc_else", "preproc_elif", "declaration_list", "ERROR"}),
    leading=frozenset({"comment", "preproc_region", "attribute_list"}),
    imports=frozenset({"using_directive", "extern_alias_directive", "file_scoped_namespace_declaration"}),
    trailing=frozenset({"preproc_endregion"}),
)


def _first(node: Node, *types: str) -> Node | None:
    """Return the first named child that has one of the types; None when there is none."""
    for child in node.named_children:
        if child.type in types:
            return child
    return None


def _kotlin_class(node: Node, data: bytes) -> Found | None:
    """Describe a class, an interface, an enum or an object. One without a name only groups its members."""
    name = _first(node, "type_identifier", "simple_identifier")
    body = _first(node, "class_body", "enum_class_body")
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
    return Found(ChunkKind.BLOCK, (), node.start_point[0], _first(node, "class_body"), True)


def _kotlin_owner(node: Node, data: bytes) -> str:
    """Return the type of the receiver of an extension; "" without a receiver."""
    receiver = node.child_by_field_name("receiver")
    return node_text(receiver, data).split("<", 1)[0].rstrip("?") if receiver is not None else ""


def _kotlin_function(node: Node, data: bytes) -> Found | None:
    """Describe a function, with the type of its receiver as its owner."""
    name = _first(node, "simple_identifier")
    if name is None:
        return None
    has_body = _first(node, "function_body") is not None
    return Found(
        ChunkKind.FUNCTION,
        (node_text(name, data),),
        name.start_point[0],
        owner=_kotlin_owner(node, data),
        has_body=has_body,
    )


def _kotlin_property(node: Node, data: bytes) -> Found | None:
    """Describe a property, with the type of its receiver as its owner."""
    variable = _first(node, "variable_declaration")
    name = child_at(variable, 0) if variable is not None else None
    if name is None:
        return None
    owner = _kotlin_owner(node, data)
    return Found(ChunkKind.CONSTANT, (node_text(name, data),), name.start_point[0], owner=owner)


def _child_named(kind: ChunkKind, *types: str) -> Describe:
    """Return a function that describes definitions by their first child of one of the types."""

    def describe(node: Node, data: bytes) -> Found | None:
        name = _first(node, *types)
        return Found(kind, (node_text(name, data),), name.start_point[0]) if name is not None else None

    return describe


KOTLIN = LanguageRules(
    describe={
        "class_declaration": _kotlin_class,
        "object_declaration": _kotlin_class,
        "companion_object": _kotlin_companion,
        "function_declaration": _kotlin_function,
        "property_declaration": _kotlin_property,
        "type_alias": _child_named(ChunkKind.TYPE, "type_identifier"),
    },
    transparent=frozenset({"ERROR"}),
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
    return Found(ChunkKind.CONSTANT, (node_text(name, data),), name.start_point[0]) if name is not None else None


SWIFT = LanguageRules(
    describe={
        "class_declaration": _swift_class,
        "protocol_declaration": _type(ChunkKind.INTERFACE),
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
    return Found(ChunkKind.CONSTANT, (node_text(pattern, data),), pattern.start_point[0])


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
        parameter = _first(parameters, "parameter")
        type_node = parameter.child_by_field_name("type") if parameter is not None else None
    if type_node is None:
        return None
    name = node_text(type_node, data).split("[", 1)[0]
    return Found(ChunkKind.MODULE, (name,), node.start_point[0], node, True)


SCALA = LanguageRules(
    describe={
        "class_definition": _type(ChunkKind.CLASS),
        "object_definition": _type(ChunkKind.CLASS),
        "package_object": _type(ChunkKind.MODULE),
        "trait_definition": _type(ChunkKind.INTERFACE),
        "enum_definition": _type(ChunkKind.ENUM),
        "given_definition": _scala_given,
        "extension_definition": _scala_extension,
        "function_definition": named(ChunkKind.FUNCTION),
        "function_declaration": named(ChunkKind.FUNCTION, body="", has_body=False),
        "val_definition": _scala_value,
        "var_definition": _scala_value,
        "val_declaration": _scala_value,
        "var_declaration": _scala_value,
        "type_definition": named(ChunkKind.TYPE, body=""),
    },
    transparent=frozenset({"ERROR"}),
    leading=frozenset({"comment", "block_comment"}),
    imports=frozenset({"import_declaration", "package_clause"}),
)


def _dart_signature(node: Node, data: bytes) -> Found | None:
    """Describe the signature of a method or function. Its body is the next sibling."""
    inner = node
    for _ in range(3):
        name = inner.child_by_field_name("name")
        if name is not None:
            following = node.next_named_sibling
            has_body = following is not None and following.type == "function_body"
            return Found(ChunkKind.FUNCTION, (node_text(name, data),), name.start_point[0], has_body=has_body)
        child = _first(inner, *_DART_SIGNATURES)
        if child is None:
            return None
        inner = child
    return None


_DART_SIGNATURES = (
    "function_signature",
    "getter_signature",
    "setter_signature",
    "constructor_signature",
    "factory_constructor_signature",
    "constant_constructor_signature",
    "operator_signature",
)


def _dart_field(node: Node, data: bytes) -> Found | None:
    """Describe a declaration inside a class: the signature of a method, or fields."""
    signature = _first(node, *_DART_SIGNATURES)
    if signature is not None:
        return _dart_signature(node, data)
    items = _first(node, "initialized_identifier_list", "static_final_declaration_list", "identifier_list")
    if items is None:
        return None
    names = [child_at(item, 0) for item in items.named_children if item.named_child_count]
    texts = tuple(node_text(name, data) for name in names if name is not None)
    return Found(ChunkKind.CONSTANT, texts, items.start_point[0]) if texts else None


def _dart_constants(node: Node, data: bytes) -> Found | None:
    """Describe a list of variables by their names."""
    names = [child_at(item, 0) for item in node.named_children]
    texts = tuple(node_text(name, data) for name in names if name is not None)
    return Found(ChunkKind.CONSTANT, texts, node.start_point[0]) if texts else None


def _dart_mixin(node: Node, data: bytes) -> Found | None:
    """Describe a mixin. Its members are visited."""
    name = _first(node, "identifier")
    if name is None:
        return None
    return Found(ChunkKind.CLASS, (node_text(name, data),), name.start_point[0], _first(node, "class_body"), True)


def _dart_extension(node: Node, data: bytes) -> Found | None:
    """Describe an extension by the type that it extends."""
    extended = node.child_by_field_name("class")
    body = node.child_by_field_name("body")
    if extended is None:
        return None
    return Found(ChunkKind.MODULE, (node_text(extended, data),), node.start_point[0], body, True)


DART = LanguageRules(
    describe={
        "class_definition": _type(ChunkKind.CLASS),
        "mixin_declaration": _dart_mixin,
        "extension_declaration": _dart_extension,
        "enum_declaration": _type(ChunkKind.ENUM),
        "type_alias": _child_named(ChunkKind.TYPE, "type_identifier"),
        "function_signature": _dart_signature,
        "method_signature": _dart_signature,
        "getter_signature": _dart_signature,
        "setter_signature": _dart_signature,
        "declaration": _dart_field,
        "static_final_declaration_list": _dart_constants,
        "initialized_identifier_list": _dart_constants,
    },
    leading=frozenset(
        {"comment", "documentation_comment", "annotation", "const_builtin", "final_builtin", "inferred_type"}
    ),
    imports=frozenset({"import_or_export", "library_name", "part_directive", "part_of_directive"}),
    trailing=frozenset({"function_body"}),
)
