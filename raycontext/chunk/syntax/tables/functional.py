"""Rules for Haskell, Elixir, Erlang, Clojure and Nix."""

from __future__ import annotations

import re

from tree_sitter import Node

from raycontext.chunk.syntax.rules import (
    LEADS,
    Describe,
    Found,
    LanguageRules,
    child_at,
    group,
    import_like,
    label_text,
    last_child,
    node_text,
)
from raycontext.models import ChunkKind

__all__ = ["CLOJURE", "ELIXIR", "ERLANG", "HASKELL", "NIX"]


def _haskell_function(node: Node, data: bytes) -> Found | None:
    """Describe an equation or a signature. The operator of an infix equation stands one level deeper."""
    names = node.children_by_field_name("name") or node.children_by_field_name("names")
    if not names:
        inner = child_at(node, 0)
        operator = inner.child_by_field_name("operator") if inner is not None else None
        if operator is None:
            return None
        names = [operator]
    texts: list[str] = []
    for name in names:
        parts = [child for child in name.named_children if child.type in ("variable", "prefix_id")]
        texts.extend(node_text(part, data).strip("()` ") for part in (parts or [name]))
    is_signature = node.type == "signature"
    return Found(ChunkKind.FUNCTION, tuple(texts), names[0].start_point[0], has_body=not is_signature)


def _haskell_type(kind: ChunkKind, *, members: bool = False) -> Describe:
    """Return a function that describes types or classes. `members` says whether their members are visited."""

    def describe(node: Node, data: bytes) -> Found | None:
        name = node.child_by_field_name("name")
        if name is None:
            return None
        body = node.child_by_field_name("declarations") if members else None
        return Found(kind, (node_text(name, data).strip("()"),), name.start_point[0], body, True)

    return describe


def _haskell_instance(node: Node, data: bytes) -> Found | None:
    """Describe `instance Class Type` by the name `Class Type`, so that a search for either word finds it."""
    name = node.child_by_field_name("name")
    if name is None:
        return None
    patterns = node.child_by_field_name("patterns")
    text = node_text(name, data)
    if patterns is not None:
        text = f"{text} {node_text(patterns, data)}"
    body = node.child_by_field_name("declarations")
    return Found(ChunkKind.MODULE, (text,), name.start_point[0], body, True)


def _haskell_pattern(node: Node, data: bytes) -> Found | None:
    """Describe a pattern synonym."""
    words = node_text(node, data).removeprefix("pattern ").split(None, 1)
    return Found(ChunkKind.FUNCTION, (words[0],), node.start_point[0]) if words else None


def _haskell_foreign(node: Node, data: bytes) -> Found | None:
    """Describe a foreign import by its signature."""
    signature = node.child_by_field_name("signature")
    return _haskell_function(signature, data) if signature is not None else None


def _haskell_header(node: Node, data: bytes) -> Found | None:
    """Describe `module A.B ( … ) where`."""
    name = node.child_by_field_name("module")
    return Found(ChunkKind.MODULE, (node_text(name, data),), name.start_point[0]) if name is not None else None


HASKELL = LanguageRules(
    describe={
        "header": _haskell_header,
        "signature": _haskell_function,
        "function": _haskell_function,
        "bind": _haskell_function,
        "data_type": _haskell_type(ChunkKind.CLASS),
        "newtype": _haskell_type(ChunkKind.CLASS),
        "type_synomym": _haskell_type(ChunkKind.TYPE),
        "type_synonym": _haskell_type(ChunkKind.TYPE),
        "type_family": _haskell_type(ChunkKind.TYPE),
        "data_family": _haskell_type(ChunkKind.TYPE),
        "class": _haskell_type(ChunkKind.INTERFACE, members=True),
        "instance": _haskell_instance,
        "pattern_synonym": _haskell_pattern,
        "foreign_import": _haskell_foreign,
    },
    spliced=frozenset({"imports", "declarations", "class_declarations", "instance_declarations"}),
    transparent=frozenset({"ERROR"}),
    leading=frozenset({"comment", "haddock", "pragma", "cpp"}),
    imports=frozenset({"import"}),
    merge_clauses=True,
)

_ELIXIR_TYPES = {
    "defmodule": ChunkKind.CLASS,
    "defprotocol": ChunkKind.INTERFACE,
    "defimpl": ChunkKind.MODULE,
}
_ELIXIR_FUNCTIONS = {
    "def": ChunkKind.FUNCTION,
    "defp": ChunkKind.FUNCTION,
    "defdelegate": ChunkKind.FUNCTION,
    "defn": ChunkKind.FUNCTION,
    "defnp": ChunkKind.FUNCTION,
    "defmacro": ChunkKind.MACRO,
    "defmacrop": ChunkKind.MACRO,
    "defguard": ChunkKind.MACRO,
    "defguardp": ChunkKind.MACRO,
}
_ELIXIR_IMPORTS = frozenset({"use", "alias", "import", "require"})
_ELIXIR_LEADING = frozenset({"doc", "spec", "impl", "typedoc", "deprecated", "tag", "since"})


