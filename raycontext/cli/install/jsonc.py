"""Changes of one member of a JSON document. Every other character stays.

Documents may be as people write them: with `//` and `/* */` comments, trailing commas, and any indentation.
"""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple

__all__ = ["NotJson", "value_of", "with_member", "without_member"]

SPACE_OR_COMMENT = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)+", re.DOTALL)
SCALAR = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
DEEPEST = 200
"""Largest depth to which a document may be nested."""


class NotJson(ValueError):
    """A document cannot be read: `NotJson(line, problem)`."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(line, problem)
        self.line = line
        self.problem = problem

    def __str__(self) -> str:
        return f"line {self.line}: {self.problem}"


class Node(NamedTuple):
    """Value and its place in the text: the characters from `start` up to `end`."""

    start: int
    end: int
    value: Any  # for an object: its members by name
    trailing_comma: bool  # for an object: whether a comma stands before the closing brace


class Member(NamedTuple):
    """Member of an object."""

    start: int  # place where its name begins
    node: Node
    following: int  # place after its comma, or the end of its value without a comma


def value_of(text: str, keys: tuple[str, ...]) -> Any:
    """Return the value at `keys`, as `json.loads` gives it; None when there is none. Raises `NotJson`."""
    node: Node | None = _document(text)
    for key in keys:
        if node is None or not isinstance(node.value, dict):
            return None
        member = node.value.get(key)
        node = member.node if member else None
    return None if node is None else _plain(node)


def with_member(text: str, keys: tuple[str, ...], value: object) -> str:
    """Return `text` with `value` at `keys`. Missing objects on the way are created. An empty document counts as `{}`.

    Raises `NotJson` when the document cannot be read or a value on the way is not an object.
    """
    if not text.strip("\ufeff \t\r\n"):
        text = "{}\n"
    node = _object(text, _document(text), "the document")
    for depth, key in enumerate(keys):
        member = node.value.get(key)
        if member is None:
            for missing in reversed(keys[depth + 1 :]):
                value = {missing: value}
            return _inserted(text, node, key, value)
        if depth == len(keys) - 1:
            if _plain(member.node) == value:
                return text
            written = _written(value, text, member.start, one_line="\n" not in text[node.start : node.end])
            return text[: member.node.start] + written + text[member.node.end :]
        node = _object(text, member.node, f"'{key}'")
    return text


def without_member(text: str, keys: tuple[str, ...]) -> str:
    """Return `text` without the member at `keys`, unchanged when there is none. Raises `NotJson`."""
    node = _document(text)
    for key in keys[:-1]:
        if not isinstance(node.value, dict) or key not in node.value:
            return text
        node = node.value[key].node
    if not isinstance(node.value, dict) or keys[-1] not in node.value:
        return text
    members: list[Member] = sorted(node.value.values(), key=lambda member: member.start)
    gone = node.value[keys[-1]]
    place = members.index(gone)
    before = _end_of_what_precedes(text, node.start, gone.start)
    head, tail = text[:before], text[gone.following :]
    if place == len(members) - 1 and place > 0 and not node.trailing_comma:
        comma = members[place - 1].following - 1  # the comma of the member before, which is now the last
        head = head[:comma] + head[comma + 1 :]
    if len(members) == 1:
        inside = text[node.start + 1 : before] + text[gone.following : node.end - 1]
        if not inside.strip():
            return text[: node.start] + "{}" + text[node.end :]
    return head + tail


def _inserted(text: str, node: Node, key: str, value: object) -> str:
    """Return `text` with a new member at the end of an object, in the style of the document."""
    close = node.end - 1
    members: list[Member] = sorted(node.value.values(), key=lambda member: member.start)
    last = _end_of_what_precedes(text, node.start, close)
    inside = text[node.start + 1 : close]
    if members and "\n" not in inside:  # an object on one line stays on one line
        comma = "" if node.trailing_comma else ","
        space = " " if ", " in inside or inside.startswith(" ") else ""
        member = f"{comma}{space}{json.dumps(key)}:{space}{_one_line(value, space)}"
        return text[:last] + member + ("," if node.trailing_comma else "") + text[last:]
    newline = _newline(text)
    unit = _indent_unit(text)
    base = _indent_of_line(text, node.start)
    indent = _indent_of_line(text, members[-1].start) if members else base + unit
    written = json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", newline + indent)
    member = f"{newline}{indent}{json.dumps(key)}: {written}" + ("," if node.trailing_comma else "")
    head, between, rest = text[:last], "", text[last:]
    if members and not node.trailing_comma:
        end = members[-1].node.end
        head, between = text[:end] + ",", text[end:last]
    if "\n" not in text[last:close]:
        rest = newline + base + text[close:]
    return head + between + member + rest


def _written(value: object, text: str, start: int, one_line: bool) -> str:
    """Return a value as JSON in the style of the document."""
    if one_line:
        return _one_line(value, " ")
    newline = _newline(text)
    indented = json.dumps(value, indent=_indent_unit(text), ensure_ascii=False)
    return indented.replace("\n", newline + _indent_of_line(text, start))


def _one_line(value: object, space: str) -> str:
    return json.dumps(value, separators=("," + space, ":" + space), ensure_ascii=False)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent_unit(text: str) -> str:
    """Return the white space of one level of indentation in the document."""
    found = re.search(r"\n([ \t]+)[\"/]", text)
    return found[1] if found else "  "


def _indent_of_line(text: str, place: int) -> str:
    """Return the white space at the begin of the line that holds a place."""
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _end_of_what_precedes(text: str, start: int, place: int) -> int:
    """Return the place after the last character before `place` that is not white space, `start` at the earliest."""
    return start + len(text[start:place].rstrip(" \t\r\n"))


def _plain(node: Node) -> Any:
    """Return the value of a node as `json.loads` would give it."""
    if isinstance(node.value, dict):
        return {key: _plain(member.node) for key, member in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    return node.value


def _object(text: str, node: Node, name: str) -> Node:
    if not isinstance(node.value, dict):
        raise NotJson(_line(text, node.start), f"{name} is not an object")
    return node


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _document(text: str) -> Node:
    """Parse the whole text. Raises `NotJson`."""
    node = _value(text, _skip(text, 1 if text.startswith("\ufeff") else 0), 0)
    end = _skip(text, node.end)
    if end < len(text):
        raise NotJson(_line(text, end), "something follows the end of the document")
    return node


def _skip(text: str, place: int) -> int:
    """Return the first place that is neither white space nor comment."""
    found = SPACE_OR_COMMENT.match(text, place)
    return found.end() if found else place


def _value(text: str, place: int, depth: int) -> Node:
    """Parse the value that begins at a place. Raises `NotJson`."""
    if depth > DEEPEST:
        raise NotJson(_line(text, place), "it is nested too deeply")
    start = text[place : place + 1]
    if start == "{":
        return _members(text, place, depth)
    if start == "[":
        return _items(text, place, depth)
    if start == '"':
        value, end = _string(text, place)
        return Node(place, end, value, False)
    found = SCALAR.match(text, place)
    if not found:
        raise NotJson(_line(text, place), "a value is missing" if start else "it ends too early")
    return Node(place, found.end(), json.loads(found[0]), False)


def _string(text: str, place: int) -> tuple[str, int]:
    try:
        value, end = scanstring(text, place + 1, True)
    except json.JSONDecodeError as error:
        raise NotJson(error.lineno, error.msg) from None
    return value, end


def _members(text: str, start: int, depth: int) -> Node:
    """Return the object whose opening brace is at `start`. Raises `NotJson` with the line of what is wrong."""
    members: dict[str, Member] = {}
    comma = False
    place = _skip(text, start + 1)
    while text[place : place + 1] != "}":
        if members and not comma:
            raise NotJson(_line(text, place), "a comma or a closing brace is missing")
        if text[place : place + 1] != '"':
            raise NotJson(_line(text, place), "the name of a member is missing")
        key, end = _string(text, place)
        colon = _skip(text, end)
        if text[colon : colon + 1] != ":":
            raise NotJson(_line(text, colon), "a colon is missing")
        node = _value(text, _skip(text, colon + 1), depth + 1)
        after = _skip(text, node.end)
        comma = text[after : after + 1] == ","
        if key in members:
            raise NotJson(_line(text, place), "a member stands there twice")
        members[key] = Member(place, node, after + 1 if comma else node.end)
        place = _skip(text, after + 1) if comma else after
    return Node(start, place + 1, members, comma)


def _items(text: str, start: int, depth: int) -> Node:
    """Return the list whose opening bracket is at `start`. Raises `NotJson` with the line of what is wrong."""
    items: list[Node] = []
    comma = False
    place = _skip(text, start + 1)
    while text[place : place + 1] != "]":
        if items and not comma:
            raise NotJson(_line(text, place), "a comma or a closing bracket is missing")
        items.append(_value(text, place, depth + 1))
        after = _skip(text, items[-1].end)
        comma = text[after : after + 1] == ","
        place = _skip(text, after + 1) if comma else after
    return Node(start, place + 1, items, comma)
