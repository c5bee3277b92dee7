"""JSON with comments: one member changes, every other character stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.cli.install.jsonc import NotJson, value_of, with_member, without_member

KEYS = ("servers", "raycontext")
ENTRY = {"command": "/opt/raycontext", "args": ["mcp"]}

COMMENTED = """// Servers of mine
{
    "inputs": [], // none
    "servers": {
        /* the first */
        "files": { "command": "files", "args": ["a//b", "/*"] }, // stays
        // more to come
    },
}
"""


def test_comments_and_trailing_commas_stay() -> None:
    text = with_member(COMMENTED, KEYS, ENTRY)
    assert value_of(text, KEYS) == ENTRY
    assert value_of(text, ("servers", "files", "args")) == ["a//b", "/*"]
    for line in COMMENTED.splitlines():
        assert line in text.splitlines()
    assert '        "raycontext": {\n            "command": "/opt/raycontext",' in text
    assert without_member(text, KEYS) == COMMENTED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '{\n  "servers": {\n    "raycontext": 1\n  }\n}\n'),
        ("{}", '{\n  "servers": {\n    "raycontext": 1\n  }\n}'),
        ('{\n\t"a": 1\n}\n', '{\n\t"a": 1,\n\t"servers": {\n\t\t"raycontext": 1\n\t}\n}\n'),
        ('{"a":1}', '{"a":1,"servers":{"raycontext":1}}'),
        ('{ "a": 1 }', '{ "a": 1, "servers": {"raycontext": 1} }'),
        ('{\r\n  "a": 1\r\n}', '{\r\n  "a": 1,\r\n  "servers": {\r\n    "raycontext": 1\r\n  }\r\n}'),
        ('{\n  "a": 1 // one\n}', '{\n  "a": 1, // one\n  "servers": {\n    "raycontext": 1\n  }\n}'),
        ('\ufeff{"a":1}', '\ufeff{"a":1,"servers":{"raycontext":1}}'),
        ('{\n  "servers": {"raycontext": 2}\n}', '{\n  "servers": {"raycontext": 1}\n}'),
        ('{"servers":{"raycontext":1}}', '{"servers":{"raycontext":1}}'),
    ],
)
def test_a_member_is_written_as_its_surroundings_are(before: str, after: str) -> None:
    assert with_member(before, KEYS, 1) == after


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", 1),
        ('{\n"a" 1}', 2),
        ('{"a": 1 "b": 2}', 1),
        ('{"a": }', 1),
        ("{} {}", 1),
        ('{\n\n"a": 1, "a": 2}', 3),
        ('{"a": "\n"}', 1),
        ('{"a": [1 2]}', 1),
        ("{'a': 1}", 1),
        ("/* {}", 1),
        ("nothing", 1),
        ("[" * 5000, 1),
        ('{"servers": 3}', 1),
        ("[]", 1),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, line: int) -> None:
    with pytest.raises(NotJson) as caught:
        with_member(text, KEYS, ENTRY)
    assert caught.value.line == line


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    document=st.dictionaries(st.text(max_size=5), VALUES, max_size=4),
    servers=st.none()
    | st.dictionaries(st.text(max_size=5).filter(lambda key: key != "raycontext"), VALUES, max_size=3),
    indent=st.none() | st.integers(0, 4) | st.just("\t"),
)
def test_put_in_and_taken_out_leaves_what_was_there(
    document: dict[str, Any], servers: dict[str, Any] | None, indent: int | str | None
) -> None:
    document.pop("servers", None)
    if servers is not None:
        document["servers"] = servers
    text = json.dumps(document, indent=indent)
    changed = with_member(text, KEYS, ENTRY)
    assert json.loads(changed) == {**document, "servers": {**(servers or {}), "raycontext": ENTRY}}
    assert with_member(changed, KEYS, ENTRY) == changed
    back = json.loads(without_member(changed, KEYS))
    assert back == {**document, "servers": servers or {}}


@given(st.text(alphabet='{}[]",:/*1a \n\\', max_size=40))
def test_any_text_is_changed_rightly_or_refused(text: str) -> None:
    try:
        changed = with_member(text, KEYS, ENTRY)
    except NotJson:
        return
    assert value_of(changed, KEYS) == ENTRY