def _elixir_name(node: Node | None) -> Node | None:
    """Return the name in the head of a `def`: an identifier or a call, with or without a guard."""
    for _ in range(4):
        if node is None:
            return None
        if node.type == "binary_operator":
            node = node.child_by_field_name("left")
        elif node.type == "call":
            return node.child_by_field_name("target")
        else:
            return node
    return None


def _elixir_call(node: Node, data: bytes) -> Found | None:
    """Describe a call that defines something, such as `defmodule` or `def`, or that is an import."""
    target = node.child_by_field_name("target")
    if target is None:
        return None
    word = node_text(target, data)
    if word in _ELIXIR_IMPORTS:
        return import_like(node, data)
    children = node.named_children
    arguments = next((child for child in children if child.type == "arguments"), None)
    first = child_at(arguments, 0) if arguments is not None else None
    if first is None:
        return None
    block = children[-1] if children[-1].type == "do_block" else None
    row = target.start_point[0]
    found: Found | None = None
    if word in _ELIXIR_TYPES:
        found = Found(_ELIXIR_TYPES[word], (node_text(first, data),), row, block, True)
    elif word in _ELIXIR_FUNCTIONS:
        name = _elixir_name(first)
        if name is not None:
            found = Found(_ELIXIR_FUNCTIONS[word], (node_text(name, data),), name.start_point[0])
    elif word in ("schema", "embedded_schema") and first.type == "string":
        found = Found(ChunkKind.CLASS, (label_text(first, data),), row)
    elif word in ("test", "describe", "property") and first.type == "string":
        members = block if word == "describe" else None
        found = Found(ChunkKind.TEST, (label_text(first, data),), row, members)
    return found


_ELIXIR_SETTINGS = frozenset(
    {
        "moduledoc",
        "moduletag",
        "compile",
        "behaviour",
        "derive",
        "before_compile",
        "after_compile",
        "on_load",
        "on_definition",
        "dialyzer",
        "vsn",
        "external_resource",
        "enforce_keys",
        "optional_callbacks",
        "fallback_to_any",
        "protocol",
        "for",
    }
)
"""Attributes of modules that set something and define nothing."""
_ELIXIR_ATTRIBUTES = {
    "type": ChunkKind.TYPE,
    "typep": ChunkKind.TYPE,
    "opaque": ChunkKind.TYPE,
    "callback": ChunkKind.FUNCTION,
    "macrocallback": ChunkKind.FUNCTION,
}


def _elixir_attribute(node: Node, data: bytes) -> Found | None:
    """Describe `@type t :: …`, `@callback f(…)` or `@name value`. `@doc` and similar ones belong to the next node."""
    operand = node.child_by_field_name("operand")
    target = operand.child_by_field_name("target") if operand is not None and operand.type == "call" else None
    if operand is None or target is None:
        return None
    word = node_text(target, data)
    row = node.start_point[0]
    if word in _ELIXIR_LEADING:
        return LEADS
    kind = _ELIXIR_ATTRIBUTES.get(word)
    if kind is None:
        return Found(ChunkKind.CONSTANT, (word,), row) if word not in _ELIXIR_SETTINGS else None
    arguments = last_child(operand)
    name = _elixir_name(child_at(arguments, 0)) if arguments is not None else None
    if name is None:
        return None
    return Found(kind, (node_text(name, data),), row, has_body=kind is ChunkKind.TYPE)


ELIXIR = LanguageRules(
    describe={"call": _elixir_call, "unary_operator": _elixir_attribute},
    transparent=frozenset({"ERROR"}),
    merge_clauses=True,
)


def _erlang_function(node: Node, data: bytes) -> Found | None:
    """Describe a function by its first clause, or a specification or a callback."""
    clause = node.child_by_field_name("clause") if node.type == "fun_decl" else node
    name = (clause.child_by_field_name("name") or clause.child_by_field_name("fun")) if clause is not None else None
    if name is None:
        return None
    has_body = node.type == "fun_decl"
    return Found(ChunkKind.FUNCTION, (node_text(name, data),), name.start_point[0], has_body=has_body)


def _erlang_attribute(kind: ChunkKind) -> Describe:
    """Return a function that describes attributes which define something of a kind."""

    def describe(node: Node, data: bytes) -> Found | None:
        name = node.child_by_field_name("name") or node.child_by_field_name("lhs")
        if name is None:
            return None
        return Found(kind, (node_text(name, data).split("(", 1)[0],), name.start_point[0])

    return describe


