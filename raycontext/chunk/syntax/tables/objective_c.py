"""Rules for Objective-C. C functions inside a class are functions; only methods are methods."""

from __future__ import annotations

import re

from tree_sitter import Node

from raycontext.chunk.syntax.rules import MAX_NAME_BYTES, Describe, Found, LanguageRules, child_at, group, node_text
from raycontext.chunk.syntax.tables.c_family import C_DESCRIBE, PREPROCESSOR
from raycontext.models import ChunkKind

__all__ = ["OBJC"]

MAX_HEADER_BYTES = 4096
"""Largest part of a method or property that is searched for its name, in bytes."""
MAX_GROUP_LEVELS = 8
"""Largest depth of parentheses in the header of a method."""

_HEADER_END = re.compile(rb"[{;]")
_SELECTOR_PART = re.compile(rb"(\w*)\s*:")
_WORD = re.compile(rb"\w+")
_GROUP = re.compile(rb"\([^()]*\)")
_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*", re.DOTALL)
_STRING = re.compile(rb'"(?:[^"\\\n]|\\.)*"')
_PROPERTY_START = re.compile(rb"\s*@property\s*(?:\([^)]*\))?")
_BLOCK_NAME = re.compile(rb"\(\s*\^\s*(?:[A-Z_a-z]+\s+)*(\w+)")
_TRAILING_MACRO = re.compile(rb"\s+(?:[A-Z][A-Z0-9]*_[A-Z0-9_]+|__\w+)\s*(?:\(.*\))?\s*$", re.DOTALL)


def _objc_type(kind: ChunkKind) -> Describe:
    """Return a function that describes classes, categories or protocols."""

    def describe(node: Node, data: bytes) -> Found | None:
        name = child_at(node, 0)
        if name is None or name.type != "identifier":
            return None
        return Found(kind, (node_text(name, data),), name.start_point[0], node)

    return describe


def _objc_method(node: Node, data: bytes) -> Found | None:
    """Describe a method by its selector, such as `doIt:with:`. It is read from the text before the body.

    The nodes are not asked: where a macro confuses the grammar, they hold words of the body.
    """
    header = _without_groups(_HEADER_END.split(data[node.start_byte : node.start_byte + MAX_HEADER_BYTES], 1)[0])
    words = _SELECTOR_PART.findall(header)
    if words:
        name = b"".join(word + b":" for word in words)
    else:
        only = _WORD.search(header)
        if only is None:
            return None
        name = only[0]
    row = node.start_point[0]
    text = name[:MAX_NAME_BYTES].decode("utf-8", "ignore")
    return Found(ChunkKind.METHOD, (text,), row, has_body=node.type == "method_definition")


def _without_groups(header: bytes) -> bytes:
    """Return the header of a method without the groups in parentheses and without comments."""
    header = _COMMENT.sub(b" ", header)
    for _ in range(MAX_GROUP_LEVELS):
        shorter = _GROUP.sub(b" ", header)
        if shorter == header:
            break
        header = shorter
    return header


def _objc_property(node: Node, data: bytes) -> Found | None:
    """Describe a property by its names. The name of a property that holds a block stands behind the sign `^`."""
    text = _COMMENT.sub(b" ", data[node.start_byte : min(node.end_byte, node.start_byte + MAX_HEADER_BYTES)])
    text = _PROPERTY_START.sub(b"", _STRING.sub(b'""', text), count=1)
    block = _BLOCK_NAME.search(text)
    if block is not None:
        names = [block[1]]
    else:
        declarators = _without_groups(_TRAILING_MACRO.sub(b"", text.split(b";", 1)[0])).split(b",")
        names = [words[-1] for words in map(_WORD.findall, declarators) if words]
    texts = tuple(name.decode("utf-8", "ignore") for name in names)
    return Found(ChunkKind.CONSTANT, texts, node.start_point[0]) if texts else None


OBJC = LanguageRules(
    describe={
        **C_DESCRIBE,
        "class_interface": _objc_type(ChunkKind.CLASS),
        "class_implementation": _objc_type(ChunkKind.CLASS),
        "category_interface": _objc_type(ChunkKind.CLASS),
        "category_implementation": _objc_type(ChunkKind.CLASS),
        "protocol_declaration": _objc_type(ChunkKind.INTERFACE),
        "method_declaration": _objc_method,
        "method_definition": _objc_method,
        "property_declaration": _objc_property,
        "implementation_definition": group,
        "qualified_protocol_interface_declaration": group,
    },
    transparent=PREPROCESSOR,
    imports=frozenset({"preproc_include", "module_import", "class_declaration"}),
)
