"""Rules for Ruby: classes, methods, and the calls by which its frameworks define things."""

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
from raycontext.models import ChunkKind

__all__ = ["RUBY"]

CLASS_FACTORIES = frozenset({"Struct.new", "Class.new", "Module.new", "Data.define"})
"""Calls that return a new class or module."""


def _type(node: Node, data: bytes) -> Found | None:
    """Describe `class A::B < C` by the name B and the scope A."""
    name = node.child_by_field_name("name")
    if name is None:
        return None
    scope, _, last = node_text(name, data).rpartition("::")
    kind = ChunkKind.CLASS if node.type == "class" else ChunkKind.MODULE
    body = node.child_by_field_name("body")
    return Found(kind, (last,), name.start_point[0], body, True, scope.strip(":"))


def _singleton_class(node: Node, data: bytes) -> Found | None:
    """Describe `class << self`. Its methods belong to the class around it."""
    return Found(ChunkKind.BLOCK, (), node.start_point[0], node.child_by_field_name("body"), True)


def _assignment(node: Node, data: bytes) -> Found | None:
    """Describe `NAME = …`. `Name = Struct.new(…) do` is a class."""
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
    """Return the body of the block of a call; None without a block."""
    block = call.child_by_field_name("block")
    return block.child_by_field_name("body") if block is not None else None


def _first_argument(call: Node) -> Node | None:
    """Return the first argument of a call; None without arguments."""
    arguments = call.child_by_field_name("arguments")
    return child_at(arguments, 0) if arguments is not None else None


def _call(node: Node, data: bytes) -> Found | None:
    """Describe a call that defines something. The name of the called method decides."""
    method = node.child_by_field_name("method")
    if method is None:
        return None
    word = data[method.start_byte : method.end_byte].decode("utf-8", "ignore")
    describe = _CALLS.get(word)
    return describe(node, data) if describe is not None else None


def _reopening(node: Node, data: bytes) -> Found | None:
    """Describe `Name.class_eval do … end`. Its methods belong to `Name`."""
    body = _block_body(node)
    if body is None:
        return None
    receiver = node.child_by_field_name("receiver")
    row = node.start_point[0]
    if receiver is None:
        return Found(ChunkKind.BLOCK, (), row, body, True)
    names = (node_text(receiver, data),) if receiver.type in ("constant", "scope_resolution") else ()
    return Found(ChunkKind.MODULE, names, row, body, True)


def _attributes(node: Node, data: bytes) -> Found | None:
    """Describe `attr_reader :a, :b`."""
    arguments = node.child_by_field_name("arguments")
    if arguments is None:
        return None
    names = [label_text(child, data) for child in arguments.named_children if child.type == "simple_symbol"]
    return Found(ChunkKind.CONSTANT, tuple(names), node.start_point[0])


def _visibility(node: Node, data: bytes) -> Found | None:
    """Describe `private def name`."""
    first = _first_argument(node)
    return _method(first, data) if first is not None and first.type in ("method", "singleton_method") else None


def _named_block(kind: ChunkKind, *, members: bool = False) -> Describe:
    """Return a function that describes `word name do … end`. `members` says whether the block is visited."""

    def describe(node: Node, data: bytes) -> Found | None:
        first = _first_argument(node)
        if first is None:
            return None
        if first.type == "pair":
            first = first.child_by_field_name("key") or first
        return Found(kind, (label_text(first, data),), node.start_point[0], _block_body(node) if members else None)

    return describe


def _alias(node: Node, data: bytes) -> Found | None:
    """Describe `alias new old` by the new name."""
    name = node.child_by_field_name("name")
    return Found(ChunkKind.METHOD, (label_text(name, data),), name.start_point[0]) if name is not None else None


_method = named(ChunkKind.FUNCTION, body="")


def _calls(describe: Describe, words: str) -> dict[str, Describe]:
    """Return a table from each of the words, which are separated by spaces, to a function."""
    return dict.fromkeys(words.split(), describe)


_CALLS: dict[str, Describe] = {
    **_calls(import_like, "require require_relative load autoload"),
    **_calls(
        _attributes, "attr_accessor attr_reader attr_writer cattr_accessor cattr_reader mattr_accessor class_attribute"
    ),
    **_calls(_reopening, "class_eval module_eval instance_eval class_exec included class_methods prepended"),
    **_calls(_visibility, "private protected public private_class_method module_function"),
    **_calls(_named_block(ChunkKind.TEST, members=True), "describe context feature shared_examples"),
    **_calls(_named_block(ChunkKind.TEST), "it specify test scenario"),
    **_calls(_named_block(ChunkKind.FUNCTION), "task"),
    **_calls(_named_block(ChunkKind.METHOD), "define_method scope alias_method"),
    **_calls(_named_block(ChunkKind.MODULE, members=True), "namespace concerning"),
}

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
