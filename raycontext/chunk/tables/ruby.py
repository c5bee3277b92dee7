"""Ruby: classes and methods, and the calls by which its frameworks define things."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.rules import Found, LanguageRules, child_at, import_like, label_text, named, node_text
from raycontext.models import ChunkKind

__all__ = ["RUBY"]

IMPORTS = frozenset({"require", "require_relative", "load", "autoload"})
ATTRIBUTES = frozenset(
    {"attr_accessor", "attr_reader", "attr_writer", "cattr_accessor", "mattr_accessor", "class_attribute"}
)
TESTS = frozenset({"describe", "context", "it", "specify", "test", "feature", "scenario", "shared_examples"})
NAMED_BLOCKS = {
    "task": ChunkKind.FUNCTION,
    "namespace": ChunkKind.MODULE,
    "define_method": ChunkKind.METHOD,
    "scope": ChunkKind.METHOD,
    "alias_method": ChunkKind.METHOD,
    "concerning": ChunkKind.MODULE,
}
VISIBILITY = frozenset({"private", "protected", "public", "private_class_method", "module_function"})
REOPENING = frozenset({"class_eval", "module_eval", "instance_eval", "class_exec", "included", "class_methods"})
CLASS_FACTORIES = frozenset({"Struct.new", "Class.new", "Module.new", "Data.define"})


def _type(node: Node, data: bytes) -> Found | None:
    """`class A::B < C`: symbol B, scope A."""
    name = node.child_by_field_name("name")
    if name is None:
        return None
    scope, _, last = node_text(name, data).rpartition("::")
    kind = ChunkKind.CLASS if node.type == "class" else ChunkKind.MODULE
    body = node.child_by_field_name("body")
    return Found(kind, (last,), name.start_point[0], body, True, scope.strip(":"))


def _singleton_class(node: Node, data: bytes) -> Found | None:
    """`class << self`: its methods belong to the class around it."""
    return Found(ChunkKind.BLOCK, (), node.start_point[0], node.child_by_field_name("body"), True)


def _assignment(node: Node, data: bytes) -> Found | None:
    """`NAME = …`; `Name = Struct.new(…) do` is a class."""
    left = node.child_by_field_name("left")
    right = node.child_by_field_name("right")
    if left is None or right is None or left.type != "constant":
        return None
    names = (node_text(left, data),)
    row = left.start_point[0]
    if right.type == "call":
        receiver = right.child_by_field_name("receiver")
        method = right.child_by_field_name("method")
        if receiver is not None and method is not None:
            callee = f"{node_text(receiver, data)}.{node_text(method, data)}"
            if callee in CLASS_FACTORIES:
                return Found(ChunkKind.CLASS, names, row, _block_body(right), True)
    return Found(ChunkKind.CONSTANT, names, row)


def _block_body(call: Node) -> Node | None:
    block = call.child_by_field_name("block")
    return block.child_by_field_name("body") if block is not None else None


def _call(node: Node, data: bytes) -> Found | None:
    method = node.child_by_field_name("method")
    if method is None:
        return None
    word = data[method.start_byte : method.end_byte].decode("utf-8", "ignore")
    if word in IMPORTS:
        return import_like(node, data)
    row = method.start_point[0]
    if word in REOPENING:
        body = _block_body(node)
        receiver = node.child_by_field_name("receiver")
        if body is None:
            return None
        if receiver is None:
            return Found(ChunkKind.BLOCK, (), row, body, True)
        return Found(ChunkKind.MODULE, (node_text(receiver, data),), row, body, True)
    is_known = word in ATTRIBUTES or word in TESTS or word in NAMED_BLOCKS or word in VISIBILITY
    if not is_known:
        return None
    arguments = node.child_by_field_name("arguments")
    first = child_at(arguments, 0) if arguments is not None else None
    if first is None or arguments is None:
        return None
    if word in ATTRIBUTES:
        names = [label_text(child, data) for child in arguments.named_children if child.type == "simple_symbol"]
        return Found(ChunkKind.CONSTANT, tuple(names), row)
    if word in VISIBILITY:
        return _method(first, data) if first.type in ("method", "singleton_method") else None
    if word in TESTS:
        body = _block_body(node) if word not in ("it", "test", "specify", "scenario") else None
        return Found(ChunkKind.TEST, (label_text(first, data),), row, body)
    if first.type == "pair":
        first = first.child_by_field_name("key") or first
    kind = NAMED_BLOCKS[word]
    body = _block_body(node) if kind is ChunkKind.MODULE else None
    return Found(kind, (label_text(first, data),), row, body)


def _alias(node: Node, data: bytes) -> Found | None:
    name = node.child_by_field_name("name")
    return Found(ChunkKind.METHOD, (label_text(name, data),), name.start_point[0]) if name is not None else None


_method = named(ChunkKind.FUNCTION, body="")

RUBY = LanguageRules(
    describe={
        "class": _type,
        "module": _type,
        "singleton_class": _singleton_class,
        "method": _method,
        "singleton_method": _method,
        "assignment": _assignment,
        "call": _call,
        "alias": _alias,
    },
    transparent=frozenset({"if", "unless", "then", "else", "begin", "ERROR"}),
)