ERLANG = LanguageRules(
    describe={
        "fun_decl": _erlang_function,
        "spec": _erlang_function,
        "callback": _erlang_function,
        "module_attribute": _erlang_attribute(ChunkKind.MODULE),
        "pp_define": _erlang_attribute(ChunkKind.MACRO),
        "record_decl": _erlang_attribute(ChunkKind.CLASS),
        "type_alias": _erlang_attribute(ChunkKind.TYPE),
        "opaque": _erlang_attribute(ChunkKind.TYPE),
    },
    imports=frozenset(
        {
            "export_attribute",
            "import_attribute",
            "pp_include",
            "pp_include_lib",
            "behaviour_attribute",
            "compile_options_attribute",
            "export_type_attribute",
        }
    ),
    merge_clauses=True,
)

_CLOJURE_KINDS = {
    "ns": ChunkKind.MODULE,
    "def": ChunkKind.CONSTANT,
    "defonce": ChunkKind.CONSTANT,
    "defn": ChunkKind.FUNCTION,
    "defn-": ChunkKind.FUNCTION,
    "defmulti": ChunkKind.FUNCTION,
    "defmethod": ChunkKind.METHOD,
    "defmacro": ChunkKind.MACRO,
    "defprotocol": ChunkKind.INTERFACE,
    "definterface": ChunkKind.INTERFACE,
    "defrecord": ChunkKind.CLASS,
    "deftype": ChunkKind.CLASS,
    "deftest": ChunkKind.TEST,
    "s/def": ChunkKind.CONSTANT,
}


def _clojure_list(node: Node, data: bytes) -> Found | None:
    """Describe a list that begins with a defining word, such as `defn`, or that is an import."""
    values = node.children_by_field_name("value")
    if not values:
        return None
    word = node_text(values[0], data)
    if word in ("require", "import", "use", "in-ns"):
        return import_like(node, data)
    kind = _CLOJURE_KINDS.get(word)
    if kind is None or len(values) < 2:
        return None
    name = values[1].child_by_field_name("name") or values[1]
    text = node_text(values[1] if word == "ns" else name, data)
    if kind is ChunkKind.MODULE and values[1].type == "sym_lit":
        text = text.rpartition(" ")[2]
    if word == "def" and values[-1].type == "list_lit" and _CLOJURE_FUNCTION.match(data, values[-1].start_byte):
        kind = ChunkKind.FUNCTION
    members = node if kind is ChunkKind.INTERFACE and word == "defprotocol" else None
    is_namespace = kind is ChunkKind.MODULE
    return Found(kind, (text.lstrip(":"),), name.start_point[0], members, True, has_body=not is_namespace)


def _clojure_member(node: Node, data: bytes) -> Found | None:
    """Describe a list. `(name [this] …)` inside of a protocol declares a method."""
    found = _clojure_list(node, data)
    parent = node.parent
    if found is not None or parent is None or parent.type != "list_lit":
        return found
    values = node.children_by_field_name("value")
    if len(values) < 2 or values[0].type != "sym_lit" or values[1].type != "vec_lit":
        return None
    return Found(ChunkKind.METHOD, (node_text(values[0], data),), values[0].start_point[0], has_body=False)


_CLOJURE_FUNCTION = re.compile(rb"\((?:fn|fn\*|partial|comp|memoize)\s")

CLOJURE = LanguageRules(describe={"list_lit": _clojure_member}, leading=frozenset({"comment", "dis_expr"}))


def _nix_binding(node: Node, data: bytes) -> Found | None:
    """Describe `path = value;`. It is a function when the value is one, else a constant."""
    path = node.child_by_field_name("attrpath")
    value = node.child_by_field_name("expression")
    if path is None or value is None:
        return None
    kind = ChunkKind.FUNCTION if value.type == "function_expression" else ChunkKind.CONSTANT
    members = value if value.type in _NIX_SETS else None
    name = label_text(path, data)
    if name == "outputs" and kind is ChunkKind.FUNCTION:
        return Found(kind, (name,), path.start_point[0], value)
    return Found(kind, (name,), path.start_point[0], members)


_NIX_SETS = frozenset({"attrset_expression", "rec_attrset_expression", "let_attrset_expression"})

NIX = LanguageRules(
    describe={
        "binding": _nix_binding,
        "function_expression": group,
        "let_expression": group,
        "attrset_expression": group,
        "rec_attrset_expression": group,
    },
    spliced=frozenset({"binding_set"}),
    open_functions=True,
)
